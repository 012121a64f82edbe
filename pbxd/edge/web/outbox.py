"""What waits to be sent to one page: bounded, and fair about what may be lost.

State is never lost: a newer state takes the place of one that has not gone out yet, because it says
everything that the older one said; so does a newer view of the same transfer. Screen pops are moments;
when too many wait, the oldest goes. Its sequence number goes with it, so the page sees the gap and asks for a
fresh snapshot.
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

    kind: str  #: screenpop, screenpop_closed, transfer, transfer_event, handover, state, order
    body: str  #: JSON text
    pop: str = ""  #: the screen pop's id, when it is one
    first: bool = False  #: it is told for the first time
    node: str = ""  #: the node of a screen pop
    transfer: str = ""  #: the id of the transfer that a view or a hand-over is of
    told: float = 0.0  #: when the edge was told, by the monotonic clock

    @property
    def handover(self) -> str:
        """The transfer that is handed over by this."""
        return self.transfer if self.kind == "handover" else ""

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
        if change.transfer and self._replaced(change):
            return
        self._moments.append(change)
        if len(self._moments) > self._capacity:
            self._drop()

    def _replaced(self, change: Change) -> bool:
        """A note is typed letter by letter: the newer view takes the place of one that still waits."""
        for number, waiting in enumerate(self._moments):
            if waiting.kind == change.kind and waiting.transfer == change.transfer:
                self._moments[number] = change
                return True
        return False

    def _drop(self) -> None:
        """Lose the oldest pop, else the oldest of what a snapshot holds as well; replies to orders last."""
        victim = next((c for c in self._moments if c.kind == "screenpop"), None)
        if victim is None:
            victim = next((c for c in self._moments if c.kind != "order"), self._moments[0])
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
