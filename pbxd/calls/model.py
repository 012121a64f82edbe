"""The model of one switch: events in, facts out. Nothing here knows of sockets or clocks.

Each event changes the physical picture (``wiring``), and then the journeys concerned are asked who hears
their subject now. What a transfer was is judged from that (``consults``), not from the event that tells of
it. All state is in journalled tables, so a step that fails is taken back whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbxd.ami import event_types as ami
from pbxd.ami.event_types import AmiEvent
from pbxd.ami.inventory import Inventory
from pbxd.calls.again import told_again
from pbxd.calls.belonging import Belonging
from pbxd.calls.bridge_steps import BridgeSteps
from pbxd.calls.call import Ours
from pbxd.calls.channel_steps import ChannelSteps
from pbxd.calls.consults import Consults
from pbxd.calls.dial_steps import DialSteps
from pbxd.calls.facts import Fact, TransferSeen
from pbxd.calls.flow_steps import FlowSteps
from pbxd.calls.journeys import Journeys
from pbxd.calls.kept import KeptJourney, kept_of, restore, tables_by_call
from pbxd.calls.queue_steps import QueueSteps
from pbxd.calls.record import CallRecord, Transfer, TransferOutcome
from pbxd.calls.resync import Resync
from pbxd.calls.rings import Rings
from pbxd.calls.staffing import Staffing
from pbxd.calls.transfer_steps import TransferSteps
from pbxd.calls.wiring import Wiring
from pbxd.ids import CallId, NodeId, TransferId, Uniqueid
from pbxd.journal import Journal, Table


class CallModel:
    """Channels, bridges, journeys and transfers of one switch."""

    def __init__(self, node: NodeId, journal: Journal) -> None:
        self.node = node
        self.wiring = Wiring(journal)
        self.journeys = Journeys(node, journal, self.wiring)
        self.consults = Consults(self.journeys, journal)
        self.rings = Rings(self.journeys, journal)
        self._staffing = Staffing(journal)
        self._belonging = Belonging(journal, self.wiring, self.journeys, self.consults)
        self._restored: Table[CallId, bool] = Table(journal)  #: no inventory has told of them yet
        #: of which a kept journey is made, by identity; True: by journey, False: by channel
        self.kept_tables = tables_by_call(self._belonging)
        channels = ChannelSteps(self._belonging, self.rings)
        bridges = BridgeSteps(self._belonging)
        dials = DialSteps(self._belonging, self.rings)
        queues = QueueSteps(self._belonging, self.rings, self._staffing)
        flows = FlowSteps(self._belonging)
        transfers = TransferSteps(self._belonging)
        self._steps: dict[type, Callable[[Any], None]] = {
            ami.Newchannel: channels.newchannel,
            ami.Newstate: channels.newstate,
            ami.Rename: channels.rename,
            ami.HangupRequest: channels.hangup_request,
            ami.Hangup: channels.hangup,
            ami.BridgeEnter: bridges.bridge_enter,
            ami.BridgeLeave: bridges.bridge_leave,
            ami.BridgeDestroy: bridges.bridge_destroy,
            ami.Hold: bridges.hold,
            ami.Unhold: bridges.unhold,
            ami.MusicOnHoldStart: bridges.music_start,
            ami.MusicOnHoldStop: bridges.music_stop,
            ami.DialBegin: dials.dial_begin,
            ami.DialEnd: dials.dial_end,
            ami.Pickup: dials.pickup,
            ami.UnParkedCall: dials.unparked,
            ami.QueueCallerJoin: queues.caller_join,
            ami.QueueCallerAbandon: queues.caller_abandon,
            ami.QueueCallerLeave: queues.caller_leave,
            ami.QueueEntered: queues.queue_entered,
            ami.QueueStatusSet: queues.queue_status,
            ami.FlowBegan: flows.began,
            ami.FlowOver: flows.over,
            ami.AgentCalled: queues.agent_called,
            ami.AgentConnect: queues.agent_connect,
            ami.AgentComplete: queues.agent_complete,
            ami.AgentRingNoAnswer: queues.ring_no_answer,
            ami.QueueMember: queues.queue_member,
            ami.QueueMemberRemoved: queues.member_removed,
            ami.AttendedTransfer: transfers.attended_transfer,
            ami.BlindTransfer: transfers.blind_transfer,
        }

    # ------------------------------------------------------------ reading

    @property
    def strays(self) -> int:
        """Events about channels that nobody had told of before."""
        return self._belonging.strays

    @property
    def channels_open(self) -> int:
        return len(self.wiring.channels)

    def records(self, at: float) -> list[CallRecord]:
        """The journeys in progress, as they stand at ``at``."""
        journeys = self.journeys
        return [journeys.record(call, at) for call, open_ in journeys.calls.items() if open_.ended is None]

    def call_of(self, uniqueid: Uniqueid) -> CallId | None:
        """The journey that this channel serves."""
        return self.journeys.of(uniqueid)

    # ------------------------------------------------------------ over pbxd's own end

    def kept(self, call: CallId) -> KeptJourney | None:
        """All that is known of a journey, to be kept; None when it is no more."""
        return kept_of(self._belonging, call) if call in self.journeys.calls else None

    def restore(self, kept: KeptJourney) -> None:
        """Know a journey of an earlier life again. What has become of it ``resync`` will find out."""
        if kept.call.id not in self.journeys.calls and kept.call.id not in self.journeys.into:
            restore(self._belonging, kept)
            self._restored[kept.call.id] = True

    # ------------------------------------------------------------ transfers that pbxd makes

    def expect(self, transfer: TransferId, call: CallId, *, caller: str, transferer: str) -> None:
        """``caller`` is handed over: channels that pbxd makes for this transfer will serve his journey."""
        self.journeys.ours[transfer] = Ours(call=call, caller=caller, transferer=transferer)
        journey = self.journeys.calls.get(call)
        if journey is not None and journey.subject == transferer:
            self.journeys.consulting[call] = True

    def expect_no_more(self, transfer: TransferId) -> None:
        self.journeys.ours.pop(transfer, None)

    def transferred(self, transfer: Transfer, call: CallId, *, caller: str, at: float) -> list[Fact]:
        """A transfer that pbxd made is over: it belongs into the journey's record."""
        facts: list[Fact] = []
        self.journeys.facts = facts
        if transfer.id is not None and transfer.id in self.journeys.ours:
            self.journeys.ours[transfer.id] = Ours(call=call, caller="")
        call = self.journeys.final(call)
        facts.append(
            TransferSeen(
                call=call, node=self.node, at=at, missed=call not in self.journeys.calls, transfer=transfer
            )
        )
        if call not in self.journeys.calls:
            return facts  # it ended while nobody looked
        self.journeys.transfers[call] = (*self.journeys.transfers.get(call, ()), transfer)
        if self.journeys.consulting.pop(call, None):
            if transfer.outcome is TransferOutcome.COMPLETED and caller in self.wiring.by_name:
                self.journeys.pass_on(call, caller, at)
            self.journeys.listen(call, at)
        return facts

    # ------------------------------------------------------------ stepping

    def reduce(self, event: AmiEvent) -> list[Fact]:
        """What this event means. Events that say nothing of calls give no fact."""
        facts: list[Fact] = []
        self.journeys.facts = facts
        step = self._steps.get(type(event))
        if step is not None:
            step(event)
        return facts

    def resync(self, inventory: Inventory, at: float) -> list[Fact]:
        """Make the model equal to the switch; the facts that were missed. ``at``: epoch seconds."""
        facts: list[Fact] = []
        self.journeys.facts = facts
        self.journeys.missed = True
        try:
            Resync(self._belonging, self.rings, self._staffing, self._steps, inventory, at).run()
            restored = [call for call in self._restored if call in self.journeys.calls]
            for call in restored:
                self.journeys.drop_empty(call, at)
        finally:
            self.journeys.missed = False
        again = told_again(self.journeys, restored, facts) if restored else []
        for call in list(self._restored):
            del self._restored[call]
        return again + facts
