"""All figures, in the order in which they are exported and documented."""

from __future__ import annotations

from pbxd.figures.alerts import ALERTS
from pbxd.figures.callers import CALLS, DERIVED_OF_CALLS, PEOPLE, QUEUES
from pbxd.figures.figure import Derived, Figure, Kind, Label
from pbxd.figures.handovers import HANDOVERS
from pbxd.figures.links import LINKS, STORE
from pbxd.figures.machinery import LOOP, PAGES
from pbxd.figures.transfers import DERIVED_OF_TRANSFERS, TRANSFERS
from pbxd.figures.wrapup import AFTER_CALLS, DERIVED_OF_AFTER_CALLS

CHAPTERS: tuple[tuple[str, tuple[Figure, ...]], ...] = (
    ("Calls", CALLS),
    ("Queues", QUEUES),
    ("People", PEOPLE),
    ("After the call", AFTER_CALLS),
    ("Transfers", TRANSFERS),
    ("Hand-overs", HANDOVERS),
    ("Alerts", ALERTS),
    ("Screen pops and pages", PAGES),
    ("Links to Asterisk", LINKS),
    ("Store and broker", STORE),
    ("pbxd itself", LOOP),
)

DERIVED: tuple[Derived, ...] = (*DERIVED_OF_CALLS, *DERIVED_OF_AFTER_CALLS, *DERIVED_OF_TRANSFERS)

CATALOGUE: tuple[Figure, ...] = tuple(figure for _, figures in CHAPTERS for figure in figures)

_BY_NAME = {figure.name: figure for figure in CATALOGUE}


def figure(name: str) -> Figure:
    """The figure of this name. Raises KeyError."""
    return _BY_NAME[name]


__all__ = ["CATALOGUE", "CHAPTERS", "DERIVED", "Derived", "Figure", "Kind", "Label", "figure"]
