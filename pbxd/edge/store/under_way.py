"""What is under way, kept over a restart: transfers, calls in progress, alerts, call-backs, who is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from pbxd.agents.attendance import last_seen
from pbxd.edge.store import reading
from pbxd.edge.store.faults import Count, first_line, kind_of
from pbxd.edge.store.journeys import Journey, Journeys
from pbxd.edge.store.keeper import Keeper
from pbxd.edge.store.keeping import ATTENDANCE, EVERYBODY, JOURNEY, Shelf
from pbxd.effects import KeepAlert, KeepAttendance, KeepCallback, KeepDossier, KeepTransfer
from pbxd.ids import AgentId, CallId, TransferId
from pbxd.messages import (
    AlertsKept,
    AttendanceKept,
    CallbacksKept,
    DossiersKept,
    JourneysKept,
    TransfersKept,
)
from pbxd.settings.connections import Store as Settings

log = structlog.get_logger("pbxd.store")

_TRANSFER, _DOSSIER, _ALERT, _CALLBACK = "transfer", "dossier", "alert", "callback"  #: kinds of states

State = KeepTransfer | KeepDossier | KeepAlert | KeepCallback | KeepAttendance
Kept = tuple[TransfersKept, DossiersKept, AlertsKept, CallbacksKept, AttendanceKept, JourneysKept]
Body = Mapping[str, Any]
Behind = Callable[[Callable[[], None]], None]
"""Calls back when all contacts that were taken until now are safe."""


class UnderWay:
    """``start``, then ``keep`` as often as anything changes; ``kept`` once, ``close`` at the end."""

    def __init__(
        self,
        shelf: Shelf,
        engine: AsyncEngine,
        migrate: Callable[[], Awaitable[None]],
        behind: Behind,
        journey: Journey,
        count: Count,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._behind = behind
        self._count = count
        self._clock = clock
        self._timeout_s = settings.connect_timeout
        self._keeper = Keeper(
            shelf,
            migrate,
            count,
            timeout_s=settings.connect_timeout,
            retry_most_s=settings.retry_most,
            clock=clock,
        )
        self._journeys = Journeys(journey, self._keep_journey, count)
        self._going: set[tuple[str, CallId]] = set()  #: to be forgotten, once the contact is safe
        self._gathering: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeping = asyncio.create_task(self._keeper.run(), name="store-keeper")
        self._gathering = asyncio.create_task(self._journeys.run(), name="store-journeys")

    async def gathered(self) -> None:
        """Nothing more comes: put into words what has changed last."""
        if self._gathering is not None:
            self._gathering.cancel()
            await asyncio.wait([self._gathering])
            self._journeys.now()

    async def close(self, within_s: float) -> None:
        """Write what is waiting within so many seconds."""
        if self._keeping is not None:
            await self._keeper.close(self._keeping, within_s)

    async def flushed(self) -> None:
        """Wait until all states are in the database."""
        await self._journeys.flushed()
        await self._keeper.flushed()

    # ---------------------------------------------------------------- keeping

    def keep(self, state: State) -> None:
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

    def changed(self, call: CallId) -> None:
        """Keep this journey anew. Returns at once, never raises; durable a moment later."""
        self._journeys.changed(call)

    def _keep_journey(self, call: CallId, body: Body | None) -> None:
        self._keep(JOURNEY, call, body)

    def _keep(self, kind: str, call: CallId, body: Body | None) -> None:
        """What is known of a call is forgotten only when its contact is safe."""
        key = kind, call
        if body is not None:
            self._going.discard(key)
            self._keeper.keep(kind, call, body)
        elif key not in self._going:
            self._going.add(key)
            self._behind(lambda: self._forget(key))

    def _forget(self, key: tuple[str, CallId]) -> None:
        if key in self._going:
            self._going.discard(key)
            self._keeper.keep(*key, None)

    # ---------------------------------------------------------------- after a restart

    async def kept(self) -> Kept:
        """What was under way when pbxd last stopped; empty, and counted as a fault, when nobody can tell."""
        transfers: dict[TransferId, Body] = {}
        dossiers: dict[CallId, Body] = {}
        alerts: dict[str, Body] = {}
        callbacks: dict[TransferId, Body] = {}
        attendance: dict[AgentId, Body] = {}
        journeys: dict[CallId, Body] = {}
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
            async with asyncio.timeout(self._timeout_s):
                stored = await reading.known(self._engine, journeys)
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
