"""The history and MQTT: look-ups, durable inserts and screen pops, beside what the plain drivers do."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import aiomqtt
import aiosqlite
import asyncpg
import uvloop

from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError
from pbxd.edge.mqtt import Mqtt
from pbxd.edge.store import Store
from pbxd.edge.store.rows import Batch
from pbxd.edge.store.tables import contacts, legs, waits
from pbxd.effects import LookUp, Publish
from pbxd.ids import CallId
from pbxd.messages import Contact, HistoryFound, PastContact
from pbxd.settings.connections import Mqtt as MqttSettings
from pbxd.settings.connections import Store as StoreSettings
from tests.integration.mosquitto_broker import MosquittoBroker
from tests.integration.patience import until
from tests.integration.postgres_server import PostgresServer
from tests.integration.store_samples import T0, contact

Row = dict[str, Any]
Ask = Callable[[str], Awaitable[Any]]

ROUNDS = 3
CONTACTS = 200_000
CALLERS = 50_000
LOOK_UPS = 2000
IN_FLIGHT = 200
POPS = 750
POPS_PER_S = 500

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
    cache = Path(__file__).parents[2] / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-store-", dir=cache))
    try:
        found = uvloop.run(_on_sqlite(folder))
        found += _where_it_can_be_had(lambda: uvloop.run(_on_postgres(folder)))
        found += _where_it_can_be_had(lambda: uvloop.run(_pops(folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _where_it_can_be_had(measure: Callable[[], list[Row]]) -> list[Row]:
    try:
        return measure()
    except (UnpackError, NoArchiveError) as missing:
        print(f"not measured: {missing}")
        return []


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
    return statistics.quantiles(values, n=100)[98]


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
    ours, theirs = [], []
    for turn in range(5):
        ours.append(await _grouped(store, CONTACTS + turn * 10_000))
        theirs.append(await _one_commit_each(folder / f"peer{turn}.db"))
    fast, slow = statistics.median(ours), statistics.median(theirs)
    return row(
        f"durable inserts/s, {IN_FLIGHT} in flight, SQLite, against a commit for each",
        fast,
        slow,
        ">= 10",
        fast >= 10 * slow,
        more_is_better=True,
    )


async def _grouped(store: Store, first: int, number: int = 4000) -> float:
    made = [_contact(position) for position in range(first, first + number)]
    began = time.perf_counter()
    for start in range(0, number, IN_FLIGHT):
        for one in made[start : start + IN_FLIGHT]:
            store.remember(one)
        await store.flushed()
    return number / (time.perf_counter() - began)


async def _one_commit_each(path: Path, number: int = 200) -> float:
    """The same rows by aiosqlite, a transaction for each contact, all asked for at once."""
    store = await Store.open(StoreSettings(url=f"sqlite:///{path}"))
    await store.close()
    peer = await aiosqlite.connect(path, isolation_level=None)
    await peer.execute("PRAGMA synchronous=FULL")
    turn = asyncio.Lock()
    tables = (contacts, legs, waits)

    async def one(position: int) -> None:
        batch = Batch.of([_contact(position)])
        batch.contacts[0]["path"] = json.dumps(batch.contacts[0]["path"])
        async with turn:
            await peer.execute("BEGIN")
            for table, values in zip(tables, (batch.contacts, batch.legs, batch.waits), strict=True):
                for value in values:
                    marks = ", ".join("?" * len(value))
                    names = ", ".join(f'"{name}"' for name in value)
                    await peer.execute(
                        f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuple(value.values())
                    )
            await peer.execute("COMMIT")

    began = time.perf_counter()
    await asyncio.gather(*(one(position) for position in range(number)))
    took = time.perf_counter() - began
    await peer.close()
    return number / took


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


# ---------------------------------------------------------------- MQTT


async def _pops(folder: Path) -> list[Row]:
    broker = MosquittoBroker(folder)
    # Without this the broker itself holds small messages back, for up to 40 ms.
    broker.configure("set_tcp_nodelay true")
    broker.start()
    store = await Store.open(StoreSettings(url=f"sqlite:///{folder}/outbox.db"))
    mqtt = Mqtt(MqttSettings(url=broker.url), store.outbox, lambda metric, value=1, **labels: None)
    running = asyncio.create_task(mqtt.run())
    try:
        await until(lambda: mqtt.connected)
        async with aiomqtt.Client("127.0.0.1", broker.port) as plain:
            plain.pending_calls_threshold = POPS

            def ours_publish(topic: str, body: dict[str, Any]) -> None:
                mqtt.publish(Publish(topic=topic, body=body))

            publishing: set[asyncio.Task[None]] = set()

            def publish(topic: str, body: dict[str, Any]) -> None:
                task = asyncio.create_task(plain.publish(f"pbxd/{topic}", json.dumps(body), qos=1))
                publishing.add(task)
                task.add_done_callback(publishing.discard)

            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(_p99(await _latencies(broker, publish)))
                ours.append(
                    _p99(
                        await _latencies(
                            broker, lambda topic, body: mqtt.publish(Publish(topic=topic, body=body))
                        )
                    )
                )
            await asyncio.gather(*publishing)
    finally:
        await mqtt.close()
        await running
        await store.close()
        broker.stop()
    fast, slow = statistics.median(ours), statistics.median(theirs)
    return [
        row(
            f"MQTT screen pop, QoS 1, {POPS_PER_S}/s, p99 in ms, against aiomqtt",
            fast,
            slow,
            "<= 1 ms",
            fast <= 1,
        )
    ]


async def _latencies(broker: MosquittoBroker, publish: Callable[[str, dict[str, Any]], None]) -> list[float]:
    """Milliseconds from publishing to another client's receiving, at a steady pace."""
    sent: dict[int, float] = {}
    took: list[float] = []
    padding = "x" * 1200  # a pop with a path and five contacts is about as long
    async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
        await listener.subscribe("pbxd/bench/#", qos=0)

        async def listen() -> None:
            async for message in listener.messages:
                assert isinstance(message.payload, bytes)
                took.append((time.perf_counter() - sent[json.loads(message.payload)["n"]]) * 1000)
                if len(took) == POPS:
                    return

        listening = asyncio.create_task(listen())
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in range(POPS):
            due += 1 / POPS_PER_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            sent[number] = time.perf_counter()
            publish("bench/pop", {"n": number, "padding": padding})
        await asyncio.wait_for(listening, 30)
    return took
