"""The store while its database is stopped, frozen, locked, full or slow: nothing is lost, no call waits."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from pbxd.edge.store import Store, StoreError
from pbxd.edge.store.spool import Spool
from pbxd.messages import HistoryFound, HistoryMissing
from pbxd.settings.connections import Store as Settings
from tests.integration.patience import until
from tests.integration.postgres_server import PostgresServer
from tests.integration.store_samples import NUMBER, QUICK, T0, Counts, contact, look_up, sqlite_settings

STORED = "pbxd_store_contacts_total,result=stored"


@pytest.fixture
async def stores() -> AsyncIterator[list[Store]]:
    opened: list[Store] = []
    yield opened
    for store in opened:
        await store.close()


async def calls(store: Store) -> set[str]:
    return {row["call"] for row in await store.contacts(limit=1000)}


async def missing(store: Store) -> str:
    """Why the history is missing; AssertionError when it is not."""
    answer = await store.look_up(look_up())
    assert isinstance(answer, HistoryMissing), answer
    return answer.why


# ---------------------------------------------------------------- PostgreSQL


def postgres(server: PostgresServer, **changed: object) -> Settings:
    return Settings.model_validate({"url": server.new_database(), **QUICK, **changed})


@pytest.mark.postgres
async def test_a_server_that_is_stopped_and_started_gets_everything(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    stores.append(store := await Store.open(postgres(postgres_server), counts, spool=tmp_path / "spool"))
    store.remember(contact(1))
    await store.flushed()
    postgres_server.stop()
    store.remember(contact(2))
    await until(lambda: store.away)
    assert "the store failed" in await missing(store)
    for number in range(3, 50):
        store.remember(contact(number))
    assert store.waiting == 48
    postgres_server.start()
    await store.flushed()
    assert len(await calls(store)) == 49
    assert store.away is None
    answer = await store.look_up(look_up())
    assert isinstance(answer, HistoryFound)
    assert len(answer.contacts) == 49
    assert counts["pbxd_store_faults_total,kind=away"] > 0


@pytest.mark.postgres
async def test_a_server_that_comes_after_us_gets_everything(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    settings = postgres(postgres_server)
    postgres_server.stop()
    stores.append(store := await Store.open(settings, counts, spool=tmp_path / "spool"))
    store.remember(contact(1))
    assert await missing(store) == "the store is away"
    assert store.away is not None
    postgres_server.start()
    await store.flushed()
    assert await calls(store) == {"pbx1:1"}
    assert store.away is None


@pytest.mark.postgres
async def test_a_frozen_server_costs_a_call_its_history_and_no_more(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    settings = postgres(postgres_server, lookup_timeout=0.1, write_timeout=0.3)
    stores.append(store := await Store.open(settings, counts, spool=tmp_path / "spool"))
    store.remember(contact(1))
    await store.flushed()
    postgres_server.freeze()
    whys = await asyncio.gather(*(missing(store) for _ in range(20)))
    assert set(whys) == {"the store took longer than 100 ms"}
    store.remember(contact(2))
    await until(lambda: counts["pbxd_store_faults_total,kind=timeout"] >= 2)
    postgres_server.thaw()
    await store.flushed()
    assert await calls(store) == {"pbx1:1", "pbx1:2"}
    assert isinstance(await until_found(store), HistoryFound)


async def until_found(store: Store) -> Any:
    async def found() -> Any:
        answer = await store.look_up(look_up())
        return answer if isinstance(answer, HistoryFound) else None

    return await until(found)


@pytest.mark.postgres
async def test_look_ups_do_without_connections_that_the_server_has_ended(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    settings = postgres(postgres_server)
    stores.append(store := await Store.open(settings, counts, spool=tmp_path / "spool"))
    store.remember(contact(1))
    await store.flushed()
    answers = await asyncio.gather(*(store.look_up(look_up()) for _ in range(30)))
    assert all(isinstance(answer, HistoryFound) for answer in answers)
    peer = await asyncpg.connect(settings.url)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    asking = f"SELECT count(*) {others} AND query LIKE '%LIMIT $3'"
    assert 1 <= await peer.fetchval(asking) <= 4
    await peer.execute(f"SELECT pg_terminate_backend(pid) {others}")
    while await peer.fetchval(asking):
        pass
    assert isinstance(await until_found(store), HistoryFound)
    assert await peer.fetchval(asking) >= 1
    await peer.close()
    await store.close()


@pytest.mark.postgres
async def test_a_server_that_crashes_while_it_writes_has_every_contact_once(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    stores.append(store := await Store.open(postgres(postgres_server), counts, spool=tmp_path / "spool"))
    for number in range(900):
        store.remember(contact(number, agents=("anna", "bob"), arrived=T0 + number))
        if number % 300 == 150:
            await until(lambda: store.waiting < 100)
            store.remember(contact(f"pbx1:burst{number}"))
            postgres_server.stop(signal.SIGQUIT)
            postgres_server.start()
    await store.flushed()
    rows = await store.contacts(limit=1000)
    assert len(rows) == 903
    assert {len(row["legs"]) for row in rows if "burst" not in row["call"]} == {2}


@pytest.mark.postgres
async def test_a_database_or_password_that_is_wrong_is_refused_at_start(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = f"postgresql://pbxd@127.0.0.1:{postgres_server.port}/nowhere"
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        await Store.open(Settings(url=url), spool=tmp_path / "spool")
    url = f"postgresql://nobody@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(StoreError, match='role "nobody" does not exist'):
        await Store.open(Settings(url=url), spool=tmp_path / "spool")


@pytest.mark.postgres
async def test_what_is_left_at_the_end_waits_in_the_spool_for_the_next_start(
    postgres_server: PostgresServer, stores: list[Store], counts: Counts, tmp_path: Path
) -> None:
    settings = postgres(postgres_server, shutdown_timeout=0.2, write_timeout=0.2)
    spool = tmp_path / "spool"
    first = await Store.open(settings, counts, spool=spool)
    postgres_server.stop()
    for number in range(30):
        first.remember(contact(number))
    await first.close()
    assert counts["pbxd_store_contacts_total,result=spooled"] == 30
    assert len(spool.read_text().splitlines()) == 30
    postgres_server.start()
    stores.append(second := await Store.open(settings, counts, spool=spool))
    await second.flushed()
    assert len(await calls(second)) == 30
    assert not Spool(spool)


# ---------------------------------------------------------------- SQLite


def beside(folder: Path) -> Path:
    return folder / "data" / "pbxd.db"


async def test_while_another_process_holds_the_lock_look_ups_work_and_contacts_wait(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    store.remember(contact(1))
    await store.flushed()
    other = sqlite3.connect(beside(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.remember(contact(2))
    answer = await store.look_up(look_up())
    assert isinstance(answer, HistoryFound)
    assert len(answer.contacts) == 1
    await until(lambda: counts["pbxd_store_faults_total,kind=locked"])
    assert store.waiting == 1
    other.execute("ROLLBACK")
    other.close()
    await store.flushed()
    assert await calls(store) == {"pbx1:1", "pbx1:2"}


async def test_a_full_disk_stops_nothing_but_the_writing(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    store.remember(contact(1000))
    await store.flushed()
    committer: Any = store._committer

    async def may_grow_to(pages: int) -> None:
        limit = f"PRAGMA max_page_count={pages}"
        await committer._thread.call(lambda: committer._connection.execute(limit))

    await may_grow_to(40)
    for number in range(500):
        store.remember(contact(number, label="x" * 200))
    await until(lambda: counts["pbxd_store_faults_total,kind=disk_full"] >= 2)
    assert store.away is not None
    assert isinstance(await store.look_up(look_up()), HistoryFound)
    await may_grow_to(1_000_000)
    await store.flushed()
    assert len(await calls(store)) == 501
    assert store.away is None


async def test_a_full_queue_goes_to_the_spool_and_from_there_into_the_database(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    stores.append(store := await Store.open(sqlite_settings(tmp_path, write_queue=10), counts))
    other = sqlite3.connect(beside(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(1200):
        store.remember(contact(number))
    assert store.waiting == 10
    assert counts["pbxd_store_contacts_total,result=spooled"] == 1190
    other.execute("ROLLBACK")
    other.close()
    await store.flushed()
    async with store._engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM contacts"))).scalar_one() == 1200
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if "spool" in path.name) == []


async def test_only_when_nothing_takes_it_a_contact_is_lost_and_that_is_counted(
    tmp_path: Path, stores: list[Store], counts: Counts, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no folder").touch()
    store = await Store.open(sqlite_settings(tmp_path), counts, spool=tmp_path / "no folder" / "spool")
    await store.close()
    store.remember(contact("pbx1:lost"))
    assert counts["pbxd_store_contacts_total,result=lost"] == 1
    assert "pbx1:lost" in capsys.readouterr().out


async def test_a_look_up_after_the_end_is_answered_and_opens_nothing(tmp_path: Path) -> None:
    store = await Store.open(sqlite_settings(tmp_path), Counts())
    await store.close()
    assert await missing(store) == "the store is away"
    assert store._finder._connection is None  # type: ignore[attr-defined]


async def test_a_start_that_died_while_reading_the_spool_reads_it_again(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    spool = Spool(tmp_path / "data" / "pbxd.db.spool")
    spool.append([contact(1), contact(2)])
    assert spool.open_reading()
    spool.append([contact(2), contact(3)])
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    await store.flushed()
    assert await calls(store) == {"pbx1:1", "pbx1:2", "pbx1:3"}
    assert not spool


async def test_a_spool_line_that_cannot_be_read_is_kept_for_people(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    spool = Spool(tmp_path / "data" / "pbxd.db.spool")
    spool.append([contact(1)])
    with spool.path.open("ab") as file:
        file.write(b"\xff\xfe garbage\n[]\n{}\n" + b'{"version": 99}\n' + b'{"version": 1, "record": {"id"')
    spool.append([contact(2)])
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    await store.flushed()
    assert await calls(store) == {"pbx1:1", "pbx1:2"}
    kept = [json.loads(line) for line in spool.refused.read_text().splitlines()]
    assert [line["line"].strip()[-7:] for line in kept] == ["garbage", "[]", "{}", 'n": 99}', ': {"id"']


async def test_a_contact_that_no_database_takes_does_not_hold_up_the_others(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    broken = contact(5)
    broken = replace(broken, record=replace(broken.record, wait_s=float("nan")))
    for one in (*map(contact, range(5)), broken, *map(contact, range(6, 10))):
        store.remember(one)
    await store.flushed()
    assert await calls(store) == {f"pbx1:{n}" for n in range(10) if n != 5}
    assert counts["pbxd_store_contacts_total,result=refused"] == 1
    refused = tmp_path / "data" / "pbxd.db.spool.refused"
    (line,) = refused.read_text().splitlines()
    assert json.loads(line)["why"] == "a time must be finite, not nan"


async def test_a_contact_that_fails_alone_is_told_from_a_database_that_fails(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    """An error of a kind that we do not know: set aside only when its neighbours go through."""
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    commit, outage = store._writer._commit, {"all": True}

    async def failing(group: list[Any]) -> int:
        if outage["all"] or any(one.record.id == "pbx1:3" for one in group):
            raise RuntimeError("something odd")
        return await commit(group)

    store._writer._commit = failing
    for number in range(8):
        store.remember(contact(number))
    await until(lambda: counts["pbxd_store_faults_total,kind=other"] > 10)
    assert counts["pbxd_store_contacts_total,result=refused"] == 0
    outage["all"] = False
    await store.flushed()
    assert await calls(store) == {f"pbx1:{n}" for n in range(8) if n != 3}
    assert counts["pbxd_store_contacts_total,result=refused"] == 1


async def test_a_store_that_hangs_costs_no_call_more_than_the_deadline(
    tmp_path: Path, stores: list[Store], counts: Counts
) -> None:
    """The thread that asks SQLite stands still, as on a disk that does not answer."""
    settings = sqlite_settings(tmp_path, lookup_timeout=0.05)
    stores.append(store := await Store.open(settings, counts))
    store.remember(contact(1))
    await store.flushed()
    hanging = threading.Event()
    store._finder._thread.call(lambda: hanging.wait(60))  # type: ignore[attr-defined]
    for _ in range(3):
        assert await missing(store) == "the store took longer than 50 ms"
    hanging.set()
    assert (await until_found(store)).contacts[0].call == "pbx1:1"
    assert counts["pbxd_store_lookups_total,result=timeout"] >= 3


async def test_a_look_up_that_runs_away_is_ended(tmp_path: Path, stores: list[Store]) -> None:
    """A question that would take minutes is given up inside SQLite too, so that the next one gets through."""
    settings = sqlite_settings(tmp_path, lookup_timeout=0.2)
    stores.append(store := await Store.open(settings, Counts()))
    store.remember(contact(1))
    await store.flushed()
    finder: Any = store._finder
    select = finder._select
    finder._select = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000) "
        "SELECT count(*), :number, :before, :limit FROM n"
    )
    assert "200 ms" in await missing(store)
    finder._select = select
    assert (await until_found(store)).contacts[0].call == "pbx1:1"


async def test_a_database_file_that_was_taken_away_is_no_empty_history(
    tmp_path: Path, stores: list[Store]
) -> None:
    stores.append(store := await Store.open(sqlite_settings(tmp_path), Counts()))
    beside(tmp_path).rename(tmp_path / "elsewhere")
    assert "unable to open database file" in await missing(store)
    (tmp_path / "elsewhere").rename(beside(tmp_path))
    assert isinstance(await until_found(store), HistoryFound)


WRITER = """
import asyncio, sys
from pathlib import Path
from pbxd.edge.store import Store
from tests.integration.store_samples import contact, sqlite_settings

