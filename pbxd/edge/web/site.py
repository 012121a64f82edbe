"""The web edge as an application: its routes, the WebSockets' door, the pages, refusals."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Query, Request, Response, Security, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.security import APIKeyCookie
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pbxd.edge.web.answers import Ascii, refusal
from pbxd.edge.web.conversation import Conversation
from pbxd.edge.web.desk import Desk, Part, RecentContacts
from pbxd.edge.web.door import Door
from pbxd.edge.web.entrance import Entrance
from pbxd.edge.web.monitoring import Monitoring
from pbxd.edge.web.pages import Page, Pages, Patience
from pbxd.edge.web.reports import Reporting, Reports
from pbxd.edge.web.signin import COOKIE, Session
from pbxd.edge.web.transfers import Transfers
from pbxd.edge.web.wallboard import BoardConversation, Boards, is_supervisor
from pbxd.effects import Count

log = structlog.get_logger(__name__)

STATIC = Path(__file__).parent / "static"
CODES = {400: "bad_request", 401: "signed_out", 403: "forbidden", 404: "not_found", 405: "wrong_method"}


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
        Entrance(door=self.door, pages=self.pages, boards=self.boards, count=self.count).add_to(site)
        route(
            "/api/contacts", self.recent, response_model=ContactRows, dependencies=signed, tags=["contacts"]
        )
        Transfers(door=self.door, desk=self.desk).add_to(site)
        if self.reporting is not None:
            Reports(door=self.door, reporting=self.reporting).add_to(site)
        Monitoring(metrics=self.metrics, readiness=self.readiness, version=self.version).add_to(site)
        site.add_api_websocket_route("/ws", self.talk)
        site.add_api_websocket_route("/ws/wallboard", self.show_board)
        route("/", self.page, include_in_schema=False)
        route("/wallboard", self.board, include_in_schema=False)
        if (STATIC / "assets").is_dir():
            site.mount("/assets", _Assets(directory=STATIC / "assets"))
        return site

    # ------------------------------------------------------------ contacts

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


class _Assets(StaticFiles):
    """Files whose names carry the hash of what is in them, so that a browser may keep them for ever."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
