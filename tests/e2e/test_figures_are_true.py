"""Every figure against the book of a test that made the calls itself; docs/proof.md says what and how."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from deploy.lab.centre import sums
from tests.e2e.proof.asked import Asked
from tests.e2e.proof.book import Book
from tests.e2e.proof.callers import count_first_contacts, is_judged
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.covered import LATER
from tests.e2e.proof.days import ALONE, JOURNEYS, KINDS, SEED, Days
from tests.e2e.proof.deck import deck, play
from tests.e2e.proof.history import History
from tests.e2e.proof.house import FIRST_CONTACT_S, PATIENCE_S, members
from tests.e2e.proof.reported import BY, Reported
from tests.e2e.proof.shares import Line
from tests.e2e.proof.staff import compare_staff
from tests.e2e.proof.times import Times

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), ALONE]


async def test_every_figure_is_true(days: Days) -> None:
    was = time.time(), await days.centre.metrics()
    async with asyncio.TaskGroup() as everybody:
        kinds = (KINDS * JOURNEYS or deck(SEED, JOURNEYS))[:JOURNEYS]
        everybody.create_task(play(days.lanes, kinds))
        if not KINDS:
            everybody.create_task(days.crowd.play(JOURNEYS // 3))
    await days.centre.quiet()
    days.journeys += days.crowd.account()
    book = Book(days.truth, days.journeys)
    book.add(days.journeys)
    compared = Compared(book)
    history = History(days.history, compared)
    now = time.time(), await days.centre.metrics()
    asked = Asked(days, now[0])
    await compare_what_is_judged(asked, compared)
    await asked.attended()

    def compare() -> None:
        """Takes a while, in which nobody else is to wait."""
        compared.compare_metrics(now[1])
        compared.compare_gauges(now[1], members(), len(days.interfaces))
        compare_staff(compared, days.truth, days.interfaces, was, now)
        history.compare_store(days.journeys)

    await asyncio.to_thread(compare)
    await compare_reports(asked, compared)
    replayed = await days.replay()
    compared.same("calls in the capture", len(days.journeys), len(replayed["calls"]))
    history.compare_replay(replayed)
    print(f"{len(days.journeys)} journeys, {compared.checks} numbers compared")
    assert not compared.differences, "\n" + "\n".join(compared.differences)
    found = await days.reconcile()
    assert not found["mismatches"], [each for each in found["findings"] if not each["explained"]]
    assert found["calls"] >= len(days.journeys)


async def compare_reports(asked: Asked, compared: Compared) -> None:
    """All kinds of reports, on both ways, and the calls behind them, when all first contacts are judged."""
    days = asked.days
    await all_are_judged(days, compared)
    reported = Reported(compared, Times(compared.book, days.interfaces, asked.until))
    reports = {by: await asked.report(by) for by in BY}
    for by, report in reports.items():
        await asyncio.to_thread(reported.compare, by, report)
        await asked.compare_commands(compared, by, report)
    await reported.follow(reports, random.Random(), asked.calls)
    await asked.compare_calls(compared, Line("agent", "a1"), "talk_s")
    await asked.compare_calls(compared, Line("queue", None), "fcr")


async def compare_what_is_judged(asked: Asked, compared: Compared) -> None:
    """Some days are over, some not: nobody is judged before his are."""
    book, before = compared.book, time.time()
    judged = (await asked.report("queue"))["total"]["fcr_judged"]
    least, most = (sum(is_judged(book, each, now) for each in book.journeys) for now in (before, time.time()))
    compared.checks += 1
    if not least <= judged <= most:
        compared.differs("judged so far", (least, most), judged)


async def all_are_judged(days: Days, compared: Compared) -> None:
    """Wait until the days after the last call are over, and pbxd has looked."""
    book, metrics = Book(days.truth, days.journeys), dict[str, float]()
    count_first_contacts(book)
    wanted = sum(book.counts.values())
    last = max(book.ended(each) for each in days.journeys)

    async def counted() -> bool:
        metrics.update(await days.centre.metrics())
        over = time.time() > last + FIRST_CONTACT_S
        return over and sums(metrics, LATER[0]) >= wanted

    await days.centre.until(counted, f"{wanted} judged", PATIENCE_S)
    for name in LATER:
        compared.compare_counts(book, name, metrics)
