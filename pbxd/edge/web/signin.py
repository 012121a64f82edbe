"""Who is at the page: passwords, signed sessions, and a brake on guessing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import argon2
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from pbxd.edge.web.desk import WebAgent
from pbxd.ids import AgentId

COOKIE = "pbxd_session"
_BRAKED = 100_000  #: keys that one brake remembers; then the oldest is forgiven


class TooManyAttemptsError(Exception):
    """Too many attempts; ``wait_s`` is how long to wait before the next one."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many attempts, try again in {wait_s:.0f} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    id: str
    agent: WebAgent
    expires: float  #: epoch seconds


class Sessions:
    """Sessions that live in the signed cookie; only those that were signed out are remembered here.

    A session is bound to the agent's password: a new password in the settings ends the old sessions.
    """

    def __init__(self, agents: Iterable[WebAgent], *, secret: bytes, lifetime_s: int) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._secret = secret
        self._serializer = URLSafeTimedSerializer(secret, salt="pbxd session")
        self.lifetime_s = lifetime_s
        self._ended: OrderedDict[str, float] = OrderedDict()

    def open(self, agent: WebAgent) -> str:
        """The cookie's value for a new session."""
        return self._serializer.dumps([secrets.token_urlsafe(12), agent.id, self._print(agent)])

    def read(self, cookie: str | None) -> Session | None:
        """The session that a cookie stands for; None when it is forged, over, or its agent is gone."""
        if not cookie or len(cookie) > 512:
            return None
        try:
            (session, name, mark), signed = self._serializer.loads(
                cookie, max_age=self.lifetime_s, return_timestamp=True
            )
        except (BadSignature, SignatureExpired, ValueError, TypeError):
            return None
        agent = self._agents.get(AgentId(name))
        if agent is None or session in self._ended or not hmac.compare_digest(mark, self._print(agent)):
            return None
        return Session(id=session, agent=agent, expires=signed.timestamp() + self.lifetime_s)

    def end(self, session: Session) -> None:
        now = time.time()
        self._ended[session.id] = session.expires
        while self._ended and next(iter(self._ended.values())) < now:
            self._ended.popitem(last=False)

    def csrf(self, session: Session) -> str:
        """The token that must come with every request that changes something."""
        return hmac.new(self._secret, b"csrf " + session.id.encode(), hashlib.sha256).hexdigest()

    def _print(self, agent: WebAgent) -> str:
        return hashlib.sha256(self._secret + agent.password_hash.encode()).hexdigest()[:16]


class Brake:
    """A leaky bucket for each key: so many tries at once, then one more after each pause."""

    def __init__(self, *, tries: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = tries
        self._pause_s = pause_s
        self._clock = clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: how many, as of when

    def check(self, key: str) -> None:
        """Raises TooManyAttemptsError when this key has used up its tries."""
        excess = self._level(key) - (self._tries - 1)
        if excess > 0:
            raise TooManyAttemptsError(excess * self._pause_s)

    def failed(self, key: str) -> None:
        now = self._clock()
        self._used[key] = (self._level(key) + 1, now)
        self._used.move_to_end(key)
        while now - next(iter(self._used.values()))[1] > self._tries * self._pause_s:
            self._used.popitem(last=False)
        if len(self._used) > _BRAKED:
            self._used.popitem(last=False)

    def passed(self, key: str) -> None:
        """Give one try back: it was no failure."""
        if key in self._used:
            self._used[key] = (max(0.0, self._level(key) - 1), self._clock())

    def _level(self, key: str) -> float:
        level, at = self._used.get(key, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) / self._pause_s)


NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$pz9bR/L6GQGJyUHXUh5Efg$yBwsMejJM/Ej2THAk9orstmeUMm3CAAmDAbu2EgtZs4"
)
"""Of a password that nobody knows: what agents who do not exist are checked against. Making one takes a fifth
of a second, which every start would pay."""


class Doorman:
    """Checks passwords. Costs the same for agents who do not exist; never hashes on the event loop."""

    def __init__(
        self,
        agents: Iterable[WebAgent],
        *,
        tries: int = 5,
        pause_s: float = 60.0,
        at_once: int = 2,
    ) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._hasher = argon2.PasswordHasher()
        self._by_agent = Brake(tries=tries, pause_s=pause_s)
        # Many agents sit behind one address, so it has more tries; still nobody can try a long list of names.
        self._by_address = Brake(tries=tries * 10, pause_s=pause_s / 10)
        self._hashing = asyncio.Semaphore(at_once)

    async def admit(self, name: str, password: str, address: str) -> WebAgent | None:
        """The agent; None when name or password is wrong. Raises TooManyAttemptsError before it looks."""
        pair = f"{address} {name}"
        self._by_address.check(address)
        self._by_agent.check(pair)
        # Counted before the answer is known: attempts made at the same time must not all slip through.
        self._by_address.failed(address)
        self._by_agent.failed(pair)
        agent = self._agents.get(AgentId(name))
        known = agent.password_hash if agent is not None and agent.password_hash else NOBODYS_HASH
        async with self._hashing:
            right = await asyncio.to_thread(self._verify, known, password)
        if not right or agent is None or known is NOBODYS_HASH:
            return None
        self._by_agent.passed(pair)
        self._by_address.passed(address)
        return agent

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
