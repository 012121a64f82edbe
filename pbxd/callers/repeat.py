"""The repeat-call rule: is this caller coming back, how often, and did we help the last time?

Every contact in a window counts, this call included: "3rd call in 24 h" means two earlier ones. The
shortest window that makes the call a repeated one is the one that is told, for it is the most pressing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pbxd.ids import CallId
from pbxd.messages import PastContact

HOUR = 3600.0
DAY = 24 * HOUR

#: outcomes after which nobody has talked with the caller
_UNANSWERED = frozenset({"abandoned", "timeout", "no_agent", "unanswered", "busy", "left"})
_ANSWERED = frozenset({"answered", "direct"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatRule:
    """When a call is a repeated one."""

    windows: tuple[float, ...] = (DAY, 7 * DAY)  #: seconds
    same_subject: bool = False  #: earlier calls known to be about something else do not count
    least: int = 2  #: flagged from this call on, the current one included

    def __post_init__(self) -> None:
        if not self.windows or min(self.windows) <= 0:
            raise ValueError("repeat.windows: at least one window, each longer than 0 s")
        if self.least < 2:
            raise ValueError("repeat.least: a call is repeated from the 2nd on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """What the rule says of one call."""

    flag: bool
    count: int  #: calls in the window, this one included
    window_s: float
    same_subject: bool | None  #: whether all of them are about the same; None where a subject is not known
    last_outcome: str | None  #: of the newest earlier call in the window
    counts: tuple[tuple[float, int], ...]  #: every window of the rule with its count, shortest first
    text_en: str  #: '' when not flagged
    text_zh: str

    def text(self, language: str) -> str:
        """The reason for people, in Chinese or else in English."""
        return self.text_zh if language.lower().startswith("zh") else self.text_en


def judge(
    rule: RepeatRule, *, call: CallId, at: float, subject: str | None, history: Iterable[PastContact]
) -> Repeat:
    """Apply the rule to a call that arrived ``at`` (epoch seconds), given the caller's earlier contacts.

    The call itself and anything not older than it are left out of ``history``, whatever their order. Calls
    whose subject nobody knows always count, also with ``same_subject``: most of them are callers who gave
    up before they could say what it is about, and these must not be overlooked.
    """
    earlier = sorted(
        (contact for contact in history if contact.call != call and contact.arrived < at),
        key=lambda contact: contact.arrived,
        reverse=True,
    )
    if rule.same_subject and subject is not None:
        earlier = [c for c in earlier if c.subject in (subject, None)]
    windows = sorted(set(rule.windows))
    inside = {window: [c for c in earlier if at - c.arrived <= window] for window in windows}
    counts = tuple((window, len(inside[window]) + 1) for window in windows)
    window = next((w for w, count in counts if count >= rule.least), windows[0])
    counted = inside[window]
    flag = len(counted) + 1 >= rule.least
    same = _same_subject(subject, counted)
    last = counted[0].outcome if counted else None
    return Repeat(
        flag=flag,
        count=len(counted) + 1,
        window_s=window,
        same_subject=same,
        last_outcome=last,
        counts=counts,
        text_en=_text_en(len(counted) + 1, window, same, last) if flag else "",
        text_zh=_text_zh(len(counted) + 1, window, same, last) if flag else "",
    )


def _same_subject(subject: str | None, counted: list[PastContact]) -> bool | None:
    known = {contact.subject for contact in counted if contact.subject is not None}
    if subject is None or not known:
        return None
    return known == {subject}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, … 11th, … 21st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _span(seconds: float, units: tuple[str, str, str, str]) -> str:
    """A window in the largest unit that reads well: up to two days in hours, then in days."""
    minute, hour, days, second = units
    if seconds > 2 * DAY and seconds % DAY == 0:
        return f"{seconds / DAY:g} {days}"
    if seconds >= HOUR and seconds % HOUR == 0:
        return f"{seconds / HOUR:g} {hour}"
    if seconds % 60 == 0:
        return f"{seconds / 60:g} {minute}"
    return f"{seconds:g} {second}"


def _text_en(count: int, window: float, same: bool | None, last: str | None) -> str:
    parts = [f"{ordinal(count)} call in {_span(window, ('min', 'h', 'days', 's'))}"]
    if same:
        parts.append("same subject")
    if last in _UNANSWERED:
        parts.append("last one unanswered")
    elif last in _ANSWERED:
        parts.append("last one answered")
    elif last == "ivr_hangup":
        parts.append("last one ended in the menu")
    return ", ".join(parts)


def _text_zh(count: int, window: float, same: bool | None, last: str | None) -> str:
    parts = [f"{_span(window, ('分钟', '小时', '天', '秒'))}内第 {count} 次来电"]
    if same:
        parts.append("同一事项")
    if last in _UNANSWERED:
        parts.append("上次未接通")
    elif last in _ANSWERED:
        parts.append("上次已接听")
    elif last == "ivr_hangup":
        parts.append("上次在语音菜单中挂断")
    return "，".join(parts)
