"""Reads the history for reports, page by page, for the daemon in a process of its own: calls go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from pbxd.edge.aside import Aside
from pbxd.edge.store import migrate
from pbxd.edge.store.engines import (
    BUSY_TIMEOUT_MS,
    connect_existing,
    open_engine,
    read_url,
    sqlite_path,
)
from pbxd.edge.store.faults import StoreError, first_line
from pbxd.edge.store.staffing import staffing
from pbxd.edge.store.tables import contacts, legs, stretches, transfers, waits
from pbxd.edge.store.thread import OneThread
from pbxd.reports.journey import Journey, Leg, Neighbours, Transfer, Wait, WrapUp
from pbxd.reports.report import Asked, Behind, Report, calls_behind, report
from pbxd.reports.shown import How, calls_text, report_text
from pbxd.settings.connections import Store as Settings

P = ParamSpec("P")
T = TypeVar("T")

_PAGE = 500  #: calls read at once
_NAMES = ("call", "number", "subject", "queue", "agent", "arrived", "ended", "outcome", "survey", "rating")
_OF_CONTACTS = tuple(contacts.c[name] for name in _NAMES)
_TURN_S = 0.001  #: after each page others have their turn
_DAY_S = 86_400.0
_SAME_S = 0.001
_LOOK_BACK_S = 7 * _DAY_S  #: for calls that are repeated ones
_LONGEST_CALL_S = _DAY_S


class Reader:
    """Reads the history in one transaction of its own, in which it stays as it was at the beginning."""

    def __init__(self, settings: Settings, *, timeout_s: float = 60.0) -> None:
        url, password = read_url(settings.url), settings.login_password
        self._url: URL = url if password is None else url.set(password=password)
        self._connect_timeout_s = settings.connect_timeout
        self._timeout_s = timeout_s

    def read(self, work: Callable[[sa.Connection, Callable[[], None]], T]) -> T:
        """Do ``work`` with a connection that may only read; blocks. ``work`` calls its second argument now
        and then, which raises TimeoutError when it has taken too long.

        StoreError when there is no such history, or another pbxd's; OSError while the database is away.
        """
        deadline = time.monotonic() + self._timeout_s

        def in_time() -> None:
            time.sleep(_TURN_S)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the history was not read within {self._timeout_s:g} s")

        def checked(connection: sa.Connection) -> T:
            _refuse_other_schema(connection)
            return work(connection, in_time)

        try:
            if (path := sqlite_path(self._url)) is None:
                return asyncio.run(self._on_server(checked))
            if not path.exists():
                raise StoreError(f"store.url: there is no history in {path}")
            engine = sa.create_engine(
                "sqlite://", poolclass=NullPool, creator=lambda: connect_existing(path, _PRAGMAS)
            )
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                return checked(connection)
        except (OSError, StoreError):
            raise
        except sa.exc.SQLAlchemyError as error:
            raise OSError(f"the store failed: {first_line(error)}") from error

    async def _on_server(self, work: Callable[[sa.Connection], T]) -> T:
        engine = open_engine(self._url, connect_timeout_s=self._connect_timeout_s, pooled=False)
        try:
            async with engine.connect() as plain:
                connection = await plain.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                return await connection.run_sync(work)
        finally:
            await engine.dispose()


#: a reader that never waits long and never locks a writer out
_PRAGMAS = ("PRAGMA query_only=ON", f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA cache_size=-16000")


class Reports:
    """Reports for the daemon, one after the other, made in a process of their own (see ``aside``)."""

    def __init__(self, settings: Settings, *, timeout_s: float) -> None:
        self.reader = Reader(settings, timeout_s=timeout_s)
        self._timeout_s = timeout_s
        self._aside = Aside()
        self._thread = OneThread("pbxd-reports")

    async def report(self, asked: Asked, how: How) -> bytes:
        """OSError (TimeoutError too) when the store does not answer; StoreError as ``Reader.read``."""
        return await self.apart(write_report, self.reader, asked, how)

    async def calls(self, asked: Asked, key: str | None, figure: str, how: How, part: slice) -> bytes:
        """Part of the calls behind one number of a report. KeyError when there is no such figure."""
        return await self.apart(write_calls, self.reader, asked, key, figure, how, part)

    async def figures(self, asked: Asked, names: Sequence[str]) -> Mapping[str, Mapping[str, float | None]]:
        """Some figures of each row of a report, by its key."""
        return await self.apart(find_figures, self.reader, asked, names)

    async def apart(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Do what blocks, a function of a module that reads by ``reader``, when everything before is done."""
        return await self._thread.call(lambda: self._aside.do(self._timeout_s, work, *args, **named))

    def end(self) -> None:
        """Give up what is being read, and let go."""
        self._aside.end()


def write_report(reader: Reader, asked: Asked, how: How) -> bytes:
    """The report as it is sent; blocks."""
    return report_text(make_report(reader, asked), how)


def write_calls(reader: Reader, asked: Asked, key: str | None, figure: str, how: How, part: slice) -> bytes:
    """The calls behind one number as they are sent; blocks."""
    return calls_text(find_calls(reader, asked, key, figure), asked.period, how, part)


def make_report(reader: Reader, asked: Asked) -> Report:
    """The report; blocks."""
    return reader.read(
        lambda connection, in_time: report(
            asked,
            journeys(connection, asked.period.start, asked.period.end, in_time),
            neighbours(connection, asked, in_time),
            staffing(connection, asked.period.start, asked.period.end, in_time),
        )
    )


