"""Finds out which open transfer an event of the switch concerns, and what it says of the target."""

from __future__ import annotations

from dataclasses import replace

from pbxd.ami import event_types as ami
from pbxd.ami.actions import Hangup
from pbxd.ami.event_types import SwitchEvent
from pbxd.ami.snapshots import ChannelSnapshot, ChannelState
from pbxd.calls.names import own_channels, transfer_of
from pbxd.calls.record import TransferOutcome
from pbxd.effects import Effect
from pbxd.ids import TransferId
from pbxd.transfers.progress import Progress
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.timers import Timer
from pbxd.transfers.view import why_not
from pbxd.transfers.words import Input, Move, State

_STATUS = {
    "BUSY": TransferOutcome.BUSY,
    "NOANSWER": TransferOutcome.NO_ANSWER,
    "CANCEL": TransferOutcome.NO_ANSWER,
}
_CAUSES = {
    17: TransferOutcome.BUSY,
    18: TransferOutcome.NO_ANSWER,
    19: TransferOutcome.NO_ANSWER,
    21: TransferOutcome.DECLINED,
}
"""ISDN causes: user busy, no user responding, no answer, call rejected (SIP 603)."""


_OVERTAKEN_S = 0.3
"""Originate's failure is told by one of Asterisk's threads, what happens to channels by another."""

_UNWANTED = frozenset({State.RETURNING, State.RECALLING, State.REQUEUEING, State.DEPOSITING, State.ENDED})
"""In these a target that only now begins to be called is not wanted any more."""


class Watching:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_event(self, event: SwitchEvent) -> list[Effect]:
        """To be called after the model has taken the event."""
        if isinstance(event, ami.OriginateFailed):
            return self._failed(event)
        if isinstance(event, ami.MailboxEntered):
            known = event.transfer in self._progress.of_call.values()
            return self._progress.feed(event.transfer, Input.DEPOSITED, event.at) if known else []
        snapshot = _subject(event)
        if snapshot is None:
            return []
        if isinstance(event, ami.Newchannel) and (ours := transfer_of(snapshot.uniqueid)) is not None:
            effects = self._appeared(ours, snapshot, event.at)
        else:
            effects = []
        id_ = self._concerned(event, snapshot)
        if id_ is None or (record := self._progress.records.get(id_)) is None or record.over:
            return effects
        effects += self._of_target(id_, event, snapshot)
        return [*effects, *self._progress.observe(id_, event.at)]

    def _appeared(self, id_: TransferId, snapshot: ChannelSnapshot, at: float) -> list[Effect]:
        """A channel of our own making is there, and has a name: what was decided meanwhile can be said."""
        record = self._progress.records.get(id_)
        if record is None:
            return []
        near, _ = own_channels(id_, record.attempt)
        if record.state in _UNWANTED or snapshot.uniqueid not in own_channels(id_, record.attempt):
            return self._progress.say(record, Hangup(channel=snapshot.name).headers())
        if record.state is State.BLONDE and snapshot.uniqueid == near:
            return self._progress.carry_out(Move.ANSWER_FOR_CALLER, record, at)
        return []

    def _failed(self, event: ami.OriginateFailed) -> list[Effect]:
        """The target was not reached. Of one whose channel never came to be, nothing else tells.

        It can overtake what is told of the channel, where somebody declines at once.
        """
        id_ = transfer_of(event.uniqueid)
        record = None if id_ is None else self._progress.records.get(id_)
        if record is None or record.over or record.up or event.uniqueid != record.channel:
            return []
        wiring = self._progress.calls[record.node].wiring
        if wiring.has_gone(event.uniqueid):
            return []
        if event.no_answer:
            # Asterisk 16 does not say so when it hangs up.
            self._went(record, TransferOutcome.NO_ANSWER)
        if event.uniqueid in wiring.channels:
            return []  # its hang-up follows
        self._progress.timers.stop(record.id, Timer.APPEAR)
        return self._progress.timers.set(record.id, Timer.UNREACHED, _OVERTAKEN_S)

    def _concerned(self, event: SwitchEvent, snapshot: ChannelSnapshot) -> TransferId | None:
        lines, node = self._progress.lines, event.node
        found = lines.get((node, snapshot.name)) or lines.get((node, snapshot.uniqueid))
        if found is not None:
            return found
        call = self._progress.calls[node].call_of(snapshot.uniqueid)
        return None if call is None else self._progress.of_call.get(call)

    def _of_target(self, id_: TransferId, event: SwitchEvent, snapshot: ChannelSnapshot) -> list[Effect]:
        """What the event says of the attempt to reach the target."""
        record = self._progress.records[id_]
        own = snapshot.uniqueid == record.channel
        if not own and not self._behind(record, snapshot):
            return []
        match event:
            case ami.Newstate() | ami.DialBegin() if (
                snapshot.state == ChannelState.RINGING and record.rang is None
            ):
                self._progress.records[id_] = replace(
                    record, rang=event.at, first_rang=record.first_rang or event.at
                )
                return self._progress.feed(id_, Input.RINGS, event.at)
            case ami.Newstate() | ami.BridgeEnter() if (
                own and snapshot.state == ChannelState.UP and not record.up
            ):
                self._progress.records[id_] = replace(record, up=True)
            case ami.DialEnd() if event.status != "ANSWER" and record.went is None and not record.up:
                self._went(record, _STATUS.get(event.status, TransferOutcome.FAILED))
            case ami.Hangup():
                self._hung_up(record, event.cause, own=own)
            case _:
                pass
        return []

    def _behind(self, record: OpenTransfer, snapshot: ChannelSnapshot) -> bool:
        """Is this a phone behind the Local channel by which the target is called?"""
        if record.state not in (State.RINGING, State.CALLING, State.BLONDE):
            return False
        calls = self._progress.calls[record.node]
        return snapshot.uniqueid in calls.journeys.aside and transfer_of(snapshot.uniqueid) is None

    def _hung_up(self, record: OpenTransfer, cause: int, *, own: bool) -> None:
        if record.up:
            if own:
                self._went(record, TransferOutcome.CANCELLED)
        elif cause in _CAUSES and (record.went is None or cause == 21):
            self._went(record, _CAUSES[cause])
        elif own and record.went is None:
            self._went(record, TransferOutcome.FAILED if record.rang is None else TransferOutcome.NO_ANSWER)

    def _went(self, record: OpenTransfer, went: TransferOutcome) -> None:
        """What became of the attempt to reach the target. Who goes because it was decided so says nothing."""
        if record.outcome is not None:
            return
        if went is TransferOutcome.BUSY and record.rang is not None:
            went = TransferOutcome.DECLINED  # a phone that rang and then was busy: somebody pressed the key
        why = why_not(went, record.target_name)
        self._progress.records[record.id] = replace(record, went=went, why=why)


def _subject(event: SwitchEvent) -> ChannelSnapshot | None:
    """The channel that an event is about, of those events that can change a transfer."""
    match event:
        case (
            ami.Newchannel()
            | ami.Newstate()
            | ami.Hangup()
            | ami.BridgeEnter()
            | ami.BridgeLeave()
            | ami.QueueCallerJoin()
        ):
            return event.channel
        case ami.DialBegin() | ami.DialEnd():
            return event.dest
        case _:
            return None
