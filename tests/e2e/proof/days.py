"""A day in the call centre of the proof: who calls, who serves, and who listens to the switch.

PBXD_JOURNEYS: how many on each Asterisk. PBXD_FIRST_SEED: which ones. PBXD_KINDS: only these.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.lab.ami import Ami
from deploy.lab.centre import Centre
from deploy.lab.phones import Phones
from pbxd.cli import app
from tests.e2e.proof.crowd import Crowd
from tests.e2e.proof.house import LANES, SURVEY, desks, flow, settings, wishes
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.lane import Lane
from tests.e2e.proof.truth import Truth
from tests.integration.gate import Gate
from tests.thorough import THOROUGH

JOURNEYS = int(os.environ.get("PBXD_JOURNEYS", "14"))
SEED = int(os.environ.get("PBXD_FIRST_SEED", "1"))
KINDS = os.environ.get("PBXD_KINDS", "").split()
ALONE = pytest.mark.skipif(
    not THOROUGH, reason="fifty milliseconds need a machine that does nothing else: PBXD_THOROUGH=1"
)
TOKEN = "a-token-of-the-proof-and-of-nothing-else"


def around_today() -> dict[str, str]:
    """From yesterday to tomorrow: a test may run at midnight, in any time zone."""
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    return {"from": str(today - day), "to": str(today + day)}


@dataclass
class Days:
    """A call centre, its callers, and who listens to its switch."""

    centre: Centre
    phones: Phones
    truth: Truth
    said: bytearray  #: as pbxd's own account hears it
    lanes: list[Lane]
    journeys: list[Journey]
    crowd: Crowd
    gate: Gate  #: between pbxd and its switch
    ears: list[Ami] = field(default_factory=list)  #: on the switch

    async def listen(self) -> None:
        """Hear all that the switch says from now on, and what it says to pbxd's own account."""
        everything, least = await self.centre.switch.connect(), await self.centre.switch.connect("pbxd")
        everything.on_event(self.truth.feed)
        least.keep_raw(self.said.extend)
        self.ears = [everything, least]

    async def close_ears(self) -> None:
        for ear in self.ears:
            await ear.close()
        self.ears.clear()

    @property
    def history(self) -> Path:
        return self.centre.folder / "pbxd.db"

    @property
    def interfaces(self) -> list[str]:
        """Of all agents."""
        return [f"PJSIP/{desk.phones[0]}" for desk in self.centre.desks]

    def keeps(self, *journeys: Journey) -> bool:
        """Would pbxd know these again if it were killed now?"""
        with sqlite3.connect(f"file:{self.history}?mode=ro", uri=True) as database:
            kept = {str(id_).rpartition(":")[2] for (id_,) in database.execute("SELECT id FROM kept")}
        return all(journey.uniqueid in kept for journey in journeys)

    async def reconcile(self) -> dict[str, Any]:
        """What the command says of the switch's own books."""
        logs = self.centre.switch.folder / "log"
        books = ("--queue-log", str(logs / "queue_log"), "--cdr", str(logs / "cdr-csv/Master.csv"))
        config = ("--config", str(self.centre.settings_file))
        return await _pbxd("reconcile", "--json", "--from", around_today()["from"], *books, *config)

    async def replay(self) -> dict[str, Any]:
        """What the command makes of all that pbxd's own account has heard."""
        capture = self.centre.folder / "said.ami"
        capture.write_bytes(self.said)
        return await _pbxd("replay", "--json", str(capture))

    def begun(self, lane: Lane, kind: str, *, disturbed: bool = True) -> Journey:
        """A journey of this lane that a test plays step by step; disturbed: pbxd will not see all of it."""
        lane.now = lane.another(kind)
        lane.now.disturbed = disturbed
        self.journeys.append(lane.now)
        return lane.now


async def _pbxd(*words: str) -> dict[str, Any]:
    """The JSON that this command of pbxd prints."""
    found: dict[str, Any] = json.loads(await printed(*words))
    return found


async def printed(*words: str) -> str:
    """What ``pbxd WORDS`` prints; no process of its own, whose start would take longer than what it does."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert ran.stdout, ran.output
    return ran.stdout


@asynccontextmanager
async def opened(suite: str, phones: Phones, folder: Path) -> AsyncIterator[Days]:
    """The call centre on this Asterisk, nobody in it yet."""
    (folder / "flows").mkdir()
    (folder / "flows/main.yaml").write_text(flow())
    (folder / "flows/survey.yaml").write_text(SURVEY)
    token = folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    tokens = [{"name": "proof", "token_file": str(token), "agents": "all"}]
    more = {**settings(), "web": {"tokens": tokens}}
    gate = Gate(0)

    async def through(port: int) -> int:
        gate.open(port)
        return gate.port

    async with (
        gate,
        Centre(
            suite, wishes=wishes(), desks=desks(), more=more, flows=folder / "flows", between=through
        ) as centre,
    ):
        truth, said = Truth(), bytearray()
        journeys: list[Journey] = []
        lanes = [
            Lane(n, centre, phones, truth, random.Random(f"{SEED}/{n}"), journeys)
            for n in range(1, LANES + 1)
        ]
        crowd = Crowd(centre, phones, truth, random.Random(f"{SEED}/crowd"))
        days = Days(centre, phones, truth, said, lanes, journeys, crowd, gate)
        await days.listen()
        for lane in lanes:
            await lane.open()
        await crowd.open()
        yield days
        _keep(centre, said)
        for lane in lanes:
            await lane.close_pages()
        await days.close_ears()


def _keep(centre: Centre, said: bytearray) -> None:
    """For whoever wants to know why a figure differs."""
    if "PBXD_KEEP" in os.environ:
        keep = Path(os.environ["PBXD_KEEP"])
        centre.keep_logs(keep)
        (keep / "said.ami").write_bytes(said)
