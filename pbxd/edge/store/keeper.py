"""What must survive pbxd's own end while it still changes: open transfers, and what is known of callers in
progress. One small table; of each thing only the last state counts.

Writing never makes a call wait: what is new is written together as soon as the write before has ended. While
the database is away the newest states wait in memory, each fault is counted, and calls go on.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from pbxd.edge.store.faults import Count, first_line, is_rows_fault, kind_of
from pbxd.edge.store.keeping import Row, Shelf
from pbxd.edge.store.rows import text

log = structlog.get_logger("pbxd.store")

RETRY_FIRST_S = 0.1
AT_ONCE = 500  #: states in one transaction

Key = tuple[str, str]
"""What kind of thing it is, and which one."""


class Keeper:
    """``keep`` as often as anything changes, ``run`` in a task, ``load`` once before."""

    def __init__(
        self,
        shelf: Shelf,
        prepare: Callable[[], Awaitable[None]],
        count: Count,
        *,
        timeout_s: float,
        retry_most_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shelf = shelf
        self._prepare = prepare  #: makes sure that the table is there
        self._count = count
        self._timeout_s = timeout_s
        self._retry_most_s = retry_most_s
        self._clock = clock
        self._changed: dict[Key, str | None] = {}  #: JSON; None: forget it
        self._since: dict[Key, float] = {}  #: when each of them was asked for, monotonic
        self._filled = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._unread_before: float | None = None  #: what was kept before this was never read

    @property
    def waiting(self) -> int:
        """States in memory that are not in the database yet."""
        return len(self._changed)

    def keep(self, kind: str, id_: str, body: Mapping[str, Any] | None) -> None:
        """Keep this state instead of the one before, None: forget it. Returns at once and never raises."""
        try:
            state = None if body is None else json.dumps(body, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            self._count("pbxd_store_faults_total", kind="other")
            log.error("store.state_unkeepable", what=kind, id=id_, error=repr(error))
            return
        key = (kind, text(id_))
        self._changed[key] = state
        self._since.setdefault(key, time.monotonic())
        self._written.clear()
        self._filled.set()

    async def load(self) -> dict[Key, Mapping[str, Any]]:
        """Everything that is kept. Raises what the database raises; then nothing of it will ever be read."""
        self._unread_before = self._clock()
        async with asyncio.timeout(self._timeout_s):
            await self._prepare()
            rows = await self._shelf.read()
        self._unread_before = None
        found: dict[Key, Mapping[str, Any]] = {}
        for row in rows:
            try:
                body = json.loads(row.body or "")
                if not isinstance(body, dict):
                    raise ValueError("no JSON object")
            except ValueError as error:
                self._count("pbxd_store_faults_total", kind="other")
                log.error("store.state_unreadable", what=row.kind, id=row.id, error=str(error))
                if (row.kind, row.id) not in self._changed:
                    self.keep(row.kind, row.id, None)
                continue
            found[row.kind, row.id] = body
        return found

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            try:
                await self._run()
            except Exception:
                # A bug of ours must not end the keeping: a later kill would forget every transfer.
                self._count("pbxd_store_faults_total", kind="other")
                log.exception("store.keeper_failed", waiting=len(self._changed))
                await asyncio.sleep(RETRY_FIRST_S)

    async def _run(self) -> None:
        pause_s = RETRY_FIRST_S
        while True:
            if not self._changed:
                self._written.set()
                await self._filled.wait()
            self._filled.clear()
            changes = dict(list(self._changed.items())[:AT_ONCE])
            try:
                await self._write(changes)
            except Exception as error:
                self._count("pbxd_store_faults_total", kind=kind_of(error))
                log.error("store.state_not_kept", error=first_line(error), waiting=len(self._changed))
                if is_rows_fault(error):
                    # One that no database takes must not hold up the others: each is tried by itself.
                    await self._one_by_one(changes)
                    await asyncio.sleep(RETRY_FIRST_S)
                    continue
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(pause_s * 2, self._retry_most_s)
            else:
                pause_s = RETRY_FIRST_S
                self._done(changes)

    async def close(self, writing: asyncio.Task[None], deadline_s: float) -> None:
        """Write what is waiting within the deadline."""
        try:
            await asyncio.wait_for(self._written.wait(), deadline_s)
        except TimeoutError:
            log.error("store.states_lost", count=len(self._changed), deadline_s=deadline_s)
        writing.cancel()
        await asyncio.wait([writing])

    async def flushed(self) -> None:
        """Wait until nothing is waiting to be written."""
        await self._written.wait()

    async def _one_by_one(self, changes: Mapping[Key, str | None]) -> None:
        for key, state in changes.items():
            try:
                await self._write({key: state})
            except Exception as error:
                self._count("pbxd_store_faults_total", kind=kind_of(error))
                if not is_rows_fault(error):
                    return
                log.error("store.state_unkeepable", what=key[0], id=key[1], error=first_line(error))
            self._done({key: state})

    def _done(self, changes: Mapping[Key, str | None]) -> None:
        now = time.monotonic()
        for key, state in changes.items():
            # What has changed again meanwhile is still to be written.
            if self._changed.get(key, "") == state:
                self._changed.pop(key)
                self._count("pbxd_store_keep_seconds", now - self._since.pop(key, now))

    async def _write(self, changes: Mapping[Key, str | None]) -> None:
        rows = [Row(kind, id_, state) for (kind, id_), state in changes.items()]
        async with asyncio.timeout(self._timeout_s):
            await self._prepare()
            await self._shelf.write(rows, self._clock(), self._unread_before)
        self._unread_before = None
