"""Record a switch's own books beside what it said: its queue_log and its call detail records.

    python -m deploy.lab.books                    on Asterisk 22 and 16
    python -m deploy.lab.books --suite forky queue_answered star2_completed

For each Asterisk version, in one folder: ``said.ami.gz`` (raw AMI bytes of all the scenarios, from which the
history of the same calls is made), ``queue_log.gz`` and ``Master.csv.gz``.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.lab.phones import Phones
from deploy.lab.rehearsal import WISHES, command, play_each
from deploy.lab.scenarios import SCENARIOS
from deploy.lab.stage import Stage
from deploy.lab.switch import Switch
from deploy.lab.unpack import CHECKOUT

BOOKS = CHECKOUT / "tests/books"
_LATE_S = 2.0  #: the last records are written a moment after the last hang-up


async def keep_books(suite: str, names: Sequence[str], to: Path) -> list[str]:
    """Play these scenarios on one Asterisk and keep its books; the names of those that did not come about."""
    said = bytearray()
    async with Switch(suite, replace(WISHES, cdr=True)) as switch, Phones() as phones:
        listening = await switch.connect("pbxd")
        listening.keep_raw(said.extend)
        failed = await play_each(switch, phones, names, _play)
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


async def _play(stage: Stage, name: str) -> None:
    await SCENARIOS[name](stage)
    await stage.everybody_leaves()
    await stage.switch.leak_check()


if __name__ == "__main__":
    sys.exit(command("deploy.lab.books", __doc__.partition("\n")[0], keep_books, BOOKS))
