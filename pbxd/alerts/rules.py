"""What the settings say about alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hours of some days of the week; ``until`` not after ``since``: until that time of the next day."""

    days: frozenset[int] = frozenset(range(7))  #: 0 is Monday
    since: int  #: minutes after midnight
    until: int  #: minutes after midnight; 1440: its end

    def holds(self, day: int, minute: int) -> bool:
        if self.since < self.until:
            return day in self.days and self.since <= minute < self.until
        before = (day - 1) % 7
        return (day in self.days and minute >= self.since) or (before in self.days and minute < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When nobody is to be disturbed, by the clocks on the walls of one place."""

    zone: str = "UTC"
    spans: tuple[Span, ...] = ()

    def at(self, at: float) -> bool:
        """Is it quiet now? ``at``: epoch seconds. On the days on which clocks change, by the clock's face."""
        if not self.spans:
            return False
        local = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        return any(span.holds(local.weekday(), minute) for span in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom one sink tells, and when."""

    name: str
    queues: frozenset[str] = frozenset()  #: only alerts of these; empty: of all
    after_s: float = 0.0  #: only alerts that have been open for so long: an escalation
    ended: bool = True  #: also tell that it is over
    heeds_quiet: bool = True

    def wants(self, queue: str) -> bool:
        return not self.queues or queue in self.queues


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """Durations are seconds; 0: not at all."""

    waits_s: float = 300.0  #: a caller waits too long: queues that are not named
    waits: Mapping[str, float] = field(default_factory=dict)
    unattended_s: float = 60.0  #: nobody is there while callers wait: queues that are not named
    unattended: Mapping[str, float] = field(default_factory=dict)
    repeat_s: float = 0.0  #: whoever was told of an open alert is told again
    quiet: QuietHours = QuietHours()
    call_back: str = "tel:{number}"  #: the link by which a caller is called back
    audiences: tuple[Audience, ...] = ()

    def limit(self, queue: str, *, unattended: bool) -> float:
        if unattended:
            return self.unattended.get(queue, self.unattended_s)
        return self.waits.get(queue, self.waits_s)
