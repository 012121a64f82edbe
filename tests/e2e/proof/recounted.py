"""Numbers of the reports, counted once more from the history's rows.

Where pbxd has not seen everything, no book is exact; but its reports say what its rows do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from tests.e2e.proof.book import Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.covered import SECONDS
from tests.e2e.proof.shares import keys

OUTCOMES = {"timeout": "timed_out"}  #: of a stay, as a report calls them
TOTAL = {"calls": "contacts", "entries": "waits", "handled": "legs"}  #: of all lines together, a row each

Rows = Mapping[str, list[Json]]
Part = tuple[str, str, float]  #: line, figure, what it adds


def recount(compared: Compared, by: str, report: Json, rows: Rows) -> None:
    """Each number of this report that rows of the history can be counted for."""
    wanted: dict[str, Counter[str]] = defaultdict(Counter)
    for line, figure, value in _PARTS[by](rows):
        wanted[line][figure] += value  # type: ignore[assignment]
    told = {row["key"]: row for row in report["rows"]}
    for line, figures in wanted.items():
        for figure, value in figures.items():
            there, what = told.get(line, {}).get(figure), f"report by {by} {line} {figure}"
            if figure in SECONDS:
                compared.close(what, value, there)
            else:
                compared.same(what, value, there)
    for figure, table in TOTAL.items():
        compared.same(f"report by {by} {figure}", len(rows[table]), report["total"][figure])


def _queues(rows: Rows) -> Iterator[Part]:
    for wait in rows["waits"]:
        yield wait["queue"], "entries", 1
        yield wait["queue"], OUTCOMES.get(wait["outcome"], wait["outcome"]), 1


def _agents(rows: Rows) -> Iterator[Part]:
    for leg in rows["legs"]:
        if leg["agent"]:
            yield leg["agent"], "handled", 1
            yield leg["agent"], "talk_s", leg["talk_s"]
            yield leg["agent"], "hold_s", leg["hold_s"]
    for row in rows["stretches"]:
        if row["stage"] == "wrap_up":
            yield row["agent"], "wrap_up_s", row["ended"] - row["started"]


def _times(by: str, rows: Rows) -> Iterator[Part]:
    for contact in rows["contacts"]:
        (line,) = keys(by, contact["arrived"], "", None)
        yield line, "calls", 1


_PARTS = {
    "queue": _queues,
    "agent": _agents,
    "hour": lambda rows: _times("hour", rows),
    "day": lambda rows: _times("day", rows),
}
BY = tuple(_PARTS)
