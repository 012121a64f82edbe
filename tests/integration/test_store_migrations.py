"""The schema: made by the migrations alone, on both engines; a newer one is refused."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pbxd.edge.store import Store, StoreError, migrate, revisions
from pbxd.edge.store.engines import open_engine, read_url
from pbxd.edge.store.tables import metadata
from pbxd.settings.connections import Store as Settings
from tests.integration.store_samples import Counts, contact, sqlite_settings


async def on(settings: Settings, run: Any) -> Any:
    """Call ``run(connection)`` with a connection to the database."""
    engine = open_engine(read_url(settings.url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()


async def open_and_close(settings: Settings, tmp_path: Path) -> None:
    store = await Store.open(settings, Counts(), spool=tmp_path / "spool")
    await store.close()


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(
    settings: Settings, tmp_path: Path
) -> None:
    await open_and_close(settings, tmp_path)

    def differences(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await on(settings, differences) == []


def test_the_newest_is_told_from_the_files_names() -> None:
    assert migrate.newest() == ScriptDirectory.from_config(revisions.config()).get_current_head()


async def test_down_and_up_again(settings: Settings, tmp_path: Path) -> None:
    await open_and_close(settings, tmp_path)

    def down(connection: sa.Connection) -> set[str]:
        config = revisions.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        return set(sa.inspect(connection).get_table_names())

    assert await on(settings, down) == {"alembic_version"}
    await open_and_close(settings, tmp_path)


async def test_contacts_of_the_first_schema_are_kept_and_look_like_contacts_without_hand_overs(
    settings: Settings, tmp_path: Path
) -> None:
    await open_and_close(settings, tmp_path)

    def back(connection: sa.Connection) -> None:
        config = revisions.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO contacts (call, node, number, presented, name, dialled, arrived, ended, wait_s, "
                "talk_s, outcome, missed, path) VALUES ('pbx1:1', 'pbx1', '+1', '+1', '', '', 1, 2, 0, 0, "
                "'answered', false, '[]')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO transfers VALUES ('pbx1:1', 0, 'pbx1', 'blind', 1, 'PJSIP/1', '2', 'completed')"
            )
        )

    await on(settings, back)
    store = await Store.open(settings, Counts(), spool=tmp_path / "spool")
    (row,) = await store.contacts()
    await store.close()
    assert (row["call"], row["handovers"], row["repeated"]) == ("pbx1:1", [], 0)
    assert (row["transfers"][0]["kind"], row["transfers"][0]["by"]) == ("blind", None)


async def test_a_schema_of_a_newer_pbxd_is_refused_and_left_alone(settings: Settings, tmp_path: Path) -> None:
    await open_and_close(settings, tmp_path)

    def become(connection: sa.Connection) -> None:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    await on(settings, become)
    with pytest.raises(StoreError, match=r"revision '9999'.*a newer pbxd has written it"):
        await Store.open(settings, Counts(), spool=tmp_path / "spool")

    def revision(connection: sa.Connection) -> Any:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()

    assert await on(settings, revision) == "9999"


async def test_two_that_start_at_once_migrate_once(settings: Settings, tmp_path: Path) -> None:
    stores = await asyncio.gather(
        *(Store.open(settings, Counts(), spool=tmp_path / f"spool{n}") for n in range(4))
    )
    for number, store in enumerate(stores):
        store.remember(contact(number))
        await store.flushed()
    assert len(await stores[0].contacts()) == 4
    for store in stores:
        await store.close()


async def test_a_failed_migration_leaves_the_schema_as_it_was(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a schema would be refused by every later start."""
    drop = sa.text("DROP TABLE outbox")
    create = sa.text("CREATE TABLE outbox (id INTEGER)")
    if settings.url.startswith("sqlite"):
        (tmp_path / "data").mkdir()
    # The last table of the first migration is in the way.
    await on(settings, lambda connection: connection.execute(create))
    spool = tmp_path / "spool"
    with pytest.raises(StoreError, match="outbox"):
        await Store.open(settings, Counts(), spool=spool)
    tables = await on(settings, lambda connection: set(sa.inspect(connection).get_table_names()))
    assert tables == {"outbox"}
    await on(settings, lambda connection: connection.execute(drop))
    await open_and_close(settings, tmp_path)


async def test_the_history_of_people_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        settings = sqlite_settings(tmp_path)
        store = await Store.open(settings, Counts())
        store.remember(contact(1))
        await store.flushed()
        await store.close()
        store.remember(contact(2))
    finally:
        os.umask(old)
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
    assert files == {"pbxd.db": 0o600, "pbxd.db.spool": 0o600}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "a history in memory is lost"),
        ("sqlite:///:memory:", "a history in memory is lost"),
        ("sqlite:////proc/nowhere/pbxd.db", "cannot open /proc/nowhere/pbxd.db"),
    ],
)
async def test_a_url_that_cannot_work_is_refused_at_start(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=says):
        await Store.open(Settings(url=url), Counts(), spool=tmp_path / "spool")


def test_an_engine_that_pbxd_does_not_have_is_named() -> None:
    for url, says in (
        ("mysql://root@localhost/x", "'mysql' is not supported; use sqlite or postgresql"),
        ("nonsense", "'nonsense' is no database URL"),
    ):
        with pytest.raises(StoreError, match=says):
            read_url(url)


def test_tls_is_asked_for_as_postgresqls_own_programs_do() -> None:
    url = read_url("postgresql://pbxd@db.example/pbxd?sslmode=verify-full&application_name=pbxd")
    assert dict(url.query) == {"ssl": "verify-full", "application_name": "pbxd"}


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pbxd.db"
    path.write_bytes(b"this is a letter to my aunt, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"pbxd.db: file is not a database"):
        await Store.open(Settings(url=f"sqlite:///{path}"), Counts())
    assert path.read_bytes() == before


async def test_sqlite_is_durable_at_every_commit(tmp_path: Path) -> None:
    settings = sqlite_settings(tmp_path)
    store = await Store.open(settings, Counts())
    store.remember(contact(1))
    await store.flushed()
    async with store._engine.connect() as connection:
        modes = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert modes == ["wal", 2, 2000]
    # Another process sees the contact while we still hold the file open.
    with sqlite3.connect(tmp_path / "data" / "pbxd.db") as other:
        assert other.execute("SELECT call FROM contacts").fetchall() == [("pbx1:1",)]
    other.close()
    await store.close()
