"""A report: the shares of all calls of a period, added up, and the calls behind each sum."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pbxd.reports.columns import BY_NAME, COLUMNS, HANDLING, Kind
from pbxd.reports.journey import Journey, Neighbours
from pbxd.reports.period import Period
from pbxd.reports.shares import By, Rules, Share, shares
from pbxd.reports.staffing import Spent, Staffing

TOP = 5


@dataclass(slots=True)
class Cell:
    """One number: the sum of its shares and how many there are."""

    sum: float = 0.0
    of: float = 0  #: seconds, where it is a share of agents' time

    def add(self, value: float) -> None:
        self.sum += value
        self.of += 1

    def value(self, kind: Kind) -> float | None:
        """The number itself; None where there is nothing to take the mean of."""
        match kind:
            case Kind.COUNT:
                return round(self.sum)
            case Kind.SECONDS:
                return round(self.sum, 3)
            case Kind.TIME:
                return round(self.sum, 3) if self.of else None
            case Kind.MEAN | Kind.RATING:
                return round(self.sum / self.of, 3) if self.of else None
            case Kind.SHARE:
                return round(self.sum / self.of, 6) if self.of else None


@dataclass(slots=True)
class Row:
    key: str
    cells: dict[str, Cell] = field(default_factory=lambda: {column.name: Cell() for column in COLUMNS})

    def figure(self, name: str) -> float | None:
        return self.cells[name].value(BY_NAME[name].kind)

    def take(self, spent: Spent) -> None:
        """The time of this line's agents."""
        self.cells["signed_in_s"] = Cell(spent.signed_in, 1)
        self.cells["paused_s"] = Cell(spent.paused, 1)
        self.cells["occupancy"] = Cell(spent.busy, spent.available)

    @property
    def figures(self) -> dict[str, float | None]:
        return {column.name: self.figure(column.name) for column in COLUMNS}

    @property
    def handling_s(self) -> float:
        return sum(self.cells[name].sum for name in HANDLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """One call behind a number, with what it contributes: ``sum`` in ``of`` parts."""

    journey: Journey
    sum: float
    of: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """A row that took much of the agents' time, and the calls that took most of it."""

    key: str
    handling_s: float
    calls: tuple[Behind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    by: By
    period: Period
    rows: tuple[Row, ...]  #: by key
    total: Row
    top: tuple[Top, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is to be about."""

    period: Period
    by: By
    rules: Rules
    now: float  #: epoch seconds; what is judged only after some days has to be over by then

    def shares(self, journey: Journey, by: By | None, neighbours: Neighbours) -> Iterator[Share]:
        return shares(journey, by, period=self.period, rules=self.rules, neighbours=neighbours, now=self.now)


def report(
    asked: Asked, journeys: Iterable[Journey], neighbours: Neighbours, staffing: Staffing | None = None
) -> Report:
    """Add up. ``journeys``: the calls that arrived in the period, by arrival, each once; ``staffing``: the
    time of all agents who were signed in then."""
    total, rows = Row(""), dict[str, Row]()
    longest: dict[str, list[tuple[float, int, Behind]]] = {}
    for number, journey in enumerate(journeys):
        for share in asked.shares(journey, None, neighbours):
            total.cells[share.figure].add(share.value)
        handling: dict[str, Cell] = {}
        for share in asked.shares(journey, asked.by, neighbours):
            assert share.key is not None
            row = rows.get(share.key)
            if row is None:
                row = rows[share.key] = Row(share.key)
            row.cells[share.figure].add(share.value)
            if share.figure == "aht_s":
                handling.setdefault(share.key, Cell()).add(share.value)
        for key, cell in handling.items():
            heap = longest.setdefault(key, [])
            behind = Behind(journey=journey, sum=cell.sum, of=cell.of)
            heapq.heappush(heap, (cell.sum, -number, behind))
            if len(heap) > TOP:
                heapq.heappop(heap)
    for key, spent in _times(asked, staffing, asked.by).items():
        rows.setdefault(key, Row(key)).take(spent)
    for spent in _times(asked, staffing, None).values():
        total.take(spent)
    return Report(
        by=asked.by,
        period=asked.period,
        rows=tuple(rows[key] for key in sorted(rows)),
        total=total,
        top=tuple(_top(rows, longest)),
    )


def _times(asked: Asked, staffing: Staffing | None, by: By | None) -> Mapping[str, Spent]:
    return {} if staffing is None else staffing.spent(by, asked.period, asked.rules)


def _top(rows: Mapping[str, Row], longest: Mapping[str, list[tuple[float, int, Behind]]]) -> Iterator[Top]:
    busiest = sorted(longest, key=lambda key: (-rows[key].handling_s, key))[:TOP]
    for key in busiest:
        calls = tuple(behind for *_, behind in sorted(longest[key], key=lambda each: each[:2], reverse=True))
        yield Top(key=key, handling_s=rows[key].handling_s, calls=calls)


def calls_behind(
    asked: Asked, key: str | None, figure: str, journeys: Iterable[Journey], neighbours: Neighbours
) -> list[Behind]:
    """The calls that a number is made of, by arrival; ``key`` None: a number of the total. None for a
    figure of agents' time.

    KeyError when there is no such figure.
    """
    BY_NAME[figure]
    found = []
    for journey in journeys:
        cell = Cell()
        for share in asked.shares(journey, None if key is None else asked.by, neighbours):
            if share.figure == figure and share.key == key:
                cell.add(share.value)
        if cell.of:
            found.append(Behind(journey=journey, sum=cell.sum, of=cell.of))
    return found


def masked(number: str, *, show: bool) -> str:
    """A number as a report shows it: its last three digits, or all of it where that is allowed."""
    return number if show or not number else "***" + (number[-3:] if len(number) >= 7 else "")