def find_calls(reader: Reader, asked: Asked, key: str | None, figure: str) -> list[Behind]:
    """The calls behind one number; blocks."""
    return reader.read(
        lambda connection, in_time: calls_behind(
            asked,
            key,
            figure,
            journeys(connection, asked.period.start, asked.period.end, in_time),
            neighbours(connection, asked, in_time),
        )
    )


def find_figures(
    reader: Reader, asked: Asked, names: Sequence[str]
) -> Mapping[str, Mapping[str, float | None]]:
    """Some figures of each row, by its key; blocks."""
    return {row.key: {name: row.figure(name) for name in names} for row in make_report(reader, asked).rows}


def journeys(
    connection: sa.Connection, start: float, end: float, in_time: Callable[[], None]
) -> Iterator[Journey]:
    """The calls that arrived from ``start`` up to ``end``, by arrival."""
    after: tuple[float, str] = (start, "")
    while True:
        in_time()
        order = sa.tuple_(contacts.c.arrived, contacts.c.call)
        statement = (
            sa.select(*_OF_CONTACTS)
            .where(order > sa.tuple_(*map(sa.literal, after)), contacts.c.arrived < end)
            .where(contacts.c.arrived >= start)
            .order_by(contacts.c.arrived, contacts.c.call)
            .limit(_PAGE)
        )
        rows = connection.execute(statement).mappings().all()
        if not rows:
            return
        parts = _Parts(connection, [row["call"] for row in rows])
        for row in rows:
            yield _journey(row, parts)
        after = (rows[-1]["arrived"], rows[-1]["call"])


class _Parts:
    """What belongs to some calls, by call and in order."""

    def __init__(self, connection: sa.Connection, calls: Sequence[str]) -> None:
        self._connection = connection
        self._calls = calls
        self.legs = self._of(legs)
        self.waits = self._of(waits)
        self.transfers = self._of(transfers)
        self.wrap_ups = self._of(stretches, stretches.c.stage == "wrap_up")
        self._talks = self._of(stretches, stretches.c.stage == "talk")

    def queue_of(self, leg: Any) -> str | None:
        """The queue that had brought the two together; the ledger has it."""
        for talk in self._talks.get(leg["call"], ()):
            if talk["interface"] == leg["interface"] and abs(talk["started"] - leg["started"]) < _SAME_S:
                queue: str | None = talk["queue"]
                return queue
        return None

    def _of(self, table: sa.Table, *only: sa.ColumnElement[bool]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        statement = sa.select(table).where(table.c.call.in_(self._calls), *only)
        for row in self._connection.execute(statement.order_by(table.c.call, table.c.position)).mappings():
            found.setdefault(row["call"], []).append(row)
        return found


def _journey(row: Any, parts: _Parts) -> Journey:
    call = row["call"]
    return Journey(
        call=call,
        number=row["number"],
        subject=row["subject"],
        queue=row["queue"],
        agent=row["agent"],
        arrived=row["arrived"],
        ended=row["ended"],
        outcome=row["outcome"],
        survey=row["survey"],
        rating=row["rating"],
        legs=tuple(
            Leg(
                interface=leg["interface"],
                agent=leg["agent"],
                started=leg["started"],
                ended=leg["ended"],
                talk_s=leg["talk_s"],
                hold_s=leg["hold_s"],
                queue=parts.queue_of(leg),
            )
            for leg in parts.legs.get(call, ())
        ),
        waits=tuple(
            Wait(queue=wait["queue"], joined=wait["joined"], left=wait["left"], outcome=wait["outcome"])
            for wait in parts.waits.get(call, ())
        ),
        transfers=tuple(
            Transfer(
                kind=transfer["kind"],
                at=transfer["at"],
                from_interface=transfer["from_interface"],
                outcome=transfer["outcome"],
                queue=transfer["queue"],
            )
            for transfer in parts.transfers.get(call, ())
        ),
        wrap_ups=tuple(
            WrapUp(
                interface=stretch["interface"],
                agent=stretch["agent"],
                started=stretch["started"],
                ended=stretch["ended"],
            )
            for stretch in parts.wrap_ups.get(call, ())
        ),
    )


def neighbours(connection: sa.Connection, asked: Asked, in_time: Callable[[], None]) -> Neighbours:
    """When the callers of the period called before it and after it, as far as figures need that."""
    start, end = asked.period.start, asked.period.end
    after = end + _LONGEST_CALL_S + asked.rules.first_contact_days * _DAY_S
    of_period = sa.select(contacts.c.number).where(contacts.c.arrived >= start, contacts.c.arrived < end)
    statement = (
        sa.select(contacts.c.number, contacts.c.arrived, contacts.c.subject)
        .where(contacts.c.number != "", contacts.c.arrived >= start - _LOOK_BACK_S)
        .where(contacts.c.arrived < after, contacts.c.number.in_(of_period))
        .order_by(contacts.c.arrived)
    )

    def rows() -> Iterator[tuple[str, float, str | None]]:
        for some in connection.execute(statement).partitions(_PAGE):
            in_time()
            yield from (tuple(row) for row in some)

    return Neighbours.of(rows())


def _refuse_other_schema(connection: sa.Connection) -> None:
    head, current = migrate.newest(), None
    if sa.inspect(connection).has_table("alembic_version"):
        current = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if current != head:
        raise StoreError(
            f"the database's schema is at revision {current!r}, this pbxd needs {head!r}: a running pbxd of "
            "the same version brings it there"
        )
