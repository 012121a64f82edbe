"""The physical picture: which channels exist, which bridges they are in, and who hears whom.

Two people hear each other when a chain of bridges and Local channels joins them and nobody on the way is
on hold or listens to music. Sharing a bridge is not enough: somebody who transfers by ``*2`` stays in the
caller's bridge for seconds while music plays. A holding bridge joins nobody.

All changes cost the same however many channels are open; only the bridges concerned are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.changed import changed
from pbxd.calls.names import SWAPPED, Kind, interface_of, kind_of, other_half
from pbxd.ids import Interface, Uniqueid
from pbxd.journal import Journal, Table

_GONE_KEPT = 4096
"""How many ended channels are remembered, so that what is told of them afterwards is not taken for news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel. ``name`` and what follows from it change when bodies are swapped."""

    uniqueid: Uniqueid
    name: str
    interface: Interface
    kind: Kind
    caller: str
    caller_name: str
    exten: str
    born: float
    unseen: bool  #: it existed before anybody told of it


class Wiring:
    """Channels, bridges, music and hold of one switch."""

    def __init__(self, journal: Journal) -> None:
        self.channels: Table[Uniqueid, Channel] = Table(journal)
        self.by_name: Table[str, Uniqueid] = Table(journal)
        self.bridge_of: Table[Uniqueid, str] = Table(journal)
        self.members: Table[str, tuple[Uniqueid, ...]] = Table(journal)
        self.holding: Table[str, bool] = Table(journal)
        self.rooms: Table[str, str] = Table(journal)  #: the names of holding bridges
        self.music: Table[Uniqueid, float] = Table(journal)  #: since when
        self.held: Table[Uniqueid, tuple[float, Interface]] = Table(
            journal
        )  #: who holds his peer, since when
        self.holders: Table[Interface, tuple[Uniqueid, ...]] = Table(journal)
        self.revived: Table[Uniqueid, bool] = Table(journal)  #: in a bridge after the end of its line: nobody
        self._gone: Table[Uniqueid, int] = Table(journal)
        self._gone_order: Table[int, Uniqueid] = Table(journal)
        self._gone_next: Table[None, int] = Table(journal)

    # ------------------------------------------------------------ channels

    def add(self, snapshot: ChannelSnapshot, at: float, *, unseen: bool = False) -> Channel:
        """A channel exists from now on."""
        name = snapshot.name
        channel = Channel(
            uniqueid=snapshot.uniqueid,
            name=name,
            interface=interface_of(name),
            kind=kind_of(name),
            caller=snapshot.caller,
            caller_name=snapshot.caller_name,
            exten=snapshot.exten,
            born=at,
            unseen=unseen,
        )
        self.channels[channel.uniqueid] = channel
        self.by_name[name] = channel.uniqueid
        return channel

    def know(self, channel: Channel) -> None:
        """A channel is known again, as it was."""
        self.channels[channel.uniqueid] = channel
        self.by_name[channel.name] = channel.uniqueid

    def rename(self, uniqueid: Uniqueid, new: str) -> Uniqueid | None:
        """A channel gets another name. Returns the channel whose body this one takes over, if so."""
        channel = self.channels[uniqueid]
        if self.by_name.get(channel.name) == uniqueid:
            del self.by_name[channel.name]
        self.by_name[new] = uniqueid
        self.channels[uniqueid] = changed(channel, name=new, interface=interface_of(new), kind=kind_of(new))
        body = self.by_name.get(new + SWAPPED)
        if body is not None and body in self.held:
            since, _ = self.held[body]
            self.unhold(body)
            self.hold(uniqueid, since)
        return body

    def remove(self, uniqueid: Uniqueid) -> Channel:
        """A channel has ended."""
        self.leave(uniqueid)
        self.music.pop(uniqueid, None)
        self.revived.pop(uniqueid, None)
        self.unhold(uniqueid)
        channel: Channel = self.channels.pop(uniqueid)
        if self.by_name.get(channel.name) == uniqueid:
            del self.by_name[channel.name]
        turn = self._gone_next.get(None, 0)
        oldest = self._gone_order.get(turn % _GONE_KEPT)
        if oldest is not None:
            self._gone.pop(oldest, None)
        self._gone_order[turn % _GONE_KEPT] = uniqueid
        self._gone[uniqueid] = turn
        self._gone_next[None] = turn + 1
        return channel

    def has_gone(self, uniqueid: Uniqueid) -> bool:
        """Did this channel end a short while ago?"""
        return uniqueid in self._gone

    def named(self, name: str) -> Channel | None:
        """The living channel that bears this name."""
        uniqueid = self.by_name.get(name)
        return None if uniqueid is None else self.channels[uniqueid]

    def hold(self, uniqueid: Uniqueid, at: float) -> None:
        """This phone holds its peer from now on."""
        if uniqueid not in self.held:
            interface = self.channels[uniqueid].interface
            self.holders[interface] = (*self.holders.get(interface, ()), uniqueid)
            self.held[uniqueid] = (at, interface)

    def unhold(self, uniqueid: Uniqueid) -> None:
        """This phone holds nobody (any more)."""
        held = self.held.pop(uniqueid, None)
        if held is None:
            return
        interface = held[1]
        rest = tuple(other for other in self.holders[interface] if other != uniqueid)
        if rest:
            self.holders[interface] = rest
        else:
            del self.holders[interface]

    # ------------------------------------------------------------ bridges

    def enter(self, uniqueid: Uniqueid, bridge: str, technology: str, name: str = "") -> None:
        """A channel is in this bridge now, and in no other."""
        was = self.bridge_of.get(uniqueid)
        if was == bridge:
            return
        if was is not None:
            self.leave(uniqueid)
        self.bridge_of[uniqueid] = bridge
        self.members[bridge] = (*self.members.get(bridge, ()), uniqueid)
        if technology == "holding_bridge":
            self.holding[bridge] = True
            if name:
                self.rooms[bridge] = name

    def leave(self, uniqueid: Uniqueid) -> None:
        """A channel is in no bridge now."""
        bridge = self.bridge_of.pop(uniqueid, None)
        if bridge is None:
            return
        rest = tuple(member for member in self.members[bridge] if member != uniqueid)
        if rest:
            self.members[bridge] = rest
        else:
            self.destroy(bridge)

    def destroy(self, bridge: str) -> None:
        """A bridge is no more; whoever was in it is in none."""
        for member in self.members.pop(bridge, ()):
            self.bridge_of.pop(member, None)
        self.holding.pop(bridge, None)
        self.rooms.pop(bridge, None)

    def room(self, uniqueid: Uniqueid) -> str:
        """The name of the holding bridge in which this channel waits; '' when it is in none."""
        bridge = self.bridge_of.get(uniqueid)
        return "" if bridge is None else self.rooms.get(bridge, "")

    # ------------------------------------------------------------ who hears whom

    def heard_by(self, uniqueid: Uniqueid) -> list[Uniqueid]:
        """The devices that hear this channel and are heard by it."""
        if uniqueid in self.music or uniqueid in self.held:
            return []
        return self._reach(uniqueid, through_music=False)

    def chain(self, uniqueid: Uniqueid) -> list[Uniqueid]:
        """The devices on the same chain of bridges, this one too, whether they hear anything or not."""
        channel = self.channels[uniqueid]
        found = self._reach(uniqueid, through_music=True)
        if channel.kind is Kind.DEVICE:
            found.append(uniqueid)
        elif (half := self.partner(channel)) is not None:
            found += self._reach(half, through_music=True)
        return found

    def _reach(self, start: Uniqueid, *, through_music: bool) -> list[Uniqueid]:
        bridge = self.bridge_of.get(start)
        if bridge is None or bridge in self.holding:
            return []
        found: list[Uniqueid] = []
        seen = {bridge}
        todo = [(bridge, start)]
        channels, music, held = self.channels, self.music, self.held
        while todo:
            bridge, door = todo.pop()
            for member in self.members.get(bridge, ()):
                if member == door or (not through_music and (member in music or member in held)):
                    continue
                channel = channels[member]
                if channel.kind is Kind.DEVICE:
                    if member != start:
                        found.append(member)
                elif channel.kind is Kind.LOCAL:
                    behind = self._behind(channel, through_music)
                    if behind is not None and behind[0] not in seen:
                        seen.add(behind[0])
                        todo.append(behind)
        return found

    def _behind(self, channel: Channel, through_music: bool) -> tuple[str, Uniqueid] | None:
        """The bridge beyond a Local channel, and the door by which one comes into it."""
        half = self.partner(channel)
        if half is None or (not through_music and (half in self.music or half in self.held)):
            return None
        bridge = self.bridge_of.get(half)
        return None if bridge is None or bridge in self.holding else (bridge, half)

    def partner(self, channel: Channel) -> Uniqueid | None:
        """The other half of a Local pair, while it lives."""
        if channel.kind is not Kind.LOCAL:
            return None
        name = other_half(channel.name)
        return None if name is None else self.by_name.get(name)
