"""The SQL of what is kept over a restart: the newest state of each thing, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.engines import connect_existing, sqlite_pragmas
from pbxd.edge.store.faults import kind_of
from pbxd.edge.store.tables import kept
from pbxd.edge.store.thread import OneThread

ATTENDANCE = "attendance"  #: the kind of a row of who is signed in, which reports read too; its id: the agent
JOURNEY = "journey"  #: of a call in progress, which the comparison with Asterisk's books reads too
EVERYBODY = ""  #: the id under which it stands until when all of them were seen


class Row(NamedTuple):
    kind: str
    id: str
    body: str | None  #: JSON; None: it is over, forget it


class Shelf(Protocol):
    """Any exception means that nothing has changed."""

    async def write(self, rows: Sequence[Row], at: float, unread_before: float | None) -> None:
        """Keep these states, written ``at``, and drop all that is older than ``unread_before``."""

    async def read(self) -> Sequence[Row]: ...

    async def close(self) -> None: ...


class PooledShelf:
    """Through SQLAlchemy's pool of connections, on PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        insert = postgresql.insert(kept)
        new = {"at": insert.excluded.at, "body": insert.excluded.body}
        self._upsert = insert.on_conflict_do_update(index_elements=["kind", "id"], set_=new)
        self._forget = sa.delete(kept).where(
            kept.c.kind == sa.bindparam("gone_kind"), kept.c.id == sa.bindparam("gone_id")
        )

    async def write(self, rows: Sequence[Row], at: float, unread_before: float | None) -> None:
        gone = [{"gone_kind": row.kind, "gone_id": row.id} for row in rows if row.body is None]
        new: list[dict[str, Any]] = [{**row._asdict(), "at": at} for row in rows if row.body is not None]
        async with self._engine.begin() as connection:
            if unread_before is not None:
                await connection.execute(sa.delete(kept).where(kept.c.at < unread_before))
            if gone:
                await connection.execute(self._forget, gone)
            if new:
                await connection.execute(self._upsert, new)

    async def read(self) -> Sequence[Row]:
        async with self._engine.connect() as connection:
            found = await connection.execute(sa.select(kept.c.kind, kept.c.id, kept.c.body))
            return [Row(*row) for row in found]

    async def close(self) -> None:
        return


class ThreadShelf:
    """One thread with one SQLite connection: a fifth of what the asynchronous driver costs the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = OneThread("pbxd-keep")
        self._connection: sqlite3.Connection | None = None

    async def write(self, rows: Sequence[Row], at: float, unread_before: float | None) -> None:
        await self._thread.call(lambda: self._write(rows, at, unread_before))

    async def read(self) -> Sequence[Row]:
        return await self._thread.call(self._read)

    async def close(self) -> None:
        await self._thread.end(self._drop)

    def _read(self) -> list[Row]:
        found = self._open().execute("SELECT kind, id, body FROM kept")
        return [Row(*row) for row in found.fetchall()]

    def _write(self, rows: Sequence[Row], at: float, unread_before: float | None) -> None:
        connection = self._open()
        gone = [(row.kind, row.id) for row in rows if row.body is None]
        new = [(row.kind, row.id, at, row.body) for row in rows if row.body is not None]
        try:
            connection.execute("BEGIN IMMEDIATE")
            if unread_before is not None:
                connection.execute("DELETE FROM kept WHERE at < ?", (unread_before,))
            connection.executemany("DELETE FROM kept WHERE kind = ? AND id = ?", gone)
            connection.executemany(
                "INSERT INTO kept (kind, id, at, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, body = excluded.body",
                new,
            )
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if kind_of(error) not in ("locked", "disk_full"):
                self._drop()
            raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_existing(self._path, sqlite_pragmas())
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
