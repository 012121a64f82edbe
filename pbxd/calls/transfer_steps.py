"""Steps for what the switch says of transfers. It says it late, and leaves out a lot."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.belonging import Belonging
from pbxd.calls.names import Kind, interface_of
from pbxd.ids import CallId, Interface

AT_ONCE_S = 0.5
"""The channels of a transfer tell of themselves each in its own time, but not later than this."""


class TransferSteps:
    def __init__(self, belonging: Belonging) -> None:
        self.belonging = belonging
        self.wiring = belonging.wiring
        self.journeys = belonging.journeys
        self.consults = belonging.consults

    def attended_transfer(self, event: ami.AttendedTransfer) -> None:
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
        consult = event.orig if transferer is event.second else event.second
        if transferer.name == journeys.calls[call].subject:
            self._hand_on(call, event.transferee, at)
        self._own_wait(call, at)
        to = "" if event.target is None else self._target_of(event.target)
        interface = self._interface(transferer)
        three = event.dest_type == "Threeway"
        lines = transferer.name, consult.name
        self.consults.handed_over(call, lines, interface, to, at, three=three)
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
        return interface_of(snapshot.name) if channel is None else channel.interface

    def _target_of(self, snapshot: ChannelSnapshot) -> str:
        channel = self.wiring.channels.get(snapshot.uniqueid)
        return channel.interface if channel is not None and channel.kind is Kind.DEVICE else snapshot.exten

    def _join_lines(self, call: CallId, other: CallId, event: ami.AttendedTransfer) -> CallId:
        """Two journeys meet in a transfer. The one that the transferer began himself was a consultation."""
        journeys = self.journeys
        first, second = journeys.calls[call], journeys.calls[other]
        if second.ended is None and second.subject == event.second.name:
            self.belonging.fold(other, call, event.at)
            return call
        if first.ended is None and first.subject == event.orig.name:
            self.belonging.fold(call, other, event.at)
            return other
        return call

    def _hand_on(self, call: CallId, transferee: ChannelSnapshot | None, at: float) -> None:
        """The caller himself transfers: from now on it is the other party's journey."""
        heir = self.belonging.heir(call)
        if heir is None and transferee is not None:
            channel = self.wiring.channels.get(transferee.uniqueid)
            heir = None if channel is None or channel.kind is not Kind.DEVICE else channel.name
        if heir is not None:
            self.journeys.pass_on(call, heir, at)

    def _own_wait(self, call: CallId, at: float) -> None:
        """The transferer leaves the caller in the queue that he was consulting."""
        attempt = self.consults.attempts.get(call)
        place = None if attempt is None else attempt.place
        waiting = None if place is None else self.journeys.waiting.get(place)
        if place is not None and waiting is not None and not waiting.own:
            del self.journeys.waiting[place]
            # His channel takes the transferer's place, unless that is a Local one to which he is joined.
            subject = self.wiring.by_name.get(self.journeys.calls[call].subject)
            line = self.wiring.channels.get(place)
            if subject is not None and line is not None and line.kind is Kind.DEVICE:
                place = subject
            self.journeys.join(place, call, waiting.queue, at, None)

    def blind_transfer(self, event: ami.BlindTransfer) -> None:
        if not event.success:
            return
        transferer = event.transferer
        channel = self.belonging.known(transferer, event.at)
        if event.transferee is not None:
            self.belonging.known(event.transferee, event.at)
        call = self._sent_on(event)
        if call is None or self.journeys.calls[call].ended is not None:
            return
        if self.journeys.calls[call].subject == transferer.name:
            self._hand_on(call, event.transferee, event.at)
        elif not self._took_part(call, transferer.name, event.at) and not self.journeys.calls[call].missed:
            return
        interface = interface_of(transferer.name) if channel is None else channel.interface
        self.consults.blind(call, transferer.name, interface, event.exten, event.at)
        self._already_there(call, event.at - AT_ONCE_S)

    def _sent_on(self, event: ami.BlindTransfer) -> CallId | None:
        """Whose journey it is; the transferer's channel may have ended already."""
        call = self.journeys.of(event.transferer.uniqueid)
        if call is None and event.transferee is not None:
            call = self.journeys.of(event.transferee.uniqueid)
        return call

    def _took_part(self, call: CallId, name: str, at: float) -> bool:
        """Is he in it, or was he until just now? He may be out before the switch says what he did."""
        if self.belonging.takes_part(call, name):
            return True
        talks = [talk for talk in self.journeys.talks.get(call, ()) if talk.name == name]
        return any(talk.ended is not None and at - talk.ended < AT_ONCE_S for talk in talks)

    def _already_there(self, call: CallId, since: float) -> None:
        """The caller may wait, or somebody may ring for him, before the switch says that he was sent on."""
        journeys = self.journeys
        for uniqueid, waiting in journeys.waiting.items():
            if waiting.own and waiting.joined >= since and journeys.final(waiting.call) == call:
                self.consults.queued(call, waiting.queue, uniqueid)
        for uniqueid, ring in journeys.ringing.items():
            if ring.since >= since and journeys.final(ring.call) == call:
                phone = self.wiring.channels[uniqueid]
                outside = uniqueid in self.belonging.outward
                self.consults.dialled(call, phone.name, phone.interface, outside=outside)
                if ring.rang:
                    self.consults.ringing(call, phone.name)
