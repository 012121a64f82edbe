"""Brings the database to this pbxd's schema, and refuses one that a newer pbxd has written."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from pbxd.edge.store.engines import open_engine
from pbxd.edge.store.faults import StoreError

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


def config() -> Config:
    """Alembic's configuration for the migrations in this package."""
    made = Config()
    made.set_main_option("script_location", "pbxd.edge.store:migrations")
    return made


def _migrate(connection: sa.Connection) -> str:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    settings = config()
    scripts = ScriptDirectory.from_config(settings)
    head = str(scripts.get_current_head())
    known = {script.revision for script in scripts.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_heads()
    for revision in current:
        if revision not in known:
            raise StoreError(
                f"the database's schema is at revision {revision!r}, which this pbxd (revision {head!r}) "
                "does not know: a newer pbxd has written it. Start that version, or restore the backup "
                "made before the upgrade."
            )
    if current != (head,):
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    return head
