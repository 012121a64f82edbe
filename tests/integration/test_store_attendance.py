"""Who was signed in when: stored once, kept while it goes on, read by reports; on both databases alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from pbxd.edge.store import Store
from pbxd.edge.store.reports import Reader, make_report
from pbxd.edge.store.spool import from_json, to_json
from pbxd.edge.store.staffing import staffing
from pbxd.effects import KeepAttendance
from pbxd.ids import AgentId, Interface
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import AttendanceKept
from pbxd.reports.period import Period
from pbxd.reports.report import Asked
from pbxd.reports.shares import By, Rules
from pbxd.reports.staffing import Presence
from pbxd.settings.connections import Store as Settings
from tests.integration.store_samples import QUICK, T0, Counts, contact, sqlite_settings

Opened = Callable[[], Awaitable[Store]]
ANNA, BEN = AgentId("anna"), AgentId("ben")
HOUR = 3600.0
DAY = 24 * HOUR
RULES = Rules(
    service_level_s=lambda queue: 20.0, short_abandon_s=lambda queue: 5.0, first_contact_days=7, skills={}
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return sqlite_settings(tmp_path)
    server = request.getfixturevalue("postgres_server")
    return Settings.model_validate({"url": server.new_database(), **QUICK})


@pytest.fixture
async def opened(settings: Settings, tmp_path: Path) -> AsyncIterator[Opened]:
    stores: list[Store] = []

    async def open_store() -> Store:
        stores.append(await Store.open(settings, Counts(), spool=tmp_path / "spool"))
        return stores[-1]

    yield open_store
    for store in stores:
        await store.close()


def row(agent: AgentId, start: float, end: float, paused: bool = False, reason: str = "") -> Attendance:
    """From and to which hour after T0."""
    started, ended = T0 + start * HOUR, T0 + end * HOUR
    return Attendance(agent=agent, started=started, ended=ended, paused=paused, reason=reason)


def keep(store: Store, agent: AgentId | None, **body: object) -> None:
    store.keep(KeepAttendance(agent=agent, body=body or None))


async def read(settings: Settings, start: float = T0, end: float = T0 + DAY) -> list[Presence]:
    found = await asyncio.to_thread(Reader(settings).read, lambda c, t: staffing(c, start, end, t))
    return sorted(found.presences, key=lambda each: (each.agent, each.started))


def seen(*rows: Attendance) -> list[Presence]:
    return [
        Presence(agent=each.agent, started=each.started, ended=each.ended, paused=each.paused)
        for each in rows
    ]


async def test_a_row_is_stored_once_and_keeps_its_later_end(opened: Opened, settings: Settings) -> None:
    store = await opened()
    morning, lunch = row(ANNA, 0, 3), row(ANNA, 3, 4, True, "lunch\0'; --\ud800")
    early = replace(morning, ended=T0 + 2 * HOUR)
    for some in ((morning, lunch), (early,), (early, morning, early)):
        for each in some:
            store.attended(each)
        await store.flushed()
    assert await read(settings) == seen(morning, lunch)


async def test_only_what_reaches_into_the_period_is_read(opened: Opened, settings: Settings) -> None:
    store = await opened()
    inside = [row(ANNA, -1, 1), row(ANNA, 23, 25, True), row(BEN, -9, 40)]
    for each in (*inside, row(ANNA, -3, -1.5), row(ANNA, -1.5, 0), row(ANNA, 24, 26)):
        store.attended(each)
    await store.flushed()
    assert await read(settings) == seen(*inside)


async def test_after_a_kill_it_is_known_who_was_there_and_until_when_that_was_seen(
    opened: Opened, settings: Settings
) -> None:
    store = await opened()
    keep(store, ANNA, started=T0, paused=False, reason="")
    keep(store, BEN, started=T0, paused=False, reason="")
    keep(store, None, seen=T0 + HOUR)
    keep(store, BEN, started=T0 + 2 * HOUR, paused=True, reason="lunch")
    keep(store, None, seen=T0 + 3 * HOUR)
    await store.all_kept()
    # While pbxd runs, a report counts them up to there.
    assert await read(settings) == seen(row(ANNA, 0, 3), row(BEN, 2, 3, True))
    after = await opened()  # the first one was not closed: pbxd was killed
    (kept,) = (each for each in await after.kept() if isinstance(each, AttendanceKept))
    assert kept.seen == T0 + 3 * HOUR
    assert kept.bodies == {
        ANNA: {"started": T0, "paused": False, "reason": ""},
        BEN: {"started": T0 + 2 * HOUR, "paused": True, "reason": "lunch"},
    }


async def test_a_row_waits_in_the_spool_while_the_store_is_closed(opened: Opened, settings: Settings) -> None:
    store = await opened()
    await store.close()
    store.attended(row(ANNA, 0, 3))
    assert await read(settings) == []
    await (await opened()).flushed()
    assert await read(settings) == seen(row(ANNA, 0, 3))
    assert from_json(to_json(row(BEN, 0, 1, True, "lunch"))) == row(BEN, 0, 1, True, "lunch")


async def test_the_occupancy_of_a_day(opened: Opened, settings: Settings) -> None:
    store = await opened()
    one = contact(1, agents=("anna",))

    def stretch(position: int, stage: Stage, agent: AgentId, start: float, end: float) -> Stretch:
        return Stretch(
            call=one.record.id,
            position=position,
            node=one.record.node,
            stage=stage,
            started=T0 + start * HOUR,
            ended=T0 + end * HOUR,
            interface=Interface("PJSIP/1001"),
            agent=agent,
        )

    stretches = (
        stretch(0, Stage.RING, ANNA, 0, 1),
        stretch(1, Stage.TALK, ANNA, 1, 2),
        stretch(2, Stage.HOLD, ANNA, 2, 2.5),
        stretch(3, Stage.TALK, ANNA, -2, -1),
    )
    store.remember(replace(one, stretches=stretches))
    store.append(stretch(4, Stage.WRAP_UP, ANNA, 2.5, 3))
    for each in (row(ANNA, 0, 4), row(ANNA, 4, 5, True), row(BEN, 0, 4)):
        store.attended(each)
    await store.flushed()
    keep(store, ANNA, started=T0 + 5 * HOUR, paused=False, reason="")
    keep(store, None, seen=T0 + 9 * HOUR)
    await store.all_kept()
    asked = Asked(
        period=Period(start=T0, end=T0 + DAY, zone=UTC), by=By.AGENT, rules=RULES, now=T0 + 10 * HOUR
    )
    made = await asyncio.to_thread(make_report, Reader(settings), asked)
    rows = {each.key: each.figures for each in made.rows}
    assert (rows["anna"]["signed_in_s"], rows["anna"]["paused_s"]) == (9 * HOUR, HOUR)
    assert rows["anna"]["occupancy"] == 0.25
    assert (rows["ben"]["calls"], rows["ben"]["occupancy"]) == (0, 0.0)
    assert made.total.figure("occupancy") == round(2 / 12, 6)
