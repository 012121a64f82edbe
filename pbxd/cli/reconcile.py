"""``pbxd reconcile``: whether the history is right, by the books that Asterisk itself keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbxd.cli.config import CONFIG, Config, settings_of
from pbxd.cli.ends import FAULTS, UNUSABLE, end_with
from pbxd.cli.shown import print_json, print_lines

if TYPE_CHECKING:
    from pbxd.edge.reconciling import Books
    from pbxd.reconcile.findings import Comparison, Finding
    from pbxd.reports.period import Period
    from pbxd.settings.model import Settings


def reconcile(
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="2026-11-01 or 2026-11-01T09:00; else yesterday."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="A date is meant with its whole day; else now.")
    ] = None,
    queue_log: Annotated[
        Path | None, typer.Option(help="Asterisk's queue_log; else as the settings say.")
    ] = None,
    cdr: Annotated[Path | None, typer.Option(help="Its Master.csv; else as the settings say.")] = None,
    node: Annotated[
        str | None, typer.Option(help="Whose books they are, if there are several nodes.")
    ] = None,
    explained: Annotated[
        bool, typer.Option("--explained", help="List the differences that are explained, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    config: Config = CONFIG,
) -> None:
    """Compare the history with Asterisk's queue_log and call detail records. Exit code 1: they differ, or a
    book tells nothing of the period."""
    from pbxd.edge.reconciling import reconcile as compare
    from pbxd.edge.store.faults import StoreError
    from pbxd.edge.store.reports import Reader
    from pbxd.reconcile.findings import as_json as told

    settings = settings_of(config)
    period = _period(settings, start, end)
    books = _books(settings, queue_log, cdr, node)
    try:
        reader = Reader(settings.store, timeout_s=settings.reports.timeout)
        compared = compare(reader, books, period.start, period.end)
    except StoreError as error:
        end_with(UNUSABLE, str(error))
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        end_with(UNUSABLE if error.filename else FAULTS, where)
    if as_json:
        print_json({"from": period.local(period.start), "to": period.local(period.end), **told(compared)})
    else:
        _tell(compared, period, explained)
    raise typer.Exit(FAULTS if compared.mismatches or compared.silent else 0)


def _period(settings: Settings, start: str | None, end: str | None) -> Period:
    import time

    from pbxd.reports.period import PeriodError, period_of

    zone, now = settings.reports.zone, time.time()
    try:
        if start is None and end is None:
            today = period_of(zone=zone, now=now)
            return period_of(zone=zone, now=today.start - 1)
        return period_of(zone=zone, now=now, start=start, end=end)
    except PeriodError as error:
        end_with(UNUSABLE, f"--{error}")


def _books(settings: Settings, queue_log: Path | None, cdr: Path | None, node: str | None) -> Books:
    from dataclasses import replace
    from datetime import UTC

    from pbxd.edge.reconciling import Books
    from pbxd.from_settings import books

    said = {each.node: each for each in books(settings)}
    names = [each.name for each in settings.nodes]
    likely = list(said) if len(said) == 1 else names
    chosen = node or (likely[0] if len(likely) == 1 else "")
    if chosen not in names:
        end_with(UNUSABLE, f"--node: must be one of {', '.join(names)}")
    kept = said.get(chosen, Books(node=chosen, cdr_zone=UTC))
    if queue_log is not None or cdr is not None:
        kept = replace(kept, queue_log=queue_log, cdr=cdr)
    if kept.queue_log is None and kept.cdr is None:
        end_with(UNUSABLE, "--queue-log, --cdr: give one of them, or reconcile.books in the settings")
    return kept


def _tell(compared: Comparison, period: Period, explained: bool) -> None:
    from pbxd.reconcile.findings import REASONS, Known

    print_lines(f"{period.text}: {compared.stays} stays in queues and {compared.calls} calls compared")
    mismatches = compared.mismatches
    if mismatches:
        print_lines("\nNot explained:")
    for found in mismatches:
        print_lines(_line(found, period))
    counts = compared.counts(explained=True)
    if counts:
        print_lines("\nExplained:")
    for kind, number in sorted(counts.items()):
        print_lines(f"{number:6}  {kind}: {REASONS[Known(kind)]}")
        for found in compared.findings if explained else ():
            if found.kind.value == kind:
                print_lines(f"        {_line(found, period)}")
    for book in compared.silent:
        print_lines(f"\nNot compared: the {book} begins after all of this")
    print_lines(f"\n{len(mismatches)} not explained, {sum(counts.values())} explained")


def _line(found: Finding, period: Period) -> str:
    who = found.call or found.uniqueid
    where = f" {found.queue}" if found.queue else ""
    return (
        f"{period.local(found.at)}  {found.kind.value}  {who}{where}: here {found.here}; there {found.there}"
    )
