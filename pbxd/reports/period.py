"""Which time a report is about: a day, a week or any stretch, in the call centre's own time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

LONGEST_DAYS = 100  #: of one report; more is a matter for the database


class Span(StrEnum):
    DAY = "day"
    WEEK = "week"  #: Monday to Sunday


class PeriodError(ValueError):
    """A period that makes no sense; the text is for the person who asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From ``start`` (epoch seconds) up to, but without, ``end``."""

    start: float
    end: float
    zone: tzinfo

    @property
    def text(self) -> str:
        return f"{self.local(self.start)} to {self.local(self.end)} ({self.zone})"

    def local(self, at: float) -> str:
        """A moment as people of this place write it, with the offset, so that no hour comes twice."""
        return datetime.fromtimestamp(at, self.zone).isoformat(timespec="minutes")

    def hour(self, at: float) -> str:
        moment = datetime.fromtimestamp(at, self.zone)
        return moment.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")

    def day(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).date().isoformat()

    def hours(self) -> Iterator[tuple[str, float, float]]:
        """Each hour with when it begins and ends, cut to the period."""
        at = self.start
        while at < self.end:
            moment = datetime.fromtimestamp(at, self.zone)
            rest = 3600.0 - (moment.minute * 60 + moment.second + moment.microsecond / 1e6)
            yield self.hour(at), at, min(at + rest, self.end)
            at += rest

    def days(self) -> Iterator[tuple[str, float, float]]:
        """Each day with when it begins and ends, cut to the period."""
        at = self.start
        while at < self.end:
            after = datetime.fromtimestamp(at, self.zone).date() + timedelta(days=1)
            end = min(_midnight(after, self.zone), self.end)
            yield self.day(at), at, end
            at = end


def period_of(
    *,
    zone: tzinfo,
    now: float,
    span: Span = Span.DAY,
    on: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Period:
    """The period that was asked for: from ``start`` to ``end``, or else the day or week that ``on`` is in
    (default: today).

    A date as ``start`` means its first moment, as ``end`` its last; a date with a time means that moment.
    Raises PeriodError.
    """
    if start is None and end is not None:
        raise PeriodError("from: is needed when to is given")
    if start is not None:
        if on is not None:
            raise PeriodError("date: does not go together with from")
        first = _moment("from", start, zone)
        last = now if end is None else _moment("to", end, zone, after=True)
    else:
        begins = datetime.fromtimestamp(now, zone).date() if on is None else _date("date", on)
        days = 1
        if span is Span.WEEK:
            begins -= timedelta(days=begins.weekday())
            days = 7
        first, last = _midnight(begins, zone), _midnight(begins + timedelta(days=days), zone)
    if not first < last:
        raise PeriodError("to: is not after from")
    if last - first > (LONGEST_DAYS + 1) * 86_400:
        raise PeriodError(f"to: a report is about {LONGEST_DAYS} days at most")
    return Period(start=first, end=last, zone=zone)


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _date(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PeriodError(f"{name}: {text[:40]!r} is no date such as 2026-11-21") from None
    if not 1971 <= day.year <= 9000:
        raise PeriodError(f"{name}: the year {day.year} is out of range")
    return day


def _moment(name: str, text: str, zone: tzinfo, *, after: bool = False) -> float:
    if len(text) <= 10:
        return _midnight(_date(name, text) + timedelta(days=1 if after else 0), zone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PeriodError(f"{name}: {text[:40]!r} is no date and time such as 2026-11-21T09:00") from None
    if not 1971 <= moment.year <= 9000:
        raise PeriodError(f"{name}: the year {moment.year} is out of range")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
