"""Steps for events about channels and bridges: who is there, who is together, who hears music."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.ami.snapshots import ChannelState
from pbxd.calls.belonging import Belonging
from pbxd.calls.changed import changed
from pbxd.calls.names import Kind, exten_of_local, transfer_of
from pbxd.calls.rings import Rings
from pbxd.calls.wiring import Channel
from pbxd.ids import CallId, Uniqueid

_REJECTED = 21  # ISDN cause: call rejected, which is what SIP 603 becomes


class ChannelSteps:
    def __init__(self, belonging: Belonging, rings: Rings) -> None:
        self.belonging = belonging
        self.wiring = belonging.wiring
        self.journeys = belonging.journeys
        self.consults = belonging.consults
        self.rings = rings

    def newchannel(self, event: ami.Newchannel) -> None:
        snapshot = event.channel
        if snapshot.uniqueid in self.wiring.channels:
            return
        channel = self.wiring.add(snapshot, event.at)
        call = self.belonging.attach(channel, snapshot.linkedid)
        if channel.kind is Kind.LOCAL:
            if call is not None:
                self._local_for(call, channel, event.at)
        elif call is None and channel.kind is Kind.DEVICE and snapshot.state == ChannelState.RING:
            self.belonging.arrive(channel, event.at)

    def _local_for(self, call: CallId, channel: Channel, at: float) -> None:
        """A Local channel within a journey: somebody who holds the caller may be dialling by ``*2``."""
        if transfer_of(channel.uniqueid) is not None:
            return
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
            self.consults.begin(call, holder, channel.name, exten, at, asked=True, by_keys=True)
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

    def newstate(self, event: ami.Newstate) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is None:
            return
        call = self.journeys.of(channel.uniqueid)
        if event.channel.state == ChannelState.RINGING:
            if call is not None:
                self.consults.ringing(call, channel.name)
                self.rings.rings(channel.uniqueid)
            else:
                self.belonging.unclaimed_rings(channel.uniqueid)
        elif event.channel.state == ChannelState.RING and call is None and channel.kind is Kind.DEVICE:
            self.belonging.arrive(changed(channel, exten=event.channel.exten), event.at)

    def rename(self, event: ami.Rename) -> None:
        uniqueid = event.uniqueid
        if uniqueid not in self.wiring.channels:
            self.belonging.stray(uniqueid)
            return
        concerned = self.belonging.concerned(uniqueid)
        body = self.wiring.rename(uniqueid, event.new)
        if body is not None and self.journeys.of(uniqueid) is None:
            call = self.journeys.of(body)
            if call is not None:
                self.journeys.assign(uniqueid, call)
        self.belonging.relisten(concerned | self.belonging.concerned(uniqueid), event.at)

    def hangup_request(self, event: ami.HangupRequest) -> None:
        uniqueid = event.channel.uniqueid
        channel = self.wiring.channels.get(uniqueid)
        if channel is None:
            return
        self.belonging.hung_up[uniqueid] = True
        served = self.journeys.of(uniqueid)
        if served is not None and not event.soft:
            self.consults.hung_up(served, channel.name)
            self.rings.refused(uniqueid)
        call = self.journeys.by_subject.get(channel.name)
        if call is not None:
            self.journeys.calls[call] = changed(self.journeys.calls[call], leaving=True)

    def hangup(self, event: ami.Hangup) -> None:
        uniqueid, at = event.channel.uniqueid, event.at
        if uniqueid not in self.wiring.channels:
            self.belonging.stray(uniqueid)
            return
        concerned = self.belonging.concerned(uniqueid)
        channel = self.wiring.remove(uniqueid)
        self.rings.stop(uniqueid, "CANCEL", at)
        call = self.journeys.of(uniqueid)
        if call is not None and self.journeys.calls[call].ended is None:
            if self.journeys.calls[call].subject == channel.name:
                self._subject_gone(call, uniqueid, at)
            else:
                self.journeys.end_talk(call, channel.name, at)
                self._party_gone(call, channel, event.cause, at)
        self.belonging.relisten(concerned, at)
        self.belonging.drop(uniqueid, at)

    def _party_gone(self, call: CallId, channel: Channel, cause: int, at: float) -> None:
        if cause == _REJECTED:
            self.consults.rejected(call, channel.name)
            record = self.journeys.calls[call]
            if record.dial and record.dial != "BUSY" and channel.uniqueid in self.journeys.dialler:
                self.journeys.calls[call] = changed(record, dial="BUSY")
        self.consults.line_gone(call, channel.name, at)

    def _subject_gone(self, call: CallId, uniqueid: Uniqueid, at: float) -> None:
        record = self.journeys.calls[call]
        if (handed := self.belonging.handed_over(call)) is not None:
            self.journeys.pass_on(call, handed, at)
            self.journeys.listen(call, at)
            return
        attempt = self.consults.attempts.get(call)
        if attempt is not None and attempt.transferer == record.subject and attempt.joined:
            heir = self.belonging.heir(call)
            if heir is not None:
                self.journeys.pass_on(call, heir, at)
                self.journeys.listen(call, at)
                self.consults.review(call, at)
                return
        if uniqueid in self.journeys.waiting:
            self.journeys.leave(uniqueid, "abandoned", at)
        hung_up = record.leaving or uniqueid in self.belonging.hung_up
        self.consults.caller_gone(call, at, hung_up=hung_up)
        self.journeys.end(call, at)
