"""What each journey has to add to each number of a report, by docs/reports.md, made of the book alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.e2e.proof.book import Book
from tests.e2e.proof.callers import ANSWERED, calls_before, was_enough
from tests.e2e.proof.house import SERVICE_LEVEL_S, SHORT_S, skills
from tests.e2e.proof.journey import Journey

NONE = ("",)  #: the skill of those who have none


@dataclass(frozen=True)
class Line:
    """One line of a report; without a key it is the total."""

    by: str
    key: str | None

    def has(self, arrived: float, queue: str, agent: str | None) -> bool:
        """Does something of this queue and this agent, in a call that arrived then, belong to it?"""
        if self.key is None:
            return True
        return self.key in keys(self.by, arrived, queue, agent)


def keys(by: str, arrived: float, queue: str, agent: str | None) -> tuple[str, ...]:
    """Of the lines to which this belongs; ``minute`` is no kind of line, but how a moment is written."""
    moment = datetime.fromtimestamp(arrived, UTC)
    if by == "queue":
        return (queue,)
    if by == "hour":
        return (moment.strftime("%Y-%m-%dT%H:00+00:00"),)
    if by == "minute":
        return (moment.strftime("%Y-%m-%dT%H:%M+00:00"),)
    if by == "day":
        return (moment.strftime("%Y-%m-%d"),)
    if agent is None:
        return ()
    return (agent,) if by == "agent" else tuple(skills(agent)) or NONE


@dataclass(frozen=True)
class Share:
    """What one stay, leg or call adds to a figure: ``parts`` durations, and up to ``more`` is right, too."""

    journey: Journey
    value: float
    parts: int = 1
    more: float = 0.0


@dataclass
class Shares:
    """Of one line: of each figure, what it is made of."""

    book: Book
    line: Line
    of: dict[str, list[Share]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def made(cls, book: Book, line: Line) -> Shares:
        shares = cls(book, line)
        for journey in sorted(book.journeys, key=book.arrived):
            shares._call(journey)
            shares._waits(journey)
            shares._legs(journey)
            shares._transfers(journey)
            shares._survey(journey)
        return shares

    def _mine(self, journey: Journey, queue: str, agent: str | None) -> bool:
        return self.line.has(self.book.arrived(journey), queue, agent)

    def _one(
        self, journey: Journey, figure: str, value: float = 1.0, parts: int = 1, more: float = 0
    ) -> None:
        self.of[figure].append(Share(journey, value, parts, more))

    def _call(self, journey: Journey) -> None:
        places: list[tuple[str, str | None]] = [
            (leg.queue, self.book.agent(leg.interface)) for leg in self.book.legs(journey)
        ]
        places += [(queue, None) for queue, _ in journey.waits]
        if any(self._mine(journey, *place) for place in places or [("", None)]):
            self._one(journey, "calls")
        if not self._mine(journey, journey.queue, last_agent(self.book, journey)):
            return
        for figure in ("repeat_24h", "repeat_7d"):
            self._one(journey, figure, float(bool(calls_before(self.book, journey))))
        if journey.outcome in ANSWERED:
            self._one(journey, "fcr_judged")
            self._one(journey, "fcr", float(was_enough(self.book, journey)))

    def _waits(self, journey: Journey) -> None:
        for queue, outcome, joined, left in self.book.waits(journey):
            agent = None
            if outcome == "answered":
                legs = [leg for leg in self.book.legs(journey) if leg.talks[0].started >= left]
                agent = self.book.agent(min(legs, key=lambda leg: leg.talks[0].started).interface)
            if self._mine(journey, queue, agent):
                for figure, value in _of_a_stay(outcome, left - joined):
                    self._one(journey, figure, value)

    def _legs(self, journey: Journey) -> None:
        for leg in self.book.legs(journey):
            if not self._mine(journey, leg.queue, self.book.agent(leg.interface)):
                continue
            notes = self.book.wrap_up(journey) if journey.wraps_up == leg.interface else (0.0, 0.0)
            talks = len(leg.talks)
            self._one(journey, "handled")
            self._one(journey, "talk_s", leg.talk_s, talks)
            self._one(journey, "hold_s", leg.hold_s, talks, leg.leaving_s)
            self._one(journey, "wrap_up_s", notes[0], 1, notes[1])
            all_ = leg.talk_s + leg.hold_s + notes[0]
            self._one(journey, "aht_s", all_, 2 * talks + 1, leg.leaving_s + notes[1])

    def _transfers(self, journey: Journey) -> None:
        mine = [self._mine(journey, each.queue, self.book.agent(each.from_)) for each in journey.transfers]
        done = [each.outcome == "completed" for each in journey.transfers]
        for belongs, completed in zip(mine, done, strict=True):
            if belongs:
                self._one(journey, "transfers")
            if belongs and completed:
                self._one(journey, "transfers_completed")
        if any(
            self._mine(journey, leg.queue, self.book.agent(leg.interface)) for leg in self.book.legs(journey)
        ):
            over = any(belongs and completed for belongs, completed in zip(mine, done, strict=True))
            self._one(journey, "transfer_rate", float(over))
        again = [belongs for belongs, completed in zip(mine, done, strict=True) if completed][1:]
        if any(again):
            self._one(journey, "re_transfers")

    def _survey(self, journey: Journey) -> None:
        if not journey.survey:
            return
        leg = self.book.last_leg(journey)
        assert leg is not None, journey
        if not self._mine(journey, leg.queue, self.book.agent(leg.interface)):
            return
        self._one(journey, "surveys")
        self._one(journey, "survey_share", float(journey.rating is not None))
        if journey.rating is not None:
            self._one(journey, "rated")
            self._one(journey, "rating", journey.rating)
            self._one(journey, f"rated_{journey.rating}")


def _of_a_stay(outcome: str, waited: float) -> Iterator[tuple[str, float]]:
    within, short = waited <= SERVICE_LEVEL_S, outcome == "abandoned" and waited <= SHORT_S
    names = {"timeout": "timed_out"}
    yield "entries", 1
    yield names.get(outcome, outcome), 1
    if outcome == "answered":
        yield "service_level", within
        yield "asa_s", waited
    if outcome in ("answered", "abandoned"):
        yield "service_level_2", within
        if within:
            yield f"{outcome}_within", 1
    if short:
        yield "short_abandoned", 1
    else:
        yield "abandon_rate", outcome == "abandoned"


def last_agent(book: Book, journey: Journey) -> str | None:
    leg = book.last_leg(journey)
    return None if leg is None else book.agent(leg.interface)
