"""All sinks of the settings behind one door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import assert_never

from pbxd.edge.alerts.delivery import Delivery
from pbxd.edge.alerts.dingtalk import DingTalk
from pbxd.edge.alerts.feishu import Feishu
from pbxd.edge.alerts.mail import Mail
from pbxd.edge.alerts.post import Poster
from pbxd.edge.alerts.sink import Notice, Sink
from pbxd.edge.alerts.slack import Slack
from pbxd.edge.alerts.teams import Teams
from pbxd.edge.alerts.webhook import Webhook
from pbxd.edge.alerts.wecom import WeCom
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
        for each in settings.sinks:
            sink = _sink(each, settings.timeout)
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


def _sink(sink: AlertSink, timeout_s: float) -> Sink:
    if sink.kind == "email":
        assert sink.mail is not None  # the settings see to it
        return Mail(sink.mail, timeout_s=timeout_s)
    poster = Poster(sink.address, timeout_s=timeout_s)
    match sink.kind:
        case "webhook":
            return Webhook(poster, sink.signing_secret)
        case "wecom":
            return WeCom(poster)
        case "dingtalk":
            return DingTalk(poster, sink.signing_secret)
        case "feishu":
            return Feishu(poster, sink.signing_secret, sink.language)
        case "slack":
            return Slack(poster)
        case "teams":
            return Teams(poster)
        case _:
            assert_never(sink.kind)
