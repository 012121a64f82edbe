"""``pbxd draw``: state machines as diagrams, generated from their tables."""

from __future__ import annotations

from typing import Annotated

import typer

draw_app = typer.Typer(help="State machines as diagrams, made from their tables.", no_args_is_help=True)


@draw_app.callback()
def draw() -> None:
    """State machines as diagrams, made from their tables."""


@draw_app.command()
def transfers(
    rows: Annotated[
        bool, typer.Option("--rows", help="Every row of the table instead, as Markdown.")
    ] = False,
) -> None:
    """What can happen in a transfer, as a diagram for Mermaid."""
    from pbxd.transfers import draw as diagrams

    print(diagrams.rows() if rows else diagrams.mermaid(), end="")
