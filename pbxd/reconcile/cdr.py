"""Asterisk's call detail records as cdr_csv writes them: Master.csv.

One call is many records: one for each phone that was rung and one for each bridge, and the phones called have
records of their own. The times are whole seconds of a time zone that the file does not name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

_FIELDS = 17  #: with the unique id, which cdr_csv writes with loguniqueid = yes
_LINE_LIMIT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Epoch seconds."""

    uniqueid: str  #: '' when the file holds none
    caller: str
    channel: str
    other: str  #: the channel that it was bridged with, or that was rung; '' for none
    application: str
    started: float
    answered: float | None
    ended: float
    disposition: str

    @property
    def spoken(self) -> bool:
        """Whether two channels were together."""
        return self.disposition == "ANSWERED" and bool(self.other)


@dataclass(slots=True, kw_only=True)
class Cdr:
    records: list[Record]
    first: float | None  #: when the oldest one began
    unreadable: int  #: lines


def read_cdr(lines: Iterable[str], zone: tzinfo, *, since: float = 0.0) -> Cdr:
    """Read the records that ended from ``since`` on, oldest first. A line that cannot be read is counted."""
    cdr = Cdr(records=[], first=None, unreadable=0)
    reader = csv.reader(_short(lines), strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return cdr
        except csv.Error:
            cdr.unreadable += 1
            continue
        if not fields:
            continue
        try:
            record = _record(fields, zone)
        except (ValueError, IndexError, OverflowError):
            cdr.unreadable += 1
            continue
        cdr.first = record.started if cdr.first is None else min(cdr.first, record.started)
        if record.ended >= since:
            cdr.records.append(record)


def _short(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line[:_LINE_LIMIT].replace("\0", "")


def _record(fields: list[str], zone: tzinfo) -> Record:
    return Record(
        uniqueid=fields[16] if len(fields) >= _FIELDS else "",
        caller=fields[1],
        channel=fields[5],
        other=fields[6],
        application=fields[7],
        started=_moment(fields[9], zone),
        answered=_moment(fields[10], zone) if fields[10] else None,
        ended=_moment(fields[11], zone),
        disposition=fields[14],
    )


def _moment(text: str, zone: tzinfo) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
