"""Which journeys are to be kept anew. Much happens in one within a moment: it is kept a little later, once.

What there is to keep is asked for when it is written, so a call costs what its state is at these moments and
not what each of its events would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from pbxd.edge.store.faults import Count
from pbxd.ids import CallId

log = structlog.get_logger("pbxd.store")

LATER_S = 0.2
"""A journey is kept so long after it has changed; what a kill takes is no more than that."""
AT_ONCE = 25  #: journeys that are put into words before the loop has its turn

Journey = Callable[[CallId], Mapping[str, Any] | None]
"""What is to be kept of a journey; None: nothing (any more)."""


def no_journey(call: CallId) -> None:
    """Where no world is."""


class Journeys:
    """``changed`` as often as anything changes, ``run`` in a task, ``now`` at the end."""

    def __init__(
        self, journey: Journey, keep: Callable[[CallId, Mapping[str, Any] | None], None], count: Count
    ) -> None:
        self._journey = journey
        self._keep = keep
        self._count = count
        self._changed: dict[CallId, None] = {}
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def changed(self, call: CallId) -> None:
        """This journey is no longer as it is kept. Returns at once."""
        self._changed[call] = None
        self._idle.clear()
        self._filled.set()

    async def run(self) -> None:
        """Keep what has changed until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(LATER_S)
            self._filled.clear()
            for number, call in enumerate(list(self._changed)):
                self._take(call)
                if number % AT_ONCE == AT_ONCE - 1:
                    await asyncio.sleep(0)
            if not self._changed:
                self._idle.set()

    async def flushed(self) -> None:
        """Wait until nothing is waiting to be kept."""
        await self._idle.wait()

    def now(self) -> None:
        """Keep at once whatever has changed."""
        for call in list(self._changed):
            self._take(call)
        self._idle.set()

    def _take(self, call: CallId) -> None:
        self._changed.pop(call, None)
        try:
            self._keep(call, self._journey(call))
        except Exception:
            # A bug of ours in one journey must not cost the others.
            self._count("pbxd_store_faults_total", kind="other")
            log.exception("store.journey_unkeepable", call=call)
