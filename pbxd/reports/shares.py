"""What one call contributes to each figure: the one place where figures are computed.

A report adds these shares up, the list of the calls behind a number shows them one by one. So the two cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pbxd.reports.journey import Journey, Leg, Neighbours, Skills, Transfer, Wait
from pbxd.reports.period import Period
from pbxd.survey import last_talked

DAY_S = 86_400.0
NOBODY = ""  #: the key of what belongs to no queue, or to agents without a skill


class By(StrEnum):
    """What a report is grouped by."""

    QUEUE = "queue"
    AGENT = "agent"
    SKILL = "skill"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings say about figures."""

    service_level_s: Callable[[str], float]  #: of a queue
    short_abandon_s: Callable[[str], float]
    first_contact_days: float
    skills: Skills


@dataclass(frozen=True, slots=True)
class Share:
    """One contribution: to which row (None: to the total only), to which figure, how much."""

    key: str | None
    figure: str
    value: float


@dataclass(frozen=True, slots=True)
class _Handled:
    """An agent's leg with the queue that it belongs to and the notes after it."""

    leg: Leg
    agent: str
    queue: str
    wrap_up_s: float


def shares(
    journey: Journey, by: By | None, *, period: Period, rules: Rules, neighbours: Neighbours, now: float
) -> Iterator[Share]:
    """Everything that this call contributes to the rows of a report; ``by`` None: to the total.

    To one figure of one row it may contribute several times, once for each stay or leg.
    """
    sorted_ = _Sorted(journey, by, period, rules)
    yield from _of_the_call(sorted_, neighbours, rules, now)
    for wait in journey.waits:
        yield from _of_a_stay(sorted_, wait, rules)
    for handled in sorted_.handled:
        yield from _of_a_leg(sorted_, handled)
    yield from _of_transfers(sorted_)
    yield from _of_the_survey(sorted_)


class _Sorted:
    """A journey's parts and the rows that each belongs to."""

    def __init__(self, journey: Journey, by: By | None, period: Period, rules: Rules) -> None:
        self.journey = journey
        self._by = by
        self._rules = rules
        self._when = ""
        if by is By.HOUR:
            self._when = period.hour(journey.arrived)
        elif by is By.DAY:
            self._when = period.day(journey.arrived)
        self.handled = tuple(self._all_handled())

    # ------------------------------------------------------------ rows

    def rows(self, queue: str | None, agent: str | None) -> tuple[str | None, ...]:
        """The rows of something that belongs to this queue and this agent."""
        match self._by:
            case None:
                return (None,)
            case By.QUEUE:
                return (queue or NOBODY,)
            case By.AGENT:
                return () if agent is None else (agent,)
            case By.SKILL:
                return () if agent is None else self._rules.skills.get(agent, ()) or (NOBODY,)
            case _:
                return (self._when,)

    def rows_of_all(self, parts: Iterable[tuple[str | None, str | None]]) -> dict[str | None, None]:
        """The rows of several, each once, in order."""
        return {row: None for queue, agent in parts for row in self.rows(queue, agent)}

    def rows_of_call(self) -> dict[str | None, None]:
        """A call belongs to each queue in which it waited and to each agent who talked in it."""
        parts: list[tuple[str | None, str | None]] = [(each.queue, each.agent) for each in self.handled]
        if self._by is By.QUEUE:
            parts = [(wait.queue, None) for wait in self.journey.waits] + parts
        if not parts or self._by not in (By.QUEUE, By.AGENT, By.SKILL):
            parts = [(self.journey.queue, None)]
        return self.rows_of_all(parts)

    # ------------------------------------------------------------ parts

    def queue_at(self, at: float) -> str:
        """The queue in which the caller had waited last then."""
        joined = [wait for wait in self.journey.waits if wait.joined <= at]
        return max(joined, key=lambda wait: wait.joined).queue if joined else NOBODY

    def answered_by(self, wait: Wait) -> str | None:
        """The agent whom an answered stay brought the caller to."""
        legs = [leg for leg in self.journey.legs if leg.started >= wait.joined]
        return min(legs, key=lambda leg: leg.started).agent if legs else None

    @property
    def last_handled(self) -> _Handled | None:
        """The leg of the agent who talked with the caller last, by when the conversation ended."""
        return last_talked(self.handled, lambda each: each.leg)

    def transferer(self, transfer: Transfer) -> str | None:
        for leg in reversed(self.journey.legs):
            if leg.interface == transfer.from_interface and leg.started <= transfer.at + 1.0:
                return leg.agent
        return None

    def _all_handled(self) -> Iterator[_Handled]:
        legs = [leg for leg in self.journey.legs if leg.agent is not None]
        wrap_ups = dict.fromkeys(range(len(legs)), 0.0)
        for wrap_up in self.journey.wrap_ups:
            if wrap_up.ended is None:
                continue
            own = [n for n, leg in enumerate(legs) if leg.agent == wrap_up.agent]
            before = [n for n in own if legs[n].started <= wrap_up.started]
            if own:  # the notes of two legs of one agent belong to the one that had just ended
                wrap_ups[(before or own)[-1]] += max(0.0, wrap_up.ended - wrap_up.started)
        for n, leg in enumerate(legs):
            queue = leg.queue or self.queue_at(leg.started)
            yield _Handled(leg=leg, agent=str(leg.agent), queue=queue, wrap_up_s=wrap_ups[n])


