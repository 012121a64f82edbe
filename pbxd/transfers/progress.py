"""Open transfers as they go on: inputs become steps, steps become actions and news. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from pbxd.calls.model import CallModel
from pbxd.calls.names import own_channels
from pbxd.calls.record import TransferOutcome
from pbxd.effects import Ask, Count, Effect, KeepTransfer
from pbxd.ids import AgentId, AskId, CallId, NodeId, TransferId, Uniqueid
from pbxd.journal import Journal, Table
from pbxd.orders import TargetKind
from pbxd.transfers import moves as on_switch
from pbxd.transfers.accounts import measured
from pbxd.transfers.machine import Taken, signal_of, take
from pbxd.transfers.passports import Passports
from pbxd.transfers.picture import Company, Picture, look, signals
from pbxd.transfers.record import OpenTransfer, body_of
from pbxd.transfers.rules import Acknowledge, TransferRules
from pbxd.transfers.telling import Telling
from pbxd.transfers.timers import Timer, Timers
from pbxd.transfers.view import ENDINGS, EVENTS, why_not
from pbxd.transfers.words import Input, Move, State

SURPRISES = "pbxd_transfer_surprises_total"

_PATIENCE_S = {
    State.SWAPPING: 2.0,
    State.UNSWAPPING: 2.0,
    State.MERGING: 2.0,
    State.LEAVING: 2.0,
    State.COMPLETING: 2.0,
    State.RETURNING: 2.0,
    State.REQUEUEING: 3.0,
    State.DEPOSITING: 3.0,
}
_ANNOUNCED_S = 8.0
"""The transferer is told why before the caller comes back to him."""
_ASKED_S = 45.0
"""So long a caller may take to hear the offer to be called back, and to say yes or no."""
_LOOK_S = 0.5
_STRANDED_S = 3.0
"""So long nobody may be with the caller where people talk: the dialplan takes some tenths of a second."""
APPEAR_S = 15.0
"""So long after the switch has taken the order a target's channel may take to come to be. It says so when it
cannot call; this is for one that says nothing, and a busy one is late with all that it says."""
_ANSWER_S = 20.0
"""A switch that is told to hand over fifty callers at the same moment may take seconds to answer."""
_UNPARTED_LOOKS = 10
"""Half a second each: so long a channel may take to go where it was sent."""
SWEEP_S = 3.0
TIDY_S = 0.3
"""So soon after the end a transferer is released again whom the switch had refused to release."""
_SHOWN_S = 120.0
"""So long an ended transfer is still shown, for those who load their page again."""
FORGET_S = 86_400.0
"""So long its id is known: the same order again is no new transfer."""

_FREEING = frozenset({Move.FREE_TRANSFERER, Move.TRANSFERER_FREE_AFTER, Move.HAND_OVER, Move.SAY_LEFT})
_TALKS = frozenset({State.TALKING, State.SWAPPED, State.MERGED})
_DIALLING = frozenset({Move.DIAL, Move.DIAL_FOR_CALLER, Move.DIAL_ASIDE})
_MEETS_TARGET = frozenset({Input.CONSULT, Input.JOINED, Input.ALL})
_ESSENTIAL = frozenset({"Redirect", "Originate"})


class WrapUp(Protocol):
    """Told before a transferer is freed, so that no call reaches him before his wrap-up."""

    def __call__(
        self, agent: AgentId, at: float, *, call: CallId, queue: str | None = None
    ) -> list[Effect]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action whose answer says something: without it the transfer does not go on."""

    transfer: TransferId
    action: str
    attempt: int
    parts: bool = False  #: the first Redirect, which takes caller and transferer apart


