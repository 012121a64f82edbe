"""Scenarios played one after the other on one Asterisk after the other, for what is to be kept of them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.lab import scenarios_keys, scenarios_refer  # noqa: F401 - they fill the table of scenarios
from deploy.lab.files import Wishes
from deploy.lab.phones import PhoneError, Phones
from deploy.lab.scenarios import SCENARIOS
from deploy.lab.stage import Stage
from deploy.lab.switch import Switch, SwitchError
from deploy.lab.tools import BULLSEYE, FORKY

#: Short waits for nobody: what takes an operator's customers twenty seconds takes a scenario four.
WISHES = Wishes(features="atxfernoanswertimeout = 6\natxferloopdelay = 1\n")

Keep = Callable[[str, Sequence[str], Path], Coroutine[Any, Any, list[str]]]
"""Play these scenarios on the Asterisk of this suite and write what is kept into this folder; the names of
those that did not come about."""


async def play_each(
    switch: Switch, phones: Phones, names: Sequence[str], play: Callable[[Stage, str], Awaitable[None]]
) -> list[str]:
    """Play these; the names of those in which the phones heard otherwise, or something was left behind."""
    failed = []
    stage = await Stage.set_up(switch, phones)
    for name in names:
        phones.forget()
        try:
            await play(replace(stage, transfers=[]), name)
            print(f"{switch.version}  {name}", flush=True)
        except (PhoneError, SwitchError) as failure:
            print(f"{switch.version}  {name}: {failure}", file=sys.stderr, flush=True)
            failed.append(name)
            await phones.hang_up_everything()
            await switch.hang_up_everything()
    return failed


def command(module: str, about: str, keep: Keep, to: Path, scenarios: Sequence[str] = ()) -> int:
    """The command line of such a module; its exit code. ``scenarios``: those that are usual, else all."""
    usual = scenarios or list(SCENARIOS)
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("names", nargs="*", help=f"scenarios: {', '.join(usual)}; default: all of these")
    parser.add_argument("--suite", action="append", help="forky (22) or bullseye (16); default both")
    parser.add_argument("--to", type=Path, default=to, help="folder to write into (default %(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - SCENARIOS.keys()
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    failed = []
    for suite in arguments.suite or (FORKY, BULLSEYE):
        failed += asyncio.run(keep(suite, arguments.names or usual, arguments.to))
    return 1 if failed else 0
