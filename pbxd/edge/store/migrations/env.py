"""Alembic's entry: run the migrations on the connection that pbxd hands over."""

from alembic import context

from pbxd.edge.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
# The caller holds the transaction (and, on PostgreSQL, the lock that keeps two starting daemons apart).
context.run_migrations()