class Progress:
    """All transfers that are open, and for a while those that have ended."""

    def __init__(
        self,
        journal: Journal,
        calls: Mapping[NodeId, CallModel],
        rules: TransferRules,
        passports: Passports,
        wrap_up: WrapUp,
    ) -> None:
        self.calls = calls
        self.rules = rules
        self.passports = passports
        self.telling = Telling(passports)
        self.timers = Timers(journal)
        self.records: Table[TransferId, OpenTransfer] = Table(journal)
        self.hidden: Table[TransferId, bool] = Table(journal)  #: ended a while ago
        self.of_call: Table[CallId, TransferId] = Table(journal)
        self.lines: Table[tuple[NodeId, str], TransferId] = Table(journal)
        self.asked: Table[AskId, Asked] = Table(journal)
        #: told to part, not yet seen apart: how often they may still be found together (``parted_yet``)
        self.parting: Table[TransferId, int] = Table(journal)
        self._pictures: Table[TransferId, Picture] = Table(journal)
        self._serial: Table[None, int] = Table(journal)
        self._wrap_up = wrap_up
        #: called when a number outside is dialled for an agent
        self.dialled_outside: Callable[[AgentId, float], None] = lambda agent, at: None
        #: called before a caller goes to a queue: it must not ring who gave him away, nor who declined him
        self.given_away: Callable[[CallId, str, AgentId, float], list[Effect]] = lambda *_: []
        #: called with a record whose target is gone and that has others left: the next one, or None
        self.next_target: Callable[[OpenTransfer, float], OpenTransfer | None] = lambda record, at: None
        #: called when a transfer has ended, before it is forgotten: the account for the journey
        self.account: Callable[[OpenTransfer, float], list[Effect]] = lambda record, at: []

    # ------------------------------------------------------------ beginning

    def open(self, record: OpenTransfer) -> None:
        """A transfer begins, or is known again after a restart."""
        self.records[record.id] = record
        if record.over:
            return
        self.of_call[record.call] = record.id
        for name in (record.caller, record.transferer, record.channel):
            if name is not None:
                self.lines[record.node, name] = record.id
        self.calls[record.node].expect(
            record.id, record.call, caller=record.caller, transferer=record.transferer
        )
        self._pictures[record.id] = look(record, self.calls[record.node])

    # ------------------------------------------------------------ what the switch shows

    def observe(self, id_: TransferId, at: float) -> list[Effect]:
        """Compare who is with whom with what it was, and go on accordingly."""
        effects: list[Effect] = []
        record = self.records[id_]
        if record.over:
            return []
        now = look(record, self.calls[record.node])
        before = self._pictures[id_]
        if now == before:
            return []
        self._pictures[id_] = now
        # With nobody he may be for a moment before that, too: Asterisk puts people into others' places.
        if now.on_hold or now.company not in (Company.BACK, Company.NOBODY):
            self.parting.pop(id_, None)
        self.records[id_] = record = measured(record, now, at)
        effects += self.guard(record, now)
        effects += self._stranded(record, now)
        if now.target and not before.target:
            self.timers.stop(id_, Timer.APPEAR, Timer.UNREACHED)
        for signal in signals(before, now):
            if signal is not Input.BACK or id_ not in self.parting:
                effects += self.feed(id_, signal, at)
        return effects

    def unanswered(self, id_: TransferId) -> bool:
        """Has the switch still to answer? That ends: there is a time for each answer."""
        return any(asked.transfer == id_ for asked in self.asked.values())

    def saw(self, id_: TransferId, now: Picture) -> None:
        """The picture was taken on another occasion: what is in it is no news any more."""
        self._pictures[id_] = now

    def parted_yet(self, id_: TransferId, now: Picture) -> bool:
        """False: the picture is still that of before the order to part.

        Asterisk says that it has redirected a channel before that channel has gone anywhere, and refuses the
        next place meanwhile. Caller and transferer together then say nothing; but not without an end.
        """
        left = self.parting.pop(id_, 0)
        if now.company is not Company.BACK or left <= 0:
            return True
        self.parting[id_] = left - 1
        return False

    def guard(self, record: OpenTransfer, now: Picture) -> list[Effect]:
        """A caller must not be on hold without an end."""
        alone = now.caller and not now.queued and now.company in (Company.NOBODY, Company.CONSULT)
        if not alone:
            self.timers.stop(record.id, Timer.GUARD)
        elif self.rules.guard_after_s > 0 and not self.timers.runs(record.id, Timer.GUARD):
            return self.timers.set(record.id, Timer.GUARD, self.rules.guard_after_s)
        return []

    def _stranded(self, record: OpenTransfer, now: Picture) -> list[Effect]:
        """A talk lasts as long as people like, so that no time ends it; but somebody must talk in it."""
        alone = now.caller and not now.queued and now.company is Company.NOBODY
        if not alone or record.state not in _TALKS or self.timers.runs(record.id, Timer.STATE):
            return []
        return self.timers.set(record.id, Timer.STATE, _STRANDED_S)

    def feed(self, id_: TransferId, signal: Input, at: float) -> list[Effect]:
        """One signal for one transfer. What no row of the table expects is counted and changes nothing."""
        record = self.records[id_]
        if record.over:
            return []
        if signal is Input.B_GONE and record.why == "" and record.went is not None:
            record = self.records[id_] = replace(record, why=why_not(record.went, record.target_name))
        input_ = signal_of(signal, record, self.rules)
        if input_ is Input.B_NEXT:
            following = self.next_target(record, at)
            if following is None:
                input_, record = Input.B_GONE, replace(record, left=())
            else:
                return self._next(record, following, at)
        taken = take(record, input_)
        if taken is None:
            return [_surprise(record, input_)]
        if not taken.changed:
            return []
        if input_ in _MEETS_TARGET and record.answered is None:
            taken = replace(taken, record=replace(taken.record, answered=at, why=""))
        return self.go(record, replace(taken, record=replace(taken.record, repairs=0)), at)

    def _next(self, record: OpenTransfer, following: OpenTransfer, at: float) -> list[Effect]:
        """The target is gone, somebody else is tried."""
        told = record.state in (State.RINGING, State.CALLING) and self.waits_for_page(following)
        mailbox = following.target.kind is TargetKind.VOICEMAIL
        taken = take(following, Input.MAILBOX if mailbox else Input.B_TOLD if told else Input.B_NEXT)
        if taken is None:
            return [_surprise(record, Input.B_NEXT)]
        if not taken.changed:
            return []
        effects = self.telling.publish(record, EVENTS[record.went or TransferOutcome.FAILED], at)
        effects += self.go(record, taken, at)
        return [*effects, *self.tell_target(taken.record, at)] if told else effects

    def waits_for_page(self, record: OpenTransfer) -> bool:
        """Must the target's phone not ring before his page shows the hand-over?"""
        return self.rules.acknowledge is Acknowledge.WAIT and record.target_agent is not None

    def tell_target(self, record: OpenTransfer, at: float) -> list[Effect]:
        """Give the target the hand-over, and his page some time to show it."""
        return [
            *self._deliver(record, at),
            *self.timers.set(record.id, Timer.STATE, self.rules.acknowledge_up_to_s),
        ]

    def _deliver(self, record: OpenTransfer, at: float) -> list[Effect]:
        return self.passports.deliver(
            record.id, record.target, record.target_agent, at, name=record.target_name
        )

    # ------------------------------------------------------------ steps

    def go(self, before: OpenTransfer, taken: Taken, at: float) -> list[Effect]:
        """Carry out a step: what the switch has to do first, then who has to know."""
        record = taken.record
        if record.over:
            record = replace(record, ended=at, why=record.why or ENDINGS.get(_outcome(record), ""))
            record = measured(record, None, at)
        effects: list[Effect] = []
        if _FREEING & set(taken.moves):
            effects += self._wrap_up(record.agent, at, call=record.call, queue=record.queue)
        if Move.TO_QUEUE in taken.moves:
            effects += self.given_away(record.call, record.back_to or record.queue or "", record.agent, at)
        for move in taken.moves:
            if move in _DIALLING:
                record = self._dialled(record)
                effects += self._deliver(record, at)
                if record.target.kind is TargetKind.OUTSIDE:
                    self.dialled_outside(record.agent, at)
            effects += self.carry_out(move, record, at)
        self.records[record.id] = record
        effects += self._times(before, record, taken)
        effects += self.telling.tell(before, record)
        recalls = record.state is State.RECALLING and before.state is not State.RECALLING
        if event := taken.event or ("recalled" if recalls else ""):
            effects += self.telling.publish(record, event, at)
        if record.over:
            effects += self._end(before, record, at)
        else:
            effects.append(KeepTransfer(transfer=record.id, body=body_of(record)))
        return effects

    def _dialled(self, record: OpenTransfer) -> OpenTransfer:
        record = replace(record, attempt=record.attempt + 1, up=False, went=None, rang=None, why="")
        if record.channel is not None:
            self.lines.pop((record.node, record.channel), None)
        channel, _ = own_channels(record.id, record.attempt)
        self.lines[record.node, channel] = record.id
        return replace(record, channel=channel)

    def folded(self, call: CallId, into: CallId) -> list[Effect]:
        """The caller's call turned out to be a part of another one."""
        id_ = self.of_call.pop(call, None)
        if id_ is None:
            return []
        record = replace(self.records[id_], call=into)
        self.open(record)
        return [KeepTransfer(transfer=id_, body=body_of(record))]

    def chosen(self, record: OpenTransfer, agent: AgentId) -> list[Effect]:
        """It has turned out who the target is."""
        after = replace(record, target_agent=agent)
        self.records[record.id] = after
        kept = KeepTransfer(transfer=record.id, body=body_of(after))
        return [*self.telling.tell(record, after), kept]

    def carry_out(self, move: Move, record: OpenTransfer, at: float) -> list[Effect]:
        """Have the switch carry out a move."""
        position = self._position(move, record, at)
        channel = self.calls[record.node].wiring.channels.get(record.channel or Uniqueid(""))
        line = None if channel is None else channel.name
        effects: list[Effect] = []
        for action in on_switch.actions(move, record, self.rules, line=line, position=position):
            effects += self.say(record, action)
        return effects

    def say(self, record: OpenTransfer, action: on_switch.Action) -> list[Effect]:
        """Send one action for a transfer."""
        number = self._serial.get(None, 0) + 1
        self._serial[None] = number
        ask = AskId(f"transfer/{record.id}/{number}")
        name = str(action["Action"])
        if name in _ESSENTIAL and not record.over:
            parts = action.get("ExtraExten") == "consult" and action.get("Exten") == "hold"
            if parts:
                self.parting[record.id] = _UNPARTED_LOOKS
            self.asked[ask] = Asked(transfer=record.id, action=name, attempt=record.attempt, parts=parts)
        return [
            Ask(ask=ask, node=record.node, action=action, timeout_s=_ANSWER_S, group=f"transfer/{record.id}")
        ]

    def _position(self, move: Move, record: OpenTransfer, at: float) -> int | None:
        """Where in a queue the caller stands who keeps the waiting time that he has; 1 is the first."""
        if move is Move.TO_QUEUE:
            queue = record.back_to or record.queue
        elif move in (Move.DIAL, Move.DIAL_FOR_CALLER) and record.target.kind is TargetKind.QUEUE:
            queue = record.dial
        else:
            return None
        journeys = self.calls[record.node].journeys
        waited = journeys.waited(record.call, at)
        waiting = [other for other in journeys.waiting.values() if other.queue == queue]
        return 1 + sum(at - other.joined > waited for other in waiting)

    def _times(self, before: OpenTransfer, record: OpenTransfer, taken: Taken) -> list[Effect]:
        timers, id_ = self.timers, record.id
        effects: list[Effect] = []
        if before.state is not record.state:
            timers.stop(id_, Timer.STATE)
        if record.over:
            timers.stop(id_, *Timer)
            effects += timers.set(id_, Timer.SWEEP, TIDY_S) + timers.set(id_, Timer.HIDE, _SHOWN_S)
            timers.remember(id_, FORGET_S)
            return effects
        patience = _PATIENCE_S.get(record.state)
        if Move.ASK_BACK in taken.moves:
            patience = _ASKED_S
        if Move.SAY_WHY in taken.moves:
            patience = _ANNOUNCED_S
        if record.state is State.RECALLING:
            rings = Move.RESCUE in taken.moves or before.state is State.RECALLING
            patience = self.rules.recall_timeout_s + 5.0 if rings else _LOOK_S
        if patience is not None:
            effects += timers.set(id_, Timer.STATE, patience)
        if record.attempt != before.attempt:
            timers.stop(id_, Timer.UNREACHED)
            effects += timers.set(id_, Timer.APPEAR, APPEAR_S)
            queue = record.target.kind is TargetKind.QUEUE
            limit = self.rules.queue_timeout_s if queue else self.rules.ring_timeout_s
            effects += timers.set(id_, Timer.RING, limit + 1.0)
        elif record.state not in (State.RINGING, State.CALLING, State.BLONDE):
            timers.stop(id_, Timer.APPEAR, Timer.UNREACHED, Timer.RING)
        return effects

    # ------------------------------------------------------------ the end

    def _end(self, before: OpenTransfer, record: OpenTransfer, at: float) -> list[Effect]:
        if self.of_call.get(record.call) == record.id:
            del self.of_call[record.call]
        for name in (record.caller, record.transferer, record.channel):
            if name is not None and self.lines.get((record.node, name)) == record.id:
                del self.lines[record.node, name]
        self._pictures.pop(record.id, None)
        self.parting.pop(record.id, None)
        outcome = _outcome(record)
        known = before.state is State.RECALLING and outcome is TransferOutcome.RECALLED
        return [
            *([] if known else self.telling.publish(record, EVENTS[outcome], at)),
            *self.telling.publish(record, "ended", at),
            KeepTransfer(transfer=record.id, body=body_of(record)),
            *self.passports.ended(record.id, outcome.value, at, record.kind.value),
            *self.account(record, at),
        ]

    def hide(self, id_: TransferId) -> None:
        """Nobody looks at this transfer any more."""
        record = self.records.get(id_)
        if record is not None:
            self.hidden[id_] = True
            self.calls[record.node].expect_no_more(id_)

    def forget(self, id_: TransferId) -> list[Effect]:
        """Nobody orders this transfer again."""
        self.hide(id_)
        self.hidden.pop(id_, None)
        self.timers.stop(id_, *Timer)
        known = self.records.pop(id_, None)
        return [] if known is None else [KeepTransfer(transfer=id_, body=None)]


def _surprise(record: OpenTransfer, signal: Input) -> Count:
    return Count(metric=SURPRISES, labels={"state": record.state.value, "signal": signal.value})


def _outcome(record: OpenTransfer) -> TransferOutcome:
    return record.outcome or TransferOutcome.FAILED
