"""How commands end."""

from __future__ import annotations

from typing import NoReturn

import typer

FAULTS = 1
UNUSABLE = 2  #: the command line or the settings
INTERRUPTED = 130


def end_with(code: int, why: str) -> NoReturn:
    """Say on standard error why, and end with this code."""
    from pbxd.edge.visible import visible

    typer.echo(visible(why), err=True)
    raise typer.Exit(code)
