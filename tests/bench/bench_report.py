"""A report of a busy day while calls go on: what the loop notices, beside the same report on a thread."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import uvloop

from pbxd.edge import garbage
from pbxd.edge.store import Store
from pbxd.edge.store.reports import Reader, Reports, make_report
from pbxd.figures.thresholds import Thresholds
from pbxd.ids import AgentId, Interface
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import Contact
from pbxd.reports.period import Period
from pbxd.reports.report import Asked
from pbxd.reports.shares import By, Rules
from pbxd.reports.shown import How, report_text
from pbxd.settings.connections import Store as StoreSettings
from tests.bench.folder import own_folder
from tests.integration.store_samples import T0, contact

CALLS, AGENTS = 20_000, 100
DAY_S = 86_400.0
BURST = 50
"""Messages of a few bytes, one after the other through a socket: what the loop does all day."""
ROUNDS = 3
MOST_LATE_MS = 50.0
LIMITS = Thresholds()

Row = dict[str, Any]


def rows() -> list[Row]:
    with own_folder("report") as folder:
        return uvloop.run(_measure(folder))


async def _measure(folder: Path) -> list[Row]:
    settings = StoreSettings(url=f"sqlite:///{folder}/history.db", write_queue=2 * CALLS)
    await _fill(settings)
    garbage.settle()
    asked = Asked(
        period=Period(start=T0, end=T0 + DAY_S, zone=UTC),
        by=By.AGENT,
        rules=Rules(
            service_level_s=LIMITS.service_level_s,
            short_abandon_s=LIMITS.short_abandon_s,
            first_contact_days=7,
            skills={},
        ),
        now=T0 + 30 * DAY_S,
    )
    reports, reader = Reports(settings, timeout_s=120.0), Reader(settings, timeout_s=120.0)
    how = How()

    def on_a_thread() -> Any:
        return report_text(make_report(reader, asked), how)

    quiet: list[float] = []
    beside: list[float] = []
    on_thread: list[float] = []
    took: list[float] = []
    for _ in range(ROUNDS):
        quiet += await _bursts(lambda: asyncio.sleep(2.0))
        began = time.monotonic()
        beside += await _bursts(lambda: reports.report(asked, how))
        took.append(time.monotonic() - began)
        on_thread += await _bursts(lambda: asyncio.to_thread(on_a_thread))
    late, late_on_thread, late_without = max(beside), max(on_thread), max(quiet)
    return [
        _row(
            f"report of {CALLS:,} calls, {statistics.median(took):.1f} s: the longest that {BURST} messages "
            f"took meanwhile, ms (without: {late_without:.1f}), against the report on a thread",
            late,
            late_on_thread,
            f"<= {MOST_LATE_MS:.0f} ms",
            late <= MOST_LATE_MS,
        ),
        _row(
            f"the same, the median of {BURST} messages, ms, against the median without a report",
            statistics.median(beside),
            statistics.median(quiet),
            ">= 0.5",
            statistics.median(beside) <= 2 * statistics.median(quiet),
        ),
    ]


async def _bursts(work: Callable[[], Awaitable[Any]]) -> list[float]:
    """How long each burst of messages took while ``work`` was being done, ms."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    loop = asyncio.get_running_loop()
    doing = asyncio.ensure_future(work())
    took: list[float] = []
    try:
        while not doing.done():
            began = time.perf_counter()
            for _ in range(BURST):
                await loop.sock_sendall(near, b"Event: Newstate\r\n\r\n")
                await loop.sock_recv(far, 64)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.005)
    finally:
        near.close()
        far.close()
    await doing
    return took


async def _fill(settings: StoreSettings) -> None:
    store = await Store.open(settings)
    for number in range(CALLS):
        store.remember(_contact(number))
    for agent in range(AGENTS):
        for hour in range(8):
            started = T0 + hour * 3600.0
            store.attended(
                Attendance(
                    agent=AgentId(f"agent{agent}"), started=started, ended=started + 3600.0, paused=hour == 4
                )
            )
    await store.flushed()
    await store.close()


def _contact(number: int) -> Contact:
    agent = f"agent{number % AGENTS}"
    made = contact(number, arrived=T0 + number, agents=(agent,), number=f"+86138{number % 5000:08}")
    record = made.record

    def stretch(position: int, stage: Stage, start: float, end: float) -> Stretch:
        return Stretch(
            call=record.id,
            position=position,
            node=record.node,
            stage=stage,
            started=record.arrived + start,
            ended=record.arrived + end,
            queue="billing",
            interface=Interface("PJSIP/1001"),
            agent=AgentId(agent),
        )

    stretches = (
        stretch(0, Stage.WAIT, 1, 10),
        stretch(1, Stage.RING, 2, 10),
        stretch(2, Stage.TALK, 10, 40),
        stretch(3, Stage.WRAP_UP, 40, 50),
    )
    return replace(made, stretches=stretches)


def _row(name: str, pbxd: float, peer: float, goal: str, met: bool) -> Row:
    return {
        "name": name,
        "pbxd": round(pbxd, 2),
        "peer": round(peer, 2),
        "ratio": round(peer / pbxd, 2),
        "goal": goal,
        "met": met,
    }
