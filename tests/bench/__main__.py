"""``make bench``: every figure beside its peer, measured in the same run.

Each module ``bench_*.py`` here has a function ``rows()`` that returns dicts with the keys name, pbxd,
peer, ratio, goal and met (``met`` None: told for information). Nothing here is a test: a goal that is missed
is shown. What needs a program that cannot be had here says so and is left out; the exit status is 1 only when
something that should work could not be measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import tests.bench as folder
from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError

KEYS = ("name", "pbxd", "peer", "ratio", "goal", "met")
REPORT = Path(".cache/bench.json")


def modules() -> list[str]:
    """The names behind ``bench_``, sorted."""
    found = pkgutil.iter_modules(folder.__path__)
    return sorted(m.name.removeprefix("bench_") for m in found if m.name.startswith("bench_"))


def measure(name: str, console: Console) -> tuple[list[dict[str, Any]], bool]:
    """The rows of one module, and whether it could be measured."""
    began = time.monotonic()
    with console.status(f"measuring {name} …"):
        try:
            rows: Callable[[], list[dict[str, Any]]] = importlib.import_module(
                f"tests.bench.bench_{name}"
            ).rows
            measured = [{key: row[key] for key in KEYS} for row in rows()]
        except (UnpackError, NoArchiveError) as missing:
            console.print(f"[yellow]{name} is not measured here:[/yellow]", str(missing))
            return [], True
        except Exception:
            console.print(f"[red]{name} could not be measured:[/red]")
            console.print(traceback.format_exc(), markup=False, highlight=False)
            return [], False
    console.print(f"[dim]{name}: {len(measured)} rows in {time.monotonic() - began:.0f} s[/dim]")
    return measured, True


def table(rows: list[dict[str, Any]]) -> Table:
    drawn = Table(title="pbxd beside its peers")
    drawn.add_column("what", overflow="fold")
    for column in ("pbxd", "peer", "ratio"):
        drawn.add_column(column, justify="right")
    drawn.add_column("goal")
    drawn.add_column("met")
    for row in rows:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row["met"]]
        drawn.add_row(row["name"], *(_text(row[key]) for key in ("pbxd", "peer", "ratio", "goal")), met)
    return drawn


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> int:
    names = modules()
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"one of: {', '.join(names)}"
    )
    chosen = parser.parse_args().only or names
    console = Console(width=None if sys.stdout.isatty() else 140)
    rows: list[dict[str, Any]] = []
    sound = True
    for name in chosen:
        measured, complete = measure(name, console)
        rows += measured
        sound = sound and complete
    console.print(table(rows))
    REPORT.parent.mkdir(exist_ok=True)
    part = REPORT.with_suffix(".part")
    part.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    os.replace(part, REPORT)
    missed = [row["name"] for row in rows if row["met"] is False]
    console.print(f"{REPORT} written, {os.cpu_count()} processors, goals missed: {len(missed)}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
