"""Compares the calls: the history's with Asterisk's call detail records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pbxd.reconcile.cdr import Cdr, Record
from pbxd.reconcile.findings import Comparison, Finding, Known, Mismatch, silent_book
from pbxd.reconcile.history import Call, Index

SLACK_S = 2.0  #: whole seconds, and the record is closed a moment after the hang-up


def compare_calls(calls: Sequence[Call], cdr: Cdr, start: float, end: float) -> Comparison:
    """Compare all calls that arrived from ``start`` up to ``end``; ``calls`` and ``cdr`` may hold more."""
    records: dict[str, list[Record]] = {}
    callers = Index.of(calls, lambda call: (call.caller,))
    for record in cdr.records:
        records.setdefault(record.uniqueid or _by_caller(record, callers), []).append(record)
    parties = Index.of(calls, _parties)
    found: list[Finding] = []
    compared = 0
    for call in calls:
        mine = records.pop(call.uniqueid, [])
        if call.goes_on:
            found += _so_far(call, mine, start, end)
        elif not start <= call.arrived < end:
            continue
        elif mine:
            compared += 1
            found += _differences(call, mine)
        else:
            covered = cdr.first is not None and cdr.first <= call.arrived
            kind = Mismatch.CALL_MISSING_THERE if covered else Known.NOT_COVERED
            found.append(_finding(kind, call, call.uniqueid, call.arrived, call.outcome, "no record"))
    for uniqueid, theirs in records.items():
        if start <= theirs[0].started < end:
            found.append(_unknown_here(uniqueid, theirs, parties))
    if cdr.unreadable:
        there = f"{cdr.unreadable} lines of the call detail records"
        found.append(_finding(Mismatch.UNREADABLE, None, "", start, "", there))
    found.sort(key=lambda finding: finding.at)
    silent = silent_book("cdr", compared, found)
    return Comparison(stays=0, calls=compared, findings=tuple(found), silent=silent)


def _so_far(call: Call, records: Sequence[Record], start: float, end: float) -> Iterator[Finding]:
    """Of a call that goes on: the records that are closed already."""
    if records and start <= records[0].started < end:
        there = f"{len(records)} records so far"
        yield _finding(Known.IN_PROGRESS, call, call.uniqueid, records[0].started, "in progress", there)


def _by_caller(record: Record, callers: Index) -> str:
    """For a file without unique ids: the call of this caller that was open then."""
    call = callers.open_at((record.caller,), record.started)
    return f"{record.channel} {record.started:.0f}" if call is None else call.uniqueid


def _differences(call: Call, records: Sequence[Record]) -> Iterator[Finding]:
    began, ended = min(r.started for r in records), max(r.ended for r in records)

    def differs(kind: Mismatch, here: str, there: str) -> Finding:
        why: Mismatch | Known = kind
        if call.missed:
            why = Known.WATCHED_IN_PART
        elif call.transfers:
            why = Known.SPLIT
        return _finding(why, call, call.uniqueid, call.arrived, here, there)

    if abs(began - call.arrived) > SLACK_S:
        yield differs(Mismatch.CALL_TIMES, f"began {call.arrived:.1f}", f"began {began:.0f}")
    if abs(ended - call.ended) > SLACK_S:
        yield differs(Mismatch.CALL_TIMES, f"ended {call.ended:.1f}", f"ended {ended:.0f}")
    spoken = any(record.spoken for record in records)
    if spoken is not bool(call.legs):
        here = f"{len(call.legs)} conversations" if call.legs else "no conversation"
        yield differs(Mismatch.CALL_ANSWERED, here, "answered" if spoken else "nobody answered")


def _unknown_here(uniqueid: str, records: Sequence[Record], parties: Index) -> Finding:
    """A channel of which the history has no call. One that was called belongs to another channel's call; one
    that called by itself can be that of an agent who handed a caller over, and nothing else."""
    first = records[0]
    called = all(_called(record) for record in records)
    channels = [name for record in records for name in (record.channel, *([record.other] if called else []))]
    around = parties.open_at({party for name in channels for party in _names(name)}, first.started)
    kind: Mismatch | Known
    if called:
        kind = Known.ORIGINATED if around is None else Known.OTHER_SIDE
    else:
        kind = Mismatch.CALL_MISSING_HERE if around is None else Known.CONSULTATION
    there = f"{first.channel}, {first.disposition}"
    return _finding(kind, around, uniqueid, first.started, "no call", there)


def _called(record: Record) -> bool:
    """The channel was called, by an application or through a Local channel, and did not call itself."""
    return record.application in ("AppDial", "AppDial2", "AppQueue", "") or record.channel.startswith(
        "Local/"
    )


def _parties(call: Call) -> Iterator[str]:
    """Who took part, as devices and as extensions, which is how Local channels name them."""
    for leg in call.legs:
        yield from (leg.interface, _extension(leg.interface))
    for transfer in call.transfers:
        yield from (transfer.from_interface, transfer.to, _extension(transfer.to))


def _extension(party: str) -> str:
    return f"Local/{party.rpartition('/')[2].partition('@')[0]}"


def _names(channel: str) -> Iterator[str]:
    """``PJSIP/1001-0000002a`` → ``PJSIP/1001``; ``Local/1002@somewhere-00000001;2`` → ``Local/1002``."""
    if channel.startswith("Local/"):
        yield channel.partition("@")[0]
    elif channel:
        yield channel.rpartition("-")[0]


def _finding(
    kind: Mismatch | Known, call: Call | None, uniqueid: str, at: float, here: str, there: str
) -> Finding:
    return Finding(
        kind=kind,
        at=at,
        call="" if call is None else call.call,
        uniqueid=uniqueid,
        queue="",
        here=here,
        there=there,
    )
