"""When a transfer does not go on as it should: time up, an action refused, a lost link, a restart.

Nothing is ever sent again because no answer came. The transfer is looked at, and what the picture lacks is
done then (``picture.settle``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pbxd.ami.actions import Hangup, Place, Redirect
from pbxd.ami.snapshots import ChannelState
from pbxd.calls.record import TransferOutcome
from pbxd.effects import Count, Effect, KeepTransfer
from pbxd.ids import NodeId, TransferId, Uniqueid
from pbxd.messages import AskDone, AskRefused, AskUnknown, LinkUp, TransfersKept
from pbxd.transfers.machine import follow
from pbxd.transfers.moves import CONTEXT
from pbxd.transfers.picture import Company, calls_somebody, look, settle
from pbxd.transfers.progress import APPEAR_S, FORGET_S, SWEEP_S, Asked, Progress
from pbxd.transfers.record import OpenTransfer, UnreadableError, read_body
from pbxd.transfers.table import AWAITING
from pbxd.transfers.timers import Timer
from pbxd.transfers.view import why_not
from pbxd.transfers.words import Input, Move, State, Step

ORPHANS = "pbxd_transfer_orphans_total"
UNREADABLE = "pbxd_transfer_unreadable_total"

_SETTLING_S = 0.5
"""The dialplan ends most things by itself: it is given so long before anybody interferes."""

_HALF_DONE = "Secondary redirect failed"
"""Asterisk's words when it has moved the first of two channels and could not move the second."""

_NOTHING_DONE = Step(to=State.ENDED, moves=(Move.DROP,), outcome=TransferOutcome.FAILED)


