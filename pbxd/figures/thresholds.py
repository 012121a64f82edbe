"""What counts as soon enough, and as given up at once; from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueThresholds:
    """What is different in one queue. Seconds; None: as everywhere."""

    service_level_s: float | None = None
    short_abandon_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Seconds. A wait that lasts exactly so long is within."""

    default_service_level_s: float = 20.0
    default_short_abandon_s: float = 5.0
    queues: Mapping[str, QueueThresholds] = field(default_factory=dict)

    def service_level_s(self, queue: str) -> float:
        """Who is answered within this time was answered in time."""
        own = self.queues.get(queue)
        if own is None or own.service_level_s is None:
            return self.default_service_level_s
        return own.service_level_s

    def short_abandon_s(self, queue: str) -> float:
        """Who gives up within this time never really waited."""
        own = self.queues.get(queue)
        if own is None or own.short_abandon_s is None:
            return self.default_short_abandon_s
        return own.short_abandon_s
