"""What can go wrong between pbxd and its database, told apart by what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from typing import Protocol

from sqlalchemy import exc


class Count(Protocol):
    """Moves one counter or histogram; see pbxd.effects.Count."""

    def __call__(self, metric: str, value: float = 1, **labels: str) -> None: ...


class StoreError(Exception):
    """The store cannot be used as configured; pbxd must not start with it. The text is for people."""


#: SQLSTATE classes that speak of the row: data exception, integrity constraint
_ROW_CLASSES = ("22", "23")
#: … and of a server that will be there again: connection, resources, operator's intervention, its own errors
_AWAY_CLASSES = ("08", "53", "57", "58")
_DISK_FULL = "53100"


def is_rows_fault(error: Exception) -> bool:
    """Whether this row can never be stored, however often it is tried."""
    if isinstance(error, exc.IntegrityError | exc.DataError | sqlite3.IntegrityError | sqlite3.DataError):
        return True
    if isinstance(error, sqlite3.InterfaceError):
        return True  # SQLite's way to say that it cannot bind a value
    if isinstance(error, exc.DBAPIError):
        return _state(error)[:2] in _ROW_CLASSES
    # A value that a driver cannot even bind never reaches the database.
    return isinstance(error, exc.StatementError | OverflowError | UnicodeError | TypeError | ValueError)


def kind_of(error: BaseException) -> str:
    """What to do about it, as a label for metrics: few values, none of them from outside.

    ``timeout``, ``locked``, ``disk_full`` and ``away`` pass by themselves; ``schema`` and ``other`` do not.
    """
    if isinstance(error, StoreError):
        return "schema"
    if isinstance(error, TimeoutError):
        return "timeout"
    state = _state(error)
    words = first_line(error).lower()
    if state == _DISK_FULL or "disk is full" in words or getattr(error, "errno", None) == errno.ENOSPC:
        return "disk_full"
    if "database is locked" in words or "table is locked" in words:
        return "locked"
    if state:
        return "away" if state[:2] in _AWAY_CLASSES else "other"
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return "away"
    passing = (
        exc.InterfaceError | exc.OperationalError | exc.TimeoutError | sqlite3.OperationalError | OSError
    )
    return "away" if isinstance(error, passing) else "other"


def _state(error: BaseException | None) -> str:
    """PostgreSQL's five letters for what happened, or ''."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if state:
            return str(state)
        error = getattr(error, "orig", None) or error.__cause__
    return ""


def first_line(error: BaseException) -> str:
    """The driver's own words, without SQLAlchemy's echo of statement and values (they hold numbers)."""
    origin = getattr(error, "orig", None) or error
    text = str(origin).strip().splitlines()
    return (text[0] if text else type(origin).__name__)[:200]
