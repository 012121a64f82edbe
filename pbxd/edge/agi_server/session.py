"""One FastAGI connection: environment in, then commands out and replies in, strictly in turn.

Asterisk takes one command at a time, and a command that arrives while another plays breaks that one off.
So a session never has two commands under way: further ones wait here. A command whose caller has lost
interest (its future was cancelled) still owns the next reply, which is then dropped; otherwise every later
reply would be taken for the one before.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from pbxd.agi import environment
from pbxd.agi.quoting import encoded
from pbxd.agi.replies import HungUpError, Reply, ReplyReader, ReplyTooLongError, one_reply
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.roles import GONE, Asked, ConnectionGoneError, Form, Owner, Quick, Waiter

RESYNC = 'GET FULL VARIABLE "{mark}"'
"""Answered with the mark itself: the one reply that cannot be mistaken for another."""


DEAD = 511
"""The code of a refusal because there is no living channel any more."""

NEVER = math.inf


class Session(asyncio.Protocol):
    """The protocol of one connection. ``deadline`` and ``ends`` are looked at by the server's sweep.

    ``overdue`` is asked when the session has lasted too long; true: it is seeing to the end by itself.
    """

    __slots__ = (
        "_closed",
        "_encoding",
        "_fd",
        "_form",
        "_gone",
        "_header",
        "_in_step",
        "_later",
        "_loop",
        "_mark",
        "_owner",
        "_quick",
        "_reader",
        "_running",
        "_waiter",
        "deadline",
        "ends",
        "hungup",
        "over",
        "overdue",
        "transport",
    )
    transport: asyncio.Transport

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._encoding = owner.encoding
        self._reader: ReplyReader | None = None  #: once a reply came that is not plain
        self._header = b""
        self._running = False
        self._in_step = False
        self._waiter: Waiter | None = None
        self._quick: Quick = one_reply
        self._form: Form | None = None
        self._later: deque[Asked] | None = None
        self._mark: str | None = None
        self._gone: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self.overdue: Callable[[], bool] | None = None
        self.hungup = False  #: the caller is gone; Asterisk may still answer questions
        self.over = False  #: the connection is closed or closing
        self.deadline = owner.now + owner.header_timeout
        self.ends = NEVER

    # ---------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._fd = transport.get_extra_info("socket").fileno()
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._in_step:  # one command is under way and nothing else is: take the short way
            waiter = self._waiter
            if waiter is not None:
                result = self._quick(data, self._encoding)
                if result is not None:
                    self._waiter = None
                    self.deadline = NEVER
                    if not waiter.done():
                        waiter.set_result(result)
                    return
        if self._running:
            self._take_lines(data)
        else:
            self._take_header(data)

    def _take_lines(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = ReplyReader(self._encoding, self._owner.reply_bytes)
        try:
            replies = reader.feed(data)
        except ReplyTooLongError:
            self._owner.fault(Fault.REPLY_TOO_LONG)
            self.abort()
            return
        if reader.strays:
            self._owner.fault(Fault.STRAY_LINE, lines=reader.strays)
            reader.strays = 0
        if not self.hungup and (reader.hungup or any(reply.code == DEAD for reply in replies)):
            self._caller_left()
        for reply in replies:
            self._answered(reply)
        self._in_step = reader.idle and not reader.hungup and self._mark is None and not self._later

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

    def _give_up(self) -> None:
        """Tell everybody who waits for a reply that none will come."""
        lost = [self._waiter, *(asked[-1] for asked in self._later or ())]
        self._waiter = self._later = None
        for waiter in lost:
            if waiter is not None and not waiter.done():
                waiter.set_exception(ConnectionGoneError(GONE))
                if isinstance(waiter, asyncio.Future):
                    waiter.exception()  # whoever asked may be gone as well; that is no error of its own

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

    # ---------------------------------------------------------------- commands and replies

    def ask(
        self, line: str, plays: bool = True, quick: Quick = one_reply, form: Form | None = None
    ) -> asyncio.Future[Any]:
        """Send one command as soon as it is its turn; the future holds its reply, or ``form`` of it.

        ``quick`` gives the same as ``form``, for plain replies.

        A command that does not play must be answered within ``reply_timeout``. Raises ArgumentError at once
        for a line that is not one command. The future fails with ConnectionGoneError.
        """
        future = self._loop.create_future()
        if self._waiter is None and plays and not self.over:  # what ``send`` would do, the short way
            raw = encoded(line, self._encoding)
            self._waiter = future
            self._quick = quick
            self._form = form
            try:
                written = os.write(self._fd, raw)
            except OSError:
                written = 0
            if written != len(raw):
                self._write(raw[written:])
        else:
            self.send(line, plays, future, quick, form)
        return future

    def send(
        self, line: str, plays: bool, waiter: Waiter, quick: Quick = one_reply, form: Form | None = None
    ) -> None:
        """As ``ask``; the reply, or the failure, is handed to ``waiter``."""
        raw = encoded(line, self._encoding)
        if self.over:
            waiter.set_exception(ConnectionGoneError(GONE))
        elif self._waiter is None:
            self._waiter = waiter
            self._quick = quick
            self._form = form
            if not plays:
                self.deadline = self._owner.now + self._owner.reply_timeout
            self._write(raw)
        else:
            if self._later is None:
                self._later = deque()
            self._later.append((raw, plays, quick, form, waiter))
            self._in_step = False

    def _write(self, raw: bytes) -> None:
        """Write past the transport, which would first queue: that alone costs more than half of the writing.

        Safe because a reply to one command comes before the next is written, so that the transport's own
        queue is empty, and because event loops close a connection's descriptor only after
        ``connection_lost``, which sets ``over``.
        """
        try:
            written = os.write(self._fd, raw)
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:  # the loop is about to find out and to tell us
            return
        if written < len(raw):
            self.transport.write(raw[written:])

    def _answered(self, reply: Reply) -> None:
        waiter = self._waiter
        if self._mark is not None:
            if reply.data != self._mark:
                return  # of the command that was broken off
            self._mark = None
        if waiter is None:
            self._owner.fault(Fault.STRAY_LINE, lines=1)
            return
        self._waiter = None
        self.deadline = NEVER
        if not waiter.done():
            form = self._form
            waiter.set_result(reply if form is None else form(reply))
        while self._later and self._waiter is None:
            raw, plays, self._quick, self._form, later = self._later.popleft()
            if not later.done():
                self._waiter = later
                self.deadline = NEVER if plays else self._owner.now + self._owner.reply_timeout
                self._write(raw)

    async def interrupt(self, seconds: float) -> bool:
        """Break off whatever plays and get back in step. False when Asterisk did not come back in time.

        A future that waits for a reply fails with HungUpError.
        """
        self._later = None
        if self._waiter is None or self.over:
            return not self.over
        if isinstance(self._waiter, asyncio.Future) and not self._waiter.done():
            self._waiter.set_exception(HungUpError("broken off"))
            self._waiter.exception()
        self._in_step = False
        self._mark = f"pbxd-{id(self):x}-{self._owner.now:.3f}"
        self._waiter = back = self._loop.create_future()
        self._quick, self._form = one_reply, None
        self.transport.write(encoded(RESYNC.format(mark=self._mark)))
        try:
            async with asyncio.timeout(seconds):
                await back
        except (TimeoutError, ConnectionGoneError):
            return False
        return True

    # ---------------------------------------------------------------- endings

    async def left_within(self, seconds: float) -> bool:
        """Whether the caller is gone, or goes within ``seconds``: HANGUP comes just after the reply of -1."""
        if not self.hungup:
            if self._gone is None:
                self._gone = self._loop.create_future()
            await asyncio.wait([self._gone], timeout=seconds)
        return self.hungup

    async def closed(self) -> None:
        """Wait until the connection is closed, if it is open."""
        self._closed = self._loop.create_future()
        await self._closed

    def _caller_left(self) -> None:
        self.hungup = True
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

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
            self.over = True
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.over = True
        self.transport.abort()
