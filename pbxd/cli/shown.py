"""What commands print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from pbxd.cli.ends import FAULTS

if TYPE_CHECKING:
    from pbxd.check.findings import Finding


def print_json(value: Any) -> None:
    """JSON that a terminal can be shown: what json leaves as it is may still be a control character."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def print_lines(text: str) -> None:
    """Lines for people, with what strangers wrote in them made harmless for the terminal."""
    from pbxd.edge.visible import visible

    for line in text.removesuffix("\n").split("\n"):
        typer.echo(visible(line))


def print_findings(findings: Sequence[Finding], *, as_json: bool = False, strict: bool = False) -> NoReturn:
    """Print what was found, and end with the code that it deserves. ``strict``: warnings are faults, too."""
    from pbxd.check.findings import Severity

    count = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    if as_json:
        print_json({"findings": [f.as_json() for f in findings], **{f"{s}s": n for s, n in count.items()}})
    else:
        for finding in findings:
            print_lines(str(finding))
        typer.echo(", ".join(f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in count.items()))
    failed = count[Severity.ERROR] or (strict and count[Severity.WARNING])
    raise typer.Exit(FAULTS if failed else 0)


def since(seconds: float) -> str:
    """As minutes and seconds."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; as wide as it needs where it is not a terminal that is read but a program."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pbxd.edge.visible import visible

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in ("ID", "FOR"))
    for row in rows:
        # Text, so that a name with brackets in it is no markup.
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else 220, highlight=False).print(table)
