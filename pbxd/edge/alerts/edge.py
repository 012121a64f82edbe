"""All sinks of the settings behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbxd.edge.alerts.delivery import Delivery
from pbxd.edge.alerts.sink import Notice, Sink
from pbxd.edge.alerts.wording import shown, wording
from pbxd.effects import Announce
from pbxd.settings.alerts import Alerts, AlertSink

OUTCOMES = ("delivered", "refused", "failed", "dropped", "lost")


class AlertEdge:
    """``announce`` from the loop, ``run`` in a task, ``close`` before it is cancelled.

    ``board``: the wallboard's address, for messages without a link of their own.
    """

    def __init__(self, settings: Alerts, count: Callable[..., None], *, board: str | None = None) -> None:
        self._settings = settings
        self._board = board
        self._sinks: dict[str, AlertSink] = {sink.name: sink for sink in settings.sinks}
        self._count = count
        self._deliveries: dict[str, Delivery] = {}
        self._open: list[Sink] = []
        for sink in settings.sinks:
            for outcome in OUTCOMES:
                count("pbxd_alert_deliveries_total", 0, sink=sink.name, outcome=outcome)
            count("pbxd_alert_attempts_failed_total", 0, sink=sink.name)

    def announce(self, effect: Announce) -> None:
        """Tell these sinks. Returns at once."""
        for name in effect.sinks:
            delivery, sink = self._deliveries.get(name), self._sinks.get(name)
            if delivery is None or sink is None:
                continue
            body = shown(effect.body, show_numbers=sink.show_numbers)
            delivery.add(Notice(body=body, wording=wording(body, sink.language, board=self._board)))

    def open(self) -> None:
        """Make ready to take messages; on the loop, before the first of them."""
        settings = self._settings
        if not settings.sinks:
            return
        # Loaded only where somebody is told: the clients take a while to load.
        from pbxd.edge.alerts.kinds import make_sink

        for each in settings.sinks:
            sink = make_sink(each, settings.timeout)
            self._open.append(sink)
            self._deliveries[each.name] = Delivery(
                each.name,
                sink,
                count=self._count,
                size=settings.queue_size,
                attempts=settings.attempts,
                timeout_s=settings.timeout,
                retry_most_s=settings.retry_most,
            )

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, delivery in self._deliveries.items():
                    tasks.create_task(delivery.run(), name=f"alerts-{name}")
        finally:
            for sink in self._open:
                await sink.close()

    async def close(self) -> None:
        """Send what can be sent within the deadline of the settings."""
        deadline_s = self._settings.shutdown_timeout
        await asyncio.gather(*(delivery.close(deadline_s) for delivery in self._deliveries.values()))
