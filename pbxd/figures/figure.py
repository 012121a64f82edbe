"""What there is to say about one figure. Without a published definition a figure is worthless."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"  #: only rises, until pbxd is started anew
    GAUGE = "gauge"  #: computed from the state at each scrape, so it cannot drift
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    name: str
    meaning: str
    values: tuple[str, ...] = ()  #: all that it can be, where that is known beforehand
    most: int = 100  #: how many values are told apart; whatever comes beyond counts as ``OTHER``


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: str
    kind: Kind
    help: str  #: one sentence, as Prometheus shows it
    labels: tuple[Label, ...] = ()
    unit: str
    formula: str
    source: str  #: the facts or the state that it is made of
    edge_cases: str = ""  #: what a reader could get wrong; a test refuses a figure without
    buckets: tuple[float, ...] = ()  #: upper bounds, of histograms
    opt_in: bool = False  #: carries agents' names and exists only where that is switched on

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A figure that a dashboard computes from the others, with the definition that it stands for."""

    name: str
    definition: str
    promql: str


OTHER = "other"
"""The value of a label for all that is beyond what is told apart."""

NODE = Label(name="node", meaning="the Asterisk, as the settings call it")
QUEUE = Label(name="queue", meaning="the queue's name; empty for a call that was in none", most=2000)
AGENT = Label(name="agent", meaning="the agent's id in the settings", most=20_000)

#: Bounds of what callers feel: seconds to an answer.
ANSWER_BUCKETS = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0)
#: Bounds of conversations.
TALK_BUCKETS = (10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0, 7200.0)
#: Bounds of what machines do.
SWIFT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
