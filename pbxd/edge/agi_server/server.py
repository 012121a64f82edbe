"""panoramisk's FastAGI Application on a protocol of our own.

Routes, ``request.headers`` and ``request.send_command`` are panoramisk's, so that programs written for it
move in unchanged. What it does wrong is mended by replacing its reading: a peer that connects and closes
froze its event loop, usage blocks and HANGUP lines put every later reply off by one, a line end in a command
ran a second one, and nothing had a deadline or a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from panoramisk.fast_agi import Application

from pbxd.agi import environment
from pbxd.agi.replies import HungUpError
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.outbox import Outbox
from pbxd.edge.agi_server.request import AgiRequest, address, within
from pbxd.edge.agi_server.session import Session
from pbxd.effects import Count
from pbxd.settings.model import Agi, Network

log = structlog.get_logger(__name__)

Endpoint = Callable[[AgiRequest], Awaitable[None]]


class Conversation(Protocol):
    """A session being served: a task, or something that acts on each reply itself."""

    def cancel(self) -> object:
        """Stop serving; the session must be over soon."""


Otherwise = Callable[[Session, dict[str, str]], Conversation]

SERVED = Count(metric="pbxd_agi_served_total")

LOG_EVERY = 10.0
"""Seconds between two log lines of the same fault."""


class FastAgi(Application):  # type: ignore[misc]
    """A FastAGI server. ``listen``, add routes, ``stop``.

    A request goes to the route of its path, else ``otherwise`` begins a conversation of its own, else it is
    refused. ``count`` gets the figures. Connections from outside ``allowed`` are closed at once; None lets
    everybody come.
    """

    def __init__(
        self,
        settings: Agi | None = None,
        *,
        otherwise: Otherwise | None = None,
        allowed: tuple[Network, ...] | None = None,
        count: Callable[[Count], None] = lambda count: None,
        default_encoding: str = "utf-8",
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(default_encoding=default_encoding, loop=loop)
        self.settings = settings = settings or Agi()
        self.encoding = default_encoding
        self.header_bytes = settings.header_bytes
        self.reply_bytes = settings.reply_bytes
        self._sweep_s = min(1.0, settings.header_timeout / 4, settings.reply_timeout / 4)
        # ``now`` may be one sweep old; a deadline is rather late by a sweep than early.
        self.header_timeout = settings.header_timeout + self._sweep_s
        self.reply_timeout = settings.reply_timeout + self._sweep_s
        self.now = loop.time()
        self.faults: Counter[Fault] = Counter()
        self._log_again: dict[Fault, float] = {}
        self.served = 0  #: sessions that came to a route
        self._loop = loop
        self.outbox = Outbox(loop)
        self.otherwise = otherwise
        self._allowed = allowed
        self._count = count
        self._admitted: dict[str, bool] = {}
        self._fresh: dict[Session, None] = {}  #: without an environment yet, the oldest first
        self._sessions: dict[Session, Conversation] = {}
        self._tasks: dict[Session, asyncio.Task[None]] = {}  #: of routes; one may outlive its session
        self._idle = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self._stopping = False

    # ---------------------------------------------------------------- panoramisk's

    def add_route(self, path: str, endpoint: Callable[..., Any]) -> None:
        """Serve ``agi://host/PATH`` by ``endpoint(request)``, a coroutine function or a plain one."""
        if not callable(endpoint):
            raise TypeError(f"a route's endpoint must be callable: {endpoint!r}")
        plain = not inspect.iscoroutinefunction(endpoint)
        super().add_route(path, _awaitable(endpoint) if plain else endpoint)

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For ``asyncio.start_server(app.handler, …)``: takes the connection over from the streams."""
        transport = writer.transport
        session = Session(self, self._loop)
        reader.feed_eof()
        early = await reader.read()
        if transport.is_closing():
            self.fault(Fault.CLOSED_EARLY, bytes=len(early))
            return
        transport.set_protocol(session)
        session.connection_made(transport)
        if early:
            session.data_received(early)
        await session.closed()

    # ---------------------------------------------------------------- life

    async def listen(self, host: str | None = None, port: int | None = None) -> None:
        """Accept connections. Raises OSError when the address cannot be had."""
        host = self.settings.listen if host is None else host
        port = self.settings.port if port is None else port
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, where = found[0]
        address = (str(where[0]), int(where[1]))
        listening = socket.create_server(address, family=family, backlog=self.settings.backlog)
        _keep_alive(listening)
        listening.setblocking(False)
        self._server = await self._loop.create_server(
            lambda: Session(self, self._loop), sock=listening, backlog=self.settings.backlog
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("not listening")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def open_sessions(self) -> int:
        """Calls that are in a route now."""
        return len(self._sessions)

    async def stop(self) -> None:
        """Accept nothing more, give calls ``shutdown_timeout`` to end by themselves, close the rest.

        A call whose session is closed goes on in the dialplan, which serves it without us.
        """
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for session in list(self._fresh):
            session.abort()
        await self._left_alone(self.settings.shutdown_timeout)
        for conversation in list(self._sessions.values()):
            self.fault(Fault.SHUT_DOWN)
            conversation.cancel()
        await self._left_alone(1.0)
        for session in list(self._sessions):
            session.abort()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        if self._server is not None:
            await self._server.wait_closed()

    async def _left_alone(self, seconds: float) -> None:
        """Wait until no session is open, at most ``seconds``."""
        if self._sessions:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()

    # ---------------------------------------------------------------- what sessions report

    def opened(self, session: Session) -> None:
        if self._sweeper is None:
            self._sweep()
        session.deadline = self.now + self.header_timeout
        if self._stopping or not self._may_come(session):
            session.abort()
            return
        self._fresh[session] = None
        if len(self._fresh) > self.settings.sessions_most:
            oldest = next(iter(self._fresh))
            self.fault(Fault.TOO_MANY_CONNECTIONS)
            oldest.abort()

    def begun(self, session: Session, script: str, block: bytes) -> None:
        self._fresh.pop(session, None)
        if self._stopping or len(self._sessions) >= self.settings.sessions_most:
            self.fault(Fault.SHUT_DOWN if self._stopping else Fault.TOO_MANY_SESSIONS)
            session.abort()
            return
        session.ends = self.now + self.settings.session_timeout
        self.served += 1
        endpoint = self._route.get(script)
        if endpoint is not None:
            task = self._loop.create_task(self._serve(endpoint, session, script, block))
            self._sessions[session] = self._tasks[session] = task
        elif self.otherwise is not None:
            self._sessions[session] = self.otherwise(session, environment.parse(block, self.encoding))
        else:
            self.fault(Fault.NO_ROUTE, script=script)
            session.finish()

    def closed(self, session: Session) -> None:
        """The connection is closed, and with it the conversation over it, sooner or later."""
        self._fresh.pop(session, None)
        if self._sessions.pop(session, None) is not None:
            self._count(SERVED)
            if not self._sessions:
                self._idle.set()

    def fault(self, fault: Fault, **about: object) -> None:
        """Count one fault; log it unless the same was logged a moment ago, for a scan makes thousands."""
        self.faults[fault] += 1
        self._count(Count(metric="pbxd_agi_faults_total", labels={"kind": fault.value}))
        if self._loop.time() >= self._log_again.get(fault, 0.0):
            self._log_again[fault] = self._loop.time() + LOG_EVERY
            log.warning("FastAGI fault", fault=fault.value, so_far=self.faults[fault], **about)

    # ---------------------------------------------------------------- serving

    async def _serve(self, endpoint: Endpoint, session: Session, script: str, block: bytes) -> None:
        try:
            await endpoint(AgiRequest(self, block, session))
        except HungUpError:
            log.debug("the caller left", script=script)
        except Exception:
            self.fault(Fault.ROUTE_FAILED, script=script)
            log.exception("a FastAGI route failed", script=script)
        finally:
            del self._tasks[session]
            session.finish()

    def _may_come(self, session: Session) -> bool:
        if self._allowed is None:
            return True
        peer = address(session)
        if not peer:  # it was reset before we looked
            self.fault(Fault.CLOSED_EARLY)
            return False
        may = self._admitted.get(peer)
        if may is None:
            may = within(peer, self._allowed)
            if len(self._admitted) < 10_000:
                self._admitted[peer] = may
        if not may:
            self.fault(Fault.FOREIGN_ADDRESS, peer=peer)
        return may

    def _sweep(self) -> None:
        """One timer for all deadlines: a timer for each command would cost more than the command."""
        before, self._sweeper = self._sweeper, None
        self.now = now = self._loop.time()
        for session in [s for s in (*self._fresh, *self._sessions) if now >= s.deadline or now >= s.ends]:
            fault = session.expire()
            if fault is not None:
                self.fault(fault)
        if self._sessions or self._fresh or not before:
            self._sweeper = self._loop.call_later(self._sweep_s, self._sweep)


def _awaitable(endpoint: Callable[..., Any]) -> Endpoint:
    async def awaited(request: AgiRequest) -> None:
        result = endpoint(request)
        if inspect.isawaitable(result):
            await result

    return awaited


def _keep_alive(listening: socket.socket) -> None:
    """An Asterisk whose machine dies in the middle of a long prompt is noticed after about a minute.

    Accepted sockets inherit the options, which saves four system calls for each call.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
