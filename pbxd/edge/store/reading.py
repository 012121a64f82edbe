"""Contacts with all their parts, for people and programs that ask over the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pbxd.edge.store.tables import contacts as table
from pbxd.edge.store.tables import legs, transfers, waits
from pbxd.ids import CallId

MOST = 1000
_CALLS = 500  #: ids in one question


async def contacts(
    engine: AsyncEngine,
    *,
    limit: int,
    before: float | None,
    number: str | None,
    agent: str | None,
    queue: str | None,
) -> list[dict[str, Any]]:
    """The newest ``limit`` (at most 1,000) contacts, each with legs, waits, transfers and path."""
    statement = (
        sa.select(table).order_by(table.c.arrived.desc(), table.c.call).limit(max(1, min(limit, MOST)))
    )
    if before is not None:
        statement = statement.where(table.c.arrived < before)
    if number is not None:
        statement = statement.where(table.c.number == number)
    if queue is not None:
        # A call belongs to every queue it has waited in, not only to the first.
        waited = sa.select(waits.c.call).where(waits.c.queue == queue, waits.c.call == table.c.call)
        statement = statement.where((table.c.queue == queue) | waited.exists())
    if agent is not None:
        spoke = sa.select(legs.c.call).where(legs.c.agent == agent, legs.c.call == table.c.call)
        statement = statement.where(spoke.exists())
    async with engine.connect() as connection:
        found = [dict(row) for row in (await connection.execute(statement)).mappings()]
        calls = [row["call"] for row in found]
        parts = [(part.name, await _parts(connection, part, calls)) for part in (legs, waits, transfers)]
    for row in found:
        # Contacts of before there were hand-overs look like contacts without any.
        row["handovers"], row["repeated"] = row["handovers"] or [], row["repeated"] or 0
        for name, by_call in parts:
            row[name] = by_call.get(row["call"], [])
    return found


async def known(engine: AsyncEngine, calls: Iterable[CallId]) -> frozenset[CallId]:
    """Those of these calls whose contacts are stored."""
    asked, found = list(calls), set[CallId]()
    async with engine.connect() as connection:
        for first in range(0, len(asked), _CALLS):
            some = sa.select(table.c.call).where(table.c.call.in_(asked[first : first + _CALLS]))
            found.update(map(CallId, (await connection.execute(some)).scalars()))
    return frozenset(found)


async def _parts(
    connection: AsyncConnection, part: sa.Table, calls: Sequence[str]
) -> Mapping[str, list[dict[str, Any]]]:
    columns = [column for column in part.c if column.name not in ("node", "position")]
    statement = sa.select(*columns).where(part.c.call.in_(calls)).order_by(part.c.call, part.c.position)
    by_call: dict[str, list[dict[str, Any]]] = {}
    for row in (await connection.execute(statement)).mappings():
        by_call.setdefault(row["call"], []).append({key: row[key] for key in row if key != "call"})
    return by_call
