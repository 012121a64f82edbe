"""The one writer of contacts and of what comes after them (each an ``Entry``): takes them at once, commits
them in groups, keeps them through any outage.

While one group is being committed the next one gathers, so that a busy hour costs one disk flush for many
contacts and a quiet one no delay. A contact is in exactly one place: the queue in memory, the spool file
(when the queue is full or pbxd stops), or the database; if nothing can take it any more, that is counted as
``lost`` and logged with its call id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

import structlog

from pbxd.edge.store.faults import Count, first_line, is_rows_fault, kind_of
from pbxd.edge.store.rows import Entry, name_of
from pbxd.edge.store.spool import Spool

RETRY_FIRST_S = 0.1
UNDECIDED = 3  #: contacts that may fail one after the other before the database itself is in doubt

log = structlog.get_logger("pbxd.store")

Commit = Callable[[list[Entry]], Awaitable[int]]


class Writer:
    """``commit`` stores up to ``group`` contacts in one transaction; an exception means none is stored."""

    def __init__(
        self,
        commit: Commit,
        spool: Spool,
        count: Count,
        *,
        group: int,
        queue: int,
        timeout_s: float,
        retry_most_s: float,
    ) -> None:
        self._commit = commit
        self._spool = spool
        self._count = count
        self._group = group
        self._size = queue
        self._timeout_s = timeout_s
        self._retry_most_s = retry_most_s
        self._queue: deque[Entry] = deque()
        self._taken = self._written = 0  #: entries, since the start
        #: what is to follow when so many are written
        self._behind: deque[tuple[int, Callable[[], None]]] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._idle = asyncio.Event()
        self._closed = False
        self._next_pause_s = RETRY_FIRST_S
        self.away_since: float | None = None  #: epoch seconds; None while writing works

    @property
    def waiting(self) -> int:
        """Contacts in memory that are not in the database yet."""
        return len(self._queue)

    def remember(self, contact: Entry) -> None:
        """Take a contact. Returns at once; it is in the database, or in the spool, soon after."""
        if self._closed or len(self._queue) >= self._size:
            # On the loop's own thread, and so without waiting for the disk unless there is time for it.
            self._spool_now([contact], sync=self._closed)
            return
        self._queue.append(contact)
        self._taken += 1
        self._emptied.clear()
        self._idle.clear()
        self._filled.set()

    def behind(self, then: Callable[[], None]) -> None:
        """Call this when all that was taken so far is in the database or in the spool."""
        if self._queue:
            self._behind.append((self._taken, then))
        else:
            then()

    async def flushed(self) -> None:
        """Wait until nothing is waiting, neither in memory nor in the spool."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._read_spool()
            if not self._queue:
                self._idle.set()
                await self._filled.wait()
            self._filled.clear()
            while self._queue:
                group = list(islice(self._queue, self._group))
                await self._write(group)
                # The group leaves the queue only now: a cancelled writer has lost nothing.
                for _ in group:
                    self._queue.popleft()
                self._written += len(group)
                self._follow()
            self._emptied.set()

    async def close(self, writing: asyncio.Task[None], deadline_s: float) -> None:
        """Take no more, write what is waiting within the deadline, and spool what is then left."""
        self._closed = True
        try:
            await asyncio.wait_for(self._emptied.wait(), deadline_s)
        except TimeoutError:
            log.warning("store.flush_timeout", left=len(self._queue), deadline_s=deadline_s)
        writing.cancel()
        await asyncio.wait([writing])
        left = list(self._queue)
        self._queue.clear()
        self._emptied.set()
        if left:
            self._spool_now(left, sync=True)
        self._written = self._taken
        self._follow()

    def _follow(self) -> None:
        while self._behind and self._behind[0][0] <= self._written:
            self._behind.popleft()[1]()

    # ---------------------------------------------------------------- one group

    async def _write(self, group: list[Entry]) -> None:
        """Store a group, however long it takes. One that is at fault itself does not hold up the others."""
        while True:
            try:
                await self._attempt(group)
            except Exception as error:
                self._fault(error)
                if is_rows_fault(error) or kind_of(error) == "other":
                    left = await self._one_by_one(group)
                    # Nobody can tell yet whose fault it is: the others go first, these come round again.
                    self._queue.extend(left)
                    self._taken += len(left)
                    if left:
                        await self._pause()
                    return
            else:
                self._back()
                return
            await self._pause()

    async def _attempt(self, group: list[Entry]) -> None:
        began = time.perf_counter()
        async with asyncio.timeout(self._timeout_s):
            stored = await self._commit(group)
        self._count("pbxd_store_commit_seconds", time.perf_counter() - began)
        self._count("pbxd_store_contacts_total", stored, result="stored")

    async def _one_by_one(self, group: list[Entry]) -> list[Entry]:
        """Store each contact by itself and return those to try again.

        A contact is set aside when it is refused for what it holds, or when it fails for a reason unknown
        to us while a neighbour, tried right after it, goes through.
        """
        good: Entry | None = None
        undecided: list[Entry] = []
        for position, contact in enumerate(group):
            error = await self._single(contact)
            if error is None:
                good = contact
                self._back()
            elif is_rows_fault(error):
                self._set_aside(contact, error)
            elif good is None and len(undecided) < UNDECIDED:
                undecided.append(contact)
            elif good is not None and kind_of(error) == "other" and await self._single(good) is None:
                self._set_aside(contact, error)
            else:
                return [*undecided, *group[position:]]
        return undecided

    async def _single(self, contact: Entry) -> Exception | None:
        try:
            await self._attempt([contact])
        except Exception as error:
            self._fault(error)
            return error
        return None

    # ---------------------------------------------------------------- the spool

    async def _read_spool(self) -> None:
        """Store what an earlier outage or stop has left in the file, before anything new."""
        while self._spool:
            try:
                if not self._spool.open_reading():
                    return
                group: list[Entry] = []
                for contact in self._spool.read():
                    group.append(contact)
                    if len(group) == self._group:
                        await self._write(group)
                        group = []
                if group:
                    await self._write(group)
                self._spool.done_reading()
            except OSError as error:
                self._count("pbxd_store_faults_total", kind="spool")
                log.error("spool.unreadable", file=str(self._spool.reading), error=str(error))
                return

    def _spool_now(self, contacts: list[Entry], *, sync: bool) -> None:
        try:
            self._spool.append(contacts, sync=sync)
        except OSError as error:
            self._count("pbxd_store_contacts_total", len(contacts), result="lost")
            log.critical(
                "store.contacts_lost",
                file=str(self._spool.path),
                error=str(error),
                calls=[name_of(contact) for contact in contacts[:100]],
                count=len(contacts),
            )
            return
        self._count("pbxd_store_contacts_total", len(contacts), result="spooled")
        if not self._closed:
            self._idle.clear()
            self._filled.set()

    def _set_aside(self, contact: Entry, error: Exception) -> None:
        self._count("pbxd_store_contacts_total", result="refused")
        log.error("store.contact_refused", call=name_of(contact), error=first_line(error))
        try:
            self._spool.set_aside(contact, first_line(error))
        except (OSError, TypeError, ValueError) as fault:
            self._count("pbxd_store_contacts_total", result="lost")
            log.critical("store.contacts_lost", calls=[name_of(contact)], count=1, error=str(fault))

    # ---------------------------------------------------------------- away and back

    def _fault(self, error: Exception) -> None:
        self._count("pbxd_store_faults_total", kind=kind_of(error))
        if self.away_since is None:
            self.away_since = time.time()
            log.error("store.away", error=first_line(error), waiting=len(self._queue))

    async def _pause(self) -> None:
        await asyncio.sleep(self._next_pause_s * random.uniform(0.5, 1.0))
        self._next_pause_s = min(self._next_pause_s * 2, self._retry_most_s)

    def _back(self) -> None:
        self._next_pause_s = RETRY_FIRST_S
        if self.away_since is not None:
            log.warning(
                "store.back", away_s=round(time.time() - self.away_since, 1), waiting=len(self._queue)
            )
            self.away_since = None
