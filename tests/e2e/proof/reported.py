"""Every difference between the book of a test and what the reports of the same day say.

Each number of each line of each kind of report, the lines with most of the agents' time, and the calls behind
the numbers. A report that has more than the book knows differs, too.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.proof.book import CLOSE_S, Book, Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.covered import CALL, COUNTS, MEANS, REPORT, SECONDS, SHARES, TIMES, TOP
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.shares import Line, Share, Shares, keys, last_agent
from tests.e2e.proof.times import Times

BY = ("queue", "agent", "skill", "hour", "day")
FIGURES = (*COUNTS, *SECONDS, *MEANS, *SHARES)  #: that calls stand behind
FOLLOWED = 8  #: numbers of one line down to their calls
MOST = 5  #: lines, and calls of each, that took most of the agents' time

Calls = Callable[[Line, str], Awaitable[Json]]
"""Asks for the calls behind a number: of this line, in this column."""


@dataclass
class Reported:
    """Reports of all that the book knows."""

    compared: Compared
    times: Times

    @property
    def book(self) -> Book:
        return self.compared.book

    # ------------------------------------------------------------ a whole report

    def compare(self, by: str, report: Json) -> None:
        """All of it."""
        self._keys(f"report by {by}", REPORT, report)
        self.compared.same("report by", by, report["by"])
        told = {row["key"]: row for row in report["rows"]}
        self.compared.same(f"lines by {by}", sorted(self._lines(by)), list(told))
        for key, row in told.items():
            self._keys(f"by {by} {key}", {"key", *FIGURES, *TIMES}, row)
            self._row(Line(by, key), row)
        self._keys(f"by {by} total", {*FIGURES, *TIMES}, report["total"])
        self._row(Line(by, None), report["total"])
        self._top(by, report["top"])

    def _keys(self, what: str, known: Iterable[str], told: Json) -> None:
        self.compared.same(f"{what} has", sorted(known), sorted(told))

    def _lines(self, by: str) -> set[str]:
        lines = self.times.lines(by)
        for journey in self.book.journeys:
            legs = self.book.legs(journey)
            places = [(leg.queue, self.book.agent(leg.interface)) for leg in legs]
            places += [(queue, None) for queue, _ in journey.waits]  # type: ignore[misc]
            for queue, agent in places or [("", None)]:
                lines |= set(keys(by, self.book.arrived(journey), queue, agent))
        return lines

    def _row(self, line: Line, row: Json) -> None:
        shares = Shares.made(self.book, line).of
        for figure in FIGURES:
            self._figure(f"by {line.by} {line.key} {figure}", figure, shares.get(figure, []), row.get(figure))
        self._times(line, row)

    def _figure(self, what: str, figure: str, shares: list[Share], told: float | None) -> None:
        sum_, parts = sum(share.value for share in shares), sum(share.parts for share in shares)
        more = sum(share.more for share in shares)
        if figure in COUNTS:
            self.compared.same(what, sum_, told)
        elif figure in SECONDS:
            self.compared.close(what, sum_, told, parts, up_to=more)
        elif not shares or told is None:
            self.compared.same(what, sum_ / len(shares) if shares else None, told)
        elif figure in MEANS:
            of = len(shares)
            self.compared.close(what, sum_ / of, told, math.ceil(parts / of), up_to=more / of)
        else:
            digits = 3 if figure == "rating" else 6
            self.compared.same(what, round(sum_ / len(shares), digits), told)

    def _times(self, line: Line, row: Json) -> None:
        if line.by == "queue" and line.key is not None:
            for figure in TIMES:
                self.compared.same(f"by queue {line.key} {figure}", None, row[figure])
            return
        what, spent = f"by {line.by} {line.key}", self.times.spent(line)
        signed_in, paused, busy = spent.signed_in, spent.paused, spent.busy
        self.compared.close(f"{what} signed_in_s", signed_in.seconds, row["signed_in_s"], signed_in.pieces)
        self.compared.close(f"{what} paused_s", paused.seconds, row["paused_s"], paused.pieces)
        available = signed_in.seconds - paused.seconds
        self.compared.checks += 1
        slack = CLOSE_S * (1 + busy.pieces + signed_in.pieces + paused.pieces) / available
        share, told = busy.seconds / available, row["occupancy"]
        if told is None or not share - slack <= told <= share + busy.more / available + slack:
            self.compared.differs(f"{what} occupancy", share, told)

    # ------------------------------------------------------------ most of the agents' time

    def _top(self, by: str, top: list[Json]) -> None:
        lines = {key: Shares.made(self.book, Line(by, key)).of.get("aht_s", []) for key in self._lines(by)}
        lines = {key: shares for key, shares in lines.items() if shares}
        self.compared.same(f"by {by}: busiest lines", min(MOST, len(lines)), len(top))
        told = {each["key"]: each["handling_s"] for each in top}
        self._longest(f"by {by} busiest", {key: _all(shares) for key, shares in lines.items()}, told)
        for each in top:
            self._keys(f"by {by} busiest {each['key']}", TOP, each)
            calls: dict[str, list[Share]] = {}
            for share in lines.get(each["key"], []):
                calls.setdefault(share.journey.uniqueid, []).append(share)
            what = f"by {by} longest of {each['key']}"
            self.compared.same(what, min(MOST, len(calls)), len(each["calls"]))
            told = {call["call"].rpartition(":")[2]: call["value"] for call in each["calls"]}
            self._longest(what, {id_: _all(shares) for id_, shares in calls.items()}, told)
            for call in each["calls"]:
                self._call(what, call, calls.get(call["call"].rpartition(":")[2], []), "aht_s")

    def _longest(self, what: str, all_: Mapping[str, Share], told: Mapping[str, float]) -> None:
        """These are the longest of all, the longest first; of two it may be a matter of moments."""
        self.compared.same(f"{what}, in order", sorted(told.values(), reverse=True), list(told.values()))
        for key, seconds in told.items():
            mine = all_.get(key)
            if mine is None:
                self.compared.differs(what, "no such one", key)
                continue
            self.compared.close(f"{what} {key}", mine.value, seconds, mine.parts, up_to=mine.more)
        least = min(told.values(), default=math.inf)
        for key, mine in all_.items():
            self.compared.checks += 1
            if key not in told and mine.value > least + CLOSE_S * mine.parts:
                self.compared.differs(what, f"{key} with {mine.value}", sorted(told))

    # ------------------------------------------------------------ down to the calls

    async def follow(self, reports: Mapping[str, Json], chance: random.Random, calls: Calls) -> None:
        """Some numbers of the total, and of one line of each kind, down to their calls; which, is chance."""
        lines = [Line(by, chance.choice(report["rows"])["key"]) for by, report in reports.items()]
        for line in (Line("queue", None), *lines):
            shares = Shares.made(self.book, line).of
            most = [figure for figure in FIGURES if figure in shares]
            none = [figure for figure in (*FIGURES, *TIMES) if figure not in shares]
            for figure in (*chance.sample(most, min(FOLLOWED, len(most))), chance.choice(none)):
                self._behind(line, figure, shares.get(figure, []), await calls(line, figure))

    def _behind(self, line: Line, figure: str, shares: list[Share], told: Json) -> None:
        what = f"calls behind {line.by} {line.key} {figure}"
        of_calls: dict[str, list[Share]] = {}
        for share in shares:
            of_calls.setdefault(share.journey.uniqueid, []).append(share)
        named = [call["call"].rpartition(":")[2] for call in told["calls"]]
        self.compared.same(what, list(of_calls), named)
        self.compared.same(f"{what}, how many", len(of_calls), told["total"])
        for call in told["calls"]:
            self._call(what, call, of_calls.get(call["call"].rpartition(":")[2], []), figure)

    def _call(self, what: str, call: Json, shares: list[Share], figure: str) -> None:
        self._keys(what, CALL, call)
        if not shares:
            return  # has been told already
        journey, mine = shares[0].journey, _all(shares)
        self.compared.same(f"{what} of", len(shares), call["of"])
        self.compared.same(
            f"{what} is", self._words(journey), {key: call[key] for key in self._words(journey)}
        )
        if figure in (*SECONDS, *MEANS):
            self.compared.close(f"{what} value", mine.value, call["value"], mine.parts, up_to=mine.more)
        else:
            self.compared.same(f"{what} value", mine.value, call["value"])

    def _words(self, journey: Journey) -> dict[str, Any]:
        (arrived,) = keys("minute", self.book.arrived(journey), "", None)
        return {
            "arrived": arrived,
            "number": f"***{journey.number[-3:]}",
            "queue": journey.queue or None,
            "agent": last_agent(self.book, journey),
            "subject": journey.subject or None,
            "outcome": journey.outcome,
        }


def _all(shares: list[Share]) -> Share:
    """These as one."""
    parts, more = sum(share.parts for share in shares), sum(share.more for share in shares)
    return Share(shares[0].journey, sum(share.value for share in shares), parts, more)
