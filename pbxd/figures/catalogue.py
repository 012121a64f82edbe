"""All figures, in the order in which they are exported and documented."""

from __future__ import annotations

from pbxd.figures.again import AGAIN, DERIVED_OF_AGAIN
from pbxd.figures.alerts import ALERTS
from pbxd.figures.books import BOOKS
from pbxd.figures.callers import CALLS, DERIVED_OF_CALLS, PEOPLE, QUEUES
from pbxd.figures.figure import Derived, Figure, Kind, Label
from pbxd.figures.flows import DERIVED_OF_FLOWS, FLOWS
from pbxd.figures.handling import DERIVED_OF_HANDLING, HANDLING
from pbxd.figures.handovers import HANDOVERS
from pbxd.figures.links import LINKS, STORE
from pbxd.figures.machinery import LOOP, PAGES, TRACES
from pbxd.figures.service import DERIVED_OF_SERVICE, SERVICE
from pbxd.figures.surveys import DERIVED_OF_SURVEYS, SURVEYS
from pbxd.figures.transfers import DERIVED_OF_TRANSFERS, TRANSFERS
from pbxd.figures.wrapup import AFTER_CALLS

CHAPTERS: tuple[tuple[str, tuple[Figure, ...]], ...] = (
    ("Calls", CALLS),
    ("Queues", QUEUES),
    ("Service level", SERVICE),
    ("People", PEOPLE),
    ("Agents' time", HANDLING),
    ("After the call", AFTER_CALLS),
    ("Transfers", TRANSFERS),
    ("Hand-overs", HANDOVERS),
    ("Callers who call again", AGAIN),
    ("Call flows", FLOWS),
    ("Satisfaction", SURVEYS),
    ("Alerts", ALERTS),
    ("Screen pops and pages", PAGES),
    ("Links to Asterisk", LINKS),
    ("Store and broker", STORE),
    ("Asterisk's own books", BOOKS),
    ("Traces", TRACES),
    ("pbxd itself", LOOP),
)

DERIVED: tuple[Derived, ...] = (
    *DERIVED_OF_SERVICE,
    *DERIVED_OF_CALLS,
    *DERIVED_OF_HANDLING,
    *DERIVED_OF_TRANSFERS,
    *DERIVED_OF_AGAIN,
    *DERIVED_OF_FLOWS,
    *DERIVED_OF_SURVEYS,
)

CATALOGUE: tuple[Figure, ...] = tuple(figure for _, figures in CHAPTERS for figure in figures)

_BY_NAME = {figure.name: figure for figure in CATALOGUE}


def figure(name: str) -> Figure:
    """The figure of this name. Raises KeyError."""
    return _BY_NAME[name]


__all__ = ["CATALOGUE", "CHAPTERS", "DERIVED", "Derived", "Figure", "Kind", "Label", "figure"]
