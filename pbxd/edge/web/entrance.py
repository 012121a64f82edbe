"""Signing in and out over REST."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import FastAPI, Request, Response, Security
from fastapi.security import APIKeyCookie
from pydantic import BaseModel, ConfigDict, Field

from pbxd.edge.web.answers import Ascii, refusal
from pbxd.edge.web.door import Door
from pbxd.edge.web.pages import Pages
from pbxd.edge.web.signin import COOKIE, Session, TooManyAttemptsError
from pbxd.edge.web.wallboard import Boards, is_supervisor
from pbxd.effects import Count

log = structlog.get_logger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The routes about sessions."""

    door: Door
    pages: Pages
    boards: Boards
    count: Callable[[Count], None]

    def add_to(self, site: FastAPI) -> None:
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
