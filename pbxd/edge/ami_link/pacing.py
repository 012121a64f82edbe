"""When to let events gather in the kernel for a moment.

Asterisk writes one event at a time, and waking up for each costs more than reading it. So when reads come
fast, reading pauses for a few milliseconds and one wake-up takes all that has come meanwhile. An event that
comes alone, and the first few of any bunch, are never kept waiting.

Why two reads between pauses: Linux counts small segments against the sender's congestion window, and
acknowledges them only when they are read. So at the first read a part of the events has not left the switch
yet; it arrives some microseconds later, and would otherwise wait for the next pause to end.
"""

from __future__ import annotations

PAUSE_S = 0.004
"""How long reading pauses, and so the most by which an event is delayed (timers may add a millisecond)."""

_WINDOW_S = 0.005
_READS_AT_FIRST = 4
_READS_BETWEEN = 2
_MESSAGES_WORTH = 4
_FULL_READ = 32_768


class Pacing:
    """Decides after each read whether to pause."""

    __slots__ = ("_began", "_fast", "_messages", "_reads")

    def __init__(self) -> None:
        self._began = 0.0  #: of the window in which reads are counted
        self._reads = 0
        self._messages = 0
        self._fast = False  #: the window began with the end of a pause

    def pause_after(self, now: float, size: int, messages: int) -> bool:
        """``size`` bytes with ``messages`` complete messages were read at ``now`` (seconds): pause?"""
        if size >= _FULL_READ:
            return False  # reads are as large as they get: a pause would only cost throughput
        if now - self._began > _WINDOW_S:
            self._open(now, fast=False)
        self._reads += 1
        self._messages += messages
        if self._reads < (_READS_BETWEEN if self._fast else _READS_AT_FIRST):
            return False
        if self._messages < _MESSAGES_WORTH:
            self._fast = False
            return False
        self._open(now + PAUSE_S, fast=True)
        return True

    def _open(self, at: float, *, fast: bool) -> None:
        self._began = at
        self._reads = self._messages = 0
        self._fast = fast
