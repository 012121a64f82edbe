"""The one timer: a Tick every second, and one at the earliest time that the world asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pbxd.effects import Wake
from pbxd.messages import Tick


class Clock:
    """Puts Ticks into the inbox."""

    def __init__(self, put: Callable[[Tick], None], *, period_s: float = 1.0) -> None:
        self._put = put
        self._period_s = period_s
        self._wake: asyncio.Handle | None = None
        self._wake_at = 0.0

    def wake(self, effect: Wake) -> None:
        """Tick in ``effect.in_s`` seconds, unless an earlier Wake is already armed."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, effect.in_s)
        if self._wake is not None:
            if self._wake_at <= at:
                return
            self._wake.cancel()
        # Remembered here: uvloop hands out a plain handle, without the time, for what is due already.
        self._wake_at = at
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
                due = max(due, loop.time() - self._period_s)  # after a stall no ticks in a bunch
                self._put(Tick(at=time.time()))
        finally:
            if self._wake is not None:
                self._wake.cancel()
                self._wake = None
