"""Is the peer alive? Pings it, and looks at whether and when it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbxd.ami.actions import Ping
from pbxd.edge.ami_link.errors import NotSentError
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.replies import Reply


class Pulse:
    """Pings one connection every ``every`` seconds and gives it up when nothing at all was heard for
    ``dead_after`` seconds, or when events do come but a ping stays unanswered three times as long."""

    def __init__(
        self, protocol: AmiProtocol, every: float, dead_after: float, new_id: Callable[[], str]
    ) -> None:
        self._protocol = protocol
        self._every = every
        self._dead_after = dead_after
        self._new_id = new_id
        self._stall = min(1.0, dead_after / 4)
        self._pinged: float | None = None
        self._loop = asyncio.get_running_loop()
        self._beat = self._loop.call_later(every, self._look, self._loop.time() + every)

    def stop(self) -> None:
        self._beat.cancel()

    def _look(self, due: float) -> None:
        now, protocol = self._loop.time(), self._protocol
        stalled = now - due > self._stall  # it is this process that did not look; what came waits to be read
        silence = now - protocol.last_heard
        if protocol.holds_back and self._pinged is not None:
            self._pinged = now  # the answer waits to be read
        unanswered = 0.0 if self._pinged is None else now - self._pinged
        if silence >= self._dead_after and not stalled:
            protocol.fail(f"nothing was heard for {silence:.1f} s")
            return
        if unanswered >= 3 * self._dead_after and not stalled:
            protocol.fail(f"events come, but no action was answered for {unanswered:.1f} s")
            return
        if self._pinged is None:
            self.ping()
        pause = self._stall if stalled else max(0.001, min(self._every, self._dead_after - silence))
        self._beat = self._loop.call_later(pause, self._look, now + pause)

    def ping(self) -> None:
        """Ping now."""

        def pong(answer: Reply | Exception) -> None:
            if isinstance(answer, Reply):
                self._pinged = None

        try:
            self._protocol.request(Ping().headers(), self._new_id(), pong, timeout_s=4 * self._dead_after)
        except NotSentError:
            return  # the link is going already
        if self._pinged is None:
            self._pinged = self._loop.time()
