"""Record a switch's own books beside what it said: its queue_log and its call detail records.

    python -m deploy.lab.books                    on Asterisk 22 and 16
    python -m deploy.lab.books --suite forky queue_answered star2_completed

For each Asterisk version, in one folder: ``said.ami.gz`` (raw AMI bytes of all the scenarios, from which the
history of the same calls is made), ``queue_log.gz`` and ``Master.csv.gz``.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.lab import scenarios_keys, scenarios_refer  # noqa: F401 - they fill the table of scenarios
from deploy.lab.capture import WISHES
from deploy.lab.phones import PhoneError, Phones
from deploy.lab.scenarios import SCENARIOS
from deploy.lab.stage import Stage
from deploy.lab.switch import Switch, SwitchError
from deploy.lab.tools import BULLSEYE, FORKY
from deploy.lab.unpack import CHECKOUT

BOOKS = CHECKOUT / "tests/books"
_LATE_S = 2.0  #: the last records are written a moment after the last hang-up


async def keep_books(suite: str, names: Sequence[str], to: Path) -> list[str]:
    """Play these scenarios on one Asterisk and keep its books; the names of those that did not come about."""
    failed = []
    said = bytearray()
    async with Switch(suite, replace(WISHES, cdr=True)) as switch, Phones() as phones:
        listening = await switch.connect("pbxd")
        listening.keep_raw(said.extend)
        stage = await Stage.set_up(switch, phones)
        for name in names:
            phones.forget()
            try:
                await SCENARIOS[name](replace(stage, transfers=[]))
                await stage.everybody_leaves()
                await switch.leak_check()
                print(f"{switch.version}  {name}", flush=True)
            except (PhoneError, SwitchError) as failure:
                print(f"{switch.version}  {name}: {failure}", file=sys.stderr, flush=True)
                failed.append(name)
                await phones.hang_up_everything()
                await switch.hang_up_everything()
        await asyncio.sleep(_LATE_S)
        await listening.close()
        folder = to / switch.version
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            "said.ami.gz": bytes(said),
            "queue_log.gz": (switch.folder / "log/queue_log").read_bytes(),
            "Master.csv.gz": (switch.folder / "log/cdr-csv/Master.csv").read_bytes(),
        }
        for name, text in texts.items():
            (folder / name).write_bytes(gzip.compress(text, 9, mtime=0))
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.lab.books", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", help="scenarios; default: all")
    parser.add_argument("--suite", action="append", help="forky (22) or bullseye (16); default both")
    parser.add_argument("--to", type=Path, default=BOOKS, help="folder to write into (default tests/books)")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - SCENARIOS.keys()
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    failed = []
    for suite in arguments.suite or (FORKY, BULLSEYE):
        failed += asyncio.run(keep_books(suite, arguments.names or list(SCENARIOS), arguments.to))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
