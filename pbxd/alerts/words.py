"""The words in which alerts are written: kinds, states, inputs, moves, endings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    CALLER_WAITS = "caller_waits"  #: one caller has waited too long
    QUEUE_UNATTENDED = "queue_unattended"  #: callers wait where no member could answer


class State(StrEnum):
    COUNTING = "counting"  #: there is trouble, but not for long
    BETWEEN = "between"  #: … and the caller is on his way, perhaps to another queue
    OPEN = "open"  #: it has lasted too long
    OPEN_BETWEEN = "open, between"
    OVER = "over"


class Input(StrEnum):
    STANDS = "trouble"  #: the caller waits (in another queue, or again); still nobody is there
    LEFT = "left the queue"  #: neither answered nor hung up
    ANSWERED = "answered"
    GAVE_UP = "hung up"
    CALL_OVER = "call over"  #: after he had left the queue
    UNSEEN = "gone unseen"  #: gone while pbxd was away: nobody knows what became of him
    MANNED = "somebody is there"
    CLEARED = "nobody waits"
    LONG = "too long"
    LAPSED = "between too long"


class How(StrEnum):
    """How an alert ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"  #: the caller gave up
    LEFT = "left"  #: he left the queue for something else, e.g. a menu or a mailbox
    ENDED = "ended"  #: he left the queue, and his call ended before anybody talked with him
    UNSEEN = "unseen"  #: gone while pbxd was away
    MANNED = "manned"  #: a member can answer again
    CLEARED = "cleared"  #: nobody waits any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    to: State
    begins: bool = False  #: the alert is raised
    how: How | None = None  #: of an alert that was raised: how it ends
