"""Every figure against the book of a test that made the calls itself; docs/proof.md says what and how.

PBXD_JOURNEYS: how many on each Asterisk. PBXD_FIRST_SEED: which ones. PBXD_KINDS: only these.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.lab.centre import Centre, sums
from deploy.lab.phones import Phones, until
from pbxd.replay import replay
from tests.e2e.proof.book import Book
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.deck import deck, play
from tests.e2e.proof.house import LANES, PATIENCE_S, desks, flow, settings, wishes
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.lane import Lane
from tests.e2e.proof.truth import Truth
from tests.thorough import THOROUGH

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not THOROUGH, reason="fifty milliseconds need a machine that does nothing else: PBXD_THOROUGH=1"
    ),
]

JOURNEYS = int(os.environ.get("PBXD_JOURNEYS", "12"))
SEED = int(os.environ.get("PBXD_FIRST_SEED", "1"))
KINDS = os.environ.get("PBXD_KINDS", "").split()
TOKEN = "a-token-of-the-proof-and-of-nothing-else"


def around_today() -> dict[str, str]:
    """From yesterday to tomorrow: a test may run at midnight, in any time zone."""
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    return {"from": str(today - day), "to": str(today + day)}


@dataclass
class Days:
    """A call centre, its callers, and who listens to its switch."""

    centre: Centre
    truth: Truth
    said: bytearray  #: as pbxd's own account hears it
    lanes: list[Lane]
    journeys: list[Journey]

    @property
    def history(self) -> Path:
        return self.centre.folder / "pbxd.db"

    def keeps(self, *journeys: Journey) -> bool:
        """Would pbxd know these again if it were killed now?"""
        with sqlite3.connect(f"file:{self.history}?mode=ro", uri=True) as database:
            kept = {str(id_).rpartition(":")[2] for (id_,) in database.execute("SELECT id FROM kept")}
        return all(journey.uniqueid in kept for journey in journeys)

    async def report(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=self.centre.url, trust_env=False, headers=headers) as http:
            answer = await http.get("/api/reports", params=around_today())
        answer.raise_for_status()
        report: dict[str, Any] = answer.json()
        return report

    async def reconcile(self) -> dict[str, Any]:
        """What the command says of the switch's own books."""
        logs = self.centre.switch.folder / "log"
        books = ("--queue-log", str(logs / "queue_log"), "--cdr", str(logs / "cdr-csv/Master.csv"))
        config = ("--config", str(self.centre.settings_file))
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "pbxd.cli",
                "reconcile",
                "--json",
                "--from",
                around_today()["from"],
                *books,
                *config,
            ),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
        found: dict[str, Any] = json.loads(told)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def days(
    suite: str, all_phones: Phones, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Days]:
    folder: Path = tmp_path_factory.mktemp("proof")
    (folder / "flows").mkdir()
    (folder / "flows/main.yaml").write_text(flow())
    token = folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    tokens = [{"name": "proof", "token_file": str(token), "agents": "all"}]
    async with Centre(
        suite,
        wishes=wishes(),
        desks=desks(),
        more={**settings(), "web": {"tokens": tokens}},
        flows=folder / "flows",
    ) as centre:
        truth, said = Truth(), bytearray()
        everything, least = await centre.switch.connect(), await centre.switch.connect("pbxd")
        everything.on_event(truth.feed)
        least.keep_raw(said.extend)
        journeys: list[Journey] = []
        lanes = [
            Lane(n, centre, all_phones, truth, random.Random(f"{SEED}/{n}"), journeys)
            for n in range(1, LANES + 1)
        ]
        for lane in lanes:
            await lane.open()
        yield Days(centre, truth, said, lanes, journeys)
        _keep(centre, said)
        for lane in lanes:
            await lane.close_pages()
        await everything.close()
        await least.close()


def _keep(centre: Centre, said: bytearray) -> None:
    """For whoever wants to know why a figure differs."""
    if "PBXD_KEEP" in os.environ:
        keep = Path(os.environ["PBXD_KEEP"])
        (keep / "said.ami").write_bytes(said)
        (keep / "pbxd.log").write_text(centre.log())
        (keep / "full.log").write_text(centre.switch.log("full.log"))


async def test_every_figure_is_true(days: Days) -> None:
    await play(days.lanes, (KINDS * JOURNEYS or deck(SEED, JOURNEYS))[:JOURNEYS])
    await days.centre.quiet()
    book = Book(days.truth, days.journeys)
    book.add(days.journeys)
    compared = Compared(book)
    compared.compare_metrics(await days.centre.metrics())
    compared.compare_store(days.history, days.journeys)
    compared.compare_report(await days.report())
    replayed = replay(io.BytesIO(bytes(days.said))).as_json()
    compared.same("calls in the capture", len(days.journeys), len(replayed["calls"]))
    compared.compare_replay(replayed, days.history)
    print(f"{len(days.journeys)} journeys, {compared.checks} numbers compared")
    assert not compared.differences, "\n" + "\n".join(compared.differences)
    found = await days.reconcile()
    assert not found["mismatches"], [each for each in found["findings"] if not each["explained"]]
    assert found["calls"] >= len(days.journeys)


async def test_killed_in_the_middle(days: Days) -> None:
    """One caller talks, one waits and is answered meanwhile, one comes and goes unseen; then all goes on."""
    before = list(days.journeys)
    first, second, third = days.lanes
    talks = _begun(days, first, "killed_while_talking", disturbed=False)
    await first.reaches("311", first.a, "main1")
    waits = _begun(days, second, "killed_while_waiting")
    await second.dial("321")
    await second.a.rings(PATIENCE_S)
    await first.knows()
    await until(lambda: days.keeps(talks, waits), lambda: "pbxd does not keep the calls", PATIENCE_S)
    for lane in days.lanes:
        await lane.close_pages()
    await days.centre.kill_pbxd()
    await second.is_answered(second.a, "main2")
    _begun(days, third, "unseen")
    await third.reaches("331", third.a, "main3")
    await third.goodbye(third.a)
    await until(lambda: third.now.uniqueid in days.truth.ended, lambda: "the unseen call stays", PATIENCE_S)
    days.journeys.remove(third.now)
    await days.centre.start_pbxd()
    await first.open_pages()
    await second.open_pages()
    await third.open_pages()
    await first.goodbye(first.a)
    await second.goodbye(second.a)
    await first.all_over()
    await second.all_over()
    await play(days.lanes, ["answered"] * 2 + ["given_up"])
    await days.centre.quiet()
    fresh = [journey for journey in days.journeys if journey not in [*before, talks, waits]]
    since = Book(days.truth, [talks, waits, *fresh])
    for journey in since.journeys:
        since.count_call(journey)
    compared = Compared(Book(days.truth, days.journeys))
    metrics = await days.centre.metrics()
    compared.same("arrived", len(fresh), sums(metrics, "pbxd_calls_arrived_total"))
    compared.same("missed", 1, sums(metrics, "pbxd_calls_missed_total"))
    compared.compare_counts(since, "pbxd_calls_total", metrics)
    compared.compare_store(days.history, [*before, talks, *fresh])
    compared.compare_disturbed(days.history, [waits])
    assert not compared.differences, "\n" + "\n".join(compared.differences)


def _begun(days: Days, lane: Lane, kind: str, *, disturbed: bool = True) -> Journey:
    lane.now = lane.another(kind)
    lane.now.disturbed = disturbed
    days.journeys.append(lane.now)
    return lane.now
