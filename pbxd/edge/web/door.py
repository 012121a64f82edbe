"""What decides who comes in: the session, where the browser says a request was made, the CSRF token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from pbxd.edge.web.signin import COOKIE, Doorman, Session, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    sessions: Sessions
    doorman: Doorman
    origins: frozenset[str]  #: further origins that may talk to us, e.g. of a proxy that changes the Host
    secure_cookie: bool = False  #: the people's address is https although ours is not

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


def is_encrypted(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")
