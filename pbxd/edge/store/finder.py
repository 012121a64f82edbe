"""Finding a caller's earlier contacts while his phone call waits for nothing.

On SQLite the question costs some 30 µs, and a round trip through the async driver ten times that; so it is
asked on one thread with a connection of its own. On PostgreSQL, too, it goes by the driver's shortest way.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.engines import connect_existing
from pbxd.edge.store.thread import OneThread
from pbxd.messages import PastContact


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    name: str | None  #: the name kept for this number
    contacts: tuple[PastContact, ...]  #: newest first


class Finder(Protocol):
    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        """The newest ``limit`` contacts of ``number`` that arrived before ``before``; TimeoutError when the
        answer takes longer than ``timeout_s``."""

    async def close(self) -> None: ...


_COLUMNS = ("call", "arrived", "ended", "queue", "subject", "agent", "outcome", "talk_s")
#: in the words of both drivers. The name is asked along with the rest: another round trip would cost as much
#: as the whole question.
_QUESTION = (
    f"SELECT {', '.join(_COLUMNS)}, (SELECT name FROM callers WHERE number = {{number}}) FROM contacts "
    "WHERE number = {number} AND arrived < {before} ORDER BY arrived DESC LIMIT {limit}"
)
_SQLITE = _QUESTION.format(number=":number", before=":before", limit=":limit")
_POSTGRES = _QUESTION.format(number="$1", before="$2", limit="$3")


def _slot(name: str) -> Callable[[PastContact, object], None]:
    setter: Callable[[PastContact, object], None] = getattr(PastContact, name).__set__
    return setter


_blank = object.__new__
_set_call, _set_arrived, _set_ended = _slot("call"), _slot("arrived"), _slot("ended")
_set_queue, _set_subject, _set_agent = _slot("queue"), _slot("subject"), _slot("agent")
_set_outcome, _set_talk_s = _slot("outcome"), _slot("talk_s")


def _found(rows: Sequence[Sequence[Any]]) -> Found:
    past = []
    for call, arrived, ended, queue, subject, agent, outcome, talk_s, _ in rows:
        # Filled slot by slot it takes a third of the time that the constructor of a frozen dataclass does:
        # with a hundred contacts that is what the look-up would take longest for.
        contact = _blank(PastContact)
        _set_call(contact, call)
        _set_arrived(contact, arrived)
        _set_ended(contact, ended)
        _set_queue(contact, queue)
        _set_subject(contact, subject)
        _set_agent(contact, agent)
        _set_outcome(contact, outcome)
        _set_talk_s(contact, talk_s)
        past.append(contact)
    return Found(name=rows[0][-1] or None if rows else None, contacts=tuple(past))


class ServerFinder:
    """A few connections of its own to PostgreSQL, made as the engine makes them and asked by the driver
    itself: through SQLAlchemy a look-up takes four times as long, most of it on the loop's thread."""

    _MOST = 4

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Semaphore(self._MOST)
        self._idle: list[Any] = []  #: asyncpg's connections

    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        async with asyncio.timeout(timeout_s), self._turn:
            connection = self._take() or await self._connect()
            try:
                rows = await connection.fetch(_POSTGRES, number, before, limit)
            except BaseException:
                # Whatever it was: nobody knows what is still to come on this connection, and those that
                # are idle have probably met the same end.
                for each in (connection, *self._idle):
                    each.terminate()
                self._idle.clear()
                raise
            self._idle.append(connection)
        return _found(rows)

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(each.close(timeout=1.0) for each in idle), return_exceptions=True)

    def _take(self) -> Any:
        """An idle connection whose end nobody has heard of, or None."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Any:
        pooled = await (await self._engine.connect()).get_raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        return connection


#: a reader that nobody waits for long, with its own 64 MB of pages
_PRAGMAS = (
    "PRAGMA query_only=ON",
    "PRAGMA busy_timeout=50",
    "PRAGMA cache_size=-64000",
    "PRAGMA mmap_size=268435456",
)


def _expire(answer: asyncio.Future[Found]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


class ThreadFinder:
    """One thread with one read-only SQLite connection, opened again after an error."""

    #: SQLite asks whether to go on after so many of its own steps: some 0.1 ms of work
    _STEPS = 10_000

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._thread = OneThread("pbxd-look-up")
        self._connection: sqlite3.Connection | None = None
        self._deadline = 0.0
        self._select = _SQLITE

    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        deadline = self._clock() + timeout_s
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found] = loop.create_future()
        # A tenth of what asyncio.timeout() costs, which would be a good part of the whole look-up. Made
        # beforehand: while this thread computes, the other one waits for the interpreter.
        timer = loop.call_later(timeout_s, _expire, answer)
        self._thread.answer(answer, lambda: self._find(number, before, limit, deadline))
        try:
            return await answer
        finally:
            timer.cancel()

    async def close(self) -> None:
        self._deadline = 0.0  # a question that is still running ends now
        await self._thread.end(self._forget)

    def _find(self, number: str, before: float, limit: int, deadline: float) -> Found:
        if self._clock() > deadline:
            raise TimeoutError("the look-up waited too long for its turn")
        self._deadline = deadline
        try:
            connection = self._connection or self._open()
            asked = {"number": number, "before": before, "limit": limit}
            rows = connection.execute(self._select, asked).fetchall()
        except sqlite3.Error as error:
            self._forget()
            if self._clock() >= deadline:
                raise TimeoutError("given up inside SQLite") from error
            raise
        return _found(rows)

    def _open(self) -> sqlite3.Connection:
        connection = connect_existing(self._path, _PRAGMAS)
        connection.set_progress_handler(lambda: self._clock() > self._deadline, self._STEPS)
        self._connection = connection
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
