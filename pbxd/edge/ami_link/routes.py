"""Who wants which event: found by one look-up in a dict, however many listeners there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Route: TypeAlias = Callable[[bytes], None]
"""Takes one raw event. Must not block; what it raises is counted and costs nobody else anything."""

_FEW = 4096
"""First lines remembered. A peer that makes up names must not fill the memory."""


class Routes:
    """``table`` maps the first line of a message to its route; ``resolve`` fills it, once for each line.

    Wildcards are matched here, when a name is met for the first time, and never again.
    """

    def __init__(self, find: Callable[[bytes], Route | None], otherwise: Route) -> None:
        self.table: dict[bytes, Route | None] = {}
        self._find = find  #: the route for an event's name
        self._otherwise = otherwise  #: for everything that does not begin like an event

    def resolve(self, head: bytes) -> Route | None:
        """The route for messages whose first line is ``head``. None: skip them."""
        if not head.startswith(b"Event: "):
            return self._otherwise
        route = self._find(head[7:])
        if len(self.table) >= _FEW:
            self.table.clear()
        self.table[head] = route
        return route

    def forget(self) -> None:
        """Somebody began or ceased to listen."""
        self.table.clear()


def each(callbacks: list[Route]) -> Route:
    """One route made of several. Each gets the message; what one of them raised is raised in the end."""

    def route(raw: bytes) -> None:
        fault: Exception | None = None
        for callback in callbacks:
            try:
                callback(raw)
            except Exception as raised:
                fault = raised
        if fault is not None:
            raise fault

    return route
