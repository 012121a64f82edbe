"""Values that are read from the state at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    labels = {"node": node, "queue": queue}
    since = list(joined)
    longest = max(0.0, now - min(since)) if since else 0.0
    states = Counter(
        "paused" if paused else state if state in MEMBER_STATE.values else "offline"
        for state, paused in members
    )
    return [
        Reading(metric="pbxd_queue_waiting", labels=labels, value=len(since)),
        Reading(metric="pbxd_queue_longest_wait_seconds", labels=labels, value=longest),
        *(
            Reading(metric="pbxd_queue_members", labels={**labels, "state": state}, value=states[state])
            for state in MEMBER_STATE.values
        ),
    ]
