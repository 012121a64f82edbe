"""What agents did with their time: signed in, paused, occupied by callers. The one place of occupancy.

Times are cut, not attributed: of a row that begins before the period, or the hour, only what lies in it
counts. So an hour in which somebody wrote the notes of an earlier call has these notes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pbxd.reports.period import Period
from pbxd.reports.shares import NOBODY, By, Rules

Span = tuple[float, float]
"""From when until when, epoch seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """An agent was signed in, and paused or not."""

    agent: str
    started: float
    ended: float
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An agent talked with a caller, had one on hold, or wrote notes."""

    agent: str
    started: float
    ended: float


@dataclass(slots=True)
class Spent:
    """Seconds of one line, of all its agents together."""

    signed_in: float = 0.0
    paused: float = 0.0
    busy: float = 0.0  #: with callers, while signed in and not paused

    def add(self, other: Spent) -> None:
        self.signed_in += other.signed_in
        self.paused += other.paused
        self.busy += other.busy

    @property
    def available(self) -> float:
        return max(0.0, self.signed_in - self.paused)


@dataclass(slots=True)
class Staffing:
    """All agents' time, as far as the history holds it."""

    presences: Sequence[Presence] = ()
    work: Sequence[Work] = ()
    _by_agent: dict[str, _Sheet] = field(init=False)

    def __post_init__(self) -> None:
        self._by_agent = {}
        for presence in self.presences:
            sheet = self._by_agent.setdefault(presence.agent, _Sheet())
            sheet.signed_in.append((presence.started, presence.ended))
            if presence.paused:
                sheet.paused.append((presence.started, presence.ended))
        for work in self.work:
            # Who was never seen to sign in has no time that his work could be part of.
            if work.agent in self._by_agent:
                self._by_agent[work.agent].busy.append((work.started, work.ended))

    def spent(self, by: By | None, period: Period, rules: Rules) -> dict[str, Spent]:
        """The time of each line; ``by`` None: of the total, whose key is empty.

        None by queue: an agent is signed in to several queues at once, and none of them has him alone.
        """
        lines: dict[str, Spent] = {}
        if by is By.QUEUE:
            return lines
        slots = _slots(by, period)
        for agent, sheet in self._by_agent.items():
            for slot, spent in sheet.spent(slots):
                for key in _keys(by, slot, agent, rules):
                    lines.setdefault(key, Spent()).add(spent)
        return lines


@dataclass(slots=True)
class _Sheet:
    signed_in: list[Span] = field(default_factory=list)
    paused: list[Span] = field(default_factory=list)
    busy: list[Span] = field(default_factory=list)

    def spent(self, slots: Sequence[tuple[str, float, float]]) -> Iterator[tuple[str, Spent]]:
        """His seconds in each slot in which he was signed in."""
        signed_in, paused = united(self.signed_in), united(self.paused)
        busy = list(common(list(common(united(self.busy), signed_in)), _outside(paused)))
        starts = [start for _, start, _ in slots]
        found: dict[int, Spent] = {}
        for name, spans in (("signed_in", signed_in), ("paused", paused), ("busy", busy)):
            for start, end in spans:
                number = max(0, bisect_right(starts, start) - 1)
                while number < len(slots) and slots[number][1] < end:
                    seconds = min(end, slots[number][2]) - max(start, slots[number][1])
                    if seconds > 0:
                        spent = found.setdefault(number, Spent())
                        setattr(spent, name, getattr(spent, name) + seconds)
                    number += 1
        for number, spent in found.items():
            yield slots[number][0], spent


def united(spans: Iterable[Span]) -> list[Span]:
    """The same time, in order, and every moment of it once."""
    made: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def common(one: Sequence[Span], other: Sequence[Span]) -> Iterator[Span]:
    """What lies in both; each of them ``united``."""
    first = second = 0
    while first < len(one) and second < len(other):
        start = max(one[first][0], other[second][0])
        end = min(one[first][1], other[second][1])
        if end > start:
            yield start, end
        if one[first][1] <= other[second][1]:
            first += 1
        else:
            second += 1


def _outside(spans: Sequence[Span]) -> list[Span]:
    """All time but this; ``united``."""
    edges = [float("-inf"), *(edge for span in spans for edge in span), float("inf")]
    return [(edges[n], edges[n + 1]) for n in range(0, len(edges), 2)]


def _slots(by: By | None, period: Period) -> list[tuple[str, float, float]]:
    match by:
        case By.HOUR:
            return list(period.hours())
        case By.DAY:
            return list(period.days())
        case _:
            return [(NOBODY, period.start, period.end)]


def _keys(by: By | None, slot: str, agent: str, rules: Rules) -> tuple[str, ...]:
    match by:
        case By.AGENT:
            return (agent,)
        case By.SKILL:
            return rules.skills.get(agent, ()) or (NOBODY,)
        case _:
            return (slot,)
