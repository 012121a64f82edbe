"""Opens the database that the settings' URL names, with the settings each engine needs to be durable."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from pbxd.edge.store.faults import StoreError

#: pages that SQLite's log may grow to before they are moved into the database: 32 MB. A page that changes a
#: dozen times meanwhile is moved once. SQLite's own 1,000 would be full after two busy commits.
LOG_PAGES = 8000
BUSY_TIMEOUT_MS = 2000  #: how long SQLite waits for another process's lock before it says "locked"

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def read_url(url: str) -> URL:
    """The URL with its driver; StoreError when it names an engine that pbxd does not have."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            f"store.url: {url.split('@')[-1]!r} is no database URL; for example "
            "sqlite:////var/lib/pbxd/pbxd.db or postgresql://pbxd@localhost/pbxd"
        ) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise StoreError(f"store.url: {parsed.drivername!r} is not supported; use sqlite or postgresql")
    if driver.startswith("sqlite") and (parsed.database or ":memory:") == ":memory:":
        raise StoreError("store.url: a history in memory is lost at every stop; name a file")
    if "sslmode" in parsed.query:  # what every other program of PostgreSQL calls it
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict(
            {"ssl": parsed.query["sslmode"]}
        )
    return parsed.set(drivername=driver)


def sqlite_path(url: URL) -> Path | None:
    """The database file, or None for PostgreSQL."""
    return Path(str(url.database)) if url.drivername.startswith("sqlite") else None


def open_engine(url: URL, *, connect_timeout_s: float = 3.0, pooled: bool = True) -> AsyncEngine:
    """An engine for ``url``. Connects at the first use, not here."""
    path = sqlite_path(url)
    options: dict[str, Any] = {"pool_pre_ping": False}
    if not pooled:
        options["poolclass"] = NullPool
    if path is None:
        options["connect_args"] = {"timeout": connect_timeout_s}
        if pooled:
            options |= {"pool_size": 4, "max_overflow": 4, "pool_timeout": connect_timeout_s}
    else:
        options["connect_args"] = {"timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None}
    try:
        engine = create_async_engine(url, **options)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"store.url: the driver {error.name!r} is not installed; pip install 'pbxd[postgres]'"
        ) from error
    if path is not None:
        _durable_sqlite(engine, path)
    return engine


def prepare_sqlite(path: Path) -> None:
    """Make the folder and an empty file that nobody else can read: it will hold people's numbers."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"store.url: cannot open {path}: {error.strerror}") from error


def connect_existing(path: Path, pragmas: Iterable[str]) -> sqlite3.Connection:
    """SQLite's own driver, for a thread of ours. sqlite3.Error when the file is not there any more: it must
    not become a new and empty history."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def sqlite_pragmas() -> tuple[str, ...]:
    """Durable at every commit (the file survives a power cut), readers never wait for the writer."""
    return (
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        f"PRAGMA wal_autocheckpoint={LOG_PAGES}",
        "PRAGMA cache_size=-16000",
        "PRAGMA temp_store=MEMORY",
    )


def _durable_sqlite(engine: AsyncEngine, path: Path) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in sqlite_pragmas():
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # The driver's own BEGIN comes late and takes the write lock later still, where waiting for it
        # can only fail; and it would leave DDL outside of the transaction.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
