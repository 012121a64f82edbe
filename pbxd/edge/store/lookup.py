"""Finding a caller's earlier contacts while his phone call waits for nothing.

On SQLite the question costs some 30 µs, and a round trip through the async driver ten times that; so it is
asked on one thread with a connection of its own. On PostgreSQL it goes through the pool.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.engines import connect_existing
from pbxd.edge.store.tables import callers, contacts
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
_STATEMENT = (
    sa.select(
        *(contacts.c[name] for name in _COLUMNS),
        # Asked along with the rest: another round trip would cost as much as the whole question.
        sa.select(callers.c.name).where(callers.c.number == sa.bindparam("number")).scalar_subquery(),
    )
    .where(contacts.c.number == sa.bindparam("number"), contacts.c.arrived < sa.bindparam("before"))
    .order_by(contacts.c.arrived.desc())
    .limit(sa.bindparam("most"))
)
#: the same for SQLite's own driver
_SQLITE = (
    f"SELECT {', '.join(_COLUMNS)}, (SELECT name FROM callers WHERE number = ?1) FROM contacts "
    "WHERE number = ?1 AND arrived < ?2 ORDER BY arrived DESC LIMIT ?3"
)


def _found(rows: Sequence[Sequence[Any]]) -> Found:
    past = [
        PastContact(
            call=call,
            arrived=arrived,
            ended=ended,
            queue=queue,
            subject=subject,
            agent=agent,
            outcome=outcome,
            talk_s=talk_s,
        )
        for call, arrived, ended, queue, subject, agent, outcome, talk_s, _ in rows
    ]
    return Found(name=rows[0][-1] or None if rows else None, contacts=tuple(past))


class PooledFinder:
    """Through SQLAlchemy's pool of connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        # A single question needs no transaction around it, which would be two more round trips.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        async with asyncio.timeout(timeout_s), self._engine.connect() as connection:
            asked = {"number": number, "before": before, "most": limit}
            return _found((await connection.execute(_STATEMENT, asked)).fetchall())

    async def close(self) -> None:
        return


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
        answer = self._thread.call(lambda: self._find(number, before, limit, deadline))
        # A tenth of what asyncio.timeout() costs, which would be a good part of the whole look-up.
        timer = answer.get_loop().call_later(timeout_s, _expire, answer)
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
            rows = connection.execute(self._select, (number, before, limit)).fetchall()
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
