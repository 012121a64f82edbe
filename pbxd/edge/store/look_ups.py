"""The questions about callers' earlier contacts that are under way, each answered in time or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from pbxd.edge.store.faults import Count, first_line, kind_of
from pbxd.edge.store.finder import Finder
from pbxd.effects import LookUp
from pbxd.messages import HistoryFound, HistoryMissing
from pbxd.settings.connections import Store as Settings

log = structlog.get_logger("pbxd.store")

LIMIT = 100  #: contacts that one look-up returns: enough to count repeats, little enough to be quick

Answer = HistoryFound | HistoryMissing


class LookUps:
    """``ready``: can the store be asked now?"""

    def __init__(
        self,
        finder: Finder,
        count: Count,
        settings: Settings,
        clock: Callable[[], float],
        ready: Callable[[], bool],
    ) -> None:
        self._finder = finder
        self._count = count
        self._settings = settings
        self._clock = clock
        self._ready = ready
        self._asked: set[asyncio.Task[None]] = set()

    def ask(self, request: LookUp, deliver: Callable[[Answer], None]) -> None:
        """Look up in the background; ``deliver`` gets one answer in time, none after ``cancel``."""
        if len(self._asked) >= self._settings.lookups_most:
            deliver(self._missing(request, "busy", "too many look-ups are waiting"))
            return
        task = asyncio.create_task(self._deliver(request, deliver), name="store-look-up")
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def look_up(self, request: LookUp) -> Answer:
        """The contacts of a number, newest first, or why there are none to be had. Never raises."""
        began = time.perf_counter()
        if not request.number:
            return self._missing(request, "withheld", "number withheld")
        if not self._ready():
            return self._missing(request, "away", "the store is away")
        timeout_s = self._settings.lookup_timeout
        try:
            found = await self._finder.find(request.number, request.before, LIMIT, timeout_s)
        except TimeoutError:
            return self._missing(request, "timeout", f"the store took longer than {timeout_s * 1000:.0f} ms")
        except Exception as error:
            log.warning("store.look_up_failed", call=request.call, error=first_line(error))
            return self._missing(request, kind_of(error), f"the store failed: {first_line(error)}")
        self._count("pbxd_store_lookup_seconds", time.perf_counter() - began)
        self._count("pbxd_store_lookups_total", result="found")
        return HistoryFound(call=request.call, at=self._clock(), name=found.name, contacts=found.contacts)

    def cancel(self) -> None:
        """Nobody wants the answers any more."""
        for task in list(self._asked):
            task.cancel()

    async def _deliver(self, request: LookUp, deliver: Callable[[Answer], None]) -> None:
        deliver(await self.look_up(request))

    def _missing(self, request: LookUp, result: str, why: str) -> HistoryMissing:
        self._count("pbxd_store_lookups_total", result=result)
        return HistoryMissing(call=request.call, at=self._clock(), why=why)
