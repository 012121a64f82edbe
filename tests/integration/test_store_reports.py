"""Reports read the history of either database, alone, and keep nobody from writing it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from pbxd.calls.record import Outcome
from pbxd.edge.store import Store, StoreError
from pbxd.edge.store.reports import Reader, Reports, find_calls, journeys, make_report
from pbxd.figures.thresholds import Thresholds
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.reports.period import Period
from pbxd.reports.report import Asked, Report
from pbxd.reports.shares import By, Rules
from pbxd.reports.shown import How, report_text
from pbxd.settings.connections import Store as Settings
from pbxd.survey import Survey, SurveyResult
from tests.integration.store_samples import T0, contact, sqlite_settings

DAY = 86_400.0
RATED = Survey(flow="survey", offered=T0 + 90, result=SurveyResult.RATED, rating=4)
LIMITS = Thresholds()
RULES = Rules(
    service_level_s=LIMITS.service_level_s,
    short_abandon_s=LIMITS.short_abandon_s,
    first_contact_days=7,
    skills={"anna": ("tax",)},
)


def asked(by: By = By.QUEUE, start: float = T0, end: float = T0 + DAY, now: float = T0 + 30 * DAY) -> Asked:
    return Asked(period=Period(start=start, end=end, zone=UTC), by=by, rules=RULES, now=now)


@pytest.fixture
async def store(settings: Settings, tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(settings, spool=tmp_path / "spool")
    yield store
    await store.close()


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    reports = Reports(settings, timeout_s=60)
    yield reports
    reports.end()


async def keep(store: Store, *contacts: Any) -> None:
    for one in contacts:
        store.remember(one)
    await store.flushed()


async def made(settings: Settings, question: Asked) -> Report:
    return await asyncio.to_thread(make_report, Reader(settings), question)


def wrap_up(call: str, agent: str, began: float, lasted_s: float) -> Stretch:
    return Stretch(
        call=CallId(call),
        position=1000,
        node=NodeId("pbx1"),
        stage=Stage.WRAP_UP,
        started=began,
        ended=began + lasted_s,
        queue="billing",
        interface=Interface("PJSIP/1001"),
        agent=AgentId(agent),
    )


async def test_a_report_of_what_the_store_has(store: Store, settings: Settings) -> None:
    await keep(
        store,
        replace(contact(1, agents=("anna", "bob"), arrived=T0 + 5), survey=RATED),
        contact(2, agents=(), arrived=T0 + 3600, outcome=Outcome.ABANDONED, queue=None, number="+49301"),
        contact(3, arrived=T0 - DAY),
        contact(4, arrived=T0 + 2 * DAY, subject=None),
    )
    store.append(wrap_up("pbx1:1", "anna", T0 + 60, 12.5))
    await store.flushed()
    told = await made(settings, asked(By.AGENT))
    rows = {row.key: row.figures for row in told.rows}
    assert told.total.figure("calls") == 2
    assert rows.keys() == {"anna", "bob"}
    assert (rows["anna"]["talk_s"], rows["anna"]["hold_s"], rows["anna"]["wrap_up_s"]) == (25.0, 5.0, 12.5)
    assert (rows["anna"]["aht_s"], rows["bob"]["aht_s"]) == (42.5, 30.0)
    assert (rows["anna"]["transfers_completed"], rows["bob"]["transfers_completed"]) == (1, 0)
    assert (rows["bob"]["repeat_24h"], rows["bob"]["repeat_7d"]) == (0.0, 1.0)
    assert rows["bob"]["fcr"] == 0.0
    assert [(rows[name]["surveys"], rows[name]["rating"]) for name in ("anna", "bob")] == [
        (0, None),
        (1, 4.0),
    ]
    behind = await asyncio.to_thread(find_calls, Reader(settings), asked(By.AGENT), "bob", "aht_s")
    assert [(each.journey.call, each.sum) for each in behind] == [("pbx1:1", 30.0)]


async def test_more_calls_than_a_page_come_once_each_and_in_order(store: Store, settings: Settings) -> None:
    # Many at the same moment, so that pages end among them.
    await keep(store, *(contact(n, arrived=T0 + n // 400, agents=()) for n in range(1201)))
    read = Reader(settings).read
    found = await asyncio.to_thread(read, lambda c, t: [j.call for j in journeys(c, T0, T0 + DAY, t)])
    assert len(found) == len(set(found)) == 1201
    report = await made(settings, asked())
    assert report.total.figure("answered") == 1201


async def test_a_writer_is_not_kept_waiting_and_not_seen(store: Store, settings: Settings) -> None:
    await keep(store, contact(1))
    loop = asyncio.get_running_loop()

    def slow(connection: Any, in_time: Any) -> tuple[int, int]:
        before = len(list(journeys(connection, T0, T0 + DAY, in_time)))
        asyncio.run_coroutine_threadsafe(keep(store, contact(2)), loop).result(30)
        return before, len(list(journeys(connection, T0, T0 + DAY, in_time)))

    assert await asyncio.to_thread(Reader(settings).read, slow) == (1, 1)
    assert (await made(settings, asked())).total.figure("calls") == 2


async def test_what_takes_too_long_is_given_up(store: Store, settings: Settings) -> None:
    await keep(store, contact(1))
    with pytest.raises(TimeoutError, match="not read within"):
        await asyncio.to_thread(make_report, Reader(settings, timeout_s=-1), asked())


async def test_what_another_process_makes_is_the_same(
    store: Store, settings: Settings, reports: Reports
) -> None:
    await keep(store, *(contact(n, arrived=T0 + n) for n in range(20)))
    how = How(show_numbers=True)
    answer, sheet, calls = await asyncio.gather(
        reports.report(asked(By.AGENT), how),
        reports.report(asked(By.AGENT), How(sheet=True)),
        reports.calls(asked(By.AGENT), "anna", "handled", how, slice(3, 5)),
    )
    report = await made(settings, asked(By.AGENT))
    assert (answer, sheet) == (report_text(report, how), report_text(report, How(sheet=True)))
    assert json.loads(calls)["total"] == 20
    assert [call["call"] for call in json.loads(calls)["calls"]] == ["pbx1:3", "pbx1:4"]


async def test_a_history_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = sqlite_settings(tmp_path)
    with pytest.raises(StoreError, match="there is no history"):
        await made(missing, asked())
    assert not Path(missing.url.removeprefix("sqlite:///")).exists()  # noqa: ASYNC240


async def test_another_schema_is_refused(tmp_path: Path) -> None:
    settings = sqlite_settings(tmp_path)
    path = Path(settings.url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    sqlite3.connect(path).close()
    with pytest.raises(StoreError, match="schema is at revision None"):
        await made(settings, asked())


async def test_a_report_cannot_write(store: Store, settings: Settings) -> None:
    def write(connection: Any, in_time: Any) -> None:
        connection.exec_driver_sql("DELETE FROM contacts")

    with pytest.raises(OSError, match="the store failed"):
        await asyncio.to_thread(Reader(settings).read, write)
