"""The actions that pbxd sends, and the one place where actions become bytes.

An action is a list of lines, so a line break inside a value would be a second action of somebody else's
making. Nothing is quoted or cleaned here: what cannot be sent as it is, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pbxd.ids import Interface

Headers: TypeAlias = dict[str, str]


class UnsafeHeaderError(ValueError):
    """A key or value that cannot be sent without saying something else than it means."""


def encode(headers: Mapping[str, str | Sequence[str]], action_id: str) -> bytes:
    """One action as bytes: Action first, then ``action_id``, then the rest in the given order.

    A sequence as value repeats its header (Variable). Raises UnsafeHeaderError, naming action and header.
    """
    named = {key.lower(): value for key, value in headers.items()}
    action = named.get("action")
    if not isinstance(action, str) or not action:
        raise UnsafeHeaderError("an action needs a header Action with its name")
    lines = [_line(action, "Action", action), _line(action, "ActionID", action_id)]
    for key, value in headers.items():
        if key.lower() in ("action", "actionid"):
            continue
        for one in (value,) if isinstance(value, str) else value:
            lines.append(_line(action, key, one))
    try:
        return "".join((*lines, "\r\n")).encode("utf-8")
    except UnicodeEncodeError as fault:
        raise UnsafeHeaderError(
            f"action {action!r}: a header holds half a character: {fault.reason}"
        ) from None


def _line(action: str, key: str, value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    if not key or ":" in key or key != key.strip() or _breaks(key) is not None:
        raise UnsafeHeaderError(f"action {action[:40]!r}: {key!r} cannot be the name of a header")
    at = _breaks(text)
    if at is not None:
        raise UnsafeHeaderError(
            f"action {action[:40]!r}, header {key}: {text[at]!r} at character {at + 1} would end the header"
            " and let the rest of the value pass as another one"
        )
    return f"{key}: {text}\r\n"


def _breaks(text: str) -> int | None:
    """Where the first CR, LF or NUL is."""
    places = [at for at in (text.find("\r"), text.find("\n"), text.find("\0")) if at >= 0]
    return min(places, default=None)


# ---------------------------------------------------------------- signing in


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Asks for a random text, so that the secret need not travel. The answer's header is Challenge."""

    def headers(self) -> Headers:
        return {"Action": "Challenge", "AuthType": "MD5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Signs in by the secret itself, or, when there is a ``challenge``, by an MD5 over both."""

    username: str
    secret: str
    events: str  #: the classes wanted, e.g. "call,agent,system,user", or "on" or "off"
    challenge: str | None = None

    def headers(self) -> Headers:
        opening = {"Action": "Login", "Username": self.username}
        if self.challenge is None:
            return {**opening, "Secret": self.secret, "Events": self.events}
        proof = hashlib.md5((self.challenge + self.secret).encode(), usedforsecurity=False).hexdigest()
        return {**opening, "AuthType": "MD5", "Key": proof, "Events": self.events}

    def __repr__(self) -> str:
        return f"Login(username={self.username!r}, events={self.events!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    def headers(self) -> Headers:
        return {"Action": "Ping"}


# ---------------------------------------------------------------- what the switch holds


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreShowChannels:
    """Every channel with its ids, state, caller, place in the dialplan and (BridgeId) bridge."""

    def headers(self) -> Headers:
        return {"Action": "CoreShowChannels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeList:
    """Every bridge with its type and technology, without its channels."""

    def headers(self) -> Headers:
        return {"Action": "BridgeList"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeInfo:
    """The channels of one bridge."""

    bridge: str

    def headers(self) -> Headers:
        return {"Action": "BridgeInfo", "BridgeUniqueid": self.bridge}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """Every queue with its members and the callers who wait in it; one queue only when it is named."""

    queue: str | None = None

    def headers(self) -> Headers:
        return {"Action": "QueueStatus"} | ({} if self.queue is None else {"Queue": self.queue})


# ---------------------------------------------------------------- doing something


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePause:
    """Pauses or resumes a member in one queue, or (``queue`` None) in all of which it is a member."""

    interface: Interface
    paused: bool
    queue: str | None = None
    reason: str = ""

    def headers(self) -> Headers:
        headers = {"Action": "QueuePause", "Interface": self.interface, "Paused": _truth(self.paused)}
        if self.queue is not None:
            headers["Queue"] = self.queue
        if self.reason:
            headers["Reason"] = self.reason
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the dialplan."""

    context: str
    exten: str
    priority: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Sends a channel, and at the same moment the one it talks with, to places in the dialplan."""

    channel: str
    to: Place
    extra_channel: str | None = None
    extra_to: Place | None = None

    def __post_init__(self) -> None:
        if (self.extra_channel is None) != (self.extra_to is None):
            raise ValueError("a second channel and its place go together")

    def headers(self) -> Headers:
        headers = {
            "Action": "Redirect",
            "Channel": self.channel,
            "Context": self.to.context,
            "Exten": self.to.exten,
            "Priority": str(self.to.priority),
        }
        if self.extra_channel is not None and self.extra_to is not None:
            headers |= {
                "ExtraChannel": self.extra_channel,
                "ExtraContext": self.extra_to.context,
                "ExtraExten": self.extra_to.exten,
                "ExtraPriority": str(self.extra_to.priority),
            }
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Connects two channels that exist, wherever they are."""

    channel1: str
    channel2: str
    tone: bool = False  #: play a tone to the second one first

    def headers(self) -> Headers:
        return {
            "Action": "Bridge",
            "Channel1": self.channel1,
            "Channel2": self.channel2,
            "Tone": "yes" if self.tone else "no",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """Ends a channel. ``cause`` is the Q.850 number its peer is told; 16 is a normal end."""

    channel: str
    cause: int = 16

    def headers(self) -> Headers:
        return {"Action": "Hangup", "Channel": self.channel, "Cause": str(self.cause)}


def _truth(value: bool) -> str:
    return "true" if value else "false"


Action: TypeAlias = (
    Challenge
    | Login
    | Ping
    | CoreShowChannels
    | BridgeList
    | BridgeInfo
    | QueueStatus
    | QueuePause
    | Redirect
    | Bridge
    | Hangup
)
