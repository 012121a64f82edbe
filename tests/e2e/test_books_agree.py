"""Calls on a real Asterisk: the history agrees with the books that Asterisk kept of them, the report with
what was played, and a line that somebody changes afterwards is found."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.lab.centre import Centre
from deploy.lab.files import Wishes
from deploy.lab.phones import until
from tests.e2e.floor import OUTSIDE, SETTINGS, SKILLED, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]

WRAP_UP_S = 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor_centre(suite: str) -> AsyncIterator[Centre]:
    """One whose Asterisk keeps its books."""
    wishes = Wishes(extensions=OUTSIDE, cdr=True)
    more = {**SETTINGS, "wrap_up": {**SETTINGS["wrap_up"], "default": f"{WRAP_UP_S}s"}}
    async with Centre(suite, wishes=wishes, desks=SKILLED, more=more) as centre:
        yield centre


async def play(floor: Floor) -> None:
    """Answered; given up; timed out; handed over by pbxd, attended; handed over on the phone, blind."""
    await floor.call()
    await floor.goodbye(floor.caller, floor.anna)

    await floor.caller.dial("501")
    await floor.anna.rings()
    await floor.caller.hang_up()
    await floor.anna.on_hook()

    line = await floor.caller.dial("601")
    await floor.anna.rings()
    await floor.caller.on_hook(line, within_s=30)

    await floor.talking()
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.ends("completed")
    await in_the_middle(floor)
    await floor.goodbye(floor.caller, floor.bruno)

    for agent in ("anna", "bruno"):
        await floor.agent_is(agent, "ready")
    await floor.call()
    await floor.anna.blind_transfer("1002")
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)


async def in_the_middle(floor: Floor) -> None:
    """The caller talks with his second agent; of the first the switch's book tells already."""
    log = floor.centre.switch.folder / "log"
    queue_log = log / "queue_log"

    def first_is_done() -> bool:
        text = queue_log.read_text()
        return text.count("|CONNECT|") == len(re.findall(r"\|(?:COMPLETE|\w+TRANSFER)", text))

    await until(first_is_done, queue_log.read_text, 30)
    books = ("--from", before_all(queue_log), "--queue-log", queue_log, "--cdr", log / "cdr-csv/Master.csv")
    code, told = await pbxd(floor.centre, "reconcile", *books, "--json")
    assert (code, told["mismatches"]) == (0, {}), json.dumps(told["findings"], indent=1)
    assert told["explained"]["in_progress"] >= 1


def kept(centre: Centre) -> tuple[int, int]:
    """Contacts in the history, and the times for notes after them that are over."""
    connection = sqlite3.connect(centre.folder / "pbxd.db")
    notes = "SELECT count(*) FROM stretches WHERE stage = 'wrap_up' AND ended IS NOT NULL"
    try:
        counted = [connection.execute(query) for query in ("SELECT count(*) FROM contacts", notes)]
        contacts, wrap_ups = (int(rows.fetchone()[0]) for rows in counted)
    finally:
        connection.close()
    return contacts, wrap_ups


def before_all(queue_log: Path) -> str:
    """A moment before all of it, as the command takes it."""
    first = int(queue_log.read_text().split("|", 1)[0]) - 60
    return datetime.fromtimestamp(first, UTC).isoformat()


async def pbxd(centre: Centre, command: str, *arguments: object) -> tuple[int, Json]:
    """Run a command with the centre's settings; its exit code and what it printed as JSON."""
    words = [command, "--config", str(centre.settings_file), *map(str, arguments)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PBXD_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pbxd.cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    assert process.returncode in (0, 1), errors.decode()
    return process.returncode, json.loads(out)


async def test_the_history_agrees_with_the_switchs_books(floor: Floor, tmp_path: Path) -> None:
    await play(floor)
    centre, log = floor.centre, floor.centre.switch.folder / "log"
    await centre.quiet()
    await until(lambda: kept(centre) == (5, 5), lambda: f"contacts and notes kept: {kept(centre)}", 30)
    queue_log, cdr = log / "queue_log", log / "cdr-csv/Master.csv"
    await until(lambda: cdr.read_text().count('"Queue"') >= 5, cdr.read_text, 30)

    books = ("--from", before_all(queue_log))
    code, told = await pbxd(centre, "reconcile", *books, "--queue-log", queue_log, "--cdr", cdr, "--json")
    assert (code, told["mismatches"]) == (0, {}), json.dumps(told["findings"], indent=1)
    assert (told["stays"], told["calls"]) == (5, 5)

    code, report = await pbxd(centre, "report", *books, "--format", "json")
    (queue,) = report["rows"]
    assert (queue["key"], queue["calls"], queue["entries"]) == ("q501", 5, 5)
    assert (queue["answered"], queue["timed_out"]) == (3, 1)
    assert queue["abandoned"] == 1
    assert (queue["handled"], queue["transfers_completed"]) == (5, 2)
    # Each agent wrote his notes after his own part; a moment passes until pbxd may unpause him.
    assert queue["wrap_up_s"] >= 5 * WRAP_UP_S * 0.9
    assert queue["aht_s"] * 5 == pytest.approx(
        queue["talk_s"] + queue["hold_s"] + queue["wrap_up_s"], abs=0.02
    )

    changed = tmp_path / "queue_log"
    text, number = re.subn(r"\|EXITWITHTIMEOUT\|", "|ABANDON|", queue_log.read_text())
    assert number == 1
    changed.write_text(text)
    code, told = await pbxd(centre, "reconcile", *books, "--queue-log", changed, "--json")
    assert (code, told["mismatches"]) == (1, {"outcome": 1})
    (wrong,) = [each for each in told["findings"] if each["explained"] is None]
    assert (wrong["queue"], wrong["here"], wrong["there"]) == ("q501", "timeout", "ABANDON")
