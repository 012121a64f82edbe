"""Steps for events about dialling: who rings for whom, and whether it is a consultation."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.belonging import Belonging
from pbxd.calls.changed import changed
from pbxd.calls.names import Kind, transfer_of
from pbxd.calls.rings import Rings
from pbxd.calls.wiring import Channel
from pbxd.ids import CallId, Uniqueid


class DialSteps:
    def __init__(self, belonging: Belonging, rings: Rings) -> None:
        self.belonging = belonging
        self.wiring = belonging.wiring
        self.journeys = belonging.journeys
        self.consults = belonging.consults
        self.rings = rings

    def dial_begin(self, event: ami.DialBegin) -> None:
        dest = self.belonging.known(event.dest, event.at)
        if dest is None:
            return
        if dest.kind is Kind.DEVICE:
            if _beyond(event.dialstring, dest.name):
                self.belonging.outward[dest.uniqueid] = True
            elif dest.interface not in self.belonging.phones:
                self.belonging.phones[dest.interface] = True
        if event.channel is None:
            self._rung_by_us(dest, event.at)
            return
        source = self.belonging.known(event.channel, event.at)
        if source is None:
            return
        self.journeys.dialler[dest.uniqueid] = source.uniqueid
        call = self._call_of_dialler(source, dest, event.channel, event.at)
        if call is None:
            return
        if self.journeys.of(dest.uniqueid) is None:
            self.journeys.assign(dest.uniqueid, call)
        if self.consults.is_side(source.uniqueid):
            self.consults.mark_side(dest.uniqueid)
        if self.journeys.calls[call].ended is not None:
            return
        if dest.kind is Kind.DEVICE:
            self._rung(call, source, dest, event.channel.exten, event.at)
        elif source.uniqueid not in self.journeys.waiting:
            early = self.journeys.early.pop(dest.uniqueid, None)
            phone = None if early is None else self.wiring.channels.get(early)
            if phone is not None:  # it is no queue that rings it
                self._rung(call, source, phone, event.channel.exten, event.at)

    def _rung_by_us(self, dest: Channel, at: float) -> None:
        """A phone that pbxd has called itself rings for the caller who is handed over."""
        ours = transfer_of(dest.uniqueid) is not None
        call = self.belonging.attach(dest, dest.uniqueid) if ours else None
        if call is None and dest.kind is Kind.DEVICE:
            self.belonging.unclaimed(dest.uniqueid, at)
        if call is not None and dest.kind is Kind.DEVICE and self.journeys.calls[call].ended is None:
            self.rings.start(dest.uniqueid, call, dest.interface, at)

    def _call_of_dialler(
        self, source: Channel, dest: Channel, snapshot: ChannelSnapshot, at: float
    ) -> CallId | None:
        call = self.journeys.of(source.uniqueid)
        if call is not None:
            return call
        if source.kind is Kind.DEVICE:
            return self.belonging.open(source, snapshot.linkedid, at, snapshot.exten)
        if dest.kind is Kind.DEVICE and source.kind is Kind.LOCAL and self.journeys.of(dest.uniqueid) is None:
            # Two ends are called from outside (a click to dial): the first phone is the caller's.
            call = self.belonging.open(dest, snapshot.linkedid, at, "")
            half = self.wiring.partner(source)
            for uniqueid in (source.uniqueid, half):
                if uniqueid is not None:
                    self.journeys.assign(uniqueid, call)
            return call
        return None

    def _rung(self, call: CallId, source: Channel, dest: Channel, exten: str, at: float) -> None:
        """A phone is rung on behalf of a journey: for its subject, or by somebody who transfers him."""
        attempt = self.consults.attempts.get(call)
        uniqueid = dest.uniqueid
        if attempt is not None and (attempt.sent is not None or self.consults.is_side(uniqueid)):
            self.consults.dialled(call, dest.name, dest.interface, outside=self._is_outside(uniqueid))
        elif self._consults_from(call, source):
            self.consults.begin(call, source, source.name, dest.interface, at, asked=True)
            self.consults.mark_side(uniqueid)
            self.consults.dialled(call, dest.name, dest.interface, outside=self._is_outside(uniqueid))
        elif self.journeys.calls[call].subject == dest.name:
            return
        elif not self.journeys.calls[call].dialled:
            self.journeys.calls[call] = changed(self.journeys.calls[call], dialled=exten)
        if source.kind is Kind.LOCAL and (member := self.journeys.rung_for(uniqueid)) is not None:
            self.rings.behind(member, uniqueid)
        unrung = self.journeys.unrung(uniqueid)
        if unrung is not None and self._waits(call):
            # Most likely his queue rings it, which that tells in a moment, on a thread of its own.
            self.journeys.early[unrung] = uniqueid
            return
        if self.journeys.called_for(uniqueid) is None and source.uniqueid not in self.journeys.waiting:
            record = self.journeys.calls[call]
            if not record.dial:
                self.journeys.calls[call] = changed(record, dial="RINGING")
            self.rings.start(
                uniqueid, call, dest.interface, at, transferer=self.consults.transferer(call, dest.name)
            )

    def _waits(self, call: CallId) -> bool:
        """Is he in a queue, or who transfers him?"""
        return any(channel in self.journeys.waiting for channel in self.journeys.channels_of.get(call, ()))

    def _is_outside(self, uniqueid: Uniqueid) -> bool:
        return uniqueid in self.belonging.outward

    def _consults_from(self, call: CallId, source: Channel) -> bool:
        """Does a party dial somebody while the other one is kept waiting somewhere?"""
        others = self.journeys.open_talks(call)
        if self.journeys.calls[call].subject != source.name:
            return any(talk.name == source.name for talk in others)
        if source.uniqueid in self.journeys.waiting:
            return False  # a queue rings its members for him; who gave him to it may not be out yet
        for talk in others:
            channel = self.wiring.named(talk.name)
            # In an ordinary bridge is only somebody who has just sent him on, and is on his way out.
            if channel is not None and self.wiring.bridge_of.get(channel.uniqueid) in self.wiring.holding:
                return True
        return False

    def dial_end(self, event: ami.DialEnd) -> None:
        dest = self.wiring.channels.get(event.dest.uniqueid)
        if dest is None:
            self.belonging.stray(event.dest.uniqueid)
            return
        self.rings.stop(dest.uniqueid, event.status, event.at)
        if event.status == "ANSWER":
            self._answered_for(dest)
        call = self.journeys.of(dest.uniqueid)
        if call is None:
            return
        self.consults.dial_ended(call, dest.name, event.status)
        record = self.journeys.calls[call]
        # Of several phones that were rung together, one that might have answered says more than a busy one.
        if record.dial in ("RINGING", "BUSY") and self.journeys.called_for(dest.uniqueid) is None:
            self.journeys.calls[call] = changed(record, dial=event.status or "NOANSWER")

    def _answered_for(self, dest: Channel) -> None:
        """A queue's member has answered: when the caller leaves the queue now, that is why."""
        caller = self.journeys.dialler.get(dest.uniqueid)
        waiting = None if caller is None else self.journeys.waiting.get(caller)
        if caller is not None and waiting is not None:
            self.journeys.waiting[caller] = changed(waiting, answered=True)

    def pickup(self, event: ami.Pickup) -> None:
        self._serve(event.channel.uniqueid, event.target.uniqueid, event.at)

    def unparked(self, event: ami.UnParkedCall) -> None:
        self._serve(event.retriever.uniqueid, event.parkee.uniqueid, event.at)

    def _serve(self, helper: Uniqueid, served: Uniqueid, at: float) -> None:
        """Somebody dialled in to take somebody else's call: that was no call of his own."""
        call, into = self.journeys.of(helper), self.journeys.of(served)
        if call is None or into is None or call == into:
            return
        if self.journeys.calls[call].ended is None and self.journeys.calls[into].ended is None:
            self.belonging.fold(call, into, at)
            self.belonging.relisten(self.belonging.concerned(served), at)


def _beyond(dialstring: str, name: str) -> bool:
    """Was a number dialled through a device, as through a trunk, and not the device itself?"""
    address = dialstring.removeprefix(name.partition("/")[0] + "/")
    return "@" in address or "/" in address
