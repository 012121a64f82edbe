"""When an action has been answered: one response, a list, or a response and the event that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pbxd.ami.headers import event_name, parse

SUCCESSES = frozenset({"success", "follows", "goodbye", "pong"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The raw messages of one complete answer. ``headers`` are those of the response itself."""

    headers: dict[str, str]
    messages: tuple[bytes, ...]
    listed: bool  #: more than the response belongs to it

    @property
    def success(self) -> bool:
        return self.headers.get("Response", "").lower() in SUCCESSES


Finish: TypeAlias = Callable[[Reply | Exception], None]
"""Told once how it ended: the answer, or LinkLostError, NotSentError or NoAnswerError."""


class Awaited:
    """One action on its way. Give it the messages that carry its id until ``take`` says: complete."""

    __slots__ = (
        "_closing",
        "_headers",
        "_listed",
        "_messages",
        "finish",
        "ids",
        "name",
        "timer",
        "wants_events",
    )

    def __init__(
        self, action: Mapping[str, Any], ids: tuple[bytes, ...], finish: Finish, as_list: bool | None
    ) -> None:
        named = {key.lower(): value for key, value in action.items()}
        self.name = str(named["action"]).lower()
        self.ids = ids
        self.finish = finish
        self.timer: asyncio.TimerHandle | None = None
        self.wants_events = as_list is True  #: events that carry our id belong to the answer
        self._listed = as_list
        self._messages: list[bytes] = []
        self._headers: dict[str, str] = {}
        self._closing = b""  #: the name of the one event that ends it
        if self.name == "originate" and str(named.get("async", "")).lower() in (
            "true",
            "yes",
            "1",
            "on",
            "y",
            "t",
        ):
            self._closing = b"OriginateResponse"
        elif self.name == "agi":
            self._closing = b"AsyncAGIExec"

    def take(self, raw: bytes) -> bool:
        """Add a message; True when the answer is complete."""
        self._messages.append(raw)
        name = event_name(raw)
        return self._ended_by(name, raw) if name else self._opened_by(parse(raw))

    def reply(self) -> Reply:
        return Reply(
            headers=self._headers,
            messages=tuple(self._messages),
            listed=bool(self._listed) or len(self._messages) > 1,
        )

    def _opened_by(self, headers: dict[str, str]) -> bool:
        self._headers = headers
        if headers.get("Response", "").lower() not in SUCCESSES:
            return True
        if self._listed is None:
            # Lists of before Asterisk 14 and some channel drivers announce themselves in words only.
            told = headers.get("Message", "").lower().endswith("will follow")
            self._listed = headers.get("EventList", "").lower() == "start" or told
        self.wants_events = bool(self._listed or self._closing)
        return not self.wants_events

    def _ended_by(self, name: bytes, raw: bytes) -> bool:
        if self._closing:
            return name == self._closing
        if b"\r\nEventList: " in raw:
            return parse(raw).get("EventList", "").lower() in ("complete", "cancelled")
        return name.endswith(b"Complete")
