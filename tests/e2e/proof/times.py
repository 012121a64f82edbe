"""The agents' time of each line of a report, as the switch says: signed in, paused, with callers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.e2e.proof.book import Book
from tests.e2e.proof.shares import Line, keys
from tests.e2e.proof.staff import NOTES, united
from tests.e2e.proof.truth import Spell

SLOTS = {"hour": 3600.0, "day": 86_400.0}


@dataclass
class Time:
    """Seconds, made of so many pieces, and how much more is right as well."""

    seconds: float = 0.0
    pieces: int = 0
    more: float = 0.0

    def add(self, spells: Iterable[Spell], since: float, until: float) -> None:
        for spell in spells:
            common = min(until if spell.ended is None else spell.ended, until) - max(spell.started, since)
            if common > 0:
                self.seconds += common
                self.pieces += 1


@dataclass
class Spent:
    """Of one line."""

    signed_in: Time = field(default_factory=Time)
    paused: Time = field(default_factory=Time)
    busy: Time = field(default_factory=Time)


@dataclass
class Times:
    """What the agents, named by their interfaces, did until a moment at which nobody was in a call."""

    book: Book
    interfaces: Iterable[str]
    until: float
    _busy: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    _late: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        for journey in self.book.journeys:
            for leg in self.book.legs(journey):
                self._busy[leg.interface].append(Spell(leg.talks[0].started, leg.out))
                self._late[leg.interface] += leg.leaving_s
            if journey.wraps_up:
                began, (least, more) = self.book.notes_began(journey), self.book.wrap_up(journey)
                self._busy[journey.wraps_up].append(Spell(began, began + least))
                self._late[journey.wraps_up] += more

    def lines(self, by: str) -> set[str]:
        """The keys of the lines that have such time; an agent is signed in to several queues at once."""
        if by == "queue":
            return set()
        agents = {self.book.agent(each) for each in self.interfaces if self._there(each)}
        if by in SLOTS:
            return {key for since, _ in self._slots(by) for key in keys(by, since, "", None)}
        return {key for agent in agents for key in keys(by, self.until, "", agent)}

    def spent(self, line: Line) -> Spent:
        spent = Spent()
        slots = list(self._slots(line.by)) if line.by in SLOTS and line.key else [(0.0, self.until)]
        for interface in self.interfaces:
            for since, until in slots:
                if line.has(since, "", self.book.agent(interface)):
                    spent.signed_in.add(self._there(interface), since, until)
                    spent.paused.add(self._paused(interface), since, until)
                    spent.busy.add(united(self._busy[interface]), since, until)
                    spent.busy.more += self._late[interface]
        return spent

    def _there(self, interface: str) -> list[Spell]:
        return self.book.truth.there[interface]

    def _paused(self, interface: str) -> list[Spell]:
        truth = self.book.truth
        both = zip(truth.pauses[interface], truth.reasons[interface], strict=True)
        return [pause for pause, reason in both if reason != NOTES]

    def _slots(self, by: str) -> Iterator[tuple[float, float]]:
        """The hours, or days, in which somebody was signed in; UTC has no others."""
        at = min(spell.started for each in self.interfaces for spell in self._there(each)) // SLOTS[by]
        while at * SLOTS[by] < self.until:
            yield at * SLOTS[by], min((at + 1) * SLOTS[by], self.until)
            at += 1
