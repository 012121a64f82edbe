"""Compares the history with the files in which Asterisk keeps its own books, by hand or every night."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TextIO, cast

import structlog

from pbxd.edge.store.books import history
from pbxd.edge.store.faults import Count, StoreError
from pbxd.edge.store.reports import Reader, Reports
from pbxd.reconcile.cdr import read_cdr
from pbxd.reconcile.findings import Comparison
from pbxd.reconcile.queue_log import read_queue_log
from pbxd.reconcile.records import compare_calls
from pbxd.reconcile.stays import compare_stays

log = structlog.get_logger("pbxd.reconcile")

#: calls that arrived so long before the period may still be in its books
_BEFORE_S = 86_400.0
#: for files that are written a little later than what they tell
_AFTER_S = 3600.0
_NAP_S = 30.0
_TOLD = 20  #: mismatches of one night in the log

#: of a rotated file, behind its name: .0, .1, .2.gz (Asterisk, logrotate), -20261121, -20261121.gz
_ROTATED = re.compile(r"(?:\.\d+|-\d{8}(?:-\d+)?)(?:\.gz)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Where an Asterisk keeps its books."""

    node: str
    queue_log: Path | None = None
    cdr: Path | None = None
    cdr_zone: tzinfo


def reconcile(reader: Reader, books: Books, start: float, end: float) -> Comparison:
    """Compare what began from ``start`` up to ``end``; blocks.

    OSError when a book cannot be read or the history does not answer in time, StoreError as ``Reader.read``.
    """
    early = start - _BEFORE_S
    calls = reader.read(
        lambda connection, in_time: history(
            connection, in_time, node=books.node, start=early, end=end + _AFTER_S
        )
    )
    compared = Comparison(stays=0, calls=0, findings=())
    if books.queue_log is not None:
        queue_log = read_queue_log(lines(books.queue_log, since=early), since=early)
        compared = compared.together(compare_stays(calls, queue_log, start, end))
    if books.cdr is not None:
        cdr = read_cdr(lines(books.cdr, since=early), books.cdr_zone, since=early)
        compared = compared.together(compare_calls(calls, cdr, start, end))
    return compared


def lines(path: Path, *, since: float) -> Iterator[str]:
    """The lines of a book and of those that were rotated away beside it, oldest first. Files that nobody has
    written to since then are left out. FileNotFoundError when there is none at all."""
    found = {path} if path.exists() else set()
    if path.parent.is_dir():
        beside = path.parent.iterdir()
        found |= {
            each
            for each in beside
            if each.name.startswith(path.name) and _ROTATED.fullmatch(each.name[len(path.name) :])
        }
    if not found:
        raise FileNotFoundError(2, "there is no such book", str(path))
    written = sorted((each.stat().st_mtime, each) for each in found)
    for last, each in written:
        if last >= since:
            with _opened(each) as file:
                yield from file


def _opened(path: Path) -> TextIO:
    with path.open("rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    return cast(TextIO, opener(path, "rt", encoding="utf-8", errors="replace", newline=""))


class Nightly:
    """Compares yesterday every night at ``at`` (``HH:MM`` in ``zone``). ``fault`` is for health."""

    def __init__(
        self,
        books: Books,
        reports: Reports,
        count: Count,
        *,
        at: str,
        zone: tzinfo,
        clock: Callable[[], float] = time.time,
        nap_s: float = _NAP_S,
    ) -> None:
        self._books = books
        self.node = books.node
        self._reports = reports
        self._count = count
        self._at = at
        self._zone = zone
        self._clock = clock
        self._nap_s = nap_s
        self.last_success = clock()
        self.fault = ""  #: what the last night found wrong; empty: nothing

    async def run(self) -> None:
        """For ever."""
        due = 0.0
        while True:
            # Not the same night twice, when the clock is set back a little.
            due = self._next(max(self._clock(), due))
            while (left := due - self._clock()) > 0:  # noqa: ASYNC110
                # In naps: the clock may be set, and the machine may sleep, while we wait for the night.
                await asyncio.sleep(min(left, self._nap_s))
            await self.compare_yesterday(due)

    def _next(self, now: float) -> float:
        hour, minute = map(int, self._at.split(":"))
        moment = datetime.fromtimestamp(now, self._zone)
        due = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if due.timestamp() <= now:
            # From midnight on, so that a night in which the clock is set has its right hour, too.
            due = datetime(moment.year, moment.month, moment.day, hour, minute, tzinfo=self._zone)
            due += timedelta(days=1)
        return due.timestamp()

    async def compare_yesterday(self, now: float) -> None:
        """Compare the day before ``now``; the result is logged, counted, and kept for health."""
        today = datetime.fromtimestamp(now, self._zone).date()
        midnight = datetime(today.year, today.month, today.day, tzinfo=self._zone)
        start, end = (midnight - timedelta(days=1)).timestamp(), midnight.timestamp()
        try:
            compared = await self._reports.apart(reconcile, self._reports.reader, self._books, start, end)
        except (OSError, StoreError) as error:
            self._failed(str(error))
            return
        self._tell(compared, start)
        if compared.silent:
            # Asterisk may have stopped to write it: that nothing differs would be no news then.
            self._failed(f"nothing of that day is in {', '.join(compared.silent)}")
            return
        mismatches = len(compared.mismatches)
        result = "mismatches" if mismatches else "clean"
        self._count("pbxd_reconcile_runs_total", node=self.node, result=result)
        self.fault = (
            f"{_day(start, self._zone)}: {mismatches} mismatches with the switch's books"
            if mismatches
            else ""
        )
        self.last_success = self._clock()

    def _failed(self, why: str) -> None:
        self.fault = f"not compared: {why}"
        self._count("pbxd_reconcile_runs_total", node=self.node, result="failed")
        log.error("the history was not compared with the switch's books", fault=why)

    def _tell(self, compared: Comparison, start: float) -> None:
        for what, number in (("stays", compared.stays), ("calls", compared.calls)):
            self._count("pbxd_reconcile_compared_total", number, node=self.node, what=what)
        for kind, number in compared.counts(explained=False).items():
            self._count("pbxd_reconcile_mismatch_total", number, node=self.node, kind=kind)
        for kind, number in compared.counts(explained=True).items():
            self._count("pbxd_reconcile_explained_total", number, node=self.node, kind=kind)
        mismatches = compared.mismatches
        for found in mismatches[:_TOLD]:
            log.warning(
                "the switch's book says otherwise",
                kind=found.kind.value,
                at=found.at,
                call=found.call,
                channel=found.uniqueid,
                queue=found.queue,
                here=found.here,
                there=found.there,
            )
        log.info(
            "the history was compared with the switch's books",
            day=_day(start, self._zone),
            stays=compared.stays,
            calls=compared.calls,
            mismatches=len(mismatches),
            explained=len(compared.findings) - len(mismatches),
        )


def _day(moment: float, zone: tzinfo) -> str:
    return datetime.fromtimestamp(moment, zone).date().isoformat()
