"""Brings the database to this pbxd's schema, and refuses one that a newer pbxd has written."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import sqlalchemy as sa
from sqlalchemy.engine import URL

from pbxd.edge.store.engines import open_engine

#: any number will do, as long as no other program locks the same one
_LOCK = 0x70627864


async def upgrade(url: URL, *, timeout_s: float) -> str:
    """Migrate to the newest revision and return it. StoreError when the schema is newer than this pbxd.

    Runs on a thread with a loop of its own: alembic loads and runs its scripts synchronously, and the
    daemon's loop must go on meanwhile.
    """
    return await asyncio.to_thread(asyncio.run, _upgrade(url, timeout_s))


async def _upgrade(url: URL, timeout_s: float) -> str:
    engine = open_engine(url, connect_timeout_s=timeout_s, pooled=False)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def newest() -> str:
    """The revision of this pbxd: its migrations' files are named by number."""
    names = (file.name for file in files("pbxd.edge.store.migrations.versions").iterdir())
    return max(name.partition("_")[0] for name in names if name[0].isdigit())


def _migrate(connection: sa.Connection) -> str:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    head = newest()
    if _revision(connection) != head:
        # Alembic takes longer to load than all the rest of a start after a crash: only where there is work.
        from pbxd.edge.store import revisions

        revisions.upgrade(connection, head)
    return head


def _revision(connection: sa.Connection) -> str | None:
    """Where the database is; None when it has never been migrated."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)
