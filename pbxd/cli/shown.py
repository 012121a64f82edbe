"""What commands print."""

from __future__ import annotations

from typing import Any, NoReturn

import typer


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


def end_with(code: int, why: str) -> NoReturn:
    """Say on standard error why, and end with this code."""
    from pbxd.edge.visible import visible

    typer.echo(visible(why), err=True)
    raise typer.Exit(code)
