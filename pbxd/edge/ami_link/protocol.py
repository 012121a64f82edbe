"""panoramisk's AMIProtocol with its hot path replaced: reading, framing, dispatch, answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog
from panoramisk.actions import Action, Command
from panoramisk.ami_protocol import AMIProtocol

from pbxd.ami.actions import encode
from pbxd.ami.frames import Framer
from pbxd.edge.ami_link.errors import NotSentError
from pbxd.edge.ami_link.message import AmiMessage
from pbxd.edge.ami_link.pacing import PAUSE_S, Pacing
from pbxd.edge.ami_link.replies import Answers, Awaited, Finish, Reply

if TYPE_CHECKING:
    from pbxd.edge.ami_link.client import AmiClient

log = structlog.get_logger(__name__)

SLICE_S = 0.01
"""How long messages are dispatched before sockets and timers get their turn."""

BACKLOG_BYTES = 8 << 20
"""Messages read but not dispatched, beyond which reading stops until half of them are done. The switch and
the kernel hold what comes meanwhile; nothing is dropped as long as they do."""

RELIEF_S = 0.005
"""How often it is looked whether reading can go on."""

WRITE_BYTES = 4 << 20
"""Bytes a peer may leave unread before further actions are refused."""

_BLOCK = 32  # messages between two looks at the clock


class AmiProtocol(AMIProtocol):  # type: ignore[misc]
    """One connection. Whatever a listener does, reading goes on and the order of messages is kept."""

    def __init__(self) -> None:
        self.closed = False
        self.factory: AmiClient
        self.last_heard = 0.0  #: loop time of the last byte
        self.why = ""  #: why it was closed, when that was our doing
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()  #: the reason, once it is gone
        self._pacing = Pacing()
        self._resume: asyncio.TimerHandle | None = None
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._overrun = False
        self._draining: asyncio.Handle | None = None
        self._answers = Answers(self._loop)
        self.responses = self._answers.awaited  #: by id; panoramisk calls it so

    def serve(self, factory: AmiClient) -> AmiProtocol:
        """Bind to its client; panoramisk does that only after the first data may be in."""
        self.factory = factory
        self.config = factory.config
        self.log = factory.log
        self.encoding = "utf-8"
        self._routes = factory.routes
        self._counts = factory.counts
        self._save = factory.save_stream
        self._framer = Framer(factory.config["message_bytes"])
        return self

    @property
    def version(self) -> str | None:
        """AMI's version as the greeting says it; None when there was none."""
        greeting = self._framer.greeting
        return None if greeting is None else greeting.partition(b"/")[2].decode("ascii", "replace").strip()

    # ------------------------------------------------------------ reading

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.last_heard = self._loop.time()

    def data_received(self, data: bytes) -> None:
        now = self.last_heard = self._loop.time()
        if self._save is not None:
            self._copy(data)
        oversized = self._framer.oversized
        messages = self._framer.feed(data)
        if self._framer.oversized != oversized:
            self._counts.oversized += self._framer.oversized - oversized
            log.warning("a message was too long and is dropped", **self.factory.who)
        self._counts.messages += len(messages)
        if self._backlog:
            self._put_off(messages)
        else:
            self._dispatch(messages, now + SLICE_S)
        if self.closed or self._resume is not None:
            return
        if self._full(1.0):
            self._overrun = True
            self._counts.overruns += 1
            log.warning("events come faster than they are worked off: reading pauses", **self.factory.who)
            self._pause(RELIEF_S)
        elif self._pacing.pause_after(now, len(data), len(messages)):
            self._pause(PAUSE_S)

    def _copy(self, data: bytes) -> None:
        if hasattr(self._save, "write"):
            self._save.write(data)
        else:
            with open(self._save, "ab") as file:
                file.write(data)

    def _pause(self, seconds: float) -> None:
        if self._resume is None:
            self.transport.pause_reading()
        self._resume = self._loop.call_later(seconds, self._read_on)

    def _read_on(self) -> None:
        if self._overrun:
            self.last_heard = self._loop.time()  # the silence is ours
            if self._full(0.5):
                self._pause(RELIEF_S)
                return
            self._overrun = False
        self._resume = None
        self.transport.resume_reading()

    def _full(self, share: float) -> bool:
        """Is more than this share of the room for what is read and not worked off taken?"""
        return self._backlog_bytes > share * BACKLOG_BYTES or self.factory.congested(share)

    def _dispatch(self, messages: list[bytes], until: float) -> None:
        """Hand messages to those who want them, until the slice of time is over; put the rest off."""
        if len(messages) <= _BLOCK:
            self._route(messages)
            return
        for start in range(0, len(messages), _BLOCK):
            if self.closed:
                return
            if self._loop.time() >= until:
                self._put_off(messages[start:])
                return
            self._route(messages[start : start + _BLOCK])

    def _route(self, messages: list[bytes]) -> None:
        table, resolve, answers = self._routes.table, self._routes.resolve, self._answers
        rest = iter(messages)
        while True:
            try:
                for raw in rest:
                    if answers.with_events and answers.take(raw):
                        continue
                    head = raw.partition(b"\r")[0]
                    route = table[head] if head in table else resolve(head)
                    if route is not None:
                        route(raw)
                return
            except Exception:
                # One message must not cost the ones behind it, nor the link.
                self._counts.listener_faults += 1
                log.exception("a message could not be dispatched", **self.factory.who)

    # ------------------------------------------------------------ when listeners are slow

    def _put_off(self, messages: list[bytes]) -> None:
        self._backlog.extend(messages)
        self._backlog_bytes += sum(map(len, messages))
        if self._draining is None:
            self._draining = self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = None
        until = self._loop.time() + SLICE_S
        while self._backlog and not self.closed:
            block = list(islice(self._backlog, _BLOCK))
            for raw in block:
                self._backlog.popleft()
                self._backlog_bytes -= len(raw)
            self._route(block)
            if self._loop.time() >= until:
                break
        if self.closed:
            self._backlog.clear()
            return
        if self._backlog:
            self._draining = self._loop.call_soon(self._drain)

    @property
    def holds_back(self) -> bool:
        """Reading pauses because what was read before is not worked off."""
        return self._overrun

    # ------------------------------------------------------------ asking

    def response(self, raw: bytes) -> None:
        """A message that begins with Response."""
        if not self._answers.take(raw):
            self._counts.late_replies += 1

    def request(
        self,
        headers: Mapping[str, Any],
        action_id: str,
        finish: Finish,
        *,
        timeout_s: float,
        as_list: bool | None = None,
    ) -> None:
        """Send one action, once. ``finish`` is told once how it ended, always after this returned.

        Raises UnsafeHeaderError, or NotSentError when it did not leave; then ``finish`` is told nothing.
        """
        self.request_all([Awaited(headers, action_id, finish, timeout_s=timeout_s, as_list=as_list)])

    def request_all(self, together: Sequence[Awaited]) -> None:
        """As ``request``, for several actions in one write: when it raises, none of them was sent."""
        raw = b"".join(encode(awaited.action, awaited.action_id) for awaited in together)
        if self.closed or self.transport.is_closing():
            raise NotSentError(self.why or "the link is down")
        if self.transport.get_write_buffer_size() > WRITE_BYTES:
            raise NotSentError("the switch does not read what is sent to it")
        self._answers.expect(together)
        self.transport.write(raw)

    def send(self, data: Any, as_list: bool | None = None) -> asyncio.Future[Any]:
        """panoramisk's way to ask: the future gets an AmiMessage, or the list of them. It fails with
        LinkLostError, NotSentError or NoAnswerError. UnsafeHeaderError is raised at once."""
        if not isinstance(data, Action):
            data = (Command if "Command" in data else Action)(data, as_list=as_list)
        data.as_list = as_list
        future: asyncio.Future[Any] = data.future

        def finish(answer: Reply | Exception) -> None:
            if future.done():
                return
            if isinstance(answer, Reply):
                messages = [AmiMessage(raw, self.factory) for raw in answer.messages]
                future.set_result(messages if answer.listed else messages[0])
            else:
                future.set_exception(answer)
                future.exception()  # told to whoever waits; the link itself has logged it

        try:
            timeout_s = self.factory.config["action_timeout"]
            self.request(dict(data.items()), data["ActionID"], finish, timeout_s=timeout_s, as_list=as_list)
        except NotSentError as fault:
            finish(fault)
        return future

    # ------------------------------------------------------------ the end

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(self.why or (f"{type(exc).__name__}: {exc}" if exc else "the switch closed the link"))

    def eof_received(self) -> None:
        return None

    def fail(self, why: str) -> None:
        """Give the connection up at once."""
        self.why = self.why or why
        if not self.closed:
            self.transport.abort()
            self._end(self.why)

    def close(self) -> None:
        """Close, after what is written has left."""
        self.why = self.why or "closed"
        if not self.closed:
            self.transport.close()
            self._end(self.why)

    def _end(self, why: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.why = why
        for handle in (self._resume, self._draining):
            if handle is not None:
                handle.cancel()
        self._backlog.clear()
        if not self.lost.done():
            self.lost.set_result(why)
        self._answers.give_up(why)
