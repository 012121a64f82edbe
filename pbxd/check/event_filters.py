"""manager.conf's eventfilter lines: do they keep from pbxd what it needs, or hide callers?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbxd.ami.events import NEEDLES, WANTED
from pbxd.check.conf import Category, Variable
from pbxd.check.findings import Finding, error, warning

_POSIX = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9A-Fa-f",
    "space": r"\s",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
    "punct": r"!-/:-@\[-`{-~",
}
_POSIX_CLASS = re.compile(r"\[:(\w+):\]")
_NAME = re.compile(r"\bname\(([^)]*)\)", re.IGNORECASE)
_ACTION = re.compile(r"\baction\((include|exclude)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EventFilter:
    line: Variable
    excludes: bool
    event: str | None  #: the event's name, where the filter is limited to one
    pattern: re.Pattern[str] | None
    narrow: bool  #: looks at headers as well, so that only some events of that name are meant

    def hits(self, name: str, event: str) -> bool:
        """Whether the event of this name, given as Asterisk writes it, matches."""
        if self.narrow or (self.event is not None and self.event.lower() != name.lower()):
            return False
        return self.pattern is None or self.pattern.search(event) is not None


def event_filters(account: Category) -> tuple[list[EventFilter], list[Finding]]:
    """The account's filters, and a finding for each that is no regular expression."""
    filters: list[EventFilter] = []
    faults: list[Finding] = []
    for line in account.variables:
        if line.name.lower().startswith("eventfilter"):
            try:
                filters.append(_read(line))
            except re.error as fault:
                faults.append(error(line.place, f"{line.value!r} is no regular expression: {fault}"))
    return filters, faults


def withheld_by(filters: Sequence[EventFilter], event: str) -> EventFilter | None:
    """The filter that keeps this event, given as Asterisk writes it, from pbxd."""
    name = event.partition("\r\n")[0].removeprefix("Event: ")
    hit = [one for one in filters if one.hits(name, event)]
    against = next((one for one in hit if one.excludes), None)
    if against is not None or any(not one.excludes for one in hit):
        return against
    return next((one for one in filters if not one.excludes), None)


def filter_findings(filters: Sequence[EventFilter]) -> Iterator[Finding]:
    for name in sorted(event.decode() for event in WANTED if event not in NEEDLES):
        against = withheld_by(filters, f"Event: {name}\r\n")
        if against is not None and against.excludes:
            yield error(against.line.place, f"keeps {name} from pbxd, which needs it")
        elif against is not None:
            yield error(against.line.place, f"lets only some events through, and {name} is not among them")
    for one in filters:
        if one.pattern is not None and one.event is None and _looks_into_values(one.pattern.pattern):
            yield warning(
                one.line.place,
                f"{one.line.value!r} is not tied to the start (^Event: …): it looks at callers' names too, "
                "so that a caller can choose a name and become invisible",
            )


def _read(line: Variable) -> EventFilter:
    options = line.name[len("eventfilter") :].strip()
    if options:
        action, name = _ACTION.search(options), _NAME.search(options)
        return EventFilter(
            line=line,
            excludes=action is not None and action[1].lower() == "exclude",
            event=name[1] if name else None,
            pattern=_compiled(line.value) if line.value and name is None else None,
            narrow=name is not None and bool(line.value),
        )
    text = line.value
    return EventFilter(line, text.startswith("!"), None, _compiled(text.removeprefix("!")), narrow=False)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Asterisk's regular expressions are POSIX extended ones: ``[[:digit:]]``."""
    return re.compile(_POSIX_CLASS.sub(lambda match: _POSIX.get(match[1], match[0]), pattern), re.DOTALL)


def _looks_into_values(pattern: str) -> bool:
    """Whether a caller could write something that matches: words not tied to the event's start or end."""
    words = re.sub(r"\[[^\]]*\]|\\.", "", pattern)
    tied = pattern.startswith("^") or pattern.endswith("$")
    return not tied and re.search(r"[A-Za-z]{2}", words) is not None
