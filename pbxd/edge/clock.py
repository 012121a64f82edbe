"""The one timer: a Tick every second, and one at the earliest time that the world asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pbxd.effects import Wake
from pbxd.messages import Tick


class Clock:
    """Puts Ticks into the inbox. ``lag_s`` is how late the loop was at the last steady tick (seconds)."""

    def __init__(
        self,
        put: Callable[[Tick], None],
        *,
        period_s: float = 1.0,
        lagged: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._put = put
        self._period_s = period_s
        self._lagged = lagged
        self._wake: asyncio.TimerHandle | None = None
        self.lag_s = 0.0

    def wake(self, effect: Wake) -> None:
        """Tick in ``effect.in_s`` seconds, unless an earlier Wake is already armed."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, effect.in_s)
        if self._wake is not None:
            if self._wake.when() <= at:
                return
            self._wake.cancel()
        self._wake = loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._wake = None
        self._put(Tick(at=time.time()))

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due += self._period_s
                await asyncio.sleep(due - loop.time())
                self.lag_s = max(0.0, loop.time() - due)
                self._lagged(self.lag_s)
                if self.lag_s > self._period_s:
                    due = loop.time()
                self._put(Tick(at=time.time()))
        finally:
            if self._wake is not None:
                self._wake.cancel()
                self._wake = None
