"""How Asterisk describes channels and queue members in its headers, read once and the same way everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from pbxd.ids import Interface, Uniqueid

Headers = Mapping[str, str]


class MalformedEventError(Exception):
    """An event that lacks a header it cannot do without."""

    def __init__(self, headers: Headers, header: str) -> None:
        self.event = headers.get("Event", "")[:80]
        self.header = header
        super().__init__(f"{self.event or 'an event without a name'}: no {header}")


class ChannelState(IntEnum):
    """The states that matter; Asterisk has some more, all of them on the way to these."""

    DOWN = 0
    RING = 4  #: a caller who has not been answered
    RINGING = 5  #: a called phone that rings
    UP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSnapshot:
    """What Asterisk says of a channel beside each event that concerns it."""

    uniqueid: Uniqueid
    name: str  #: e.g. ``PJSIP/1001-0000002a``
    linkedid: str
    state: int
    caller: str  #: the channel's own number, '' when withheld
    caller_name: str
    exten: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSnapshot:
    """One member of one queue."""

    queue: str
    interface: Interface
    name: str
    state_interface: str  #: the device whose state counts; mostly the interface itself
    status: int  #: device state: 0 unknown, 1 free, 2 in use, 3 busy, 4 invalid, 5 unavailable, 6 ringing, …
    paused: bool
    paused_reason: str
    last_call: float  #: when the last call ended, epoch seconds; 0 if never
    last_pause: float = 0.0  #: when it was paused last, epoch seconds; 0 if never


ChannelReader = Callable[[Headers], ChannelSnapshot | None]

_NOBODY = frozenset({"", "<unknown>", "anonymous"})
_NEVER = 1e12
"""Seconds since the epoch beyond which a time is none."""


def number(value: str) -> str:
    """A caller's number as Asterisk prints it; ``''`` when it is withheld or unknown."""
    return "" if (value[:1].isalpha() and value.lower() in _NOBODY) or value in _NOBODY else value


def whole(headers: Headers, header: str, default: int) -> int:
    """A header as an integer; ``default`` when it is missing or is no number."""
    try:
        return int(headers.get(header, default))
    except ValueError:
        return default


def seconds(headers: Headers, header: str) -> float:
    """A header as seconds from 0 to 10**12; 0 when it is missing, no number, or beyond."""
    try:
        value = float(headers.get(header, 0))
    except ValueError:
        return 0.0
    return value if 0 <= value < _NEVER else 0.0


def event_time(headers: Headers, received: float) -> float:
    """When the event happened: its Timestamp (``timestampevents = yes``), else when it was received."""
    stamp = headers.get("Timestamp")
    if stamp is None:
        return received
    try:
        value = float(stamp)
    except ValueError:
        return received
    return value if 0 < value < _NEVER else received


def _slot(name: str) -> Callable[[ChannelSnapshot, object], None]:
    setter: Callable[[ChannelSnapshot, object], None] = getattr(ChannelSnapshot, name).__set__
    return setter


_blank = object.__new__
_set_uniqueid, _set_name, _set_linkedid = _slot("uniqueid"), _slot("name"), _slot("linkedid")
_set_state, _set_exten = _slot("state"), _slot("exten")
_set_caller, _set_caller_name = _slot("caller"), _slot("caller_name")


def _channel_reader(prefix: str) -> ChannelReader:
    """A reader of the channel that the headers with this prefix describe; None when they are not there."""
    uniqueid, name, linkedid = f"{prefix}Uniqueid", f"{prefix}Channel", f"{prefix}Linkedid"
    state, exten = f"{prefix}ChannelState", f"{prefix}Exten"
    caller, caller_name = f"{prefix}CallerIDNum", f"{prefix}CallerIDName"

    def read(headers: Headers) -> ChannelSnapshot | None:
        get = headers.get
        uid = get(uniqueid)
        if not uid:
            return None
        digit = get(state, "")
        label = get(caller_name, "")
        # Nearly every event has one of these. Filled slot by slot it takes a third of the time that the
        # constructor of a frozen dataclass does.
        snapshot = _blank(ChannelSnapshot)
        _set_uniqueid(snapshot, uid)
        _set_name(snapshot, get(name, ""))
        _set_linkedid(snapshot, get(linkedid) or uid)
        _set_state(snapshot, int(digit) if digit.isascii() and digit.isdigit() else 0)
        _set_caller(snapshot, number(get(caller, "")))
        _set_caller_name(snapshot, "" if label == "<unknown>" else label)
        _set_exten(snapshot, get(exten, ""))
        return snapshot

    return read


own = _channel_reader("")
dest = _channel_reader("Dest")
target = _channel_reader("Target")
parkee = _channel_reader("Parkee")
retriever = _channel_reader("Retriever")
transferer = _channel_reader("Transferer")
transferee = _channel_reader("Transferee")
orig_transferer = _channel_reader("OrigTransferer")
second_transferer = _channel_reader("SecondTransferer")
transfer_target = _channel_reader("TransferTarget")


def needed(read: ChannelReader, headers: Headers, header: str) -> ChannelSnapshot:
    """The channel that ``read`` finds; MalformedEventError naming ``header`` when it finds none."""
    found = read(headers)
    if found is None:
        raise MalformedEventError(headers, header)
    return found


def channel(headers: Headers) -> ChannelSnapshot:
    """The channel an event is about."""
    return needed(own, headers, "Uniqueid")


def member(headers: Headers) -> MemberSnapshot:
    """A queue member, from an event or from the answer to QueueStatus (which calls things otherwise)."""
    interface = headers.get("Interface") or headers.get("Location")
    queue = headers.get("Queue")
    if not interface or not queue:
        raise MalformedEventError(headers, "Interface" if queue else "Queue")
    return MemberSnapshot(
        queue=queue,
        interface=Interface(interface),
        name=headers.get("MemberName") or headers.get("Name") or interface,
        state_interface=headers.get("StateInterface") or interface,
        status=whole(headers, "Status", 0),
        paused=headers.get("Paused") == "1",
        paused_reason=headers.get("PausedReason", ""),
        last_call=seconds(headers, "LastCall"),
        last_pause=seconds(headers, "LastPause"),
    )
