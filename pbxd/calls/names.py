"""What a channel's name tells: the device behind it, and whether there is a person at all.

A name like ``PJSIP/1001-0000002a`` stays with the device (one SIP dialogue) when Asterisk swaps the bodies
of two channels, while the uniqueid stays with the place in bridges and dialplan. So people are known by
name, places by uniqueid.
"""

from __future__ import annotations

from enum import StrEnum

from pbxd.ids import Interface, TransferId, Uniqueid


class Kind(StrEnum):
    DEVICE = "device"  #: a phone or a trunk: somebody who can talk
    LOCAL = "local"  #: one half of a pair that passes sound on
    INNER = "inner"  #: a channel of Asterisk's own: announcers, recorders, spies, place holders


_INNER = frozenset(
    {
        "Announcer",
        "AsyncGoto",
        "Bridge",
        "CBAnn",
        "CBRec",
        "Message",
        "MulticastRTP",
        "OutgoingSpoolFailed",
        "Parked",
        "Recorder",
        "Snoop",
        "Surrogate",
        "UnicastRTP",
        "VirtualChannel",
    }
)

_ZOMBIE = "<ZOMBIE>"
SWAPPED = "<MASQ>"
"""Appended to a channel's name for the moment in which its body moves elsewhere."""


def kind_of(name: str) -> Kind:
    """What sort of channel bears this name; a zombie is nobody."""
    technology = name.partition("/")[0]
    if technology in _INNER or name.endswith((_ZOMBIE, SWAPPED)):
        return Kind.INNER
    return Kind.LOCAL if technology == "Local" else Kind.DEVICE


def interface_of(name: str) -> Interface:
    """``PJSIP/1001`` of ``PJSIP/1001-0000002a``; ``Local/1001@from-queue`` of ``Local/…-00000003;2``."""
    stem = name[:-2] if name[-2:-1] == ";" else name
    device, dash, _ = stem.rpartition("-")
    return Interface(device if dash and "/" in device else stem)


def other_half(name: str) -> str | None:
    """The name of the opposite end of a Local pair; None when this is not one of its ends."""
    if name.endswith(";1"):
        return name[:-1] + "2"
    return name[:-1] + "1" if name.endswith(";2") else None


def exten_of_local(name: str) -> str:
    """``1002`` of ``Local/1002@agents-00000003;1``."""
    return name.partition("/")[2].partition("@")[0]


def born_at(uniqueid: str) -> float:
    """The second in which a channel was made, read off its Uniqueid, e.g. ``pbx-1700000000.12``; or 0."""
    whole = uniqueid.rpartition("-")[2].partition(".")[0]
    return float(whole) if whole.isascii() and whole.isdigit() and len(whole) < 12 else 0.0


_OWN = "pbxd-"
_HOLD_ROOM = "pbxd-hold-"
_NEAR, _FAR = "-near", "-far"


def own_channels(transfer: TransferId, attempt: int) -> tuple[Uniqueid, Uniqueid]:
    """The uniqueids that pbxd gives to a channel of its own making and to that one's other half, if any.

    Asterisk finds channels by the beginning of their uniqueid, too: so none may be the beginning of another.
    """
    stem = f"{_OWN}{transfer}-{attempt}"
    return Uniqueid(stem + _NEAR), Uniqueid(stem + _FAR)


def transfer_of_room(name: str) -> TransferId | None:
    """The transfer during which a caller waits in this holding bridge; None for any other."""
    return TransferId(name.removeprefix(_HOLD_ROOM)) if name.startswith(_HOLD_ROOM) else None


def transfer_of(uniqueid: str) -> TransferId | None:
    """The transfer for which pbxd made this channel; None when it is not of its making."""
    if not uniqueid.startswith(_OWN) or not uniqueid.endswith((_NEAR, _FAR)):
        return None
    return TransferId(uniqueid[len(_OWN) :].rpartition("-")[0].rpartition("-")[0])
