"""The model of one switch: events in, facts out. Nothing here knows of sockets or clocks.

Each event changes the physical picture (``wiring``), and then the journeys concerned are asked who hears
their subject now. What a transfer was is judged from that (``consults``), not from the event that tells of
it. All state is in journalled tables, so a step that fails is taken back whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pbxd.ami import events as ami
from pbxd.ami.events import AmiEvent, ChannelSnapshot, ChannelState
from pbxd.calls.consults import Consults
from pbxd.calls.facts import Fact
from pbxd.calls.journeys import Called, Journeys, Waiting
from pbxd.calls.names import Kind, exten_of_local
from pbxd.calls.record import CallRecord
from pbxd.calls.rings import Rings
from pbxd.calls.staffing import Staffing
from pbxd.calls.wiring import Channel, Wiring
from pbxd.ids import CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal, Table

_REJECTED = 21  # ISDN cause: call rejected, which is what SIP 603 becomes

_WHY_LEFT = {
    "TIMEOUT": "timeout",
    "LEAVEEMPTY": "no_agent",
    "LEAVEUNAVAIL": "no_agent",
    "WITHDRAW": "left",
}
_REFUSED = frozenset({"JOINEMPTY", "JOINUNAVAIL", "FULL"})


class CallModel:
    """Channels, bridges, journeys and transfers of one switch."""

    def __init__(self, node: NodeId, journal: Journal) -> None:
        self.node = node
        self.wiring = Wiring(journal)
        self.journeys = Journeys(node, journal, self.wiring)
        self.consults = Consults(self.journeys, journal)
        self.rings = Rings(self.journeys, journal)
        self.staffing = Staffing(journal)
        self._hung_up: Table[Uniqueid, bool] = Table(journal)
        self._outward: Table[Uniqueid, bool] = Table(journal)  #: dialled to a number beyond: a trunk
        self._asked: Table[Uniqueid, str] = Table(journal)  #: the queue that a caller asked to join
        self._orphans: Table[str, tuple[Uniqueid, ...]] = Table(journal)  #: by a Linkedid nobody knows
        self._counts: Table[str, int] = Table(journal)

    # ------------------------------------------------------------ reading

    @property
    def strays(self) -> int:
        """Events about channels that nobody had told of before."""
        return self._counts.get("strays", 0)

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

    # ------------------------------------------------------------ stepping

    def reduce(self, event: AmiEvent) -> list[Fact]:
        """What this event means. Events that say nothing of calls give no fact."""
        facts: list[Fact] = []
        self.journeys.facts = facts
        step = _STEPS.get(type(event))
        if step is not None:
            step(self, event)
        return facts

    def _stray(self) -> None:
        self._counts["strays"] = self.strays + 1

    def _known(self, snapshot: ChannelSnapshot, at: float) -> Channel | None:
        """The channel an event is about; taken over from the event when nobody had told of it.

        None when it has ended already: what is told of it afterwards is no news.
        """
        channel = self.wiring.channels.get(snapshot.uniqueid)
        if channel is not None:
            return channel
        if self.wiring.has_gone(snapshot.uniqueid) or not snapshot.name:
            return None
        self._stray()
        channel = self.wiring.add(snapshot, at, unseen=True)
        self._attach(channel, snapshot.linkedid)
        if (
            channel.kind is Kind.DEVICE
            and snapshot.linkedid == snapshot.uniqueid
            and self.journeys.of(channel.uniqueid) is None
            and snapshot.exten
        ):
            self._open(channel, snapshot.linkedid, at, snapshot.exten, missed=True)
        return channel

    # ------------------------------------------------------------ whose channel is it

    def _attach(self, channel: Channel, linkedid: str) -> CallId | None:
        """Find the journey of a channel by its Linkedid or by its other half; None when there is none yet."""
        uniqueid = channel.uniqueid
        call = self.journeys.of(uniqueid)
        if call is not None:
            return call
        call = self.journeys.of_root(linkedid)
        if call is None and (half := self.wiring.partner(channel)) is not None:
            call = self.journeys.of(half)
        if call is not None:
            self.journeys.assign(uniqueid, call)
        elif linkedid != uniqueid:
            waiting = self._orphans.get(linkedid, ())
            if uniqueid not in waiting:
                self._orphans[linkedid] = (*waiting, uniqueid)
        return call

    def _open(self, channel: Channel, root: str, at: float, dialled: str, *, missed: bool = False) -> CallId:
        """A journey begins with this channel; channels that were waiting for its root join it."""
        call = self.journeys.begin(channel, root, at, dialled, missed=missed)
        for uniqueid in self._orphans.pop(root, ()):
            if uniqueid in self.wiring.channels and self.journeys.of(uniqueid) is None:
                self.journeys.assign(uniqueid, call)
        return call

    def _arrive(self, channel: Channel, at: float) -> None:
        """Somebody dials in: a new journey, unless his phone holds a caller and this is the consultation."""
        for uniqueid in reversed(self.wiring.holders.get(channel.interface, ())):
            call = self.journeys.of(uniqueid)
            line = self.wiring.channels[uniqueid]
            if call is None or self.journeys.calls[call].ended is not None:
                continue
            if not self._same_person(line, channel) or not self._takes_part(call, line.name):
                continue
            self.journeys.assign(channel.uniqueid, call)
            self.journeys.add_root(call, channel.uniqueid)
            self.consults.mark_side(channel.uniqueid)
            self.consults.begin(call, line, channel.name, channel.exten, at, asked=False)
            return
        self._open(channel, channel.uniqueid, at, channel.exten)

    def _same_person(self, line: Channel, other: Channel) -> bool:
        """Two lines of one phone, and not two strangers on one trunk."""
        if line.caller and line.caller == other.caller:
            return True
        return line.uniqueid in self.journeys.dialler and line.uniqueid not in self._outward

    def _takes_part(self, call: CallId, name: str) -> bool:
        if self.journeys.calls[call].subject == name:
            return True
        return any(talk.name == name for talk in self.journeys.open_talks(call))

    # ------------------------------------------------------------ who hears whom

    def _concerned(self, uniqueid: Uniqueid) -> set[CallId]:
        """The journeys whose people are on the same chain of bridges as this channel."""
        found: set[CallId] = set()
        channels, subjects, lines = self.wiring.channels, self.journeys.by_subject, self.consults.by_line
        for other in self.wiring.chain(uniqueid):
            name = channels[other].name
            if name in subjects:
                found.add(subjects[name])
            if name in lines:
                found.add(lines[name])
        name = channels[uniqueid].name
        if name in subjects:
            found.add(subjects[name])
        return found

    def _relisten(self, calls: Iterable[CallId], at: float) -> None:
        for call in sorted(calls):
            if call in self.journeys.calls:
                self.journeys.listen(call, at)
                self.consults.review(call, at)

    # ------------------------------------------------------------ channels

    def _newchannel(self, event: ami.Newchannel) -> None:
        snapshot = event.channel
        if snapshot.uniqueid in self.wiring.channels:
            return
        channel = self.wiring.add(snapshot, event.at)
        call = self._attach(channel, snapshot.linkedid)
        if channel.kind is Kind.LOCAL:
            if call is not None:
                self._local_for(call, channel, event.at)
        elif call is None and channel.kind is Kind.DEVICE and snapshot.state == ChannelState.RING:
            self._arrive(channel, event.at)

    def _local_for(self, call: CallId, channel: Channel, at: float) -> None:
        """A Local channel within a journey: somebody who holds the caller may be dialling by ``*2``."""
        half = self.wiring.partner(channel)
        if half is not None:
            if self.consults.is_side(half):
                self.consults.mark_side(channel.uniqueid)
            return
        if call in self.consults.attempts or self.journeys.calls[call].ended is not None:
            return
        holder = self._holder(call)
        if holder is not None:
            exten = exten_of_local(channel.name)
            self.consults.begin(call, holder, channel.name, exten, at, asked=True)
            self.consults.mark_side(channel.uniqueid)
            # That hold was the feature's, not the phone's: it does not last beyond this bridge.
            self.wiring.unhold(holder.uniqueid)

    def _holder(self, call: CallId) -> Channel | None:
        """Who of a journey's people holds the others; the last one to do so, if several."""
        names = [talk.name for talk in self.journeys.open_talks(call)]
        if names:
            names.append(self.journeys.calls[call].subject)
        found: tuple[float, Channel] | None = None
        for name in names:
            channel = self.wiring.named(name)
            held = None if channel is None else self.wiring.held.get(channel.uniqueid)
            if channel is not None and held is not None and (found is None or held[0] >= found[0]):
                found = (held[0], channel)
        return None if found is None else found[1]

    def _newstate(self, event: ami.Newstate) -> None:
        channel = self._known(event.channel, event.at)
        if channel is None:
            return
        call = self.journeys.of(channel.uniqueid)
        if event.channel.state == ChannelState.RINGING:
            if call is not None:
                self.consults.ringing(call, channel.name)
        elif event.channel.state == ChannelState.RING and call is None and channel.kind is Kind.DEVICE:
            self._arrive(replace(channel, exten=event.channel.exten), event.at)

    def _rename(self, event: ami.Rename) -> None:
        uniqueid = event.uniqueid
        if uniqueid not in self.wiring.channels:
            if not self.wiring.has_gone(uniqueid):
                self._stray()
            return
        concerned = self._concerned(uniqueid)
        body = self.wiring.rename(uniqueid, event.new)
        if body is not None and self.journeys.of(uniqueid) is None:
            call = self.journeys.of(body)
            if call is not None:
                self.journeys.assign(uniqueid, call)
        self._relisten(concerned | self._concerned(uniqueid), event.at)

    def _hangup_request(self, event: ami.HangupRequest) -> None:
        uniqueid = event.channel.uniqueid
        channel = self.wiring.channels.get(uniqueid)
        if channel is None:
            return
        self._hung_up[uniqueid] = True
        call = self.journeys.by_subject.get(channel.name)
        if call is not None:
            self.journeys.calls[call] = replace(self.journeys.calls[call], leaving=True)

    def _hangup(self, event: ami.Hangup) -> None:
        uniqueid, at = event.channel.uniqueid, event.at
        if uniqueid not in self.wiring.channels:
            if not self.wiring.has_gone(uniqueid):
                self._stray()
            return
        concerned = self._concerned(uniqueid)
        channel = self.wiring.remove(uniqueid)
        self.rings.stop(uniqueid, "CANCEL", at)
        call = self.journeys.of(uniqueid)
        if call is not None and self.journeys.calls[call].ended is None:
            if self.journeys.calls[call].subject == channel.name:
                self._subject_gone(call, uniqueid, at)
            else:
                self.journeys.end_talk(call, channel.name, at)
                self._party_gone(call, channel, event.cause, at)
        self._relisten(concerned, at)
        self._drop(uniqueid, at)

    def _party_gone(self, call: CallId, channel: Channel, cause: int, at: float) -> None:
        if cause == _REJECTED:
            self.consults.rejected(call, channel.name)
            record = self.journeys.calls[call]
            if record.dial and record.dial != "BUSY" and channel.uniqueid in self.journeys.dialler:
                self.journeys.calls[call] = replace(record, dial="BUSY")
        self.consults.line_gone(call, channel.name, at)

    def _subject_gone(self, call: CallId, uniqueid: Uniqueid, at: float) -> None:
        record = self.journeys.calls[call]
        attempt = self.consults.attempts.get(call)
        if attempt is not None and attempt.transferer == record.subject and attempt.joined:
            heir = self._heir(call)
            if heir is not None:
                self.journeys.pass_on(call, heir, at)
                self.journeys.listen(call, at)
                self.consults.review(call, at)
                return
        if uniqueid in self.journeys.waiting:
            self.journeys.leave(uniqueid, "abandoned", at)
        hung_up = record.leaving or uniqueid in self._hung_up
        self.consults.caller_gone(call, at, hung_up=hung_up)
        self.journeys.end(call, at)

    def _heir(self, call: CallId) -> str | None:
        """The party that a leaving caller has handed on: he talked with the caller and is still there."""
        attempt = self.consults.attempts.get(call)
        own = () if attempt is None else (attempt.transferer, attempt.consult, attempt.target)
        for talk in self.journeys.open_talks(call):
            if talk.name not in own and self.wiring.named(talk.name) is not None:
                return talk.name
        return None

    def _drop(self, uniqueid: Uniqueid, at: float) -> None:
        self.journeys.waiting.pop(uniqueid, None)
        self.journeys.called.pop(uniqueid, None)
        self.journeys.dialler.pop(uniqueid, None)
        self.consults.unmark(uniqueid)
        self._hung_up.pop(uniqueid, None)
        self._outward.pop(uniqueid, None)
        self._asked.pop(uniqueid, None)
        self._orphans.pop(uniqueid, None)
        self.journeys.release(uniqueid, at)

    # ------------------------------------------------------------ bridges, music, hold

    def _bridge_enter(self, event: ami.BridgeEnter) -> None:
        channel = self._known(event.channel, event.at)
        if channel is None:
            return
        uniqueid = channel.uniqueid
        concerned = self._concerned(uniqueid)
        self.wiring.enter(uniqueid, event.bridge, event.technology)
        if self._attach(channel, event.channel.linkedid) is None and channel.kind is Kind.DEVICE:
            self._join_company(channel, event.channel, event.at)
        self._relisten(concerned | self._concerned(uniqueid), event.at)
        if event.swap is not None:
            self._stepped_in(channel, event.swap, event.at)

    def _stepped_in(self, channel: Channel, swap: Uniqueid, at: float) -> None:
        """The target's phone takes the place of the Local channel by which ``*2`` had dialled it.

        Until then Asterisk has played the target a beep that says that the transfer is complete, and nobody
        heard anybody: the conversation begins now.
        """
        call = self.journeys.of(swap)
        if call is not None and self.consults.is_side(swap):
            self.journeys.start_afresh(call, channel.name, at)

    def _join_company(self, channel: Channel, snapshot: ChannelSnapshot, at: float) -> None:
        """A channel that nobody dialled is put together with others: it serves their journey."""
        others = [other for other in self.wiring.chain(channel.uniqueid) if other != channel.uniqueid]
        for other in others:
            call = self.journeys.of(other)
            if call is not None:
                self.journeys.assign(channel.uniqueid, call)
                self.journeys.add_root(call, channel.uniqueid)
                return
        if others:
            first = self.wiring.channels[others[0]]
            call = self._open(first, first.uniqueid, at, first.exten, missed=first.unseen)
            self.journeys.assign(channel.uniqueid, call)
            self.journeys.add_root(call, snapshot.linkedid)

    def _bridge_leave(self, event: ami.BridgeLeave) -> None:
        uniqueid = event.channel.uniqueid
        if uniqueid not in self.wiring.channels:
            if not self.wiring.has_gone(uniqueid):
                self._stray()
            return
        if self.wiring.bridge_of.get(uniqueid) == event.bridge:
            concerned = self._concerned(uniqueid)
            self.wiring.leave(uniqueid)
            self._relisten(concerned, event.at)

    def _bridge_destroy(self, event: ami.BridgeDestroy) -> None:
        concerned: set[CallId] = set()
        for member in self.wiring.members.get(event.bridge, ()):
            concerned |= self._concerned(member)
        self.wiring.destroy(event.bridge)
        self._relisten(concerned, event.at)

    def _hold(self, event: ami.Hold) -> None:
        channel = self._known(event.channel, event.at)
        if channel is not None:
            self.wiring.hold(channel.uniqueid, event.at)
            self._relisten(self._concerned(channel.uniqueid), event.at)

    def _unhold(self, event: ami.Unhold) -> None:
        channel = self._known(event.channel, event.at)
        if channel is not None and channel.uniqueid in self.wiring.held:
            self.wiring.unhold(channel.uniqueid)
            self._relisten(self._concerned(channel.uniqueid), event.at)

    def _music_start(self, event: ami.MusicOnHoldStart) -> None:
        channel = self._known(event.channel, event.at)
        if channel is not None:
            self.wiring.music[channel.uniqueid] = event.at
            self._relisten(self._concerned(channel.uniqueid), event.at)

    def _music_stop(self, event: ami.MusicOnHoldStop) -> None:
        channel = self._known(event.channel, event.at)
        if channel is not None and self.wiring.music.pop(channel.uniqueid, None) is not None:
            self._relisten(self._concerned(channel.uniqueid), event.at)

    # ------------------------------------------------------------ dialling

    def _dial_begin(self, event: ami.DialBegin) -> None:
        dest = self._known(event.dest, event.at)
        if dest is None:
            return
        if dest.kind is not Kind.LOCAL and _beyond(event.dialstring, dest.name):
            self._outward[dest.uniqueid] = True
        source = None if event.channel is None else self._known(event.channel, event.at)
        if source is None:
            return
        self.journeys.dialler[dest.uniqueid] = source.uniqueid
        call = self._call_of_dialler(source, dest, event)
        if call is None:
            return
        if self.journeys.of(dest.uniqueid) is None:
            self.journeys.assign(dest.uniqueid, call)
        if self.consults.is_side(source.uniqueid):
            self.consults.mark_side(dest.uniqueid)
        if dest.kind is Kind.DEVICE and self.journeys.calls[call].ended is None:
            self._rung(call, source, dest, event.at)

    def _call_of_dialler(self, source: Channel, dest: Channel, event: ami.DialBegin) -> CallId | None:
        call = self.journeys.of(source.uniqueid)
        if call is not None or event.channel is None:
            return call
        if source.kind is Kind.DEVICE:
            return self._open(source, event.channel.linkedid, event.at, event.channel.exten)
        if dest.kind is Kind.DEVICE and source.kind is Kind.LOCAL and self.journeys.of(dest.uniqueid) is None:
            # Two ends are called from outside (a click to dial): the first phone is the caller's.
            call = self._open(dest, event.channel.linkedid, event.at, exten_of_local(source.name))
            self.journeys.assign(source.uniqueid, call)
            return call
        return None

    def _rung(self, call: CallId, source: Channel, dest: Channel, at: float) -> None:
        """A phone is rung on behalf of a journey: for its subject, or by somebody who transfers him."""
        attempt = self.consults.attempts.get(call)
        uniqueid = dest.uniqueid
        if attempt is not None and (attempt.sent is not None or self.consults.is_side(uniqueid)):
            self.consults.dialled(call, dest.name, dest.interface)
        elif self._consults_from(call, source):
            self.consults.begin(call, source, source.name, dest.interface, at, asked=True)
            self.consults.mark_side(uniqueid)
            self.consults.dialled(call, dest.name, dest.interface)
        elif self.journeys.calls[call].subject == dest.name:
            return
        if self.journeys.called_for(uniqueid) is None and source.uniqueid not in self.journeys.waiting:
            record = self.journeys.calls[call]
            if not record.dial:
                self.journeys.calls[call] = replace(record, dial="RINGING")
            self.rings.start(uniqueid, call, dest.interface, at)

    def _consults_from(self, call: CallId, source: Channel) -> bool:
        """Does a party dial somebody while the other one is kept waiting somewhere?"""
        others = self.journeys.open_talks(call)
        if self.journeys.calls[call].subject != source.name:
            return any(talk.name == source.name for talk in others)
        for talk in others:
            channel = self.wiring.named(talk.name)
            if channel is not None and channel.uniqueid in self.wiring.bridge_of:
                return True
        return False

    def _dial_end(self, event: ami.DialEnd) -> None:
        dest = self.wiring.channels.get(event.dest.uniqueid)
        if dest is None:
            if not self.wiring.has_gone(event.dest.uniqueid):
                self._stray()
            return
        self.rings.stop(dest.uniqueid, event.status, event.at)
        call = self.journeys.of(dest.uniqueid)
        if call is None:
            return
        self.consults.dial_ended(call, dest.name, event.status)
        record = self.journeys.calls[call]
        # Of several phones that were rung together, one that might have answered says more than a busy one.
        if record.dial in ("RINGING", "BUSY") and self.journeys.called_for(dest.uniqueid) is None:
            self.journeys.calls[call] = replace(record, dial=event.status or "NOANSWER")

    def _pickup(self, event: ami.Pickup) -> None:
        picker, target = event.channel.uniqueid, event.target.uniqueid
        call, into = self.journeys.of(picker), self.journeys.of(target)
        if call is not None and into is not None and call != into:
            self.journeys.fold(call, into, event.at)

    # ------------------------------------------------------------ queues

    def _caller_join(self, event: ami.QueueCallerJoin) -> None:
        channel = self._known(event.channel, event.at)
        if channel is None:
            return
        uniqueid = channel.uniqueid
        call = self.journeys.of(uniqueid)
        if call is None:
            call = self._open(channel, event.channel.linkedid, event.at, event.channel.exten)
        attempt = self.consults.attempts.get(call)
        if attempt is not None and attempt.sent is None and self.consults.is_side(uniqueid):
            self.journeys.waiting[uniqueid] = Waiting(
                call=call, queue=event.queue, joined=event.at, own=False
            )
            self.consults.queued(call, event.queue)
            return
        if attempt is not None and attempt.sent is not None and attempt.met is None:
            self.consults.queued(call, event.queue)
        self.journeys.join(uniqueid, call, event.queue, event.at, event.position)

    def _caller_abandon(self, event: ami.QueueCallerAbandon) -> None:
        waiting = self.journeys.waiting.get(event.channel.uniqueid)
        if waiting is not None:
            self.journeys.waiting[event.channel.uniqueid] = replace(waiting, abandoned=True)

    def _caller_leave(self, event: ami.QueueCallerLeave) -> None:
        uniqueid = event.channel.uniqueid
        waiting = self.journeys.waiting.get(uniqueid)
        if waiting is None:
            return
        if not waiting.abandoned:
            outcome = "answered"
        elif uniqueid in self._hung_up or self._is_leaving(uniqueid):
            outcome = "abandoned"
        else:
            outcome = self.staffing.why_left(waiting.queue, waiting.joined, event.at)
        self.journeys.leave(uniqueid, outcome, event.at)

    def _is_leaving(self, uniqueid: Uniqueid) -> bool:
        call = self.journeys.of(uniqueid)
        return call is not None and self.journeys.calls[call].leaving

    def _queue_entered(self, event: ami.QueueEntered) -> None:
        channel = self._known(event.channel, event.at)
        if channel is not None:
            self._asked[channel.uniqueid] = event.queue

    def _queue_status(self, event: ami.QueueStatusSet) -> None:
        uniqueid = event.channel.uniqueid
        call = self.journeys.of(uniqueid)
        if call is None:
            return
        if event.status in _REFUSED:
            queue = self._asked.get(uniqueid, "")
            self.journeys.calls[call] = replace(self.journeys.calls[call], refused=queue)
        elif event.status in _WHY_LEFT:
            self.journeys.correct_wait(call, _WHY_LEFT[event.status])

    def _agent_called(self, event: ami.AgentCalled) -> None:
        if event.dest is None or event.channel is None:
            return
        dest = self._known(event.dest, event.at)
        source = self._known(event.channel, event.at)
        if dest is None or source is None:
            return
        called = Called(queue=event.queue, interface=event.interface, member=event.member)
        self.journeys.called[dest.uniqueid] = called
        call = self.journeys.of(source.uniqueid)
        if call is None:
            return
        if self.journeys.of(dest.uniqueid) is None:
            self.journeys.assign(dest.uniqueid, call)
        self.rings.start(
            dest.uniqueid, call, event.interface, event.at, member=event.member, queue=event.queue
        )

    def _ring_no_answer(self, event: ami.AgentRingNoAnswer) -> None:
        if event.dest is not None:
            self.rings.stop(event.dest.uniqueid, "NOANSWER", event.at)

    def _queue_member(self, event: ami.QueueMember) -> None:
        self.staffing.update(event.member, event.at)

    def _member_removed(self, event: ami.QueueMemberRemoved) -> None:
        self.staffing.remove(event.queue, event.interface, event.at)

    # ------------------------------------------------------------ transfers

    def _attended_transfer(self, event: ami.AttendedTransfer) -> None:
        at, journeys = event.at, self.journeys
        call, other = journeys.of(event.orig.uniqueid), journeys.of(event.second.uniqueid)
        if call is None:
            call, other = other, None
        if call is None:
            return
        if other is not None and other != call:
            call = self._join_lines(call, other, event)
        if journeys.calls[call].ended is not None:
            return
        if not event.success:
            self.consults.not_handed_over(call)
            return
        transferer = self._transferer(call, event)
        if transferer.name == journeys.calls[call].subject:
            self._hand_on(call, event.transferee, at)
        self._own_wait(call, at)
        to = "" if event.target is None else self._target_of(event.target)
        interface = self._interface(transferer)
        three = event.dest_type == "Threeway"
        self.consults.handed_over(call, transferer.name, interface, to, at, three=three)
        journeys.listen(call, at)
        self.consults.review(call, at)

    def _transferer(self, call: CallId, event: ami.AttendedTransfer) -> ChannelSnapshot:
        """Which of the two lines is the one to the caller."""
        subject = self.journeys.calls[call].subject
        for line in (event.orig, event.second):
            if line.name == subject or any(t.name == line.name for t in self.journeys.talks.get(call, ())):
                return line
        return event.orig

    def _interface(self, snapshot: ChannelSnapshot) -> Interface:
        channel = self.wiring.channels.get(snapshot.uniqueid)
        return Interface(snapshot.name.rpartition("-")[0]) if channel is None else channel.interface

    def _target_of(self, snapshot: ChannelSnapshot) -> str:
        channel = self.wiring.channels.get(snapshot.uniqueid)
        return channel.interface if channel is not None and channel.kind is Kind.DEVICE else snapshot.exten

    def _join_lines(self, call: CallId, other: CallId, event: ami.AttendedTransfer) -> CallId:
        """Two journeys meet in a transfer. The one that the transferer began himself was a consultation."""
        journeys = self.journeys
        first, second = journeys.calls[call], journeys.calls[other]
        if second.ended is None and second.subject == event.second.name:
            journeys.fold(other, call, event.at)
            return call
        if first.ended is None and first.subject == event.orig.name:
            journeys.fold(call, other, event.at)
            return other
        return call

    def _hand_on(self, call: CallId, transferee: ChannelSnapshot | None, at: float) -> None:
        """The caller himself transfers: from now on it is the other party's journey."""
        heir = self._heir(call)
        if heir is None and transferee is not None:
            channel = self.wiring.channels.get(transferee.uniqueid)
            heir = None if channel is None or channel.kind is not Kind.DEVICE else channel.name
        if heir is not None:
            self.journeys.pass_on(call, heir, at)

    def _own_wait(self, call: CallId, at: float) -> None:
        """The transferer leaves the caller in the queue that he was consulting."""
        for uniqueid, waiting in list(self.journeys.waiting.items()):
            if waiting.own or self.journeys.of(uniqueid) != call:
                continue
            del self.journeys.waiting[uniqueid]
            self.journeys.join(uniqueid, call, waiting.queue, at, None)

    def _blind_transfer(self, event: ami.BlindTransfer) -> None:
        if not event.success:
            return
        channel = self._known(event.transferer, event.at)
        if channel is None:
            return
        call = self.journeys.of(channel.uniqueid)
        if call is None or self.journeys.calls[call].ended is not None:
            return
        if event.transferee is not None:
            self._known(event.transferee, event.at)
        if self.journeys.calls[call].subject == channel.name:
            self._hand_on(call, event.transferee, event.at)
        elif not self._takes_part(call, channel.name) and not self.journeys.calls[call].missed:
            return
        self.consults.blind(call, channel.name, channel.interface, event.exten, event.at)


