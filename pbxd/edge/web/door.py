"""What decides who comes in: the session or the bearer token, where a request was made, the CSRF token."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass, field

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from pbxd.edge.web.answers import RefusedError
from pbxd.edge.web.operators import Operator, Operators
from pbxd.edge.web.signin import COOKIE, Brake, Doorman, Session, Sessions, TooManyAttemptsError
from pbxd.ids import AgentId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who makes a request, and for whom."""

    agent: AgentId | None  #: None: an operator who names nobody
    operator: Operator | None = None  #: None: the agent himself, at his page

    def the_agent(self) -> AgentId:
        """The agent for whom this is done. Raises RefusedError 422 when an operator names nobody."""
        if self.agent is None:
            raise RefusedError(422, "no_agent", "agent: say for which agent")
        return self.agent

    def reaches(self, agent: str) -> bool:
        """Whether he may know and do what concerns this agent."""
        return agent == self.agent if self.operator is None else self.operator.may_act_for(agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    sessions: Sessions
    doorman: Doorman
    origins: frozenset[str]  #: further origins that may talk to us, e.g. of a proxy that changes the Host
    secure_cookie: bool = False  #: the people's address is https although ours is not
    operators: Operators = field(default_factory=lambda: Operators(()))
    agents: frozenset[AgentId] = frozenset()
    brake: Brake = field(default_factory=lambda: Brake(tries=10, pause_s=6.0))  #: on guessing tokens

    def same_origin(self, connection: HTTPConnection) -> bool:
        """Whether the browser says that one of our own pages sent this."""
        origin = connection.headers.get("origin", "").lower()
        scheme = "https" if is_encrypted(connection) else "http"
        return origin == f"{scheme}://{connection.headers.get('host', '').lower()}" or origin in self.origins

    def sends_securely(self, connection: HTTPConnection) -> bool:
        """Whether the session cookie may be kept from plain http."""
        return self.secure_cookie or is_encrypted(connection)

    def session(self, connection: HTTPConnection) -> Session:
        """The session of a request. Raises HTTPException 401."""
        session = self.sessions.read(connection.cookies.get(COOKIE))
        if session is None:
            raise HTTPException(401, "sign in first")
        return session

    def refuse_foreign(self, connection: HTTPConnection) -> None:
        """Raises HTTPException 403 for a request that a page of somebody else made the browser send."""
        if "origin" in connection.headers and not self.same_origin(connection):
            raise HTTPException(403, "the request comes from another site")

    def changing(self, connection: HTTPConnection) -> Session:
        """The session of a request that changes something. Raises HTTPException 401 or 403."""
        self.refuse_foreign(connection)
        session = self.session(connection)
        token = connection.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(token.encode(), self.sessions.csrf(session).encode()):
            raise HTTPException(403, "the header X-CSRF-Token is missing or wrong")
        return session

    def actor(self, connection: HTTPConnection, named: str | None = None, *, changing: bool = False) -> Actor:
        """Who acts for whom. An agent acts for himself; an operator, by his token, for whom he names.

        Raises HTTPException 401, 403, 404 or 429.
        """
        authorization = connection.headers.get("authorization")
        if authorization is None:
            session = self.changing(connection) if changing else self.session(connection)
            if named is not None and named != session.agent.id:
                raise RefusedError(403, "not_yours", "you act for yourself only")
            return Actor(agent=session.agent.id)
        operator = self._operator(connection, authorization)
        if named is not None and not operator.may_act_for(named):
            raise RefusedError(403, "not_yours", f"this token does not act for {named!r}")
        if named is not None and named not in self.agents:
            raise RefusedError(404, "no_such_agent", f"there is no agent {named!r}")
        if changing:
            path = connection.url.path
            log.info("an order by token", operator=operator.name, agent=named, path=path)
        return Actor(agent=None if named is None else AgentId(named), operator=operator)

    def _operator(self, connection: HTTPConnection, authorization: str) -> Operator:
        scheme, _, token = authorization.partition(" ")
        operator = self.operators.with_token(token.strip()) if scheme.lower() == "bearer" else None
        if operator is not None:
            # Not braked by what others try from the same address, which may be that of a proxy.
            return operator
        address = connection.client.host if connection.client else ""
        try:
            self.brake.check(address)
        except TooManyAttemptsError as brake:
            wait = {"Retry-After": str(math.ceil(brake.wait_s))}
            raise RefusedError(429, "too_many", str(brake), wait) from None
        self.brake.failed(address)
        log.warning("a token that is not known", address=address)
        raise RefusedError(401, "wrong_token", "the token is not known", {"WWW-Authenticate": "Bearer"})


def is_encrypted(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")
