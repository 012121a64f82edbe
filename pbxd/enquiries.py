"""What pages and programs ask of pbxd: what is so now, what was lately, and orders with their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pbxd.edge.replies import Asked
from pbxd.edge.web import RecentContact
from pbxd.effects import Reply
from pbxd.from_settings import report_rules
from pbxd.ids import AgentId, CallId
from pbxd.orders import Order
from pbxd.reports.period import period_of
from pbxd.reports.report import Asked as AskedReport
from pbxd.reports.shares import By

if TYPE_CHECKING:
    from pbxd.edges import Edges


_OF_TODAY = ("entries", "answered", "abandoned", "service_level")


class Enquiries:
    """Answers from the world, and from the store what is over."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges

    def snapshot(self, agent: AgentId) -> Mapping[str, Any]:
        return self._edges.world.snapshot(agent)

    def order(self, order: Order) -> None:
        self._edges.board.put(order)

    async def ask(self, order: Asked) -> Reply:
        return await self._edges.replies.ask(order, self._edges.settings.web.order_timeout)

    def transfers(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        return self._edges.world.transfers(agent)

    def callbacks(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        return self._edges.world.callbacks(agent)

    def targets(self, agent: AgentId, call: CallId | None, query: str) -> Sequence[Mapping[str, Any]]:
        return self._edges.world.targets(agent, call, query)

    async def today(self) -> Mapping[str, Mapping[str, Any]]:
        """This day's figures of each queue, for the wallboards. Raises OSError when the store is gone."""
        reports, now = self._edges.settings.reports, time.time()
        period = period_of(zone=reports.zone, now=now)
        about = AskedReport(period=period, by=By.QUEUE, rules=report_rules(self._edges.settings), now=now)
        async with asyncio.timeout(reports.timeout):
            return await self._edges.reports.figures(about, _OF_TODAY)

    async def recent_contacts(self, agent: AgentId, limit: int) -> Sequence[RecentContact]:
        """The last contacts of an agent. Raises OSError when the store is gone."""
        rows = await self._edges.store.contacts(agent=agent, limit=limit)
        return [_recent(row) for row in rows]


def _recent(row: Mapping[str, Any]) -> RecentContact:
    return RecentContact(
        call=CallId(row["call"]),
        number=row["number"],
        name=row["name"],
        arrived=row["arrived"],
        ended=row["ended"],
        queue=row["queue"],
        subject=row["subject"],
        outcome=row["outcome"],
        talk_s=row["talk_s"],
        handovers=row["handovers"],
        repeated=row["repeated"],
    )
