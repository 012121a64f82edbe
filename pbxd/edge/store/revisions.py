"""Alembic's part of a migration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pbxd.edge.store.faults import StoreError


def config() -> Config:
    """Alembic's configuration for the migrations in this package."""
    made = Config()
    made.set_main_option("script_location", "pbxd.edge.store:migrations")
    return made


def upgrade(connection: sa.Connection, head: str) -> None:
    """Run what is missing up to ``head``. StoreError when the database is at a revision unknown here."""
    settings = config()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise StoreError(
                f"the database's schema is at revision {revision!r}, which this pbxd (revision {head!r}) "
                "does not know: a newer pbxd has written it. Start that version, or restore the backup "
                "made before the upgrade."
            )
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
