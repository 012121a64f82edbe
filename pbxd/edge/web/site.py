"""The web edge as an application: sign-in, REST, the WebSocket's door, monitoring, the page itself."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Query, Request, Response, Security, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.security import APIKeyCookie
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from pbxd.edge.web.answers import Ascii, refusal
from pbxd.edge.web.conversation import Conversation
from pbxd.edge.web.desk import Desk, Part, RecentContacts
from pbxd.edge.web.door import Door
from pbxd.edge.web.pages import Page, Pages, Patience
from pbxd.edge.web.reports import Reporting, Reports
from pbxd.edge.web.signin import COOKIE, Session, TooManyAttemptsError
from pbxd.edge.web.transfers import Transfers
from pbxd.edge.web.wallboard import BoardConversation, Boards, is_supervisor
from pbxd.effects import Count

log = structlog.get_logger(__name__)

STATIC = Path(__file__).parent / "static"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CODES = {400: "bad_request", 401: "signed_out", 403: "forbidden", 404: "not_found", 405: "wrong_method"}


class SignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    agent: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Me(BaseModel):
    agent: str
    name: str
    language: str
    csrf: Annotated[
        str, Field(description="send it as X-CSRF-Token with every request that changes something")
    ]
    expires: Annotated[float, Field(description="end of the session, epoch seconds")]
    supervises: Annotated[bool, Field(description="may see the wallboard")]


class HandoverRow(BaseModel):
    transfer: str
    at: Annotated[float, Field(description="epoch seconds")]
    by: Annotated[str, Field(description="pbxd or phone")]
    kind: str | None
    outcome: str | None
    from_agent: str | None
    to_kind: str | None
    to: str
    reason: str
    note: str
    disposition: str


class ContactRow(BaseModel):
    call: str
    number: str
    name: str
    arrived: Annotated[float, Field(description="epoch seconds")]
    ended: Annotated[float, Field(description="epoch seconds")]
    queue: str | None
    subject: str | None
    outcome: str
    talk_s: float
    handovers: Annotated[
        list[HandoverRow], Field(description="each transfer, oldest first, with what was written")
    ] = []
    repeated: Annotated[
        int, Field(description="agents who reported that the caller had to repeat himself")
    ] = 0


class ContactRows(BaseModel):
    contacts: list[ContactRow]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that is served over HTTP. ``application`` makes it an ASGI application."""

    door: Door
    desk: Desk
    pages: Pages
    boards: Boards
    patience: Patience
    count: Callable[[Count], None]
    metrics: Callable[[bool], Awaitable[bytes]]  #: True: in the format of OpenMetrics
    readiness: Callable[[], Sequence[Part]]
    contacts: RecentContacts
    version: str
    reporting: Reporting | None = None
    contacts_timeout_s: float = 2.0

    def application(self) -> FastAPI:
        site = FastAPI(
            title="pbxd",
            version=self.version,
            summary="Telephony-integration daemon for Asterisk",
            openapi_url="/api/openapi.json",
            docs_url=None,  # both viewers load scripts from elsewhere, which our CSP forbids
            redoc_url=None,
            default_response_class=Ascii,
        )
        site.exception_handler(HTTPException)(self._refused)
        site.exception_handler(RequestValidationError)(self._invalid)
        site.exception_handler(Exception)(self._broken)
        signed = [Security(APIKeyCookie(name=COOKIE, auto_error=False))]
        route = site.add_api_route
        route("/api/session", self.sign_in, methods=["POST"], response_model=Me, tags=["session"])
        route(
            "/api/session",
            self.sign_out,
            methods=["DELETE"],
            status_code=204,
            dependencies=signed,
            tags=["session"],
        )
        route("/api/me", self.me, response_model=Me, dependencies=signed, tags=["session"])
        route(
            "/api/contacts", self.recent, response_model=ContactRows, dependencies=signed, tags=["contacts"]
        )
        Transfers(door=self.door, desk=self.desk).add_to(site)
        if self.reporting is not None:
            Reports(door=self.door, reporting=self.reporting).add_to(site)
        route("/metrics", self.scrape, response_class=PlainTextResponse, tags=["monitoring"])
        route("/-/healthy", self.healthy, tags=["monitoring"])
        route("/-/ready", self.ready, tags=["monitoring"])
        site.add_api_websocket_route("/ws", self.talk)
        site.add_api_websocket_route("/ws/wallboard", self.show_board)
        route("/", self.page, include_in_schema=False)
        route("/wallboard", self.board, include_in_schema=False)
        if (STATIC / "assets").is_dir():
            site.mount("/assets", _Assets(directory=STATIC / "assets"))
        return site

    # ------------------------------------------------------------ session

    async def sign_in(self, request: Request, who: SignIn) -> Response:
        """Sign in as an agent; sets the session cookie."""
        self.door.refuse_foreign(request)
        address = request.client.host if request.client else ""
        try:
            agent = await self.door.doorman.admit(who.agent, who.password, address)
        except TooManyAttemptsError as brake:
            self._signed_in("braked")
            return refusal(429, "too_many", str(brake), {"Retry-After": str(math.ceil(brake.wait_s))})
        if agent is None:
            self._signed_in("refused")
            log.warning("sign-in refused", agent=who.agent, address=address)
            return refusal(401, "wrong_password", "agent or password is wrong")
        self._signed_in("admitted")
        cookie = self.door.sessions.open(agent)
        session = self.door.sessions.read(cookie)
        assert session is not None
        response = Ascii(self._me(session).model_dump())
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=self.door.sessions.lifetime_s,
            httponly=True,
            samesite="strict",
            secure=self.door.sends_securely(request),
        )
        return response

    def _signed_in(self, result: str) -> None:
        self.count(Count(metric="pbxd_web_signins_total", labels={"result": result}))

    async def sign_out(self, request: Request) -> Response:
        """End the session everywhere, its open pages included."""
        session = self.door.changing(request)
        self.door.sessions.end(session)
        self.pages.end_session(session.id)
        self.boards.pages.end_session(session.id)
        response = Response(status_code=204)
        response.delete_cookie(
            COOKIE, httponly=True, samesite="strict", secure=self.door.sends_securely(request)
        )
        return response

    async def me(self, request: Request) -> Me:
        return self._me(self.door.session(request))

    def _me(self, session: Session) -> Me:
        agent, csrf = session.agent, self.door.sessions.csrf(session)
        return Me(
            agent=agent.id,
            name=agent.name,
            language=agent.language,
            csrf=csrf,
            expires=session.expires,
            supervises=is_supervisor(agent),
        )

    async def recent(self, request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 25) -> Response:
        """The last contacts of the agent who is signed in, newest first."""
        session = self.door.session(request)
        try:
            async with asyncio.timeout(self.contacts_timeout_s):
                rows = await self.contacts(session.agent.id, limit)
        except (TimeoutError, OSError) as fault:
            why = str(fault) or "no answer in time"
            return refusal(503, "store_unavailable", f"the store did not answer: {why}")
        return Ascii({"contacts": [dataclasses.asdict(row) for row in rows]})

    # ------------------------------------------------------------ push

    async def talk(self, socket: WebSocket) -> None:
        session = await self._admitted(socket)
        if session is None:
            return
        page = Page(session, self.patience)
        await Conversation(
            socket, page, desk=self.desk, pages=self.pages, patience=self.patience, count=self.count
        ).run()

    async def show_board(self, socket: WebSocket) -> None:
        session = await self._admitted(socket, supervisor=True)
        if session is not None:
            await BoardConversation(
                socket,
                session,
                desk=self.desk,
                boards=self.boards,
                patience=self.patience,
                count=self.count,
            ).run()

    async def _admitted(self, socket: WebSocket, *, supervisor: bool = False) -> Session | None:
        """Whose WebSocket it is, accepted; None when it was refused."""
        try:
            if not self.door.same_origin(socket):
                raise HTTPException(403, "the WebSocket was opened by another site")
            session = self.door.session(socket)
            if supervisor and not is_supervisor(session.agent):
                raise HTTPException(403, "the wallboard is for supervisors")
        except HTTPException as refused:
            code = CODES[refused.status_code]
            await socket.send_denial_response(refusal(refused.status_code, code, refused.detail))
            return None
        await socket.accept()
        return session

    # ------------------------------------------------------------ monitoring

    async def scrape(self, request: Request) -> Response:
        """The figures in Prometheus' text format, or in OpenMetrics', whichever is asked for; see
        docs/metrics.md."""
        openly = _wants_openmetrics(request.headers.get("Accept", ""))
        return Response(await self.metrics(openly), media_type=OPENMETRICS_TYPE if openly else METRICS_TYPE)

    async def healthy(self) -> Response:
        """Answers as long as the loop runs."""
        return Ascii({"healthy": True, "version": self.version})

    async def ready(self) -> Response:
        """Whether pbxd can do its work; 503 with the reasons when a part that it needs is down."""
        parts = self.readiness()
        ready = all(part.ready or not part.required for part in parts)
        body = {"ready": ready, "parts": [dataclasses.asdict(part) for part in parts]}
        return Ascii(body, status_code=200 if ready else 503)

    # ------------------------------------------------------------ the page

    async def page(self) -> Response:
        return _document("index.html")

    async def board(self) -> Response:
        return _document("wallboard.html")

    # ------------------------------------------------------------ refusals

    async def _refused(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        self._count_refusal()
        code = getattr(fault, "code", None) or CODES.get(fault.status_code, "refused")
        return refusal(fault.status_code, code, fault.detail, dict(fault.headers or {}))

    async def _invalid(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, RequestValidationError)
        self._count_refusal()
        places = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in fault.errors()[:10]]
        return refusal(422, "invalid", "; ".join(places)[:1000])

    async def _broken(self, request: Request, fault: Exception) -> Response:
        log.error("a request failed", path=request.url.path, exc_info=fault)
        return refusal(500, "fault", "pbxd made a mistake; its log says more")

    def _count_refusal(self) -> None:
        self.count(Count(metric="pbxd_web_refused_total", labels={"kind": "request"}))


def _document(name: str) -> Response:
    file = STATIC / name
    if not file.is_file():
        return PlainTextResponse("The pages are not built. Run: python deploy/build_page.py\n", 503)
    return FileResponse(file, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


def _wants_openmetrics(accept: str) -> bool:
    """Whether a scraper would rather have OpenMetrics than the plain text."""
    wanted = {"text/plain": 0.0, "application/openmetrics-text": 0.0}
    for entry in accept.split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        if kind in wanted and re.fullmatch(r"[01](\.\d{0,3})?", weight):
            wanted[kind] = max(wanted[kind], float(weight))
    return 0.0 < wanted["application/openmetrics-text"] >= wanted["text/plain"]


class _Assets(StaticFiles):
    """Files whose names carry the hash of what is in them, so that a browser may keep them for ever."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
