"""The SQL that stores contacts: one bulk statement for each table in one transaction, safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pbxd.edge.store.rows import Batch
from pbxd.edge.store.tables import PARTS, callers, contacts, legs, transfers, waits
from pbxd.messages import Contact


async def store(engine: AsyncEngine, batch: Iterable[Contact]) -> int:
    """Write contacts in one transaction and return how many. A call stored before is replaced whole."""
    newest = {contact.record.id: contact for contact in batch}
    rows = Batch()
    for contact in newest.values():
        rows.add(contact)
    async with engine.begin() as connection:
        await _forget_parts(connection, [row["call"] for row in rows.contacts])
        dialect = connection.dialect.name
        # In a fixed order of keys, or two writers could each wait for a row that the other holds.
        numbers = {row["number"]: row for row in sorted(rows.callers, key=lambda row: row["last_seen"])}
        first: dict[str, float] = {}
        for row in rows.callers:
            first[row["number"]] = min(row["first_seen"], first.get(row["number"], row["first_seen"]))
        named = {row["number"]: row["name"] for row in sorted(rows.callers, key=_age) if row["name"]}
        await _write(
            connection,
            _upsert_caller(dialect),
            [
                {**row, "first_seen": first[number], "name": named.get(number, "")}
                for number, row in sorted(numbers.items())
            ],
        )
        await _write(connection, _upsert_contact(dialect), rows.contacts)
        await _write(connection, sa.insert(legs), rows.legs)
        await _write(connection, sa.insert(waits), rows.waits)
        await _write(connection, sa.insert(transfers), rows.transfers)
    return len(newest)


def _age(row: dict[str, Any]) -> float:
    return float(row["last_seen"])


async def _write(connection: AsyncConnection, statement: sa.Insert, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(statement, rows)


async def _forget_parts(connection: AsyncConnection, calls: list[str]) -> None:
    """Nearly always no call of a batch is known yet, and one question tells so."""
    known = sa.select(contacts.c.call).where(contacts.c.call.in_(calls))
    found = (await connection.execute(known)).scalars().all()
    for table in PARTS if found else ():
        await connection.execute(sa.delete(table).where(table.c.call.in_(found)))


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _upsert_contact(dialect: str) -> sa.Insert:
    insert = _insert(dialect, contacts)
    new = {column.name: insert.excluded[column.name] for column in contacts.c if column.name != "call"}
    return insert.on_conflict_do_update(index_elements=["call"], set_=new)


@cache
def _upsert_caller(dialect: str) -> sa.Insert:
    """Contacts may arrive out of order (after an outage): the youngest call's name and node stay."""
    insert = _insert(dialect, callers)
    new, old = insert.excluded, callers.c
    younger = new.last_seen >= old.last_seen
    return insert.on_conflict_do_update(
        index_elements=["number"],
        set_={
            "node": sa.case((younger, new.node), else_=old.node),
            "name": sa.case(
                (sa.and_(new.name != "", sa.or_(younger, old.name == "")), new.name), else_=old.name
            ),
            "first_seen": sa.case((new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen),
            "last_seen": sa.case((younger, new.last_seen), else_=old.last_seen),
        },
    )
