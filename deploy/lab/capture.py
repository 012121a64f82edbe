"""Record what a switch says while scenarios are played: raw AMI bytes, and beside them what was really heard.

    python -m deploy.lab.capture                     every scenario on Asterisk 22 and 16
    python -m deploy.lab.capture star2_completed     one
    python -m deploy.lab.capture --suite forky --to /tmp/captures queue_answered direct_busy

For each scenario, in a folder for each Asterisk version: NAME.ami.gz as an account with read=all hears it,
NAME.least.ami.gz as pbxd's own account does, and NAME.truth.json: who heard whom from when to when.
"""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.lab.files import Wishes
from deploy.lab.phones import Phones
from deploy.lab.rehearsal import WISHES, command, play_each
from deploy.lab.scenarios import SCENARIOS
from deploy.lab.stage import Stage
from deploy.lab.switch import Switch
from deploy.lab.unpack import CHECKOUT

TRACES = CHECKOUT / "tests/traces"
_LATE_S = 0.5  #: some events follow the last hang-up


async def record(stage: Stage, name: str, to: Path) -> None:
    """Play one scenario and write its three files. Raises PhoneError when the phones hear otherwise."""
    everything, least = bytearray(), bytearray()
    wide, narrow = await stage.switch.connect(), await stage.switch.connect("pbxd")
    wide.keep_raw(everything.extend)
    narrow.keep_raw(least.extend)
    try:
        await SCENARIOS[name](stage)
        truth = stage.truth()
        await stage.everybody_leaves()
        await stage.switch.leak_check()
        truth["ended"] = stage.truth()["ended"]
        await asyncio.sleep(_LATE_S)
    finally:
        await wide.close()
        await narrow.close()
    folder = to / stage.switch.version
    folder.mkdir(parents=True, exist_ok=True)
    about = inspect.getdoc(SCENARIOS[name]) or name.replace("_", " ")
    for suffix, raw in ((".ami.gz", everything), (".least.ami.gz", least)):
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(bytes(raw), 9, mtime=0))
    text = json.dumps({"scenario": name, "about": about, **truth}, ensure_ascii=False, indent=1)
    (folder / f"{name}.truth.json").write_text(text + "\n", encoding="utf-8")


async def capture(suite: str, names: Sequence[str], to: Path, wishes: Wishes = WISHES) -> list[str]:
    """Record these scenarios on one Asterisk; the names of those that did not come about."""

    async def play(stage: Stage, name: str) -> None:
        await record(stage, name, to)

    async with Switch(suite, wishes) as switch, Phones() as phones:
        return await play_each(switch, phones, names, play)


if __name__ == "__main__":
    sys.exit(command("deploy.lab.capture", __doc__.partition("\n")[0], capture, TRACES))
