"""Reads the history, and what is in progress, as the comparison with Asterisk's books needs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import sqlalchemy as sa

from pbxd.calls.kept import KeptJourney
from pbxd.continuity import journey_in
from pbxd.edge.store.keeping import JOURNEY
from pbxd.edge.store.tables import contacts, kept, legs, transfers, waits
from pbxd.reconcile.history import Call, Leg, Stay, Transfer

_PAGE = 500
_OF_CONTACTS = ("call", "presented", "arrived", "ended", "outcome", "missed")


def history(
    connection: sa.Connection, in_time: Callable[[], None], *, node: str, start: float, end: float
) -> list[Call]:
    """The calls of a node that arrived from ``start`` up to ``end``, by arrival; then those in progress."""
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
    told = {call.call for call in calls}
    calls.extend(call for call in _in_progress(connection, node) if call.call not in told)
    return calls


def _in_progress(connection: sa.Connection, node: str) -> Iterator[Call]:
    """The journeys of a node that pbxd keeps because they go on."""
    statement = sa.select(kept.c.id, kept.c.body).where(kept.c.kind == JOURNEY).order_by(kept.c.id)
    for name, body in connection.execute(statement):
        if not name.startswith(f"{node}:"):
            continue
        try:
            journey = journey_in(json.loads(body))
        except (KeyError, TypeError, ValueError):
            continue  # of another version; pbxd counts it when it is started
        if journey is not None:
            yield _so_far(journey)


def _so_far(journey: KeptJourney) -> Call:
    """Who takes part; how long what took is not compared yet."""
    call = journey.call
    return Call(
        call=call.id,
        caller=call.caller,
        arrived=call.arrived,
        ended=inf,
        outcome="",
        missed=call.missed,
        goes_on=True,
        legs=tuple(
            Leg(interface=talk.interface, started=talk.started, ended=talk.ended) for talk in journey.talks
        ),
        transfers=tuple(
            Transfer(
                kind=transfer.kind,
                at=transfer.at,
                from_interface=transfer.from_,
                to=transfer.to,
                outcome=transfer.outcome,
                began=transfer.began,
            )
            for transfer in journey.transfers
        ),
    )


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