async def main() -> None:
    store = await Store.open(sqlite_settings(Path(sys.argv[1])))
    number = 0
    while True:
        for _ in range(7):
            store.remember(contact(number, agents=("anna", "bob")))
            number += 1
        await store.flushed()
        print("flushed", number, flush=True)

asyncio.run(main())
"""


async def test_what_was_flushed_survives_a_kill(tmp_path: Path, stores: list[Store], counts: Counts) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this test
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    flushed = 0
    while flushed < 140:
        words = process.stdout.readline().split()
        flushed = int(words[1]) if words[:1] == [b"flushed"] else flushed
    process.kill()
    rest = process.communicate()[0]
    flushed += 7 * rest.count(b"\n")
    stores.append(store := await Store.open(sqlite_settings(tmp_path), counts))
    rows = {row["call"]: row for row in await store.contacts(limit=1000)}
    assert set(rows) >= {f"pbx1:{n}" for n in range(min(flushed, 1000))}
    assert {len(row["legs"]) for row in rows.values()} == {2}, "a contact is there whole or not at all"
    # The same calls told once more, as after a replay of what the switch said, change nothing.
    for number in range(flushed):
        store.remember(contact(number, agents=("anna", "bob")))
    await store.flushed()
    assert {row["call"]: row for row in await store.contacts(limit=1000)} == rows


async def test_numbers_do_not_leak_into_errors(tmp_path: Path, stores: list[Store], capsys: Any) -> None:
    """SQLAlchemy would put the statement and its values into the text of its errors."""
    stores.append(store := await Store.open(sqlite_settings(tmp_path), Counts()))
    commit = store._writer._commit

    async def drop_first(group: list[Any]) -> int:
        async with store._engine.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE callers RENAME TO hidden"))
        store._writer._commit = commit
        return await commit(group)

    store._writer._commit = drop_first
    store.remember(contact(1))
    await until(lambda: store.away)
    async with store._engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE hidden RENAME TO callers"))
    await store.flushed()
    assert "no such table" in (printed := capsys.readouterr().out)
    assert NUMBER not in printed
