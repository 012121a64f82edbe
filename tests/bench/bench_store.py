"""The history: look-ups and durable inserts, beside what the plain drivers do."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg
import uvloop

from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError
from pbxd.edge.store import Store
from pbxd.edge.store.engines import sqlite_pragmas
from pbxd.edge.store.writing import sqlite_inserts
from pbxd.effects import LookUp
from pbxd.ids import CallId
from pbxd.messages import Contact, HistoryFound, PastContact
from pbxd.settings.connections import Store as StoreSettings
from tests.bench.folder import own_folder
from tests.integration.postgres_server import PostgresServer
from tests.integration.store_samples import T0, contact

Row = dict[str, Any]
Ask = Callable[[str], Awaitable[Any]]

ROUNDS_OF_INSERTS = 7
CONTACTS = 200_000
CALLERS = 50_000
LOOK_UPS = 2000
IN_FLIGHT = 200

_COLUMNS = "call, arrived, ended, queue, subject, agent, outcome, talk_s"
#: the same contacts for both engines, made by the engine itself
_FILL = """INSERT INTO contacts (call, node, number, presented, name, dialled, queue, subject, arrived,
answered, ended, wait_s, talk_s, outcome, agent, missed, path)
SELECT 'pbx1:' || n, 'pbx1', {number}, '013800138000', 'A caller', '4001', 'billing', 'invoice',
1600000000 + n, 1600000010 + n, 1600000100 + n, 10, 90, 'answered', 'anna', false, '[]' FROM {source}"""
_CALLERS = """INSERT INTO callers (number, node, name, first_seen, last_seen)
SELECT number, 'pbx1', 'A caller', min(arrived), max(arrived) FROM contacts GROUP BY number"""
_LAST = "ORDER BY arrived DESC LIMIT 100"


def rows() -> list[Row]:
    """The rows of the table: name, pbxd, peer, ratio, goal, met."""
    with own_folder("store") as folder:
        found = uvloop.run(_on_sqlite(folder))
        try:
            found += uvloop.run(_on_postgres(folder))
        except (UnpackError, NoArchiveError) as missing:
            print(f"look-ups on PostgreSQL are not measured here: {missing}")
    return found


def row(name: str, pbxd: float, peer: float, goal: str, met: bool, *, more_is_better: bool = False) -> Row:
    ratio = pbxd / peer if more_is_better else peer / pbxd
    return {
        "name": name,
        "pbxd": round(pbxd, 3),
        "peer": round(peer, 3),
        "ratio": round(ratio, 2),
        "goal": goal,
        "met": met,
    }


def _number(position: int) -> str:
    return f"+86138{position % CALLERS:08}"


def _contact(position: int) -> Contact:
    return contact(position, number=_number(position * 7919), arrived=T0 + position)


async def _times(asks: dict[str, Ask]) -> dict[str, list[float]]:
    """Milliseconds of each look-up of each way to ask, in short turns, so that noise hits all alike."""
    chance = random.Random(1)
    times: dict[str, list[float]] = {way: [] for way in asks}
    for ask in asks.values():
        for _ in range(1000):
            await ask(_number(chance.randrange(CALLERS)))
    for _ in range(LOOK_UPS // 20):
        for way, ask in asks.items():
            for _ in range(20):
                number = _number(chance.randrange(CALLERS))
                began = time.perf_counter()
                await ask(number)
                times[way].append((time.perf_counter() - began) * 1000)
    return times


def _p99(values: list[float]) -> float:
    """The median of what five parts, one after the other, say: one bad second must not speak for all."""
    size = len(values) // 5
    parts = [values[start : start + size] for start in range(0, 5 * size, size)]
    return statistics.median(statistics.quantiles(part, n=100)[98] for part in parts)


def _asking(store: Store) -> Ask:
    async def ask(number: str) -> None:
        answer = await store.look_up(LookUp(call=CallId("bench"), number=number, before=T0 * 2))
        assert isinstance(answer, HistoryFound), answer
        assert answer.contacts

    return ask


def _answer(rows: Iterable[Any]) -> list[PastContact]:
    """What whoever uses a plain driver has to do with the rows, too."""
    names = ("call", "arrived", "ended", "queue", "subject", "agent", "outcome", "talk_s")
    return [PastContact(**dict(zip(names, row, strict=True))) for row in rows]


# ---------------------------------------------------------------- SQLite


async def _on_sqlite(folder: Path) -> list[Row]:
    settings = StoreSettings(url=f"sqlite:///{folder}/history.db", lookup_timeout=5.0)
    store = await Store.open(settings)
    peer = await aiosqlite.connect(folder / "history.db")
    await peer.execute("PRAGMA cache_size=-64000")
    await peer.execute(
        f"WITH RECURSIVE made(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM made WHERE n < {CONTACTS - 1}) "
        + _FILL.format(number=f"printf('+86138%08d', n * 7919 % {CALLERS})", source="made")
    )
    await peer.execute(_CALLERS)
    await peer.commit()
    await peer.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # as after some time of quiet running

    async def plain(number: str) -> None:
        query = f"SELECT {_COLUMNS} FROM contacts WHERE number = ? AND arrived < ? {_LAST}"
        async with peer.execute(query, (number, T0 * 2)) as cursor:
            rows = await cursor.fetchall()
        async with peer.execute("SELECT name FROM callers WHERE number = ?", (number,)) as cursor:
            assert await cursor.fetchone()
        assert _answer(rows)

    times = await _times({"pbxd": _asking(store), "aiosqlite": plain})
    await peer.close()
    ours, theirs = statistics.median(times["pbxd"]), statistics.median(times["aiosqlite"])
    slow = _p99(times["pbxd"])
    found = [
        row(
            f"look-up at {CONTACTS:,} contacts, SQLite, p50 in ms, against the same by aiosqlite",
            ours,
            theirs,
            ">= 2.5",
            theirs >= 2.5 * ours,
        ),
        row(
            f"look-up at {CONTACTS:,} contacts, SQLite, p99 in ms",
            slow,
            _p99(times["aiosqlite"]),
            "<= 5 ms",
            slow <= 5,
        ),
    ]
    found.append(await _inserts(folder, store))
    await store.close()
    return found


async def _inserts(folder: Path, store: Store) -> Row:
    """Both into a history of the same size, the same rows into all its tables, with the same durability."""
    shutil.copy(folder / "history.db", folder / "peer.db")  # checkpointed: nothing is left in its log
    peer = await aiosqlite.connect(folder / "peer.db", isolation_level=None)
    for pragma in sqlite_pragmas():
        await peer.execute(pragma)
    ours, theirs, ratios = [], [], []
    for turn in range(ROUNDS_OF_INSERTS):
        first = CONTACTS + turn * 10_000
        theirs.append(await _one_commit_each(peer, first))
        ours.append(await _grouped(store, first))
        ratios.append(ours[-1] / theirs[-1])
    await peer.close()
    made = row(
        f"durable inserts/s, {IN_FLIGHT} in flight, SQLite, against a commit for each by aiosqlite "
        f"(a flush takes this disk {_flush_ms(folder / 'flushed'):.2f} ms)",
        statistics.median(ours),
        statistics.median(theirs),
        ">= 10",
        statistics.median(ratios) >= 10,
        more_is_better=True,
    )
    return {**made, "ratio": round(statistics.median(ratios), 2)}


def _flush_ms(path: Path) -> float:
    """What a commit has to wait for the disk at the least; where that is next to nothing, so is what commits
    in groups can save."""
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def _grouped(store: Store, first: int, number: int = 4000) -> float:
    made = [_contact(position) for position in range(first, first + number)]
    began = time.perf_counter()
    for start in range(0, number, IN_FLIGHT):
        for one in made[start : start + IN_FLIGHT]:
            store.remember(one)
        await store.flushed()
    return number / (time.perf_counter() - began)


async def _one_commit_each(peer: aiosqlite.Connection, first: int, number: int = 2 * IN_FLIGHT) -> float:
    """The same statements by aiosqlite, a transaction for each contact, all asked for at once."""
    made = [_contact(position) for position in range(first, first + number)]
    turn = asyncio.Lock()

    async def one(new: Contact) -> None:
        statements = sqlite_inserts([new])
        async with turn:
            await peer.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                for values in rows:
                    await peer.execute(statement, values)
            await peer.execute("COMMIT")

    began = time.perf_counter()
    for start in range(0, number, IN_FLIGHT):
        await asyncio.gather(*(one(new) for new in made[start : start + IN_FLIGHT]))
    return number / (time.perf_counter() - began)


# ---------------------------------------------------------------- PostgreSQL


async def _on_postgres(folder: Path) -> list[Row]:
    server = PostgresServer()
    try:
        server.start()
        url = server.new_database()
        store = await Store.open(StoreSettings(url=url, lookup_timeout=5.0), spool=folder / "spool")
        peer = await asyncpg.connect(url)
        await peer.execute(
            _FILL.format(
                number=f"'+86138' || lpad((n::bigint * 7919 % {CALLERS})::text, 8, '0')",
                source=f"generate_series(0, {CONTACTS - 1}) AS made(n)",
            )
        )
        await peer.execute(_CALLERS)
        await peer.execute("ANALYZE")

        async def plain(number: str) -> None:
            query = f"SELECT {_COLUMNS} FROM contacts WHERE number = $1 AND arrived < $2 {_LAST}"
            rows = await peer.fetch(query, number, T0 * 2)
            assert await peer.fetchval("SELECT name FROM callers WHERE number = $1", number)
            assert _answer(rows)

        times = await _times({"pbxd": _asking(store), "asyncpg": plain})
        await peer.close()
        await store.close()
    finally:
        server.remove()
    slow = _p99(times["pbxd"])
    return [
        row(
            f"look-up at {CONTACTS:,} contacts, PostgreSQL, p99 in ms, beside the same by asyncpg",
            slow,
            _p99(times["asyncpg"]),
            "<= 5 ms",
            slow <= 5,
        )
    ]
