"""Every figure against the book while pbxd is killed, its link cut and Asterisk ended; docs/proof.md."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.lab.centre import sums
from tests.e2e.proof.asked import Asked
from tests.e2e.proof.book import Book, Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.counted import Counted, compare_lives
from tests.e2e.proof.days import ALONE, JOURNEYS, KINDS, SEED, Days
from tests.e2e.proof.deck import deck, play
from tests.e2e.proof.glimpsed import Glimpsed
from tests.e2e.proof.history import History, rows_of, rows_of_all
from tests.e2e.proof.house import CROWD
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.recounted import BY, recount
from tests.e2e.proof.storm import Storm

PLAYED = 3 * JOURNEYS // 2  #: in the lanes, and half as many in the crowd: so long does the storm last
STORMS = int(os.environ.get("PBXD_STORMS", str(max(1, JOURNEYS // 12))))  #: of each sort

FAULTS = (
    "pbxd_failed_steps_total",
    "pbxd_failed_effects_total",
    "pbxd_metrics_faults_total",
    "pbxd_transfer_orphans_total",
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), ALONE]


async def played(days: Days) -> Storm:
    """All have played, and it is quiet again."""
    storm = Storm(days, random.Random(f"{SEED}/storm"))
    scraper = asyncio.create_task(storm.lives.scrapes_on(days.centre))
    async with asyncio.TaskGroup() as everybody:
        everybody.create_task(storm.rage(STORMS))
        everybody.create_task(play(days.lanes, (KINDS * PLAYED or deck(SEED, PLAYED))[:PLAYED]))
        everybody.create_task(days.crowd.play(PLAYED // 2))
    await days.centre.quiet()
    scraper.cancel()
    storm.lives.read(await days.centre.metrics())
    return storm


def journeys_of(days: Days) -> list[Journey]:
    """All of which the switch knows, with what it says of those in the crowd."""
    found = [each for each in (*days.journeys, *days.crowd.journeys) if each.uniqueid]
    for journey in found:
        if journey.lane == CROWD:
            days.crowd.tell(journey)
    return found


def compare_history(days: Days, storm: Storm, compared: Compared, rows: Mapping[str, list[Json]]) -> int:
    """Each journey with the switch, and its rows with the counters; how many pbxd has seen wholly."""
    glimpsed, history = Glimpsed(storm, compared), History(days.history, compared)
    sure, unsure, whole = Counted(), Counted(), 0
    stories, lost = list[str](), list[float]()
    for journey in compared.book.journeys:
        mine, before = rows_of(rows, journey), len(compared.differences)
        if glimpsed.whole(journey):
            whole += 1
            history.compare_contact(journey, mine)
        else:
            glimpsed.compare(journey, mine)
        stories.append(f"    {glimpsed.story(journey)}\n    {mine}")
        if len(compared.differences) > before:
            compared.differences.append(stories[-1])
        edges = glimpsed.edges(journey)
        (unsure if edges else sure).add(mine)
        lost += [compared.book.ended(journey) - compared.book.arrived(journey)] * edges
    compare_lives(compared, storm.lives.sums, sure, unsure, lost)
    if "PBXD_KEEP" in os.environ:
        (Path(os.environ["PBXD_KEEP"]) / "stories.txt").write_text("\n".join(stories))
    return whole


async def compare_books(days: Days, storm: Storm, compared: Compared, here: set[str]) -> None:
    """The switch's own books lack the calls that it did not end, and have those that nobody saw."""
    ends, ended = {gap.shut for gap in storm.gaps}, days.truth.ended
    for found in (await days.reconcile())["findings"]:
        kind, call = found["kind"], found["uniqueid"]
        unseen = kind in ("stay_missing_here", "call_missing_here") and call not in here
        unwritten = kind == "call_missing_there" and ended[call] in ends
        if not (found["explained"] or unseen or unwritten):
            compared.differs("reconcile", "nothing unexplained", found)


async def test_every_figure_is_true_in_a_storm(days: Days) -> None:
    storm = await played(days)
    compared = Compared(Book(days.truth, journeys_of(days)))
    rows = rows_of_all(days.history)
    whole = compare_history(days, storm, compared, rows)
    here = {row["call"].rpartition(":")[2] for row in rows["contacts"]}
    compared.same("invented", set(), here - {each.uniqueid for each in compared.book.journeys})
    compared.same("counters that fell", [], storm.lives.fell)
    for name in FAULTS:
        compared.same(name, 0, sums(storm.lives.sums, name))
    asked = Asked(days, time.time())
    for by in BY:
        recount(compared, by, await asked.report(by), rows)
    await compare_books(days, storm, compared, here)
    print(
        f"{len(compared.book.journeys)} journeys, {whole} of them whole, {len(storm.gaps)} gaps, "
        f"{storm.lives.scrapes} scrapes, {compared.checks} numbers compared"
    )
    assert not compared.differences, "\n" + "\n".join([*map(str, storm.gaps), *compared.differences])
