"""Contacts, rows of the ledger that come after them, and who was signed in when, which the database cannot
take now, kept in a file beside it: one JSON object a line.

Written when the queue in memory is full or pbxd stops while the database is away, read again when it is
back. A line is removed only after its entry is in the database; reading one twice does no harm, because
entries are stored by call id.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from pbxd.callers.surveys import read_survey
from pbxd.calls.record import (
    CallRecord,
    Consult,
    Leg,
    Outcome,
    Ring,
    RingOutcome,
    Span,
    Transfer,
    TransferKind,
    TransferMaker,
    TransferOutcome,
    Visit,
    Wait,
)
from pbxd.edge.store.rows import Entry
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import Contact, HandoverNote, PathStep

VERSION = 1
_SPANS = ("stints", "holds")

log = structlog.get_logger("pbxd.store")


class Spool:
    """Three files: ``path`` is written, ``path.reading`` is being read, ``path.refused`` is for people."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reading = path.with_name(path.name + ".reading")
        self.refused = path.with_name(path.name + ".refused")

    def __bool__(self) -> bool:
        return self.path.is_file() or self.reading.is_file()

    def append(self, entries: Iterable[Entry], *, sync: bool = True) -> None:
        """Add entries. OSError when that cannot be done; then none of them is added.

        With ``sync`` they are on the disk when this returns, which takes as long as the disk takes; without
        it they survive the end of this process, but not a power cut in the next seconds.
        """
        _write(self.path, (json.dumps(to_json(entry)) for entry in entries), sync=sync)

    def set_aside(self, entry: Entry, why: str) -> None:
        """Keep an entry that no database takes, with the reason, for somebody to look at."""
        _write(self.refused, [json.dumps({"why": why, **to_json(entry)})])

    def open_reading(self) -> bool:
        """Make the written file the one to read, unless one is still being read. False: nothing to read."""
        if not self.reading.exists():
            try:
                self.path.rename(self.reading)
            except FileNotFoundError:
                return False
        return True

    def read(self) -> Iterator[Entry]:
        """The entries of the file being read. A line that cannot be read is moved to ``refused``."""
        with self.reading.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    entry = from_json(json.loads(line.decode("utf-8")))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    log.error("spool.line_unreadable", file=str(self.reading), line=number, error=repr(error))
                    _write(self.refused, [json.dumps({"why": repr(error), "line": line.decode("latin-1")})])
                    continue
                yield entry

    def done_reading(self) -> None:
        """All entries of the file being read are in the database."""
        self.reading.unlink(missing_ok=True)


def _write(path: Path, lines: Iterable[str], *, sync: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(handle, "ab") as file:
        start = file.tell()
        try:
            # A line that a crash cut short must not swallow the one that comes after it.
            if start and _last_byte(path) != b"\n":
                file.write(b"\n")
            for line in lines:
                file.write(line.encode("ascii") + b"\n")
            file.flush()
            if sync:
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, start)  # no half line
            raise


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def to_json(entry: Entry) -> dict[str, Any]:
    """An entry as a JSON object; ``from_json`` gives the same entry back."""
    if isinstance(entry, Stretch):
        return {"version": VERSION, "stretch": asdict(entry)}
    if isinstance(entry, Attendance):
        return {"version": VERSION, "attendance": asdict(entry)}
    return {"version": VERSION, **asdict(entry)}


def from_json(data: dict[str, Any]) -> Entry:
    """ValueError, KeyError or TypeError when ``data`` is not what ``to_json`` makes."""
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']!r} of a spooled contact is not known")
    if "stretch" in data:
        return _stretch(data["stretch"])
    if "attendance" in data:
        return Attendance(**data["attendance"])
    record = dict(data["record"])
    outcome = record.pop("outcome")
    legs = tuple(
        Leg(**{**leg, **{name: tuple(Span(**span) for span in leg.get(name, ())) for name in _SPANS}})
        for leg in record.pop("legs")
    )
    waits = tuple(Wait(**wait) for wait in record.pop("waits"))
    transfers = tuple(
        Transfer(
            **{
                **transfer,
                "kind": TransferKind(transfer["kind"]),
                "outcome": TransferOutcome(transfer["outcome"]),
                "by": TransferMaker(transfer.get("by", TransferMaker.PHONE)),
            }
        )
        for transfer in record.pop("transfers")
    )
    rings = tuple(
        Ring(**{**ring, "outcome": _ring_outcome(ring["outcome"])}) for ring in record.pop("rings", ())
    )
    consults = tuple(Consult(**consult) for consult in record.pop("consults", ()))
    visits = tuple(Visit(**visit) for visit in record.pop("visits", ()))
    return Contact(
        record=CallRecord(
            **record,
            outcome=None if outcome is None else Outcome(outcome),
            legs=legs,
            waits=waits,
            transfers=transfers,
            rings=rings,
            consults=consults,
            visits=visits,
        ),
        number=data["number"],
        subject=data["subject"],
        path=tuple(PathStep(**step) for step in data["path"]),
        agents=tuple(data["agents"]),
        handovers=tuple(HandoverNote(**note) for note in data.get("handovers", ())),
        repeated=int(data.get("repeated", 0)),
        stretches=tuple(_stretch(one) for one in data.get("stretches", ())),
        survey=read_survey(data.get("survey")),
    )


def _ring_outcome(value: str | None) -> RingOutcome | None:
    return None if value is None else RingOutcome(value)


def _stretch(data: dict[str, Any]) -> Stretch:
    return Stretch(**{**data, "stage": Stage(data["stage"])})
