"""When to let events gather in the kernel for a moment.

Asterisk writes one event at a time, and waking up for each costs more than reading it. So when reads come
fast, reading pauses for a few milliseconds and one wake-up takes all that has come meanwhile. An event that
comes alone, and the first few of any bunch, are never kept waiting.
"""

from __future__ import annotations

PAUSE_S = 0.004
"""How long reading pauses, and so the most by which an event is delayed (timers may add a millisecond)."""

_WINDOW_S = 0.005
_READS_FREE = 3
_MESSAGES_WORTH = 4
_FULL_READ = 32_768


class Pacing:
    """Decides after each read whether to pause."""

    __slots__ = ("_began", "_fast", "_reads")

    def __init__(self) -> None:
        self._began = 0.0
        self._reads = 0
        self._fast = False

    def pause_after(self, now: float, size: int, messages: int) -> bool:
        """``size`` bytes with ``messages`` complete messages were read at ``now`` (seconds): pause?"""
        if size >= _FULL_READ:
            return False  # reads are as large as they get: a pause would only cost throughput
        if now - self._began > _WINDOW_S:
            self._began = now
            self._reads = 0
        self._reads += 1
        self._fast = self._reads > _READS_FREE or (self._fast and messages >= _MESSAGES_WORTH)
        if self._fast:
            self._began = now + PAUSE_S
            self._reads = 0
        return self._fast
