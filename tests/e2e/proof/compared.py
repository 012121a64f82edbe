"""Every difference between the book of a test and what pbxd says; in here its metrics.

Counts have to be equal, durations to 50 ms each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.proof.book import CLOSE_S, NODE, Book, Series, seen
from tests.e2e.proof.covered import COUNTERS, EMPTY, HISTOGRAMS, SUMS
from tests.e2e.proof.house import SERVICE_LEVEL_S, SHORT_S


def read_metrics(metrics: Mapping[str, float]) -> dict[Series, float]:
    """``name{labels}`` taken apart."""
    read = {}
    for series, value in metrics.items():
        name, _, labels = series.partition("{")
        read[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = value
    return read


@dataclass
class Compared:
    """The book beside pbxd's words. ``differences`` is what it is all about."""

    book: Book
    differences: list[str] = field(default_factory=list)
    checks: int = 0  #: how many numbers were compared

    # ------------------------------------------------------------ comparing

    def differs(self, what: str, here: Any, there: Any) -> None:
        self.differences.append(f"{what}: the book says {here}, pbxd says {there}")

    def same(self, what: str, here: Any, there: Any) -> None:
        self.checks += 1
        if here != there:
            self.differs(what, here, there)

    def close(
        self, what: str, here: float | None, there: float | None, parts: int = 1, *, up_to: float = 0.0
    ) -> None:
        """``parts`` durations in one sum, each as close as can be; ``up_to``: so much more is right too."""
        self.checks += 1
        slack = CLOSE_S * max(1, parts)
        if here is None or there is None or not here - slack <= there <= here + up_to + slack:
            self.differs(what, here, there)

    def compare_metrics(self, metrics: Mapping[str, float]) -> None:
        told = read_metrics(metrics)
        for name in COUNTERS:
            for series in _series(name, self.book.counts, told):
                self.same(_named(series), self.book.counts.get(series, 0), told.get(series, 0))
        for name in SUMS:
            for series in _series(name, self.book.sums, told):
                values = self.book.sums.get(series, [])
                up_to = self.book.leaving(series)
                self.close(_named(series), sum(values), told.get(series, 0.0), len(values), up_to=up_to)
        for name in HISTOGRAMS:
            self._histogram(name, told)
        for name in EMPTY:
            self.same(name, 0, sum(value for (each, _), value in told.items() if each == name))

    def compare_gauges(self, metrics: Mapping[str, float], members: Mapping[str, int], agents: int) -> None:
        """When everybody is ready again: ``members`` of each queue, and all agents."""
        told = read_metrics(metrics)
        thresholds = {"service_level": SERVICE_LEVEL_S, "short_abandon": SHORT_S}
        for queue, number in members.items():
            of = {"node": NODE, "queue": queue}
            for state in ("ready", "ringing", "talking", "paused", "offline"):
                series = seen("pbxd_queue_members", **of, state=state)
                self.same(_named(series), number if state == "ready" else 0, told.get(series))
            for name, seconds in thresholds.items():
                series = seen(f"pbxd_queue_{name}_threshold_seconds", **of)
                self.same(_named(series), seconds, told.get(series))
        for series, value in told.items():
            if series[0] == "pbxd_staff":
                state = dict(series[1])["state"]
                self.same(_named(series), agents if state == "ready" else 0, value)

    def compare_counts(self, book: Book, name: str, metrics: Mapping[str, float]) -> None:
        """One counter only, against another book."""
        told = read_metrics(metrics)
        for series in _series(name, book.counts, told):
            self.same(_named(series), book.counts.get(series, 0), told.get(series, 0))

    def _histogram(self, name: str, told: Mapping[Series, float]) -> None:
        counted = {(name, labels): value for (each, labels), value in told.items() if each == f"{name}_count"}
        for series in _series(name, self.book.spans, counted):
            values = self.book.spans.get(series, [])
            self.same(f"{_named(series)} count", len(values), counted.get(series, 0))
            total = told.get((f"{name}_sum", series[1]), 0.0)
            up_to = self.book.leaving(series)
            self.close(f"{_named(series)} sum", sum(values), total, len(values), up_to=up_to)
            for (each, labels), value in told.items():
                bounds = frozenset(pair for pair in labels if pair[0] == "le")
                if each == f"{name}_bucket" and labels - bounds == series[1]:
                    bound = float(dict(labels)["le"])
                    longer = [one + more for one, more in zip(values, self.book.unsure[series], strict=True)]
                    least = sum(one <= bound - CLOSE_S for one in longer)
                    most = sum(one <= bound + CLOSE_S for one in values)
                    self.checks += 1
                    if not least <= value <= most:
                        self.differs(f"{_named(series)} up to {bound}", f"{least} to {most}", value)


def _series(name: str, *of: Mapping[Series, Any]) -> list[Series]:
    """All series of a figure that any of them has."""
    return sorted({series for each in of for series in each if series[0] == name}, key=_named)


def _named(series: Series) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(series[1]))
    return f"{series[0]}{{{labels}}}"
