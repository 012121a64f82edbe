"""Who was signed in, and paused or not, as rows for the history.

A row is written when it ends. Until then it is kept as a state, and once a minute pbxd keeps until when it
has seen that all of these go on. So after a kill the rows that were open end at a moment that pbxd has seen,
and the time in which there was no pbxd counts as nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from math import isfinite
from typing import Any

from pbxd.agents.state import AgentState
from pbxd.effects import Attended, Effect, KeepAttendance
from pbxd.ids import AgentId
from pbxd.journal import Journal, Table
from pbxd.ledger.attendance import Attendance
from pbxd.messages import AttendanceKept

SEEN_EVERY_S = 60.0
LONGEST_S = 86_400.0
"""A row that lasts longer is ended, and the next one begun: who reads a day need not look back for ever."""
MOST = 500
"""Rows in one tick: ten thousand agents who come at once would hold the loop."""


class AttendanceBook:
    """``note`` what each agent does, ``tick`` every second."""

    def __init__(self, journal: Journal) -> None:
        self._open: Table[AgentId, Attendance] = Table(journal)  #: ``ended`` means nothing yet
        self._changed: Table[AgentId, bool] = Table(journal)  #: whose open row is not kept yet
        self._over: Table[tuple[AgentId, float], Attendance] = Table(journal)
        self._seen: Table[str, float] = Table(journal)

    def note(self, agent: AgentId, state: AgentState, reason: str, at: float) -> None:
        """This agent does this from ``at`` on. No moment may come before one that was told earlier."""
        was = self._open.get(agent)
        paused = state is AgentState.PAUSED
        if state is AgentState.OFFLINE:
            if was is None:
                return
            del self._open[agent]
        elif was is not None and was.paused == paused:
            return
        else:
            self._begin(agent, paused, reason if paused else "", at)
        if was is not None:
            self._end(was, at)
        self._changed[agent] = True

    def tick(self, at: float) -> list[Effect]:
        """What is to be written by now; ``at`` by pbxd's own clock."""
        effects: list[Effect] = []
        if self._open and not 0 <= at - self._seen.get("last", 0.0) < SEEN_EVERY_S:
            for row in [row for row in self._open.values() if at - row.started >= LONGEST_S]:
                self._end(row, at)
                self._begin(row.agent, row.paused, row.reason, at)
                self._changed[row.agent] = True
            effects = self._all_seen(at)
        return self._news(MOST) + effects

    def stop(self, at: float) -> list[Effect]:
        """pbxd ends, in order: nothing is left to be told, and until now all is seen."""
        return self._news(len(self._over) + len(self._changed)) + self._all_seen(at)

    def restore(self, kept: AttendanceKept) -> list[Effect]:
        """The rows that were open when pbxd ended: over, at the last moment that was seen."""
        effects: list[Effect] = []
        for agent, body in kept.bodies.items():
            row = open_row(agent, body, seen=kept.seen)
            if row is not None and row.ended > row.started:
                effects.append(Attended(row=row))
            effects.append(KeepAttendance(agent=agent, body=None))
        return effects

    def _begin(self, agent: AgentId, paused: bool, reason: str, at: float) -> None:
        self._open[agent] = Attendance(agent=agent, started=at, ended=at, paused=paused, reason=reason)

    def _end(self, row: Attendance, at: float) -> None:
        if at > row.started:
            self._over[row.agent, row.started] = replace(row, ended=at)

    def _news(self, most: int) -> list[Effect]:
        effects: list[Effect] = []
        for key in list(islice(self._over, most)):
            effects.append(Attended(row=self._over.pop(key)))
        for agent in list(islice(self._changed, most)):
            del self._changed[agent]
            row = self._open.get(agent)
            effects.append(KeepAttendance(agent=agent, body=None if row is None else _body(row)))
        return effects

    def _all_seen(self, at: float) -> list[Effect]:
        self._seen["last"] = at
        return [KeepAttendance(agent=None, body={"seen": at})]


def _body(row: Attendance) -> dict[str, Any]:
    return {"started": row.started, "paused": row.paused, "reason": row.reason}


def open_row(agent: AgentId, body: Mapping[str, Any], *, seen: float | None) -> Attendance | None:
    """A row that was kept while it was open, as far as it was seen; None when nobody can read it."""
    started, paused, reason = body.get("started"), body.get("paused"), body.get("reason")
    if not isinstance(started, (int, float)) or not isfinite(started):
        return None
    if not isinstance(paused, bool) or not isinstance(reason, str):
        return None
    ended = started if seen is None else max(started, seen)
    return Attendance(agent=agent, started=float(started), ended=float(ended), paused=paused, reason=reason)


def last_seen(body: Mapping[str, Any]) -> float | None:
    """Until when all open rows were seen to go on, as it was kept."""
    seen = body.get("seen")
    return float(seen) if isinstance(seen, (int, float)) and isfinite(seen) else None
