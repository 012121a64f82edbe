"""What can go wrong between pbxd and its database, told apart by what to do about it."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import exc


class Count(Protocol):
    """Moves one counter or histogram; see pbxd.effects.Count."""

    def __call__(self, metric: str, value: float = 1, **labels: str) -> None: ...


class StoreError(Exception):
    """The store cannot be used as configured; pbxd must not start with it. The text is for people."""


#: SQLSTATE classes that speak of the row and not of the server: data exception, integrity constraint
_ROW_CLASSES = ("22", "23")
_ROW_ERRORS = (exc.IntegrityError, exc.DataError)


def is_rows_fault(error: Exception) -> bool:
    """Whether this row can never be stored, however often it is tried."""
    if isinstance(error, _ROW_ERRORS):
        return True
    if isinstance(error, exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return str(state)[:2] in _ROW_CLASSES
    # A value that a driver cannot even bind never reaches the database.
    return isinstance(error, exc.StatementError | OverflowError | UnicodeError | TypeError | ValueError)


def kind_of(error: BaseException) -> str:
    """A label for metrics: few values, none of them from outside."""
    text = str(error).lower()
    if isinstance(error, StoreError):
        return "schema"
    if isinstance(error, TimeoutError):
        return "timeout"
    if "locked" in text:
        return "locked"
    if "full" in text or "no space" in text:
        return "disk_full"
    if isinstance(error, exc.InterfaceError | exc.OperationalError | OSError) or _lost(error):
        return "away"
    return "other"


def _lost(error: BaseException) -> bool:
    return isinstance(error, exc.DBAPIError) and bool(error.connection_invalidated)


def first_line(error: BaseException) -> str:
    """The driver's own words, without SQLAlchemy's echo of statement and values (they hold numbers)."""
    origin = getattr(error, "orig", None) or error
    text = str(origin).strip().splitlines()
    return (text[0] if text else type(origin).__name__)[:200]
