"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable

STABLE_S = 5.0
"""A link that stood so long was a good one: the next attempt comes soon."""


class BackOff:
    """Doubles from ``first`` to ``most`` seconds; each pause is cut by chance by up to a half, so that
    many daemons do not come back to a restarted switch at the same moment."""

    def __init__(self, first: float, most: float, jitter: Callable[[], float]) -> None:
        self._first = first
        self._most = most
        self._jitter = jitter  #: gives numbers from 0 to 1
        self._failures = 0
        self._up_since: float | None = None

    def up(self, now: float) -> None:
        """The link stands."""
        self._up_since = now

    def down(self, now: float) -> None:
        """The link, or the attempt, is over."""
        if self._up_since is not None and now - self._up_since >= STABLE_S:
            self._failures = 0
        self._up_since = None

    def next(self) -> float:
        """Seconds to wait now."""
        pause = min(self._most, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return pause * (1 - self._jitter() / 2)