def _of_the_call(sorted_: _Sorted, neighbours: Neighbours, rules: Rules, now: float) -> Iterator[Share]:
    journey = sorted_.journey
    for row in sorted_.rows_of_call():
        yield Share(row, "calls", 1)
    if not journey.number:
        return
    of_caller = sorted_.rows(journey.queue, journey.agent)
    for figure, days in (("repeat_24h", 1), ("repeat_7d", 7)):
        again = float(neighbours.called_before(journey, days * DAY_S))
        for row in of_caller:
            yield Share(row, figure, again)
    until = journey.ended + rules.first_contact_days * DAY_S
    if journey.outcome in ("answered", "direct") and until <= now:
        resolved = float(not neighbours.calls_again(journey, until))
        for row in of_caller:
            yield Share(row, "fcr_judged", 1)
            yield Share(row, "fcr", resolved)


def _of_a_stay(sorted_: _Sorted, wait: Wait, rules: Rules) -> Iterator[Share]:
    agent = sorted_.answered_by(wait) if wait.outcome == "answered" else None
    waited = max(0.0, (wait.joined if wait.left is None else wait.left) - wait.joined)
    within = waited <= rules.service_level_s(wait.queue)
    for row in sorted_.rows(wait.queue, agent):
        yield Share(row, "entries", 1)
        for figure, value in _of_an_outcome(wait, waited, within, rules):
            yield Share(row, figure, value)


def _of_an_outcome(wait: Wait, waited: float, within: bool, rules: Rules) -> Iterator[tuple[str, float]]:
    match wait.outcome:
        case "answered":
            yield "answered", 1
            if within:
                yield "answered_within", 1
            yield "service_level", float(within)
            yield "service_level_2", float(within)
            yield "abandon_rate", 0
            yield "asa_s", waited
        case "abandoned":
            yield "abandoned", 1
            if within:
                yield "abandoned_within", 1
            yield "service_level_2", float(within)
            if waited <= rules.short_abandon_s(wait.queue):
                yield "short_abandoned", 1
            else:
                yield "abandon_rate", 1
        case "timeout":
            yield "timed_out", 1
            yield "abandon_rate", 0
        case "no_agent":
            yield "no_agent", 1
            yield "abandon_rate", 0
        case _:
            yield "left", 1
            yield "abandon_rate", 0


def _of_a_leg(sorted_: _Sorted, handled: _Handled) -> Iterator[Share]:
    leg, wrap_up_s = handled.leg, handled.wrap_up_s
    for row in sorted_.rows(handled.queue, handled.agent):
        yield Share(row, "handled", 1)
        yield Share(row, "talk_s", leg.talk_s)
        yield Share(row, "hold_s", leg.hold_s)
        yield Share(row, "wrap_up_s", wrap_up_s)
        yield Share(row, "aht_s", leg.talk_s + leg.hold_s + wrap_up_s)


def _of_the_survey(sorted_: _Sorted) -> Iterator[Share]:
    """It belongs to the agent who talked with the caller last, and to the queue that his leg belongs to."""
    journey = sorted_.journey
    if journey.survey is None:
        return
    last = sorted_.last_handled
    whose = (sorted_.queue_at(journey.ended), None) if last is None else (last.queue, last.agent)
    for row in sorted_.rows(*whose):
        yield Share(row, "surveys", 1)
        yield Share(row, "survey_share", float(journey.rating is not None))
        if journey.rating is not None:
            yield Share(row, "rated", 1)
            yield Share(row, "rating", journey.rating)
            yield Share(row, f"rated_{journey.rating}", 1)


def _of_transfers(sorted_: _Sorted) -> Iterator[Share]:
    completed: list[tuple[str | None, str | None]] = []
    for transfer in sorted_.journey.transfers:
        queue = transfer.queue or sorted_.queue_at(transfer.at)
        agent = sorted_.transferer(transfer)
        done = transfer.outcome == "completed"
        for row in sorted_.rows(queue, agent):
            yield Share(row, "transfers", 1)
            if done:
                yield Share(row, "transfers_completed", 1)
        if done:
            completed.append((queue, agent))
    handed_over = sorted_.rows_of_all(completed)
    for row in sorted_.rows_of_all((each.queue, each.agent) for each in sorted_.handled):
        yield Share(row, "transfer_rate", float(row in handed_over))
    for row in sorted_.rows_of_all(completed[1:]):  # whose hand-over was not the first one
        yield Share(row, "re_transfers", 1)
