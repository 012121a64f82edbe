"""Whether one contact was enough: a slow look at the store, now and then, when the days are over.

Nobody can know on the day of a call whether its caller will call again. So each contact is judged once, when
its time is over, and not a moment earlier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.edge.store.faults import Count, first_line, kind_of
from pbxd.edge.store.tables import contacts

log = structlog.get_logger("pbxd.store")

DAY_S = 86_400.0
EVERY_S = 600.0
"""Between two looks: the figure is about weeks. Of fewer days than usual it is a thousandth of them."""
TIMEOUT_S = 60.0

_ANSWERED = ("answered", "direct")
_LONGEST_S = DAY_S
"""A call that lasts longer is not found, nor waited for: contacts are found by when they arrived."""

Oldest = Callable[[], float | None]
"""When the call arrived that is in progress for the longest time, epoch seconds; None: there is none."""


def nobody_calls() -> None:
    """Where no world is."""


def _question(since: float, until: float, days: float) -> sa.Select[Any]:
    """How many of the contacts that ended in (since, until] were enough and how many not, by node and queue.

    A subject that nobody knows, of the one or of the other, counts as the same.
    """
    first, later = contacts.alias("first"), contacts.alias("later")
    again = (
        sa.select(sa.literal(1))
        .where(
            later.c.number == first.c.number,
            later.c.arrived > first.c.arrived,
            later.c.arrived <= first.c.ended + days * DAY_S,
            sa.or_(first.c.subject.is_(None), later.c.subject.is_(None), later.c.subject == first.c.subject),
        )
        .exists()
    )
    judged = (
        sa.select(first.c.node, sa.func.coalesce(first.c.queue, "").label("queue"), again.label("again"))
        .where(
            first.c.arrived > since - _LONGEST_S,
            first.c.arrived <= until,
            first.c.ended > since,
            first.c.ended <= until,
            first.c.number != "",
            first.c.outcome.in_(_ANSWERED),
        )
        .subquery()
    )
    keys = judged.c.node, judged.c.queue, judged.c.again
    return sa.select(*keys, sa.func.count()).group_by(*keys)


class Resolution:
    """Counts pbxd_first_contacts_total. ``look`` judges what is due; ``run`` does it for ever.

    A call is in the store when it is over. So who calls again in the last minute of the days is waited for.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        migrate: Callable[[], Awaitable[None]],
        count: Count,
        *,
        days: float,
        clock: Callable[[], float],
        oldest: Oldest = nobody_calls,
        written: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._migrate = migrate
        self._count = count
        self._days = days
        self._clock = clock
        self._oldest = oldest
        self._written = written
        self._since = clock() - days * DAY_S

    async def run(self) -> None:
        """For ever."""
        every_s = max(1.0, min(EVERY_S, self._days * DAY_S / 1000))
        while True:
            await asyncio.sleep(every_s)
            await self.look()

    async def look(self) -> None:
        """Judge the contacts whose days ended since the last look that succeeded. Never raises."""
        until = self._known_until() - self._days * DAY_S
        if until <= self._since:
            return
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._migrate()
                await self._written()
                async with self._engine.connect() as connection:
                    rows = (await connection.execute(_question(self._since, until, self._days))).all()
        except Exception as error:
            self._count("pbxd_store_faults_total", kind=kind_of(error))
            log.warning("store.first_contacts_unread", error=first_line(error))
            return
        self._since = until
        for node, queue, again, number in rows:
            resolved = "no" if again else "yes"
            self._count("pbxd_first_contacts_total", number, node=node, queue=queue, resolved=resolved)

    def _known_until(self) -> float:
        """Up to when everybody who came is in the store, or is about to be written there."""
        now, oldest = self._clock(), self._oldest()
        return now if oldest is None else max(min(now, oldest), now - _LONGEST_S)
