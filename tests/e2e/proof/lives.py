"""What a scraper reads of counters while the process that counts dies now and then.

Within one life no counter may go back; over all lives together they are added up, as Prometheus does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from deploy.lab.centre import Centre

EVERY_S = 0.5
COUNTS = re.compile(r"^\w+_(total|count|sum|bucket)(\{|$)")


@dataclass
class Lives:
    """All that has been read."""

    last: dict[str, float] = field(default_factory=dict)  #: of this life, when it was read last
    before: Counter[str] = field(default_factory=Counter)  #: of all lives before
    scrapes: int = 0
    fell: list[str] = field(default_factory=list)
    dead: bool = False

    async def scrapes_on(self, centre: Centre) -> None:
        """For ever, as a Prometheus would."""
        while True:
            await asyncio.sleep(EVERY_S)
            if not self.dead:
                with contextlib.suppress(httpx.HTTPError):  # it is dying
                    self.read(await centre.metrics())

    def read(self, metrics: Mapping[str, float]) -> None:
        if not self.dead:
            self._take(metrics)

    def _take(self, metrics: Mapping[str, float]) -> None:
        counters = {series: value for series, value in metrics.items() if COUNTS.match(series)}
        for series, value in self.last.items():
            if counters.get(series, -1.0) < value:
                self.fell.append(f"{series}: {value} became {counters.get(series)}")
        self.last = counters
        self.scrapes += 1

    async def ends(self, centre: Centre) -> float:
        """Read a last time before it is killed; when that was, epoch seconds."""
        self.dead, at = True, time.time()
        self._take(await centre.metrics())
        return at

    def begins(self) -> None:
        """A new process counts from 0."""
        self.before.update(self.last)
        self.last, self.dead = {}, False

    @property
    def sums(self) -> dict[str, float]:
        """Of each series, over all lives."""
        return dict(self.before + Counter(self.last))
