"""What waits to be sent to one page: bounded, and fair about what may be lost.

State is never lost: a newer state takes the place of one that has not gone out yet, because it says
everything that the older one said. Screen pops are moments; when too many wait, the oldest goes. Its
sequence number goes with it, so the page sees the gap and asks for a fresh snapshot.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def encode(body: Mapping[str, Any]) -> str:
    """A body as JSON text. ASCII only, so that no broken character of a caller's name can stop it."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that an agent's pages are told."""

    kind: str  #: screenpop, screenpop_closed, state, order
    body: str  #: JSON text
    pop: str = ""  #: the screen pop's id, when it is one
    first: bool = False  #: it is told for the first time
    node: str = ""  #: the node of a screen pop
    told: float = 0.0  #: when the edge was told, by the monotonic clock

    def text(self, seq: int) -> str:
        return f'{{"type":"change","seq":{seq},"kind":{json.dumps(self.kind)},"body":{self.body}}}'


class Outbox:
    """Changes for one page. Never blocks; holds at most ``capacity`` moments and one state.

    Numbers are given when a change goes out, or is lost.
    """

    __slots__ = ("_capacity", "_moments", "_state", "dropped", "seq")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._moments: deque[Change] = deque()
        self._state: Change | None = None
        self.seq = 0  #: the last number used
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._moments) + (self._state is not None)

    @property
    def has_state(self) -> bool:
        return self._state is not None

    def put(self, change: Change) -> None:
        if change.kind == "state":
            self._state = change
            return
        self._moments.append(change)
        if len(self._moments) > self._capacity:
            self._drop()

    def _drop(self) -> None:
        """Lose the oldest pop; the reply to an order stays as long as there is a pop to lose instead."""
        victim = next((c for c in self._moments if c.kind == "screenpop"), self._moments[0])
        self._moments.remove(victim)
        self.dropped += 1
        self.seq += 1

    def take(self, *, state_due: bool = True) -> tuple[int, Change] | None:
        """The next change and its number, or None. Moments go before state, which may be held back."""
        if self._moments:
            change = self._moments.popleft()
        elif self._state is not None and state_due:
            change, self._state = self._state, None
        else:
            return None
        self.seq += 1
        return self.seq, change

    def restart(self) -> int:
        """A snapshot is about to go out: forget what it says anyway. Returns the snapshot's number."""
        self._moments = deque(change for change in self._moments if change.kind == "order")
        self._state = None
        self.seq += 1
        return self.seq
