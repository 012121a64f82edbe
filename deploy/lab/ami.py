"""A small AMI client of the laboratory's own, so that a test never asks pbxd whether pbxd is right."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Self

Message = dict[str, str]


class AmiError(Exception):
    """The switch refused an action, or the connection is gone."""


class Ami:
    """One logged-in AMI connection. Everything received can also be kept as raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._lists: dict[str, list[Message]] = {}
        self._ends: dict[str, asyncio.Future[list[Message]]] = {}
        self._listeners: list[Callable[[Message], None]] = []
        self._raw: Callable[[bytes], None] | None = None
        self._task = asyncio.create_task(self._read(), name="lab AMI reader")

    @classmethod
    async def connect(
        cls, port: int, username: str, secret: str, *, host: str = "127.0.0.1", timeout_s: float = 5.0
    ) -> Self:
        """Connect and log in; AmiError when refused, OSError when nobody listens."""
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=2**22)
            await reader.readline()  # the banner
            self = cls(reader, writer)
            try:
                await self.action("Login", Username=username, Secret=secret)
            except BaseException:
                await self.close()
                raise
        return self

    async def action(self, action: str, headers: Mapping[str, str] | None = None, /, **more: str) -> Message:
        """Send one action and return its response; AmiError when it is an error or does not come."""
        lines = {"Action": action, "ActionID": f"lab-{next(self._ids)}", **(headers or {}), **more}
        action_id = lines["ActionID"]
        if any(c in f"{key}{value}" for key, value in lines.items() for c in "\r\n"):
            raise AmiError(f"{action}: a header holds a line break")
        answer = asyncio.get_running_loop().create_future()
        self._answers[action_id] = answer
        try:
            text = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
            self._writer.write(f"{text}\r\n".encode())
            await self._writer.drain()
            response: Message = await asyncio.wait_for(answer, 10.0)
        except TimeoutError:
            raise AmiError(f"{action}: no answer within 10 s") from None
        finally:
            self._answers.pop(action_id, None)
        if response.get("Response") == "Error":
            raise AmiError(f"{action}: {response.get('Message', response.get('Output', 'refused'))}")
        return response

    async def listing(self, action: str, **headers: str) -> list[Message]:
        """The events with which the switch answers a list action, without the closing one."""
        action_id = f"lab-list-{next(self._ids)}"
        end = asyncio.get_running_loop().create_future()
        self._ends[action_id] = end
        self._lists[action_id] = []
        try:
            await self.action(action, {"ActionID": action_id}, **headers)
            events: list[Message] = await asyncio.wait_for(end, 10.0)
            return events
        except TimeoutError:
            raise AmiError(f"{action}: the list did not end within 10 s") from None
        finally:
            self._ends.pop(action_id, None)
            self._lists.pop(action_id, None)

    def on_event(self, listener: Callable[[Message], None]) -> Callable[[], None]:
        """Call ``listener`` for every event from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def keep_raw(self, keep: Callable[[bytes], None] | None) -> None:
        """Hand over every message as the bytes that came, from the next one on; None ends it."""
        self._raw = keep

    async def over(self) -> None:
        """Wait until the other side has closed; all that it said before has been taken."""
        await asyncio.wait([self._task])

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await self._reader.readuntil(b"\r\n\r\n")
                if self._raw is not None:
                    self._raw(raw)
                self._take(parse(raw))
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._ends.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(AmiError("the connection was closed"))

    def _take(self, message: Message) -> None:
        action_id = message.get("ActionID", "")
        if "Response" in message and "Event" not in message:  # OriginateResponse has both
            answer = self._answers.get(action_id)
            if answer is not None and not answer.done():
                answer.set_result(message)
            return
        if action_id in self._lists:
            if message.get("EventList") == "Complete":
                self._ends[action_id].set_result(self._lists[action_id])
            else:
                self._lists[action_id].append(message)
            return
        for listener in list(self._listeners):
            listener(message)


def parse(raw: bytes) -> Message:
    """Headers of one message; lines of one name (Output, ChanVariable) are joined by line breaks."""
    message: Message = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.removeprefix(" ")
        message[key] = f"{message[key]}\n{value}" if key in message else value
    return message
