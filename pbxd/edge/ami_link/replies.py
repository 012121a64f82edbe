"""When an action has been answered: one response, a list, or a response and the event that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pbxd.ami.headers import event_name, parse
from pbxd.edge.ami_link.errors import LinkLostError, NoAnswerError, NotSentError

SUCCESSES = frozenset({"success", "follows", "goodbye", "pong"})
_TRUE = frozenset({"yes", "true", "y", "t", "1", "on"})  # as Asterisk reads it


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

    def __init__(
        self,
        action: Mapping[str, Any],
        action_id: str,
        finish: Finish,
        *,
        timeout_s: float,
        as_list: bool | None = None,
    ) -> None:
        self.action, self.action_id = action, action_id
        self.timeout_s = timeout_s
        named = {key.lower(): str(value) for key, value in action.items()}
        name = named["action"].lower()
        #: what its messages are known by; the events of asynchronous AGI carry the id of the command only
        self.ids = tuple(id.encode() for id in (action_id, named.get("commandid", "")) if id)
        self.finish = finish
        self.timer: asyncio.TimerHandle | None = None
        self.wants_events = as_list is True  #: events that carry our id belong to the answer
        self._listed = as_list
        self._messages: list[bytes] = []
        self._headers: dict[str, str] = {}
        self._closing = b""  #: the name of the one event that ends it
        if as_list is False:
            pass  # the response alone
        elif name == "originate" and named.get("async", "").lower() in _TRUE:
            self._closing = b"OriginateResponse"
        elif name == "agi":
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


class Answers:
    """All actions on their way over one connection. Each ends once: answered, too late, or link lost."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.awaited: dict[bytes, Awaited] = {}
        self.with_events = 0  #: how many of them wait for events too
        self._loop = loop

    def expect(self, together: Sequence[Awaited]) -> None:
        """From now on. NotSentError, and none of them is expected, when an action of the same id is under
        way."""
        ids = [key for awaited in together for key in awaited.ids]
        for number, key in enumerate(ids):
            if key in self.awaited or key in ids[:number]:
                raise NotSentError(f"an action with the id {key.decode()} is under way")
        for awaited in together:
            for key in awaited.ids:
                self.awaited[key] = awaited
            self.with_events += awaited.wants_events
            awaited.timer = self._loop.call_later(awaited.timeout_s, self._too_late, awaited)

    def take(self, raw: bytes) -> bool:
        """Give a message to the action that it answers; False when there is none."""
        awaited = self.awaited.get(_value(raw, b"\r\nActionID: "))
        if awaited is None:
            awaited = self.awaited.get(_value(raw, b"\r\nCommandID: "))
            if awaited is None:
                return False
        wanted = awaited.wants_events
        complete = awaited.take(raw)
        self.with_events += awaited.wants_events - wanted
        if complete:
            self._forget(awaited)
            awaited.finish(awaited.reply())
        return True

    def give_up(self, why: str) -> None:
        """The link is lost."""
        waiting = list(dict.fromkeys(self.awaited.values()))
        for awaited in waiting:
            self._forget(awaited)
        for awaited in waiting:
            awaited.finish(LinkLostError(why))

    def _too_late(self, awaited: Awaited) -> None:
        self._forget(awaited)
        awaited.finish(NoAnswerError(f"no answer within {awaited.timeout_s:g} s"))

    def _forget(self, awaited: Awaited) -> None:
        self.with_events -= awaited.wants_events
        for key in awaited.ids:
            del self.awaited[key]
        if awaited.timer is not None:
            awaited.timer.cancel()


def _value(raw: bytes, mark: bytes) -> bytes:
    start = raw.find(mark)
    if start < 0:
        return b""
    start += len(mark)
    end = raw.find(b"\r", start)
    return raw[start:] if end < 0 else raw[start:end]
