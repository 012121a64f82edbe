"""How a journey ended, in one word, from the caller's point of view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pbxd.calls.record import Outcome, Wait


class _Met(Protocol):
    @property
    def started(self) -> float: ...


def outcome_of(dial: str, refused: str | None, waits: Sequence[Wait], talks: Sequence[_Met]) -> Outcome:
    """One word for the whole journey.

    Whoever was heard by somebody after he had joined a queue was answered, wherever the overflow took him.
    Otherwise the last queue decides; without any queue, the last phone that rang.
    ``dial`` is how the last attempt to ring somebody without a queue ended, ``refused`` a queue that would
    not let the caller in.
    """
    if talks:
        joined = min((wait.joined for wait in waits), default=None)
        late = max(talk.started for talk in talks)
        return Outcome.DIRECT if joined is None or late < joined else Outcome.ANSWERED
    if waits:
        return _of_wait(waits[-1].outcome)
    if refused is not None:
        return Outcome.NO_AGENT
    if dial:
        return Outcome.BUSY if dial == "BUSY" else Outcome.UNANSWERED
    return Outcome.IVR_HANGUP


def _of_wait(outcome: str | None) -> Outcome:
    if outcome == "timeout":
        return Outcome.TIMEOUT
    if outcome == "no_agent":
        return Outcome.NO_AGENT
    # A member answered, but the two never heard each other: the caller was quicker.
    return Outcome.ABANDONED if outcome in ("abandoned", "answered") else Outcome.LEFT
