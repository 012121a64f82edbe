"""Steps for events about bridges, music and hold: who is together, and who hears whom after that."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.belonging import Belonging
from pbxd.calls.names import Kind, transfer_of_room
from pbxd.calls.wiring import Channel
from pbxd.ids import CallId, Uniqueid


class BridgeSteps:
    def __init__(self, belonging: Belonging) -> None:
        self.belonging = belonging
        self.wiring = belonging.wiring
        self.journeys = belonging.journeys
        self.consults = belonging.consults

    def bridge_enter(self, event: ami.BridgeEnter) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is None:
            return
        uniqueid = channel.uniqueid
        concerned = self.belonging.concerned(uniqueid)
        self.wiring.enter(uniqueid, event.bridge, event.technology, event.name)
        if uniqueid in self.belonging.hung_up:
            self.wiring.revived[uniqueid] = True
        if event.technology == "holding_bridge" and (transfer := transfer_of_room(event.name)) is not None:
            self.belonging.claim(transfer, channel)
        if self.belonging.attach(channel, event.channel.linkedid) is None and channel.kind is Kind.DEVICE:
            self._join_company(channel, event.channel, event.at)
        self.belonging.relisten(concerned | self.belonging.concerned(uniqueid), event.at)
        if event.swap is not None:
            self._stepped_in(event.swap, event.at)

    def _stepped_in(self, swap: Uniqueid, at: float) -> None:
        """Somebody takes the place of the Local channel by which ``*2`` had dialled the target.

        Until then Asterisk has played the target a beep that says that the transfer is complete, and nobody
        heard anybody: the conversation begins now.
        """
        call = self.journeys.of(swap)
        if call is not None and self.consults.is_side(swap):
            self.journeys.start_afresh(call, at)

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
            call = self.belonging.open(first, first.uniqueid, at, first.exten, missed=first.unseen)
            self.journeys.assign(channel.uniqueid, call)
            self.journeys.add_root(call, snapshot.linkedid)

    def bridge_leave(self, event: ami.BridgeLeave) -> None:
        uniqueid = event.channel.uniqueid
        if uniqueid not in self.wiring.channels:
            self.belonging.stray(uniqueid)
            return
        if self.wiring.bridge_of.get(uniqueid) == event.bridge:
            concerned = self.belonging.concerned(uniqueid)
            self.wiring.leave(uniqueid)
            self.belonging.relisten(concerned, event.at)

    def bridge_destroy(self, event: ami.BridgeDestroy) -> None:
        concerned: set[CallId] = set()
        for member in self.wiring.members.get(event.bridge, ()):
            concerned |= self.belonging.concerned(member)
        self.wiring.destroy(event.bridge)
        self.belonging.relisten(concerned, event.at)

    def hold(self, event: ami.Hold) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is not None:
            self.wiring.hold(channel.uniqueid, event.at)
            self.belonging.relisten(self.belonging.concerned(channel.uniqueid), event.at)

    def unhold(self, event: ami.Unhold) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is not None and channel.uniqueid in self.wiring.held:
            self.wiring.unhold(channel.uniqueid)
            self.belonging.relisten(self.belonging.concerned(channel.uniqueid), event.at)

    def music_start(self, event: ami.MusicOnHoldStart) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is not None:
            self.wiring.music[channel.uniqueid] = event.at
            self._sounds_change(channel.uniqueid, event.at)

    def music_stop(self, event: ami.MusicOnHoldStop) -> None:
        channel = self.belonging.known(event.channel, event.at)
        if channel is not None and self.wiring.music.pop(channel.uniqueid, None) is not None:
            self._sounds_change(channel.uniqueid, event.at)

    def _sounds_change(self, uniqueid: Uniqueid, at: float) -> None:
        """Somebody hears music, or no longer. Who is in no bridge hears nobody anyway."""
        if uniqueid in self.wiring.bridge_of:
            self.belonging.relisten(self.belonging.concerned(uniqueid), at)
