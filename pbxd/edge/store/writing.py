"""The SQL that stores contacts: one bulk statement for each table in one transaction, safe to repeat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.engines import connect_existing, sqlite_pragmas
from pbxd.edge.store.faults import kind_of
from pbxd.edge.store.rows import Batch, Entry
from pbxd.edge.store.tables import PARTS, attendance, callers, contacts, legs, stretches, transfers, waits
from pbxd.edge.store.thread import OneThread
from pbxd.ledger.stretch import Stage

Values = tuple[Any, ...]
Insert = postgresql.Insert | sqlite.Insert

_REPLACED = sa.and_(
    stretches.c.call.in_(sa.bindparam("calls", expanding=True)), stretches.c.stage != Stage.WRAP_UP.value
)
"""Rows of the ledger that a contact brings with it; a wrap-up may have come later, by itself."""


class Committer(Protocol):
    """Stores a group of entries in one transaction. Any exception means that none of them is stored."""

    group: int  #: the most entries in one transaction

    async def commit(self, group: Sequence[Entry]) -> int:
        """Write them and return how many contacts there were. A call stored before is replaced whole."""

    async def close(self) -> None: ...


class PooledCommitter:
    """Through SQLAlchemy's pool of connections."""

    #: SQLAlchemy prepares the rows on the loop's thread, some 50 µs each
    group = 100

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def commit(self, group: Sequence[Entry]) -> int:
        batch = Batch.of(group)
        async with self._engine.begin() as connection:
            known = sa.select(contacts.c.call).where(contacts.c.call.in_(batch.calls))
            found = (await connection.execute(known)).scalars().all()
            # Nearly always none is known yet, and the one question has told so.
            for table in PARTS if found else ():
                await connection.execute(sa.delete(table).where(table.c.call.in_(found)))
            if found:
                await connection.execute(sa.delete(stretches).where(_REPLACED), {"calls": list(found)})
            for statement, rows in _inserts(connection.dialect.name, batch):
                await connection.execute(statement, rows)
        return len(batch.contacts)

    async def close(self) -> None:
        return


class ThreadCommitter:
    """One thread with one SQLite connection: a backlog of a hundred thousand does not hold up the loop.

    It runs the same statements, compiled once. Through the asynchronous driver each contact would cost the
    loop's thread some 100 µs.
    """

    group = 500

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = OneThread("pbxd-store")
        self._connection: sqlite3.Connection | None = None

    async def commit(self, group: Sequence[Entry]) -> int:
        return await self._thread.call(lambda: self._commit(group))

    async def close(self) -> None:
        await self._thread.end(self._forget)

    def _commit(self, group: Sequence[Entry]) -> int:
        batch = Batch.of(group)
        inserts = _sqlite_inserts(batch)
        connection = self._connection or self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            marks = ", ".join("?" * len(batch.calls))
            known = connection.execute(f"SELECT call FROM contacts WHERE call IN ({marks})", batch.calls)
            for (call,) in known.fetchall():
                for table in PARTS:
                    connection.execute(f"DELETE FROM {table.name} WHERE call = ?", (call,))
                connection.execute(
                    "DELETE FROM stretches WHERE call = ? AND stage <> ?", (call, Stage.WRAP_UP.value)
                )
            for statement, rows in inserts:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if kind_of(error) not in ("locked", "disk_full"):
                self._forget()
            raise
        return len(batch.contacts)

    def _open(self) -> sqlite3.Connection:
        self._connection = connect_existing(self._path, sqlite_pragmas())
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def sqlite_inserts(group: Iterable[Entry]) -> list[tuple[str, list[Values]]]:
    """Each statement that stores a group of entries in SQLite, with the values of its rows."""
    return _sqlite_inserts(Batch.of(group))


def _sqlite_inserts(batch: Batch) -> list[tuple[str, list[Values]]]:
    for row in batch.contacts:
        row["path"] = to_json(row["path"]).decode()
        row["handovers"] = to_json(row["handovers"]).decode()
    return [
        (_text(statement), [tuple(row.values()) for row in rows])
        for statement, rows in _inserts("sqlite", batch)
    ]


def _inserts(dialect: str, batch: Batch) -> list[tuple[sa.Insert, list[dict[str, Any]]]]:
    """Each table's statement with its rows, where there are any."""
    pairs = (
        (_upsert_caller(dialect), list(batch.callers.values())),
        (_upsert_contact(dialect), batch.contacts),
        (_insert(dialect, legs), batch.legs),
        (_insert(dialect, waits), batch.waits),
        (_insert(dialect, transfers), batch.transfers),
        (_upsert_stretch(dialect), batch.stretches),
        (_upsert_attendance(dialect), batch.attendance),
    )
    return [(statement, rows) for statement, rows in pairs if rows]


@cache
def _text(statement: sa.Insert) -> str:
    """A statement as SQLite's own driver takes it; its parameters are the table's columns, in order."""
    names = list(statement.table.c.keys())
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=names))


@cache
def _insert(dialect: str, table: sa.Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _upsert_contact(dialect: str) -> sa.Insert:
    insert = _insert(dialect, contacts)
    new = {column.name: insert.excluded[column.name] for column in contacts.c if column.name != "call"}
    return insert.on_conflict_do_update(index_elements=["call"], set_=new)


@cache
def _upsert_stretch(dialect: str) -> sa.Insert:
    insert = _insert(dialect, stretches)
    key = ["call", "position"]
    new = {column.name: insert.excluded[column.name] for column in stretches.c if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=new)


@cache
def _upsert_attendance(dialect: str) -> sa.Insert:
    """A row that is repaired after a kill may have been stored whole before: the later end stays."""
    insert = _insert(dialect, attendance)
    new, old = insert.excluded, attendance.c
    return insert.on_conflict_do_update(
        index_elements=["agent", "started"],
        set_={"ended": sa.case((new.ended > old.ended, new.ended), else_=old.ended)},
    )


@cache
def _upsert_caller(dialect: str) -> sa.Insert:
    """Contacts may arrive out of order (after an outage): the youngest call's name and node stay."""
    insert = _insert(dialect, callers)
    new, old = insert.excluded, callers.c
    younger = new.last_seen >= old.last_seen
    # A parameter would need a value with every row.
    empty: sa.ColumnElement[str] = sa.literal_column("''")
    named = sa.and_(new.name != empty, sa.or_(younger, old.name == empty))
    return insert.on_conflict_do_update(
        index_elements=["number"],
        set_={
            "node": sa.case((younger, new.node), else_=old.node),
            "name": sa.case((named, new.name), else_=old.name),
            "first_seen": sa.case((new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen),
            "last_seen": sa.case((younger, new.last_seen), else_=old.last_seen),
        },
    )
