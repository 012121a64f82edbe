"""Record what a switch says while scenarios are played: raw AMI bytes, and beside them what was really heard.

    python -m deploy.lab.capture                     every scenario on Asterisk 22 and 16
    python -m deploy.lab.capture star2_completed     one
    python -m deploy.lab.capture --suite forky --to /tmp/captures queue_answered direct_busy

For each scenario, in a folder for each Asterisk version: NAME.ami.gz as an account with read=all hears it,
NAME.least.ami.gz as pbxd's own account does, and NAME.truth.json: who heard whom from when to when.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import inspect
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.lab import scenarios_keys, scenarios_refer  # noqa: F401 - they fill the table of scenarios
from deploy.lab.files import Wishes
from deploy.lab.phones import PhoneError, Phones
from deploy.lab.scenarios import SCENARIOS
from deploy.lab.stage import Stage
from deploy.lab.switch import Switch, SwitchError
from deploy.lab.tools import BULLSEYE, FORKY
from deploy.lab.unpack import CHECKOUT

TRACES = CHECKOUT / "tests/traces"
_LATE_S = 0.5  #: some events follow the last hang-up

#: Short waits for nobody: what takes an operator's customers twenty seconds takes a scenario four.
WISHES = Wishes(features="atxfernoanswertimeout = 6\natxferloopdelay = 1\n")


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


async def capture(suite: str, names: Sequence[str], to: Path) -> list[str]:
    """Record these scenarios on one Asterisk; the names of those that did not come about."""
    failed = []
    async with Switch(suite, WISHES) as switch, Phones() as phones:
        stage = await Stage.set_up(switch, phones)
        for name in names:
            phones.forget()
            try:
                await record(replace(stage, transfers=[]), name, to)
                print(f"{switch.version}  {name}", flush=True)
            except (PhoneError, SwitchError) as failure:
                print(f"{switch.version}  {name}: {failure}", file=sys.stderr, flush=True)
                failed.append(name)
                await phones.hang_up_everything()
                await switch.hang_up_everything()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.lab.capture", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", help=f"scenarios: {', '.join(SCENARIOS)}")
    parser.add_argument("--suite", action="append", help="forky (22) or bullseye (16); default both")
    parser.add_argument("--to", type=Path, default=TRACES, help="folder to write into (default tests/traces)")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - SCENARIOS.keys()
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    failed = []
    for suite in arguments.suite or (FORKY, BULLSEYE):
        failed += asyncio.run(capture(suite, arguments.names or list(SCENARIOS), arguments.to))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