class Recovery:
    def __init__(self, progress: Progress, is_up: Callable[[NodeId], bool]) -> None:
        self._progress = progress
        self._is_up = is_up

    # ------------------------------------------------------------ answers

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> list[Effect]:
        """Success says that a channel will soon be there. A refusal, or silence, is a reason to look."""
        asked: Asked | None = self._progress.asked.pop(answer.ask, None)
        record = None if asked is None else self._progress.records.get(asked.transfer)
        if asked is None or record is None or record.over:
            return []
        if isinstance(answer, AskDone):
            called = asked.action == "Originate" and asked.attempt == record.attempt
            waits = called and self._progress.timers.runs(record.id, Timer.APPEAR)
            return self._progress.timers.set(record.id, Timer.APPEAR, APPEAR_S) if waits else []
        # A channel that is on its way already refuses to be sent elsewhere: it is looked at when it is there.
        final = asked.parts or asked.action == "Originate"
        if asked.parts and isinstance(answer, AskRefused):
            self._progress.parting.pop(record.id, None)
        if final and isinstance(answer, AskRefused) and not record.why:
            record = replace(record, why=f"the switch refused it: {answer.text}")
            self._progress.records[record.id] = record
        if asked.parts and isinstance(answer, AskRefused) and self._never_parted(record, answer):
            return self._progress.go(record, follow(record, _NOTHING_DONE), answer.at)
        if asked.action == "Originate" and isinstance(answer, AskRefused):
            if asked.attempt != record.attempt:
                return []
            self._progress.records[record.id] = replace(record, went=TransferOutcome.FAILED)
            return self._progress.feed(record.id, Input.B_GONE, answer.at)
        return self._progress.timers.set(record.id, Timer.STATE, _SETTLING_S)

    def _never_parted(self, record: OpenTransfer, refused: AskRefused) -> bool:
        """Do transferer and caller talk as they did before the order?"""
        if refused.text == _HALF_DONE:
            return False
        now = look(record, self._progress.calls[record.node])
        return record.answered is None and record.outcome is None and now.company is Company.BACK

    # ------------------------------------------------------------ times

    def fired(self, id_: TransferId, timer: Timer, at: float) -> list[Effect]:
        record = self._progress.records.get(id_)
        if record is None:
            return []
        if timer is Timer.HIDE:
            self._progress.hide(id_)
            return []
        if not self._is_up(record.node):
            return self._progress.timers.set(id_, timer, _SETTLING_S)
        if timer is Timer.SWEEP:
            return self._sweep(record) if self._late(record, at) else self._tidy(record, at)
        if record.over:
            return []
        if timer in (Timer.APPEAR, Timer.STATE) and self._progress.unanswered(id_):
            return self._progress.timers.set(id_, timer, _SETTLING_S)  # nothing of it can be seen yet
        match timer:
            case Timer.GUARD:
                if not record.why:
                    self._progress.records[id_] = replace(record, why="the caller was on hold for too long")
                return self._progress.feed(id_, Input.GUARD, at)
            case Timer.APPEAR | Timer.UNREACHED:
                went = record.went or TransferOutcome.FAILED
                why = record.why or why_not(went, record.target_name)
                self._progress.records[id_] = replace(record, went=went, why=why)
                return self._progress.feed(id_, Input.B_GONE, at)
            case Timer.RING:
                # The switch should have given up by itself. Its hang-up will say the rest.
                self._progress.records[id_] = replace(record, went=TransferOutcome.NO_ANSWER)
                return self._progress.carry_out(Move.DROP, record, at)
            case Timer.STATE if record.state in (State.PLACING, State.OFFERED):
                return self._progress.feed(id_, Input.GO, at)
            case Timer.STATE:
                return self._look(record, at, repair=True)

    def mend(self, record: OpenTransfer, at: float) -> list[Effect]:
        """Do now what the picture of this open transfer lacks."""
        return self._look(record, at, repair=True)

    def _look(self, record: OpenTransfer, at: float, *, repair: bool) -> list[Effect]:
        now = look(record, self._progress.calls[record.node])
        self._progress.saw(record.id, now)
        if not self._progress.parted_yet(record.id, now):
            return self._progress.timers.set(record.id, Timer.STATE, _SETTLING_S)
        step = settle(record, now, calling=calls_somebody(record, self._progress.calls[record.node]))
        if step.to is State.RECALLING and step.to is record.state and Move.RESCUE not in step.moves:
            return self._progress.timers.set(record.id, Timer.STATE, self._progress.rules.recall_timeout_s)
        effects = [] if step.to is State.ENDED else self._progress.guard(record, now)
        if step.moves and step.to is not State.ENDED and not repair:
            return [*effects, *self._progress.timers.set(record.id, Timer.STATE, _SETTLING_S)]
        if step.to is record.state and not step.moves:
            if step.to in AWAITING:
                effects += self._progress.timers.set(record.id, Timer.STATE, _SETTLING_S)
            return effects
        taken = follow(record, step)
        repairs = record.repairs + 1 if step.moves else 0
        return effects + self._progress.go(
            record, replace(taken, record=replace(taken.record, repairs=repairs)), at
        )

    # ------------------------------------------------------------ over gaps

    def restore(self, kept: TransfersKept) -> list[Effect]:
        """The transfers that were open when pbxd ended; what became of them the switch will say. Those that
        were over are only known, so that the same order again is no new one.
        """
        self._progress.timers.started(kept.at)
        effects: list[Effect] = []
        ended: list[OpenTransfer] = []
        for id_, body in kept.bodies.items():
            try:
                record = read_body(body)
            except UnreadableError:
                effects += [Count(metric=UNREADABLE), KeepTransfer(transfer=id_, body=None)]
                continue
            if record.node not in self._progress.calls or record.id != id_:
                effects.append(KeepTransfer(transfer=id_, body=None))
            elif record.id not in self._progress.records:
                self._progress.open(record)
                ended += [record] if record.over else []
        for record in sorted(ended, key=lambda one: one.ended or 0.0):
            self._progress.hide(record.id)
            known_s = FORGET_S - max(0.0, kept.at - (record.ended or kept.at))
            self._progress.timers.remember(record.id, known_s)
        return effects

    def missing(self, up: LinkUp) -> list[Effect]:
        """Callers who have left since. Their transfers end before their calls do, as when pbxd sees it."""
        known = self._progress.calls[up.node].wiring.by_name
        there = {entry.channel.name for entry in up.inventory.channels}
        effects: list[Effect] = []
        for id_ in list(self._progress.of_call.values()):
            record = self._progress.records[id_]
            if record.node == up.node and record.caller in known and record.caller not in there:
                if record.state is State.RINGING and record.transferer in there and _answered(record, up):
                    # The two others talk, and go on: no phone rings that would have to be stopped.
                    effects += self._progress.feed(id_, Input.CONSULT, up.at)
                effects += self._progress.feed(id_, Input.C_GONE, up.at)
        return effects

    def linked(self, up: LinkUp) -> list[Effect]:
        """The switch as it really is: each open transfer on it is finished or unwound from that."""
        stands = {entry.channel.uniqueid: entry.channel.state for entry in up.inventory.channels}
        effects: list[Effect] = []
        for id_ in list(self._progress.of_call.values()):
            record = self._progress.records[id_]
            if record.node == up.node:
                self._progress.parting.pop(id_, None)  # whatever it was told is done or lost
                state = stands.get(record.channel or Uniqueid(""))
                record = replace(record, up=record.up or state == ChannelState.UP)
                self._progress.open(self._called_now(record))
                effects += self._look(self._progress.records[id_], up.at, repair=False)
                if state is not None:
                    self._progress.timers.stop(id_, Timer.APPEAR)  # it did, while nobody looked
                if state == ChannelState.RINGING:
                    effects += self._rings(id_, up.at)
        return effects

    def _rings(self, id_: TransferId, at: float) -> list[Effect]:
        """The target's phone rings. When nobody looked as it began, it is known from now on."""
        record = self._progress.records[id_]
        if record.over or record.rang is not None:
            return []
        self._progress.records[id_] = replace(record, rang=at, first_rang=record.first_rang or at)
        return self._progress.feed(id_, Input.RINGS, at)

    def _called_now(self, record: OpenTransfer) -> OpenTransfer:
        """After a restart the journey may have begun anew, under another name."""
        calls = self._progress.calls[record.node]
        caller = calls.wiring.named(record.caller)
        call = None if caller is None else calls.call_of(caller.uniqueid)
        if call is None or call == record.call:
            return record
        if self._progress.of_call.get(record.call) == record.id:
            del self._progress.of_call[record.call]
        return replace(record, call=call)

    # ------------------------------------------------------------ is anything left behind?

    @staticmethod
    def _late(record: OpenTransfer, at: float) -> bool:
        return record.ended is None or at - record.ended >= SWEEP_S

    def _tidy(self, record: OpenTransfer, at: float) -> list[Effect]:
        """A channel that was on its way just then refused to be released: it is told once more.

        Else the dialplan would give the caller back to the transferer as soon as the target hangs up.
        """
        effects = self._progress.timers.set(record.id, Timer.SWEEP, SWEEP_S)
        wiring = self._progress.calls[record.node].wiring
        uniqueid = wiring.by_name.get(record.transferer)
        if uniqueid is None or wiring.room(uniqueid) != f"pbxd-consult-{record.id}":
            return effects
        if (record.node, record.transferer) in self._progress.lines:
            return effects  # he is in another transfer already
        return [*effects, *self._progress.carry_out(Move.FREE_TRANSFERER, record, at)]

    def _sweep(self, record: OpenTransfer) -> list[Effect]:
        """A channel that still is in a place of this transfer, and with nobody, was forgotten."""
        wiring = self._progress.calls[record.node].wiring
        effects: list[Effect] = []
        for name in (record.transferer, record.channel, record.caller):
            if name is None:
                continue
            uniqueid = wiring.by_name.get(name, Uniqueid(name))
            channel = wiring.channels.get(uniqueid)
            rooms = (f"pbxd-hold-{record.id}", f"pbxd-consult-{record.id}")
            if channel is None or wiring.room(uniqueid) not in rooms:
                continue  # with somebody, parked by somebody, or about to fetch the caller
            name = channel.name
            if (record.node, name) in self._progress.lines:
                continue  # he is in another transfer already
            rescue = Redirect(channel=name, to=Place(context=CONTEXT, exten="rescue")).headers()
            action = rescue if name == record.caller else Hangup(channel=name).headers()
            effects += [*self._progress.say(record, action), _orphan(record.node)]
        return effects


def _answered(record: OpenTransfer, up: LinkUp) -> bool:
    """Has the target answered?"""
    entries = up.inventory.channels
    return any(e.channel.uniqueid == record.channel and e.channel.state == ChannelState.UP for e in entries)


def _orphan(node: NodeId) -> Count:
    return Count(metric=ORPHANS, labels={"node": node})
