"""Commands on their way out."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Writer(Protocol):
    transport: asyncio.Transport
    over: bool


class Outbox:
    """What one turn of the event loop has to say, to whomever, is written behind it in one go.

    Written each at once, a command wakes its Asterisk in the middle of the work on the next reply; where the
    two share processors that makes both slower. Nothing waits: the loop comes to it before it sleeps.
    """

    __slots__ = ("_loop", "_unwritten")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unwritten: list[tuple[Writer, bytes]] = []

    def put(self, writer: Writer, raw: bytes) -> None:
        unwritten = self._unwritten
        unwritten.append((writer, raw))
        if len(unwritten) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        for writer, raw in self._unwritten:
            if not writer.over:
                writer.transport.write(raw)
        self._unwritten.clear()
