"""One finished call as the history gives it to a report. Times are epoch seconds, durations seconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    interface: str
    agent: str | None
    started: float
    ended: float | None
    talk_s: float
    hold_s: float
    queue: str | None = None  #: the one that had brought the two together


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    queue: str
    joined: float
    left: float | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    kind: str
    at: float
    from_interface: str
    outcome: str
    queue: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """The time for notes that an agent took after this call."""

    interface: str | None
    agent: str | None
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    call: str
    number: str  #: '' when withheld
    subject: str | None
    queue: str | None  #: the first one entered
    agent: str | None  #: the last one who talked with the caller
    arrived: float
    ended: float
    outcome: str
    legs: tuple[Leg, ...] = ()
    waits: tuple[Wait, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    wrap_ups: tuple[WrapUp, ...] = ()
    survey: str | None = None  #: what came of asking the caller how it was; None: he was not asked
    rating: int | None = None


@dataclass(slots=True)
class Neighbours:
    """When the same callers called before and after: for those who come again."""

    _arrivals: dict[str, list[float]] = field(default_factory=dict)
    _subjects: dict[str, list[str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, contacts: Iterable[tuple[str, float, str | None]]) -> Neighbours:
        """From (number, arrived, subject) of all contacts of these callers, by arrival."""
        made = cls()
        for number, arrived, subject in contacts:
            made._arrivals.setdefault(number, []).append(arrived)
            made._subjects.setdefault(number, []).append(subject)
        return made

    def called_before(self, journey: Journey, within_s: float) -> bool:
        """Whether an earlier contact of the same number arrived so little before this one."""
        arrivals = self._arrivals.get(journey.number, ())
        first = bisect_left(arrivals, journey.arrived - within_s)
        return first < len(arrivals) and arrivals[first] < journey.arrived

    def calls_again(self, journey: Journey, until: float) -> bool:
        """Whether a later contact about the same subject arrived up to then. A subject that nobody knows, on
        either side, counts as the same."""
        arrivals = self._arrivals.get(journey.number, ())
        later = range(bisect_right(arrivals, journey.arrived), bisect_right(arrivals, until))
        if journey.subject is None:
            return bool(later)
        subjects = self._subjects[journey.number] if later else []
        return any(subjects[index] in (journey.subject, None) for index in later)


Skills = Mapping[str, tuple[str, ...]]
"""Of each agent, by his id."""
