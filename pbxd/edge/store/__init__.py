"""The history of contacts and the MQTT outbox, in SQLite or PostgreSQL."""

from pbxd.edge.store.faults import StoreError
from pbxd.edge.store.store import Store

__all__ = ["Store", "StoreError"]
