"""The store as the rest of pbxd sees it: it takes contacts, answers look-ups, and never makes a call wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy.engine import URL

from pbxd.edge.store import migrate, reading
from pbxd.edge.store.engines import open_engine, prepare_sqlite, read_url, sqlite_path
from pbxd.edge.store.faults import Count, StoreError, first_line, kind_of
from pbxd.edge.store.finder import Finder, ServerFinder, ThreadFinder
from pbxd.edge.store.journeys import Journey, no_journey
from pbxd.edge.store.keeping import PooledShelf, Shelf, ThreadShelf
from pbxd.edge.store.look_ups import Answer, LookUps
from pbxd.edge.store.outbox import Outbox
from pbxd.edge.store.resolution import Oldest, Resolution, nobody_calls
from pbxd.edge.store.rows import Entry
from pbxd.edge.store.spool import Spool
from pbxd.edge.store.under_way import Kept, State, UnderWay
from pbxd.edge.store.writer import Writer
from pbxd.edge.store.writing import Committer, PooledCommitter, ThreadCommitter
from pbxd.effects import LookUp
from pbxd.ids import CallId
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stretch
from pbxd.messages import Contact
from pbxd.settings.connections import Store as Settings

log = structlog.get_logger("pbxd.store")


def _count_nothing(metric: str, value: float = 1, **labels: str) -> None:
    """For callers who keep no figures."""


class Store:
    """Open with ``await Store.open(settings, count)``, end with ``await store.close()``.

    While the database is away nothing here fails: contacts wait (see Writer), look-ups end as
    HistoryMissing, and ``away`` says why.
    """

    def __init__(
        self,
        settings: Settings,
        count: Count = _count_nothing,
        *,
        spool: Path | None = None,
        clock: Callable[[], float] = time.time,
        journey: Journey = no_journey,
    ) -> None:
        self._settings = settings
        self._count = count
        self._clock = clock
        self._url = _with_password(read_url(settings.url), settings)
        self._engine = open_engine(self._url, connect_timeout_s=settings.connect_timeout)
        self.outbox = Outbox(self._engine)
        path = sqlite_path(self._url)
        self._finder: Finder = ServerFinder(self._engine) if path is None else ThreadFinder(path)
        self._committer: Committer = PooledCommitter(self._engine) if path is None else ThreadCommitter(path)
        self._closed = False
        self._migrated = False
        self._migrating = asyncio.Lock()
        self._refused: StoreError | None = None
        self._writer = Writer(
            self._commit,
            Spool(spool or settings.spool or _beside(path)),
            count,
            group=self._committer.group,
            queue=settings.write_queue,
            timeout_s=settings.write_timeout,
            retry_most_s=settings.retry_most,
        )
        self._shelf: Shelf = PooledShelf(self._engine) if path is None else ThreadShelf(path)
        self._under_way = UnderWay(
            self._shelf, self._engine, self._migrate, self._writer.behind, journey, count, settings, clock
        )
        self._look_ups = LookUps(self._finder, count, settings, clock, self._usable)
        self._writing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        settings: Settings,
        count: Count = _count_nothing,
        *,
        spool: Path | None = None,
        clock: Callable[[], float] = time.time,
        journey: Journey = no_journey,
    ) -> Self:
        """Connect, migrate, start writing. StoreError when the settings or the schema do not allow it.

        A database that is merely away is no reason not to start: it is tried again until it comes.
        ``spool`` is the file for contacts that it cannot take, if it is to be another than the settings say;
        ``journey`` tells what there is to keep of a journey.
        """
        store = cls(settings, count, spool=spool, clock=clock, journey=journey)
        path = sqlite_path(store._url)
        try:
            if path is not None:
                await asyncio.to_thread(prepare_sqlite, path)
            await store._migrate()
        except StoreError:
            await store._let_go()
            raise
        except Exception as error:
            # A file that cannot be opened now will not open later; a server may well come.
            passing = ("locked", "disk_full", "timeout") + (("away",) if path is None else ())
            if kind_of(error) not in passing:
                await store._let_go()
                named = path or store._url.render_as_string(hide_password=True)
                raise StoreError(f"store.url: {named}: {first_line(error)}") from error
            count("pbxd_store_faults_total", kind=kind_of(error))
            log.error("store.away_at_start", error=first_line(error))
        store._writing = asyncio.create_task(store._writer.run(), name="store-writer")
        store._under_way.start()
        return store

    async def close(self) -> None:
        """Write what is waiting within the shutdown time, spool the rest, let go of the database."""
        if self._closed:
            return
        self._closed = True
        self._look_ups.cancel()
        await self._under_way.gathered()
        if self._writing is not None:
            await self._writer.close(self._writing, self._settings.shutdown_timeout)
        await self._under_way.close(self._settings.shutdown_timeout)
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout):
                await self._let_go()
        except TimeoutError:
            log.warning("store.close_timeout")

    async def _let_go(self) -> None:
        await asyncio.gather(self._finder.close(), self._committer.close(), self._shelf.close())
        await self._engine.dispose()

    @property
    def away(self) -> str | None:
        """Why the store cannot be used now, or None."""
        if self._refused is not None:
            return str(self._refused)
        if self._writer.away_since is not None:
            return f"since {self._writer.away_since:.0f}, {self._writer.waiting} contacts waiting"
        return None if self._migrated else "not connected yet"

    @property
    def waiting(self) -> int:
        """Contacts in memory that are not in the database yet."""
        return self._writer.waiting

    # ---------------------------------------------------------------- contacts

    def remember(self, contact: Contact) -> None:
        """Take a finished contact. Returns at once and never raises."""
        self._writer.remember(contact)

    def append(self, stretch: Stretch) -> None:
        """Take a row of the ledger whose contact was taken before. Returns at once and never raises."""
        self._writer.remember(stretch)

    def attended(self, row: Attendance) -> None:
        """Take a row of who was signed in when. Returns at once and never raises."""
        self._writer.remember(row)

    async def flushed(self) -> None:
        """Wait until all contacts, those of the spool too, are in the database (or set aside)."""
        await self._writer.flushed()

    async def contacts(
        self,
        *,
        limit: int = 50,
        before: float | None = None,
        number: str | None = None,
        agent: str | None = None,
        queue: str | None = None,
    ) -> list[dict[str, Any]]:
        """The newest contacts that arrived before ``before``, JSON-able, for GET /api/contacts.

        OSError while the database is away.
        """
        try:
            async with asyncio.timeout(self._settings.write_timeout):
                await self._migrate()
                return await reading.contacts(
                    self._engine, limit=limit, before=before, number=number, agent=agent, queue=queue
                )
        except OSError:
            raise
        except Exception as error:
            self._count("pbxd_store_faults_total", kind=kind_of(error))
            raise OSError(f"the store failed: {first_line(error)}") from error

    def first_contacts(self, days: float, oldest: Oldest = nobody_calls) -> Resolution:
        """Counts the contacts that were enough, each when so many days are over; ``oldest``: when the oldest
        call in progress arrived."""
        return Resolution(
            self._engine,
            self._migrate,
            self._count,
            days=days,
            clock=self._clock,
            oldest=oldest,
            written=self.flushed,
        )

    # ---------------------------------------------------------------- what is still under way

    def keep(self, state: State) -> None:
        """Keep this state over a restart. Returns at once, never raises; durable some milliseconds later."""
        self._under_way.keep(state)

    def keep_journey(self, call: CallId) -> None:
        """Keep this journey anew over a restart. Returns at once, never raises; durable a moment later."""
        self._under_way.changed(call)

    async def kept(self) -> Kept:
        """What was under way when pbxd last stopped; empty, and counted as a fault, when nobody can tell."""
        return await self._under_way.kept()

    async def all_kept(self) -> None:
        """Wait until all states are in the database."""
        await self._under_way.flushed()

    # ---------------------------------------------------------------- look-ups

    def ask(self, request: LookUp, deliver: Callable[[Answer], None]) -> None:
        """Look up in the background; ``deliver`` gets one answer in time, none after ``close``."""
        self._look_ups.ask(request, deliver)

    async def look_up(self, request: LookUp) -> Answer:
        """The contacts of a number, newest first, or why there are none to be had. Never raises."""
        return await self._look_ups.look_up(request)

    def _usable(self) -> bool:
        return self._migrated and not self._closed

    # ---------------------------------------------------------------- the database

    async def _commit(self, group: list[Entry]) -> int:
        await self._migrate()
        return await self._committer.commit(group)

    async def _migrate(self) -> None:
        """Make sure once that the schema is ours. A newer one is refused for good."""
        if self._migrated:
            return
        async with self._migrating:
            await self._migrate_once()

    async def _migrate_once(self) -> None:
        if self._migrated:
            return
        if self._refused is not None:
            raise self._refused
        try:
            revision = await migrate.upgrade(self._url, timeout_s=self._settings.connect_timeout)
        except StoreError as error:
            self._refused = error
            log.critical("store.refused", error=str(error))
            raise
        self._migrated = True
        log.info("store.ready", engine=self._url.get_backend_name(), revision=revision)


def _with_password(url: URL, settings: Settings) -> URL:
    password = settings.login_password
    return url.set(password=password) if password is not None else url


def _beside(path: Path | None) -> Path:
    if path is not None:
        return path.with_name(path.name + ".spool")
    return Path("/var/lib/pbxd/contacts.spool")
