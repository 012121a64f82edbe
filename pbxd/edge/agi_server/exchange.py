"""Commands out and replies in, strictly in turn.

Asterisk takes one command at a time, and a command that arrives while another plays breaks that one off.
So there are never two commands under way: further ones wait here. A command whose caller has lost interest
(its task was cancelled) still owns the next reply, which is then dropped; otherwise every later reply would
be taken for the one before.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

from pbxd.agi.quoting import encoded
from pbxd.agi.replies import HungUpError, Reply, ReplyReader, ReplyTooLongError, one_reply
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.roles import GONE, Asked, ConnectionGoneError, Form, Owner, Quick, Waiter
from pbxd.edge.agi_server.turn import Turn

RESYNC = 'GET FULL VARIABLE "{mark}"'
"""Answered with the mark itself: the one reply that cannot be mistaken for another."""

DEAD = 511
"""The code of a refusal because there is no living channel any more."""

NEVER = math.inf


class Exchange:
    """What is said over one connection. The replies' bytes come from the session, which is one of these."""

    __slots__ = (
        "_encoding",
        "_form",
        "_gone",
        "_in_step",
        "_later",
        "_loop",
        "_mark",
        "_outbox",
        "_owner",
        "_quick",
        "_reader",
        "_turn",
        "_waiter",
        "deadline",
        "hungup",
        "over",
        "transport",
    )
    transport: asyncio.Transport

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._encoding = owner.encoding
        self._outbox = owner.outbox
        self._reader: ReplyReader | None = None  #: once a reply came that is not plain
        self._in_step = False  #: one command at most is under way, and nothing of its reply has come
        self._waiter: Waiter | None = None
        self._turn: Turn | None = None  #: the last one, to be used again
        self._quick: Quick = one_reply
        self._form: Form | None = None
        self._later: deque[Asked] | None = None
        self._mark: str | None = None
        self._gone: asyncio.Future[None] | None = None
        self.hungup = False  #: the caller is gone; Asterisk may still answer questions
        self.over = False  #: the connection is closed or closing
        self.deadline = NEVER

    # ---------------------------------------------------------------- commands

    def ask(self, line: str, plays: bool = True, quick: Quick = one_reply, form: Form | None = None) -> Turn:
        """Send one command as soon as it is its turn; await the result for its reply, or ``form`` of it.

        ``quick`` gives the same as ``form``, for plain replies.

        A command that does not play must be answered within ``reply_timeout``. Raises ArgumentError at once
        for a line that is not one command. Awaiting it raises ConnectionGoneError.
        """
        turn = self._turn
        if turn is None or not turn.free:
            turn = self._turn = Turn(self._loop)
        if self._waiter is None and plays and not self.over:  # what ``send`` would do, the short way
            raw = encoded(line, self._encoding)
            turn.free = False
            self._waiter = turn
            self._quick = quick
            self._form = form
            self._outbox.put(self, raw)
        else:
            self.send(line, plays, turn, quick, form)
            turn.free = False
        return turn

    def send(
        self, line: str, plays: bool, waiter: Waiter, quick: Quick = one_reply, form: Form | None = None
    ) -> None:
        """As ``ask``; the reply, or the failure, is handed to ``waiter``."""
        raw = encoded(line, self._encoding)
        if self.over:
            waiter.set_exception(ConnectionGoneError(GONE))
        elif self._waiter is None:
            self._begin_command(raw, plays, quick, form, waiter)
        else:
            if self._later is None:
                self._later = deque()
            self._later.append((raw, plays, quick, form, waiter))
            self._in_step = False

    def _begin_command(
        self, raw: bytes, plays: bool, quick: Quick, form: Form | None, waiter: Waiter
    ) -> None:
        self._waiter = waiter
        self._quick = quick
        self._form = form
        if not plays:
            self.deadline = self._owner.now + self._owner.reply_timeout
        self._outbox.put(self, raw)

    async def interrupt(self, seconds: float) -> bool:
        """Break off whatever plays and get back in step. False when Asterisk did not come back in time.

        A task that waits for a reply gets HungUpError.
        """
        self._later = None
        if self._waiter is None or self.over:
            return not self.over
        if isinstance(self._waiter, Turn) and not self._waiter.done():
            self._waiter.set_exception(HungUpError("broken off"))
        self._in_step = False
        self._mark = f"pbxd-{id(self):x}-{self._owner.now:.3f}"
        self._waiter = back = Turn(self._loop)
        self._quick, self._form = one_reply, None
        self._outbox.put(self, encoded(RESYNC.format(mark=self._mark)))
        try:
            async with asyncio.timeout(seconds):
                await back
        except (TimeoutError, ConnectionGoneError):
            return False
        return True

    # ---------------------------------------------------------------- replies

    def _take_lines(self, data: bytes) -> None:
        """Bytes have come that are not just one whole reply to the one command."""
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
        form = self._form
        # Not at once: what came with this reply must not be taken for the reply to the next command.
        self._loop.call_soon(waiter.set_result, reply if form is None else form(reply))
        while self._later and self._waiter is None:
            asked = self._later.popleft()
            if not asked[-1].done():
                self._begin_command(*asked)

    def _give_up(self) -> None:
        """Tell everybody who waits for a reply that none will come."""
        lost = [self._waiter, *(asked[-1] for asked in self._later or ())]
        self._waiter = self._later = None
        for waiter in lost:
            if waiter is not None and not waiter.done():
                waiter.set_exception(ConnectionGoneError(GONE))

    # ---------------------------------------------------------------- the caller's leaving

    async def left_within(self, seconds: float) -> bool:
        """Whether the caller is gone, or goes within ``seconds``: HANGUP comes just after the reply of -1."""
        if not self.hungup:
            if self._gone is None:
                self._gone = self._loop.create_future()
            await asyncio.wait([self._gone], timeout=seconds)
        return self.hungup

    def _caller_left(self) -> None:
        self.hungup = True
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def abort(self) -> None:
        """Close at once."""
        self.over = True
        self.transport.abort()
