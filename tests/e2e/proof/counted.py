"""Counters, over all lives of pbxd, against its own history: each journey counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.e2e.proof.book import CLOSE_S, NODE, Json, Series, seen
from tests.e2e.proof.compared import Compared, read_metrics

COUNTS = (
    "pbxd_calls_total",
    "pbxd_calls_missed_total",
    "pbxd_queue_entries_total",
    "pbxd_queue_wait_seconds_count",
    "pbxd_member_rings_total",
    "pbxd_member_ring_results_total",
    "pbxd_transfers_total",
    "pbxd_handled_legs_total",
    "pbxd_wrap_up_seconds_count",
    "pbxd_flow_entries_total",
    "pbxd_surveys_total",
    "pbxd_survey_ratings_total",
)
#: Of rings, the history's words.
RESULTS = {"busy": "declined", "caller_left": "cancelled", "elsewhere": "cancelled"}
#: Labels of which the history says nothing.
UNKNOWN = {
    "pbxd_handled_legs_total": ("queue",),
    "pbxd_handling_seconds_total": ("queue",),
    "pbxd_wrap_up_seconds_count": ("ended",),
    "pbxd_flow_entries_total": ("flow",),
    "pbxd_surveys_total": ("queue",),
    "pbxd_survey_ratings_total": ("queue",),
}
SUMMED = ("pbxd_queue_wait_seconds_sum", "pbxd_handling_seconds_total")


@dataclass
class Counted:
    """What the rows of some journeys have to add to which counter."""

    counts: Counter[Series] = field(default_factory=Counter)
    sums: Counter[Series] = field(default_factory=Counter)
    parts: Counter[Series] = field(default_factory=Counter)

    def add(self, of: Mapping[str, list[Json]]) -> None:
        for contact in of["contacts"]:
            self._one("pbxd_calls_total", queue=contact["queue"] or "", outcome=contact["outcome"])
            if contact["missed"]:
                self._one("pbxd_calls_missed_total")
            if contact["survey"]:
                self._one("pbxd_surveys_total", result=contact["survey"])
            if contact["rating"] is not None:
                self._one("pbxd_survey_ratings_total", rating=str(contact["rating"]))
        for wait in of["waits"]:
            self._one("pbxd_queue_entries_total", queue=wait["queue"])
            waited = {"queue": wait["queue"], "outcome": wait["outcome"]}
            self._one("pbxd_queue_wait_seconds_count", **waited)
            self._sum("pbxd_queue_wait_seconds_sum", wait["left"] - wait["joined"], **waited)
        for row in of["stretches"]:
            # Of a phone that was found ringing nobody was told.
            if row["stage"] == "ring" and not row["missed"]:
                queue, result = row["queue"] or "", row["outcome"]
                self._one("pbxd_member_rings_total", queue=queue)
                self._one("pbxd_member_ring_results_total", queue=queue, result=result)
            elif row["stage"] == "wrap_up":
                self._one("pbxd_wrap_up_seconds_count", queue=row["queue"] or "")
                self._sum("pbxd_handling_seconds_total", row["ended"] - row["started"], part="wrap_up")
            elif row["stage"] == "ivr":
                self._one("pbxd_flow_entries_total")
        for transfer in of["transfers"]:
            told = {key: transfer[key] for key in ("by", "kind", "outcome")}
            self._one("pbxd_transfers_total", **told)
        for leg in of["legs"]:
            self._one("pbxd_handled_legs_total")
            self._sum("pbxd_handling_seconds_total", leg["talk_s"], part="talk")
            self._sum("pbxd_handling_seconds_total", leg["hold_s"], part="hold")

    def _one(self, name: str, **labels: str) -> None:
        self.counts[seen(name, node=NODE, **labels)] += 1

    def _sum(self, name: str, seconds: float, **labels: str) -> None:
        series = seen(name, node=NODE, **labels)
        self.sums[series] += seconds  # type: ignore[assignment]
        self.parts[series] += 1


def compare_lives(
    compared: Compared, metrics: Mapping[str, float], sure: Counted, unsure: Counted, lost: list[float]
) -> None:
    """``unsure``: of journeys in the middle of a kill, each counts once, or not, or again; ``lost``: how long
    each of those lasted, of which something may have counted that is in no history."""
    told: Counter[Series] = Counter()
    for series, value in read_metrics(metrics).items():
        told[_known(series)] += value  # type: ignore[assignment]
    for name in COUNTS:
        for series in _series(name, sure.counts, unsure.counts, told):
            least, most = sure.counts[series], sure.counts[series] + 2 * unsure.counts[series] + len(lost)
            _between(compared, series, least, most, told[series])
    for name in SUMMED:
        for series in _series(name, sure.sums, unsure.sums):
            slack = CLOSE_S * (sure.parts[series] + unsure.parts[series] + 1)
            most = sure.sums[series] + 2 * unsure.sums[series] + sum(lost)
            _between(compared, series, sure.sums[series] - slack, most + slack, told[series])


def _known(series: Series) -> Series:
    """The history has less: not by which queue a leg came, which flow it was, who ended a wrap-up; and fewer
    words for why a ring ended."""
    name, labels = series
    if name == "pbxd_member_ring_results_total":
        labels = frozenset((key, RESULTS.get(value, value)) for key, value in labels)
    return name, frozenset(pair for pair in labels if pair[0] not in UNKNOWN.get(name, ()))


def _series(name: str, *of: Iterable[Series]) -> list[Series]:
    return sorted({series for each in of for series in each if series[0] == name}, key=str)


def _between(compared: Compared, series: Series, least: float, most: float, there: float) -> None:
    compared.checks += 1
    if not least <= there <= most:
        name, labels = series
        compared.differs(f"{name} {sorted(labels)}", least if least == most else f"{least} to {most}", there)
