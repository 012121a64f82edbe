"""Finding a caller's earlier contacts while his phone call waits for nothing.

On SQLite the question costs some 30 µs, and a round trip through the async driver ten times that; so it is
asked on one thread with a connection of its own. On PostgreSQL it goes through the pool.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.rows import past_contact
from pbxd.edge.store.tables import callers, contacts
from pbxd.messages import PastContact


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    name: str | None  #: the name kept for this number
    contacts: tuple[PastContact, ...]  #: newest first


class Finder(Protocol):
    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        """The newest ``limit`` contacts of ``number`` that arrived before ``before``."""

    async def close(self) -> None: ...


_COLUMNS = ("call", "arrived", "ended", "queue", "subject", "agent", "outcome", "talk_s")
_STATEMENT = (
    sa.select(*(contacts.c[name] for name in _COLUMNS))
    .where(contacts.c.number == sa.bindparam("number"), contacts.c.arrived < sa.bindparam("before"))
    .order_by(contacts.c.arrived.desc())
    .limit(sa.bindparam("most"))
)
_NAME = sa.select(callers.c.name).where(callers.c.number == sa.bindparam("number"))


class PooledFinder:
    """Through SQLAlchemy's pool of connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        async with self._engine.connect() as connection:
            rows = await connection.execute(_STATEMENT, {"number": number, "before": before, "most": limit})
            past = tuple(past_contact(dict(row)) for row in rows.mappings())
            name = (await connection.execute(_NAME, {"number": number})).scalar_one_or_none()
        return Found(name=name or None, contacts=past)

    async def close(self) -> None:
        return


class ThreadFinder:
    """One thread with one read-only SQLite connection, opened again after an error."""

    #: SQLite asks whether to go on after so many of its own steps: some 0.1 ms of work
    _STEPS = 10_000

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pbxd-lookup")
        self._connection: sqlite3.Connection | None = None
        self._deadline = 0.0
        self._select = (
            f"SELECT {', '.join(_COLUMNS)} FROM contacts WHERE number = ? AND arrived < ? "
            "ORDER BY arrived DESC LIMIT ?"
        )

    async def find(self, number: str, before: float, limit: int, timeout_s: float) -> Found:
        deadline = self._clock() + timeout_s
        asked = self._thread.submit(self._find, number, before, limit, deadline)
        return await asyncio.wrap_future(asked)

    async def close(self) -> None:
        self._deadline = 0.0  # a question that is still running ends now
        self._thread.submit(self._forget)
        await asyncio.to_thread(self._thread.shutdown)

    def _find(self, number: str, before: float, limit: int, deadline: float) -> Found:
        if self._clock() > deadline:
            raise TimeoutError("the look-up waited too long for its turn")
        self._deadline = deadline
        try:
            connection = self._connection or self._open()
            rows = connection.execute(self._select, (number, before, limit)).fetchall()
            kept = connection.execute("SELECT name FROM callers WHERE number = ?", (number,)).fetchone()
        except sqlite3.Error:
            self._forget()
            raise
        past = tuple(past_contact(dict(zip(_COLUMNS, row, strict=True))) for row in rows)
        return Found(name=kept[0] or None if kept else None, contacts=past)

    def _open(self) -> sqlite3.Connection:
        # mode=rw: a file that has been taken away must be an error, not a new and empty history.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA busy_timeout=50")
        connection.execute("PRAGMA cache_size=-64000")
        connection.execute("PRAGMA mmap_size=268435456")
        connection.set_progress_handler(lambda: self._clock() > self._deadline, self._STEPS)
        self._connection = connection
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
