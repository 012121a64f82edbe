"""The web edge: a uvicorn that lives inside pbxd's own loop and leaves the signals alone."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
import uvicorn

from pbxd.edge.web.desk import Desk, Part, RecentContact, RecentContacts, WebAgent
from pbxd.edge.web.door import Door
from pbxd.edge.web.operators import Operator, Operators
from pbxd.edge.web.pages import Page, Pages, Patience
from pbxd.edge.web.reports import Reporting
from pbxd.edge.web.shield import Shield
from pbxd.edge.web.signin import Doorman, Sessions
from pbxd.edge.web.site import Site
from pbxd.edge.web.wallboard import Boards, Today
from pbxd.edge.web.wire import Server, with_deadlines
from pbxd.effects import Count, Publish, Tell
from pbxd.ids import AgentId

log = structlog.get_logger(__name__)

BODY_LIMIT = 16 * 1024
MESSAGE_LIMIT = 16 * 1024  #: a note of the longest kind, in Chinese


async def _no_contacts(agent: AgentId, limit: int) -> Sequence[RecentContact]:
    raise OSError("no store is attached")


async def _no_figures(openly: bool) -> bytes:
    return b""


class WebEdge:
    """Serves the agents' pages. ``tell`` is the outlet for Tell effects; ``run`` serves until cancelled."""

    def __init__(
        self,
        agents: Iterable[WebAgent],
        desk: Desk,
        *,
        listen: str = "127.0.0.1",
        port: int = 8580,
        metrics: Callable[[bool], Awaitable[bytes]] = _no_figures,
        readiness: Callable[[], Sequence[Part]] = lambda: (),
        contacts: RecentContacts = _no_contacts,
        count: Callable[[Count], None] = lambda count: None,
        session_secret: bytes | None = None,  #: without one, a restart signs everybody out
        session_s: float = 12 * 3600,
        operators: Iterable[Operator] = (),  #: who acts for agents, by a token
        sign_in_tries: int = 5,  #: wrong passwords per agent and address before he must wait
        sign_in_pause_s: float = 60.0,  #: for one more try then
        origins: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        secure_cookie: bool = False,  #: the people's address is https although ours is not
        tls_certificate: str | None = None,
        tls_key: str | None = None,
        request_timeout_s: float = 10.0,  #: for the head and for the body of a request to arrive
        stop_timeout_s: float = 5.0,
        version: str = "0",
        patience: Patience | None = None,
        reporting: Reporting | None = None,
        today: Today | None = None,
    ) -> None:
        agents = tuple(agents)
        patience = patience or Patience()
        self._listen = (listen, port)
        self._stop_timeout_s = stop_timeout_s
        self._pages = Pages(patience, count)
        self._boards = Boards(patience, count, today)
        secret = session_secret or secrets.token_bytes(32)
        door = Door(
            sessions=Sessions(agents, secret=secret, lifetime_s=max(1, int(session_s))),
            doorman=Doorman(agents, tries=sign_in_tries, pause_s=sign_in_pause_s),
            origins=frozenset(origin.lower().rstrip("/") for origin in origins),
            secure_cookie=secure_cookie,
            operators=Operators(operators),
            agents=frozenset(agent.id for agent in agents),
        )
        site = Site(
            door=door,
            desk=desk,
            pages=self._pages,
            boards=self._boards,
            patience=patience,
            count=count,
            metrics=metrics,
            readiness=readiness,
            contacts=contacts,
            version=version,
            reporting=reporting,
        )
        self._server = Server(
            uvicorn.Config(
                Shield(site.application(), body_limit=BODY_LIMIT, body_timeout_s=request_timeout_s),
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                **with_deadlines(head_timeout_s=request_timeout_s, send_timeout_s=patience.send_timeout_s),
                ws_max_size=MESSAGE_LIMIT,
                ws_per_message_deflate=False,
                ws_ping_interval=None,  # the conversation has heartbeats that both sides can see
                h11_max_incomplete_event_size=BODY_LIMIT,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=int(stop_timeout_s),
                ssl_certfile=tls_certificate,
                ssl_keyfile=tls_key,
            )
        )
        self._socket: socket.socket | None = None

    def tell(self, tell: Tell) -> None:
        """Carry out a Tell: to the pages of its agent, and to nobody else. Never blocks."""
        self._pages.tell(tell)

    def show(self, publish: Publish) -> None:
        """A state was published: the wallboards show it. Never blocks."""
        self._boards.take(publish)

    def pages_of(self, agent: AgentId) -> tuple[Page, ...]:
        """The pages that this agent has open."""
        return self._pages.of(agent)

    @property
    def open_pages(self) -> int:
        return len(self._pages) + len(self._boards.pages)

    @property
    def address(self) -> tuple[str, int]:
        """Where we really listen; the port is known only after ``bind``."""
        if self._socket is None:
            return self._listen
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def bind(self) -> None:
        """Take the port. Raises OSError, which names the address."""
        host, port = self._listen
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        try:
            self._socket = socket.create_server((str(where[0]), port), family=family, backlog=2048)
        except OSError as fault:
            raise OSError(fault.errno, f"web: cannot listen on {host}:{port}: {fault.strerror}") from fault
        self._socket.setblocking(False)

    async def run(self) -> None:
        """Serve until cancelled; then say good-bye to the pages and end within ``stop_timeout_s``."""
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="web")
        boards = asyncio.create_task(self._boards.run(), name="wallboards")
        try:
            await asyncio.shield(serving)
        finally:
            boards.cancel()
            self._pages.close_all()
            self._boards.pages.close_all()
            self._server.should_exit = True
            await self._stopped(serving)

    async def _stopped(self, serving: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(self._stop_timeout_s + 1):
                await serving
        except TimeoutError:
            log.warning("the web edge did not end in time")
