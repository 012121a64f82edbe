"""Reads the history as the comparison with Asterisk's books needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from pbxd.edge.store.tables import contacts, legs, transfers, waits
from pbxd.reconcile.history import Call, Leg, Stay, Transfer

_PAGE = 500
_OF_CONTACTS = ("call", "presented", "arrived", "ended", "outcome", "missed")


def history(
    connection: sa.Connection, in_time: Callable[[], None], *, node: str, start: float, end: float
) -> list[Call]:
    """The calls of a node that arrived from ``start`` up to ``end``, by arrival."""
    statement = (
        sa.select(*(contacts.c[name] for name in _OF_CONTACTS))
        .where(contacts.c.node == node, contacts.c.arrived >= start, contacts.c.arrived < end)
        .order_by(contacts.c.arrived, contacts.c.call)
    )
    rows = connection.execute(statement).mappings().all()
    calls: list[Call] = []
    for first in range(0, len(rows), _PAGE):
        in_time()
        page = rows[first : first + _PAGE]
        calls.extend(_calls(connection, page))
    return calls


def _calls(connection: sa.Connection, page: Any) -> Iterator[Call]:
    names = [row["call"] for row in page]
    parts = [_parts(connection, table, names) for table in (waits, legs, transfers)]
    for row in page:
        stays, talks, handed = (part.get(row["call"], ()) for part in parts)
        yield Call(
            call=row["call"],
            caller=row["presented"],
            arrived=row["arrived"],
            ended=row["ended"],
            outcome=row["outcome"],
            missed=row["missed"],
            stays=tuple(
                Stay(queue=stay["queue"], joined=stay["joined"], left=stay["left"], outcome=stay["outcome"])
                for stay in stays
            ),
            legs=tuple(
                Leg(interface=leg["interface"], started=leg["started"], ended=leg["ended"]) for leg in talks
            ),
            transfers=tuple(
                Transfer(
                    kind=transfer["kind"],
                    at=transfer["at"],
                    from_interface=transfer["from_interface"],
                    to=transfer["to"],
                    outcome=transfer["outcome"],
                    began=transfer["began"],
                )
                for transfer in handed
            ),
        )


def _parts(connection: sa.Connection, table: sa.Table, calls: list[str]) -> dict[str, list[Any]]:
    statement = sa.select(table).where(table.c.call.in_(calls)).order_by(table.c.call, table.c.position)
    found: dict[str, list[Any]] = {}
    for row in connection.execute(statement).mappings():
        found.setdefault(row["call"], []).append(row)
    return found
