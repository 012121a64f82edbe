"""``pbxd report``: figures of a day, a week or any period from the history, and the calls behind each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pbxd.cli.config import CONFIG, Config, settings_of
from pbxd.cli.ends import FAULTS, UNUSABLE, end_with
from pbxd.cli.shown import print_json, print_lines
from pbxd.reports.period import Span
from pbxd.reports.shares import By

if TYPE_CHECKING:
    from pbxd.edge.store.reports import Reader
    from pbxd.reports.report import Asked


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def report(
    span: Annotated[Span, typer.Argument(help="day, or week: Monday to Sunday.")] = Span.DAY,
    on: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="The day, or one of the week; else today.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Instead: 2026-11-01 or 2026-11-01T09:00.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="A date is meant with its whole day.")
    ] = None,
    by: Annotated[By, typer.Option(help="What the rows are.")] = By.QUEUE,
    as_: Annotated[Format, typer.Option("--format", "-f", help="How it is printed.")] = Format.TABLE,
    calls: Annotated[bool, typer.Option("--calls", help="List the calls behind one number instead.")] = False,
    key: Annotated[
        str | None, typer.Option(help="With --calls: the row that it stands in; else that of the total.")
    ] = None,
    figure: Annotated[str, typer.Option(help="With --calls: the column that it stands in.")] = "calls",
    numbers: Annotated[bool, typer.Option("--numbers", help="Show callers' numbers in full.")] = False,
    config: Config = CONFIG,
) -> None:
    """Figures of a period: calls, service level, handling time, transfers, callers who came again."""
    import time

    from pbxd.edge.store.faults import StoreError
    from pbxd.edge.store.reports import Reader
    from pbxd.from_settings import report_rules
    from pbxd.reports.columns import BY_NAME
    from pbxd.reports.period import PeriodError, period_of
    from pbxd.reports.report import Asked

    settings = settings_of(config)
    now = time.time()
    try:
        period = period_of(zone=settings.reports.zone, now=now, span=span, on=on, start=start, end=end)
    except PeriodError as error:
        end_with(UNUSABLE, f"--{error}")
    if figure not in BY_NAME:
        end_with(UNUSABLE, f"--figure: {figure!r} is none of {', '.join(BY_NAME)}")
    asked = Asked(period=period, by=by, rules=report_rules(settings), now=now)
    show = numbers or settings.reports.show_numbers
    try:
        reader = Reader(settings.store, timeout_s=settings.reports.timeout)
        if calls:
            _calls(reader, asked, key, figure, as_, show)
        else:
            _report(reader, asked, as_, show)
    except StoreError as error:
        end_with(UNUSABLE, str(error))
    except OSError as error:
        end_with(FAULTS, str(error))


def _report(reader: Reader, asked: Asked, as_: Format, show: bool) -> None:
    from pbxd.edge.store.reports import make_report
    from pbxd.reports.shown import report_csv, report_json, report_table

    made = make_report(reader, asked)
    match as_:
        case Format.JSON:
            print_json(report_json(made, show_numbers=show))
        case Format.CSV:
            typer.echo(report_csv(made), nl=False)
        case Format.TABLE:
            print_lines(report_table(made))


def _calls(reader: Reader, asked: Asked, key: str | None, figure: str, as_: Format, show: bool) -> None:
    from pbxd.edge.store.reports import find_calls
    from pbxd.reports.shown import call_json, calls_csv, calls_table

    found = find_calls(reader, asked, key, figure)
    told = [call_json(each, asked.period.local(each.journey.arrived), show_numbers=show) for each in found]
    match as_:
        case Format.JSON:
            print_json({"calls": told})
        case Format.CSV:
            typer.echo(calls_csv(told), nl=False)
        case Format.TABLE:
            print_lines(calls_table(told))
