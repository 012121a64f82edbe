"""What commands print."""

from __future__ import annotations

from typing import Any

import typer


def print_json(value: Any) -> None:
    """JSON that a terminal can be shown: what json leaves as it is may still be a control character."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))
