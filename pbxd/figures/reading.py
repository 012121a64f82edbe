"""Values that are read from the state at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pbxd.figures.callers import MEMBER_STATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One sample: a gauge, or a counter that its owner keeps itself."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float


def queue_readings(
    node: str, queue: str, *, joined: Iterable[float], members: Iterable[tuple[str, bool]], now: float
) -> list[Reading]:
    """The gauges of one queue.

    ``joined``: when each waiting caller joined; ``now``: both in epoch seconds of the switch's clock.
    ``members``: each member's state (as in MEMBER_STATE; unknown ones count as offline) and whether paused.
    """
    labels, by_state = _labels(node, queue)
    since = list(joined)
    longest = max(0.0, now - min(since)) if since else 0.0
    states = dict.fromkeys(MEMBER_STATE.values, 0)
    for state, paused in members:
        states["paused" if paused else state if state in states else "offline"] += 1
    return [
        Reading(metric="pbxd_queue_waiting", labels=labels, value=len(since)),
        Reading(metric="pbxd_queue_longest_wait_seconds", labels=labels, value=longest),
        *[
            Reading(metric="pbxd_queue_members", labels=labels, value=states[state])
            for state, labels in by_state
        ],
    ]


@lru_cache(4096)
def _labels(node: str, queue: str) -> tuple[Mapping[str, str], list[tuple[str, Mapping[str, str]]]]:
    """The labels of a queue, and those of each state of its members: the same at every scrape."""
    labels = {"node": node, "queue": queue}
    return labels, [(state, {**labels, "state": state}) for state in MEMBER_STATE.values]
