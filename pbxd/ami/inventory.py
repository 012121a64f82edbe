"""What a switch holds at one moment: taken at every (re)connect, compared with what was believed before.

``ASKED`` names the list actions; the events of their answers go to :meth:`Inventory.of` as header dicts.
Music and hold are in none of them: a channel that was on hold before a gap is taken to be on hold still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pbxd.ami import snapshots as read
from pbxd.ami.snapshots import ChannelSnapshot, Headers, MalformedEventError, MemberSnapshot
from pbxd.ids import NodeId, Uniqueid

ASKED = ("CoreShowChannels", "BridgeList", "QueueStatus")
"""The list actions of which one inventory is made."""

RECORDED = "record-inventory"
"""The ActionID by which ``pbxd record`` asks for the lists (and, with a Ping before them, for the time), so
that a replay knows whose they are."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEntry:
    """One channel that exists."""

    channel: ChannelSnapshot
    bridge: str | None
    application: str
    data: str = ""  #: the application's arguments
    created: float  #: epoch seconds; Asterisk tells it to the second


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One caller who waits."""

    queue: str
    uniqueid: Uniqueid
    name: str
    caller: str
    position: int | None
    since: float  #: epoch seconds; Asterisk tells it to the second


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Channels, bridges, queues with their members and callers of one node at one moment."""

    node: NodeId
    at: float  #: epoch seconds, by the clock of the switch where it is known
    channels: tuple[ChannelEntry, ...] = ()
    bridges: tuple[tuple[str, str], ...] = ()  #: bridge and technology
    queues: tuple[str, ...] = ()
    members: tuple[MemberSnapshot, ...] = ()
    waiting: tuple[QueueEntry, ...] = ()
    faults: int = 0  #: entries that could not be read and are left out

    @classmethod
    def of(
        cls,
        node: NodeId,
        at: float,
        *,
        channels: Iterable[Headers] = (),
        bridges: Iterable[Headers] = (),
        queues: Iterable[Headers] = (),
    ) -> Inventory:
        """Build from the answers to CoreShowChannels, BridgeList, QueueStatus. Never raises."""
        queues = list(queues)
        channel_entries, bad_channels = _collect(channels, "CoreShowChannel", lambda h: _channel(h, at))
        bridge_entries, bad_bridges = _collect(bridges, "BridgeListItem", _bridge)
        names, bad_names = _collect(queues, "QueueParams", lambda h: _need(h, "Queue"))
        members, bad_members = _collect(queues, "QueueMember", read.member)
        waiting, bad_waiting = _collect(queues, "QueueEntry", lambda h: _waiting(h, at))
        return cls(
            node=node,
            at=at,
            channels=channel_entries,
            bridges=bridge_entries,
            queues=names,
            members=members,
            waiting=waiting,
            faults=bad_channels + bad_bridges + bad_names + bad_members + bad_waiting,
        )


def _collect(
    answer: Iterable[Headers], event: str, build: Callable[[Headers], T]
) -> tuple[tuple[T, ...], int]:
    """The entries of one kind, and how many were unreadable."""
    entries, faults = [], 0
    for headers in answer:
        if headers.get("Event") != event:
            continue
        try:
            entries.append(build(headers))
        except MalformedEventError:
            faults += 1
    return tuple(entries), faults


def _need(headers: Headers, header: str) -> str:
    value = headers.get(header)
    if not value:
        raise MalformedEventError(headers, header)
    return value


def _age(headers: Headers) -> float:
    """A channel's Duration, ``HH:MM:SS`` with any number of hours, in seconds."""
    age = 0.0
    for part in headers.get("Duration", "").split(":"):
        if not part.isdecimal():
            return 0.0
        age = age * 60 + int(part)
    return age


def _channel(headers: Headers, at: float) -> ChannelEntry:
    return ChannelEntry(
        channel=read.channel(headers),
        bridge=headers.get("BridgeId") or None,
        application=headers.get("Application", ""),
        data=headers.get("ApplicationData", ""),
        created=at - _age(headers),
    )


def _bridge(headers: Headers) -> tuple[str, str]:
    return _need(headers, "BridgeUniqueid"), headers.get("BridgeTechnology", "")


def _waiting(headers: Headers, at: float) -> QueueEntry:
    return QueueEntry(
        queue=_need(headers, "Queue"),
        uniqueid=Uniqueid(_need(headers, "Uniqueid")),
        name=headers.get("Channel", ""),
        caller=read.number(headers.get("CallerIDNum", "")),
        position=read.whole(headers, "Position", 0) or None,
        since=at - read.seconds(headers, "Wait"),
    )
