"""The store as the rest of pbxd sees it: it takes contacts, answers look-ups, and never makes a call wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy.engine import URL

from pbxd.agents.attendance import last_seen
from pbxd.edge.store import migrate, reading
from pbxd.edge.store.engines import open_engine, prepare_sqlite, read_url, sqlite_path
from pbxd.edge.store.faults import Count, StoreError, first_line, kind_of
from pbxd.edge.store.journeys import Journey, Journeys, no_journey
from pbxd.edge.store.keeper import Keeper
from pbxd.edge.store.keeping import ATTENDANCE, EVERYBODY, JOURNEY, PooledShelf, Shelf, ThreadShelf
from pbxd.edge.store.lookup import Finder, ServerFinder, ThreadFinder
from pbxd.edge.store.outbox import Outbox
from pbxd.edge.store.resolution import Oldest, Resolution, nobody_calls
from pbxd.edge.store.rows import Entry
from pbxd.edge.store.spool import Spool
from pbxd.edge.store.writer import Writer
from pbxd.edge.store.writing import Committer, PooledCommitter, ThreadCommitter
from pbxd.effects import KeepAlert, KeepAttendance, KeepCallback, KeepDossier, KeepTransfer, LookUp
from pbxd.ids import AgentId, CallId, TransferId
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stretch
from pbxd.messages import (
    AlertsKept,
    AttendanceKept,
    CallbacksKept,
    Contact,
    DossiersKept,
    HistoryFound,
    HistoryMissing,
    JourneysKept,
    TransfersKept,
)
from pbxd.settings.connections import Store as Settings

log = structlog.get_logger("pbxd.store")

#: kinds of states
_TRANSFER, _DOSSIER, _ALERT, _CALLBACK = "transfer", "dossier", "alert", "callback"
_KEPT = tuple[TransfersKept, DossiersKept, AlertsKept, CallbacksKept, AttendanceKept, JourneysKept]
LOOKUP_LIMIT = 100  #: contacts that one look-up returns: enough to count repeats, little enough to be quick


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
        self._asked: set[asyncio.Task[None]] = set()
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
        self._keeper = Keeper(
            self._shelf,
            self._migrate,
            count,
            timeout_s=settings.connect_timeout,
            retry_most_s=settings.retry_most,
            clock=clock,
        )
        self._going: set[tuple[str, CallId]] = set()  #: to be forgotten, once the contact is safe
        self._journeys = Journeys(journey, self._keep_journey, count)
        self._gathering: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

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
        store._keeping = asyncio.create_task(store._keeper.run(), name="store-keeper")
        store._gathering = asyncio.create_task(store._journeys.run(), name="store-journeys")
        return store

    async def close(self) -> None:
        """Write what is waiting within the shutdown time, spool the rest, let go of the database."""
        if self._closed:
            return
        self._closed = True
        for task in list(self._asked):
            task.cancel()
        if self._gathering is not None:
            self._gathering.cancel()
            await asyncio.wait([self._gathering])
            self._journeys.now()
        if self._writing is not None:
            await self._writer.close(self._writing, self._settings.shutdown_timeout)
        if self._keeping is not None:
            await self._keeper.close(self._keeping, self._settings.shutdown_timeout)
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

    def keep(self, state: KeepTransfer | KeepDossier | KeepAlert | KeepCallback | KeepAttendance) -> None:
        """Keep this state over a restart. Returns at once, never raises; durable some milliseconds later."""
        match state:
            case KeepTransfer():
                self._keeper.keep(_TRANSFER, state.transfer, state.body)
            case KeepDossier():
                self._keep(_DOSSIER, state.call, state.body)
            case KeepAlert():
                self._keeper.keep(_ALERT, state.alert, state.body)
            case KeepCallback():
                self._keeper.keep(_CALLBACK, state.callback, state.body)
            case KeepAttendance():
                self._keeper.keep(ATTENDANCE, EVERYBODY if state.agent is None else state.agent, state.body)

    def keep_journey(self, call: CallId) -> None:
        """Keep this journey anew over a restart. Returns at once, never raises; durable a moment later."""
        self._journeys.changed(call)

    def _keep_journey(self, call: CallId, body: Mapping[str, Any] | None) -> None:
        self._keep(JOURNEY, call, body)

    def _keep(self, kind: str, call: CallId, body: Mapping[str, Any] | None) -> None:
        """What is known of a call is forgotten only when its contact is safe."""
        key = kind, call
        if body is not None:
            self._going.discard(key)
            self._keeper.keep(kind, call, body)
        elif key not in self._going:
            self._going.add(key)
            self._writer.behind(lambda: self._forget(key))

    def _forget(self, key: tuple[str, CallId]) -> None:
        if key in self._going:
            self._going.discard(key)
            self._keeper.keep(*key, None)

    async def kept(self) -> _KEPT:
        """What was under way when pbxd last stopped; empty, and counted as a fault, when nobody can tell."""
        transfers: dict[TransferId, Mapping[str, Any]] = {}
        dossiers: dict[CallId, Mapping[str, Any]] = {}
        alerts: dict[str, Mapping[str, Any]] = {}
        callbacks: dict[TransferId, Mapping[str, Any]] = {}
        attendance: dict[AgentId, Mapping[str, Any]] = {}
        journeys: dict[CallId, Mapping[str, Any]] = {}
        stored: frozenset[CallId] = frozenset()
        try:
            for (kind, id_), body in (await self._keeper.load()).items():
                if kind == _TRANSFER:
                    transfers[TransferId(id_)] = body
                elif kind == _DOSSIER:
                    dossiers[CallId(id_)] = body
                elif kind == _ALERT:
                    alerts[id_] = body
                elif kind == _CALLBACK:
                    callbacks[TransferId(id_)] = body
                elif kind == ATTENDANCE:
                    attendance[AgentId(id_)] = body
                elif kind == JOURNEY:
                    journeys[CallId(id_)] = body
            stored = await self._stored(journeys)
        except Exception as error:
            self._count("pbxd_store_faults_total", kind=kind_of(error))
            log.error("store.kept_states_unread", error=first_line(error))
        at = self._clock()
        seen = last_seen(attendance.pop(AgentId(EVERYBODY), {}))
        return (
            TransfersKept(at=at, bodies=transfers),
            DossiersKept(at=at, bodies=dossiers),
            AlertsKept(at=at, bodies=alerts),
            CallbacksKept(at=at, bodies=callbacks),
            AttendanceKept(at=at, seen=seen, bodies=attendance),
            JourneysKept(at=at, bodies=journeys, stored=stored),
        )

    async def _stored(self, calls: Iterable[CallId]) -> frozenset[CallId]:
        """Those whose contacts are in the database."""
        async with asyncio.timeout(self._settings.connect_timeout):
            return await reading.known(self._engine, calls)

    async def all_kept(self) -> None:
        """Wait until all states are in the database."""
        await self._journeys.flushed()
        await self._keeper.flushed()

    # ---------------------------------------------------------------- look-ups

    def ask(self, request: LookUp, deliver: Callable[[HistoryFound | HistoryMissing], None]) -> None:
        """Look up in the background; ``deliver`` gets one answer in time, none after ``close``."""
        if len(self._asked) >= self._settings.lookups_most:
            deliver(self._missing(request, "busy", "too many look-ups are waiting"))
            return
        task = asyncio.create_task(self._deliver(request, deliver), name="store-look-up")
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def look_up(self, request: LookUp) -> HistoryFound | HistoryMissing:
        """The contacts of a number, newest first, or why there are none to be had. Never raises."""
        began = time.perf_counter()
        if not request.number:
            return self._missing(request, "withheld", "number withheld")
        if not self._migrated or self._closed:
            return self._missing(request, "away", "the store is away")
        timeout_s = self._settings.lookup_timeout
        try:
            found = await self._finder.find(request.number, request.before, LOOKUP_LIMIT, timeout_s)
        except TimeoutError:
            return self._missing(request, "timeout", f"the store took longer than {timeout_s * 1000:.0f} ms")
        except Exception as error:
            log.warning("store.look_up_failed", call=request.call, error=first_line(error))
            return self._missing(request, kind_of(error), f"the store failed: {first_line(error)}")
        self._count("pbxd_store_lookup_seconds", time.perf_counter() - began)
        self._count("pbxd_store_lookups_total", result="found")
        return HistoryFound(call=request.call, at=self._clock(), name=found.name, contacts=found.contacts)

    async def _deliver(
        self, request: LookUp, deliver: Callable[[HistoryFound | HistoryMissing], None]
    ) -> None:
        deliver(await self.look_up(request))

    def _missing(self, request: LookUp, result: str, why: str) -> HistoryMissing:
        self._count("pbxd_store_lookups_total", result=result)
        return HistoryMissing(call=request.call, at=self._clock(), why=why)

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
