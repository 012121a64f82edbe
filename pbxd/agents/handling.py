"""How long a call takes an agent, as it was lately: what the estimates of waiting times are made of."""

from __future__ import annotations

from pbxd.calls.facts import LegEnded
from pbxd.ids import NodeId
from pbxd.journal import Journal, Table

USUAL_S = 180.0
"""Believed before anything was seen; it weighs as much as one call."""

_REMEMBERED = 50
"""The mean follows about so many calls."""


class Handling:
    """Mean handling time (talk + hold + wrap-up) of each queue's legs, seconds."""

    def __init__(self, journal: Journal) -> None:
        self._means: Table[tuple[NodeId, str | None], tuple[float, int]] = Table(journal)

    def ended(self, leg: LegEnded, wrap_up_s: float) -> None:
        """An agent's part in a call is over."""
        mean, seen = self._means.get((leg.node, leg.queue), (USUAL_S, 1))
        seen = min(seen + 1, _REMEMBERED)
        mean += (leg.talk_s + leg.hold_s + wrap_up_s - mean) / seen
        self._means[leg.node, leg.queue] = mean, seen

    def mean_s(self, node: NodeId, queue: str | None) -> float:
        """Of this queue's calls; None: of those that came through no queue."""
        return self._means.get((node, queue), (USUAL_S, 1))[0]
