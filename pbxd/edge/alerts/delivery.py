"""One sink's line of messages: in order, bounded, tried again with growing pauses, each fate counted."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

import structlog

from pbxd.edge.alerts.sink import FailedError, Notice, RefusedError, Sink

log = structlog.get_logger("pbxd.alerts")

PAUSE_FIRST_S = 1.0


class Delivery:
    """``add`` at any time, ``run`` in a task, ``close`` before it is cancelled."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        count: Callable[..., None],
        size: int,
        attempts: int,
        timeout_s: float,
        retry_most_s: float,
    ) -> None:
        self.name = name
        self._sink = sink
        self._count = count
        self._size = size
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._retry_most_s = retry_most_s
        self._waiting: deque[Notice] = deque()
        self._busy = False
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, notice: Notice) -> None:
        """Take a message. Returns at once and never raises; when the line is full, the oldest one goes."""
        if len(self._waiting) >= self._size:
            self._waiting.popleft()
            self._over("dropped")
        self._waiting.append(notice)
        self._idle.clear()
        self._filled.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while not self._waiting:
                self._idle.set()
                self._filled.clear()
                await self._filled.wait()
            self._busy = True
            notice = self._waiting.popleft()
            outcome = await self._deliver(notice)
            self._busy = False
            self._over(outcome)

    async def close(self, deadline_s: float) -> None:
        """Give what waits a last chance; the rest is counted as lost."""
        try:
            await asyncio.wait_for(self._idle.wait(), deadline_s)
        except TimeoutError:
            lost = len(self._waiting) + self._busy
            for _ in range(lost):
                self._over("lost")
            log.warning("alerts.lost", sink=self.name, count=lost)

    async def _deliver(self, notice: Notice) -> str:
        pause_s = min(PAUSE_FIRST_S, self._retry_most_s)
        for attempt in range(1, self._attempts + 1):
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._sink.send(notice)
            except RefusedError as error:
                log.error("alerts.refused", sink=self.name, alert=notice.body["id"], why=str(error))
                return "refused"
            except FailedError as error:
                why, again_s = str(error), error.again_s
            except TimeoutError:
                why, again_s = "no answer in time", 0.0
            except Exception:
                # A defect of ours or of a library: counted, told at length, and not tried for ever.
                log.exception("alerts.defect", sink=self.name)
                why, again_s = "a defect", 0.0
            else:
                return "delivered"
            self._count("pbxd_alert_attempts_failed_total", sink=self.name)
            log.warning("alerts.not_delivered", sink=self.name, attempt=attempt, why=why)
            if attempt < self._attempts:
                await asyncio.sleep(max(pause_s * random.uniform(0.5, 1.0), min(again_s, self._retry_most_s)))
                pause_s = min(pause_s * 2, self._retry_most_s)
        return "failed"

    def _over(self, outcome: str) -> None:
        self._count("pbxd_alert_deliveries_total", sink=self.name, outcome=outcome)
