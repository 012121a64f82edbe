"""One FastAGI connection: an environment comes in, then commands go out and replies come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbxd.agi import environment
from pbxd.edge.agi_server.exchange import NEVER, Exchange
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.roles import Owner


class Session(Exchange, asyncio.Protocol):
    """The protocol of one connection. ``deadline`` and ``ends`` are looked at by the server's sweep.

    ``overdue`` is asked when the session has lasted too long; true: it is seeing to the end by itself.
    """

    __slots__ = ("_closed", "_header", "_running", "ends", "overdue")

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        Exchange.__init__(self, owner, loop)
        self._header = b""
        self._running = False
        self._closed: asyncio.Future[None] | None = None
        self.overdue: Callable[[], bool] | None = None
        self.deadline = owner.now + owner.header_timeout
        self.ends = NEVER

    # ---------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._in_step:
            waiter = self._waiter
            if waiter is not None:  # nearly always: one whole reply to the one command
                result = self._quick(data, self._encoding)
                if result is not None:
                    self._waiter = None
                    self.deadline = NEVER
                    waiter.set_result(result)
                    return
        if self._running:
            self._take_lines(data)
        else:
            self._take_header(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._running and not self.over:
            self._owner.fault(Fault.CLOSED_EARLY, bytes=len(self._header))
        self.over = True
        self._caller_left()
        if self._waiter is not None:
            self._give_up()
        if self._closed is not None:
            self._closed.set_result(None)
        self._owner.closed(self)

    # ---------------------------------------------------------------- environment

    def _take_header(self, data: bytes) -> None:
        if self.over:
            return
        seen = max(0, len(self._header) - 1)
        self._header = header = self._header + data if self._header else data
        end = header.find(environment.END, seen)
        if end < 0 and b"\r" in data:
            self._header = header = header.replace(b"\r\n", b"\n")
            end = header.find(environment.END)
        if (len(header) if end < 0 else end) > self._owner.header_bytes:
            self._refuse(Fault.HEADER_TOO_LONG, bytes=len(header))
        elif end >= 0:
            self._begin(header[:end], header[end + 2 :])

    def _begin(self, block: bytes, rest: bytes) -> None:
        try:
            script = environment.script(block, self._encoding)
        except environment.EnvironmentTooLongError as error:
            self._refuse(Fault.HEADER_TOO_LONG, why=str(error))
            return
        except environment.NotAnEnvironmentError as error:
            self._refuse(Fault.NOT_AGI, why=str(error), begins=block[:60])
            return
        self._header = b""
        self._running = self._in_step = True
        self.deadline = NEVER
        self._owner.begun(self, script, block)
        if rest:
            self.data_received(rest)

    def _refuse(self, fault: Fault, **about: object) -> None:
        self._owner.fault(fault, **about)
        self.over = True
        self.transport.abort()

    # ---------------------------------------------------------------- endings

    async def closed(self) -> None:
        """Wait until the connection is closed, if it is open."""
        self._closed = self._loop.create_future()
        await self._closed

    def expire(self) -> Fault | None:
        """A deadline has passed. The fault, or None when nobody waits for anything any more."""
        if self.over:
            return None
        if not self._running:
            fault = Fault.HEADER_TIMEOUT
        elif self._owner.now >= self.ends:
            fault = Fault.SESSION_TIMEOUT
            self.ends += self._owner.reply_timeout
            if self.overdue is not None and self.overdue():
                return fault
        elif self._waiter is not None:
            fault = Fault.REPLY_TIMEOUT
        else:
            self.deadline = NEVER
            return None
        self.abort()
        return fault

    def finish(self) -> None:
        """Close after what was written; Asterisk goes on in the dialplan."""
        if not self.over:
            if self._waiter is not None:  # of the last command, which may not have been written yet
                self._outbox.flush()
            self.over = True
            self.transport.close()
