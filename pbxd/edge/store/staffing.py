"""Reads for a report who was signed in when, and who worked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from pbxd.agents.attendance import LONGEST_S, last_seen, open_row
from pbxd.edge.store.keeping import ATTENDANCE, EVERYBODY
from pbxd.edge.store.tables import attendance, kept, stretches
from pbxd.ids import AgentId
from pbxd.ledger.stretch import Stage
from pbxd.reports.staffing import Presence, Staffing, Work

_PAGE = 500
_LONGEST_CALL_S = 86_400.0
_WORK = (Stage.TALK.value, Stage.HOLD.value, Stage.WRAP_UP.value)


def staffing(connection: sa.Connection, start: float, end: float, in_time: Callable[[], None]) -> Staffing:
    """Who was signed in and who worked between ``start`` and ``end``: rows that reach beyond are whole."""
    there = (
        sa.select(attendance.c.agent, attendance.c.started, attendance.c.ended, attendance.c.paused)
        .where(attendance.c.ended > start, attendance.c.ended < end + 2 * LONGEST_S)
        .where(attendance.c.started < end)
    )
    worked = (
        sa.select(stretches.c.agent, stretches.c.started, stretches.c.ended)
        .where(stretches.c.stage.in_(_WORK), stretches.c.agent.is_not(None))
        .where(stretches.c.started >= start - _LONGEST_CALL_S, stretches.c.started < end)
        .where(stretches.c.ended > start)
    )

    def rows(statement: sa.Select[Any]) -> Iterator[Any]:
        for some in connection.execute(statement).partitions(_PAGE):
            in_time()
            yield from some

    presences = [Presence(agent=a, started=s, ended=e, paused=bool(p)) for a, s, e, p in rows(there)]
    return Staffing(
        [*presences, *_still_there(connection)],
        [Work(agent=a, started=s, ended=e) for a, s, e in rows(worked)],
    )


def _still_there(connection: sa.Connection) -> Iterator[Presence]:
    """Who is signed in now, as far as pbxd has seen it."""
    statement = sa.select(kept.c.id, kept.c.body).where(kept.c.kind == ATTENDANCE)
    bodies: dict[str, dict[str, Any]] = {}
    for id_, text in connection.execute(statement):
        try:
            body = json.loads(text)
        except ValueError:
            continue  # pbxd says so when it starts
        if isinstance(body, dict):
            bodies[id_] = body
    seen = last_seen(bodies.pop(EVERYBODY, {}))
    for agent, body in bodies.items():
        row = open_row(AgentId(agent), body, seen=seen)
        if row is not None:
            yield Presence(agent=agent, started=row.started, ended=row.ended, paused=row.paused)