def _beyond(dialstring: str, name: str) -> bool:
    """Was a number dialled through a device, as through a trunk, and not the device itself?"""
    address = dialstring.removeprefix(name.partition("/")[0] + "/")
    return "@" in address or "/" in address


_STEPS: dict[type, Callable[[CallModel, Any], None]] = {
    ami.Newchannel: CallModel._newchannel,
    ami.Newstate: CallModel._newstate,
    ami.Rename: CallModel._rename,
    ami.HangupRequest: CallModel._hangup_request,
    ami.Hangup: CallModel._hangup,
    ami.BridgeEnter: CallModel._bridge_enter,
    ami.BridgeLeave: CallModel._bridge_leave,
    ami.BridgeDestroy: CallModel._bridge_destroy,
    ami.Hold: CallModel._hold,
    ami.Unhold: CallModel._unhold,
    ami.MusicOnHoldStart: CallModel._music_start,
    ami.MusicOnHoldStop: CallModel._music_stop,
    ami.DialBegin: CallModel._dial_begin,
    ami.DialEnd: CallModel._dial_end,
    ami.Pickup: CallModel._pickup,
    ami.QueueCallerJoin: CallModel._caller_join,
    ami.QueueCallerAbandon: CallModel._caller_abandon,
    ami.QueueCallerLeave: CallModel._caller_leave,
    ami.QueueEntered: CallModel._queue_entered,
    ami.QueueStatusSet: CallModel._queue_status,
    ami.AgentCalled: CallModel._agent_called,
    ami.AgentRingNoAnswer: CallModel._ring_no_answer,
    ami.QueueMember: CallModel._queue_member,
    ami.QueueMemberRemoved: CallModel._member_removed,
    ami.AttendedTransfer: CallModel._attended_transfer,
    ami.BlindTransfer: CallModel._blind_transfer,
}
