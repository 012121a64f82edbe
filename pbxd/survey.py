"""The survey after the talk: what a caller may say, and whose talk he speaks of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

RATINGS = (1, 2, 3, 4, 5)
"""5 is best. The same everywhere, so that queues can be compared."""

T = TypeVar("T")


class SurveyResult(StrEnum):
    """What came of asking the caller how it was."""

    RATED = "rated"
    UNRATED = "unrated"  #: he pressed no key, or none that is a rating
    CALLER_LEFT = "caller_left"  #: he hung up before he had
    FAILED = "failed"  #: the survey broke


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A caller was asked after the talk how it was."""

    flow: str
    offered: float
    result: SurveyResult = SurveyResult.CALLER_LEFT
    rating: int | None = None  #: one of RATINGS


class Talked(Protocol):
    """An agent's part of a call."""

    @property
    def ended(self) -> float | None: ...

    @property
    def talk_s(self) -> float: ...


def last_talked(legs: Sequence[T], part: Callable[[T], Talked]) -> T | None:
    """The one who talked with the caller last, by when the conversation ended; of several the last.

    None: nobody talked with him.
    """
    talked = [leg for leg in legs if part(leg).talk_s > 0]
    return max(reversed(talked), key=lambda leg: _end(part(leg)), default=None)


def _end(part: Talked) -> float:
    return math.inf if part.ended is None else part.ended
