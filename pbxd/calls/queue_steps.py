"""Steps for events about queues: who waits, who is rung, and why a caller left."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.calls.belonging import Belonging
from pbxd.calls.call import Called, Waiting
from pbxd.calls.changed import changed
from pbxd.calls.rings import Rings
from pbxd.calls.staffing import Staffing
from pbxd.ids import Uniqueid

_WHY_LEFT = {
    "TIMEOUT": "timeout",
    "LEAVEEMPTY": "no_agent",
    "LEAVEUNAVAIL": "no_agent",
    "WITHDRAW": "left",
}
_REFUSED = frozenset({"JOINEMPTY", "JOINUNAVAIL", "FULL"})


class QueueSteps:
    def __init__(self, belonging: Belonging, rings: Rings, staffing: Staffing) -> None:
        self.belonging = belonging
        self.journeys = belonging.journeys
        self.consults = belonging.consults
        self.rings = rings
        self.staffing = staffing

    def caller_join(self, event: ami.QueueCallerJoin) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is None:
            return
        uniqueid = channel.uniqueid
        waiting = self.journeys.waiting.get(uniqueid)
        if waiting is not None and waiting.queue == event.queue:
            return  # an inventory was quicker
        call = self.journeys.of(uniqueid)
        if call is None:
            call = self.belonging.open(channel, event.channel.linkedid, event.at, event.channel.exten)
        attempt = self.consults.attempts.get(call)
        if self.consults.is_side(uniqueid) and (attempt is None or attempt.sent is None):
            self.journeys.waiting[uniqueid] = Waiting(
                call=call, queue=event.queue, joined=event.at, own=False
            )
            if attempt is not None:
                self.consults.queued(call, event.queue, uniqueid)
            return
        if attempt is not None and attempt.sent is not None and attempt.met is None:
            self.consults.queued(call, event.queue, uniqueid)
        self.journeys.join(uniqueid, call, event.queue, event.at, event.position)

    def caller_abandon(self, event: ami.QueueCallerAbandon) -> None:
        waiting = self.journeys.waiting.get(event.channel.uniqueid)
        if waiting is not None:
            self.journeys.waiting[event.channel.uniqueid] = changed(waiting, abandoned=True)

    def caller_leave(self, event: ami.QueueCallerLeave) -> None:
        uniqueid = event.channel.uniqueid
        waiting = self.journeys.waiting.get(uniqueid)
        if waiting is None:
            return
        if not waiting.abandoned:
            outcome = "answered" if waiting.answered else "left"
        elif uniqueid in self.belonging.hung_up or self._is_leaving(uniqueid):
            outcome = "abandoned"
        else:
            outcome = self.staffing.why_left(waiting.queue, waiting.joined, event.at)
        self.journeys.leave(uniqueid, outcome, event.at)

    def _is_leaving(self, uniqueid: Uniqueid) -> bool:
        call = self.journeys.of(uniqueid)
        return call is not None and self.journeys.calls[call].leaving

    def queue_entered(self, event: ami.QueueEntered) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is not None:
            self.belonging.asked[channel.uniqueid] = event.queue

    def queue_status(self, event: ami.QueueStatusSet) -> None:
        uniqueid = event.channel.uniqueid
        call = self.journeys.of(uniqueid)
        if call is None:
            return
        if event.status in _REFUSED:
            queue = self.belonging.asked.get(uniqueid, "")
            self.journeys.calls[call] = changed(self.journeys.calls[call], refused=queue)
        elif event.status in _WHY_LEFT:
            self.journeys.correct_wait(call, _WHY_LEFT[event.status])

    def agent_called(self, event: ami.AgentCalled) -> None:
        if event.dest is None or event.channel is None:
            return
        dest = self.belonging.known(event.dest, event.at)
        source = self.belonging.known(event.channel, event.at)
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
            dest.uniqueid,
            call,
            event.interface,
            event.at,
            member=event.member,
            queue=event.queue,
            transferer=self.consults.sends_to(call, event.queue),
        )
        if (phone := self.journeys.early.pop(dest.uniqueid, None)) is not None:
            self.rings.behind(dest.uniqueid, phone)

    def agent_connect(self, event: ami.AgentConnect) -> None:
        """The last word on how a wait ended, should the answer itself have been missed."""
        call = None if event.channel is None else self.journeys.of(event.channel.uniqueid)
        waits = () if call is None else self.journeys.waits.get(call, ())
        if call is not None and waits and waits[-1].queue == event.queue and waits[-1].outcome == "left":
            self.journeys.correct_wait(call, "answered")

    def agent_complete(self, event: ami.AgentComplete) -> None:
        """Of a call whose beginning was not seen this tells the queue that it came through."""
        for channel in (event.channel, event.dest):
            call = None if channel is None else self.journeys.of(channel.uniqueid)
            if call is not None and self.journeys.calls[call].missed:
                self.journeys.calls[call] = changed(self.journeys.calls[call], queue=event.queue)
                return

    def ring_no_answer(self, event: ami.AgentRingNoAnswer) -> None:
        if event.dest is not None:
            self.rings.stop(event.dest.uniqueid, "NOANSWER", event.at)

    def queue_member(self, event: ami.QueueMember) -> None:
        self.staffing.update(event.member, event.at)

    def member_removed(self, event: ami.QueueMemberRemoved) -> None:
        self.staffing.remove(event.queue, event.interface, event.at)
