"""Reports as JSON, as CSV that no spreadsheet takes for formulas, and as tables for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pbxd.reports.columns import BY_NAME, COLUMNS, Kind
from pbxd.reports.period import Period
from pbxd.reports.report import Behind, Report, Row, masked

Json = dict[str, Any]

FORMAT = 1  #: of the JSON; changes when a reader has to

#: what a spreadsheet may take for the beginning of a formula, in both widths
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")

_CALL_FIELDS = ("call", "arrived", "number", "queue", "agent", "subject", "outcome", "value", "of")


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a report is told to a program."""

    sheet: bool = False  #: as CSV, else as JSON
    show_numbers: bool = False
    keys: tuple[str, ...] | None = None  #: only these rows, and no total, for somebody who may see no more


def report_text(report: Report, how: How) -> bytes:
    """The whole report."""
    if how.sheet:
        return _sheet(report_csv(report, keys=how.keys))
    return _ascii(report_json(report, show_numbers=how.show_numbers, keys=how.keys))


def calls_text(found: Sequence[Behind], period: Period, how: How, part: slice) -> bytes:
    """Some of the calls behind a number, and as JSON how many there are."""
    told = [
        call_json(each, period.local(each.journey.arrived), show_numbers=how.show_numbers)
        for each in found[part]
    ]
    return _sheet(calls_csv(told)) if how.sheet else _ascii({"total": len(found), "calls": told})


def _sheet(text: str) -> bytes:
    return text.encode("utf-8-sig", "replace")


def _ascii(content: Json) -> bytes:
    """A caller's name may hold characters that no encoding of text takes."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


# ---------------------------------------------------------------- JSON


def report_json(report: Report, *, show_numbers: bool, keys: Sequence[str] | None = None) -> Json:
    """The whole report; with ``keys`` only these rows, and no total, for somebody who may see no more."""
    visible = [row for row in report.rows if keys is None or row.key in keys]
    period = report.period
    return {
        "version": FORMAT,
        "by": report.by.value,
        "from": period.local(period.start),
        "to": period.local(period.end),
        "time_zone": str(period.zone),
        "rows": [{"key": row.key, **row.figures} for row in visible],
        "total": report.total.figures if keys is None else None,
        "top": [
            {
                "key": top.key,
                "handling_s": round(top.handling_s, 3),
                "calls": [_call_json(call, report, show_numbers) for call in top.calls],
            }
            for top in report.top
            if keys is None or top.key in keys
        ],
    }


def _call_json(behind: Behind, report: Report, show_numbers: bool) -> Json:
    return call_json(behind, report.period.local(behind.journey.arrived), show_numbers=show_numbers)


def call_json(behind: Behind, arrived: str, *, show_numbers: bool) -> Json:
    """One call behind a number; ``value`` is its part in it, made of ``of`` stays or legs."""
    journey = behind.journey
    return {
        "call": journey.call,
        "arrived": arrived,
        "number": masked(journey.number, show=show_numbers),
        "queue": journey.queue,
        "agent": journey.agent,
        "subject": journey.subject,
        "outcome": journey.outcome,
        "value": round(behind.sum, 3),
        "of": behind.of,
    }


# ---------------------------------------------------------------- CSV


def cell(value: object) -> str:
    """A value for a cell. Text that could be a formula gets an apostrophe in front: whatever a spreadsheet
    makes of the file, it computes nothing."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1 else f"{value}"
    text = str(value).replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def report_csv(report: Report, *, keys: Sequence[str] | None = None) -> str:
    """A line for each row, and the total as the last one, whose key is empty and whose first cell says so."""
    rows = [row for row in report.rows if keys is None or row.key in keys]
    lines = [["row", report.by.value, *(column.name for column in COLUMNS)]]
    lines += [_line("row", row) for row in rows]
    if keys is None:
        lines.append(_line("total", report.total))
    return _csv(lines)


def _line(kind: str, row: Row) -> list[str]:
    return [kind, cell(row.key), *(cell(value) for value in row.figures.values())]


def calls_csv(calls: Iterable[Json]) -> str:
    return _csv([list(_CALL_FIELDS), *([cell(call[name]) for name in _CALL_FIELDS] for call in calls)])


def _csv(lines: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue()


# ---------------------------------------------------------------- for people

_TABLE = (
    "calls",
    "entries",
    "answered",
    "abandoned",
    "short_abandoned",
    "service_level",
    "service_level_2",
    "asa_s",
    "handled",
    "aht_s",
    "occupancy",
    "transfers",
    "re_transfers",
    "fcr",
    "repeat_24h",
    "repeat_7d",
    "survey_share",
    "rating",
)


def said(value: float | None, kind: Kind) -> str:
    """A number as people read it."""
    if value is None:
        return "-"
    match kind:
        case Kind.COUNT:
            return f"{value:.0f}"
        case Kind.SHARE:
            return f"{100 * value:.1f} %"
        case Kind.RATING:
            return f"{value:.2f}"
        case Kind.MEAN if value < 60:
            return f"{value:.1f} s"
        case _:
            return str(timedelta(seconds=round(value)))


def report_table(report: Report) -> str:
    lines = [[report.by.value, *(BY_NAME[name].title for name in _TABLE)]]
    for key, row in [*((row.key or "(none)", row) for row in report.rows), ("total", report.total)]:
        lines.append([key, *(said(row.figure(name), BY_NAME[name].kind) for name in _TABLE)])
    text = f"{report.period.text}, by {report.by.value}\n\n{_table(lines)}"
    if report.top:
        text += "\nMost of the agents' time:\n"
    for top in report.top:
        text += f"\n{top.key or '(none)'}  {timedelta(seconds=round(top.handling_s))}\n"
        for behind in top.calls:
            arrived = report.period.local(behind.journey.arrived)
            text += f"  {said(behind.sum, Kind.SECONDS)}  {arrived}  {behind.journey.call}\n"
    return text


def calls_table(calls: Sequence[Json]) -> str:
    lines = [list(_CALL_FIELDS)]
    lines += [["-" if call[name] is None else str(call[name]) for name in _CALL_FIELDS] for call in calls]
    return f"{_table(lines)}{len(calls)} {'call' if len(calls) == 1 else 'calls'}\n"


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    text = ""
    for line in lines:
        first, *others = line
        padded = [first.ljust(widths[0]), *(o.rjust(w) for o, w in zip(others, widths[1:], strict=True))]
        text += "  ".join(padded).rstrip() + "\n"
    return text
