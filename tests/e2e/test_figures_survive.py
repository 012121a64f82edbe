"""The figures when pbxd is killed, its link is cut, or Asterisk itself ends in the middle of calls.

docs/proof.md says what and how.
"""

from __future__ import annotations

import time

import pytest

from deploy.lab.centre import sums
from deploy.lab.phones import until
from tests.e2e.proof.book import Book
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.days import ALONE, Days
from tests.e2e.proof.deck import play
from tests.e2e.proof.history import History
from tests.e2e.proof.house import PATIENCE_S
from tests.e2e.proof.journey import Journey

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), ALONE]


async def in_progress(days: Days, what: str) -> tuple[Journey, Journey]:
    """One caller talks, in the first lane, and one waits, in the second; pbxd knows and keeps both."""
    first, second, _ = days.lanes
    talks = days.begun(first, f"{what}_while_talking", disturbed=False)
    await first.reaches("311", first.a, "main1")
    waits = days.begun(second, f"{what}_while_waiting")
    await second.dial("321")
    await second.a.rings(PATIENCE_S)
    await first.knows()
    await until(lambda: days.keeps(talks, waits), lambda: "pbxd does not keep the calls", PATIENCE_S)
    return talks, waits


async def unseen(days: Days) -> None:
    """Somebody comes and goes in the third lane, and nobody tells pbxd."""
    third = days.lanes[2]
    days.begun(third, "unseen")
    await third.reaches("331", third.a, "main3")
    await third.goodbye(third.a)
    await over(days, third.now)
    days.journeys.remove(third.now)


async def over(days: Days, journey: Journey) -> None:
    ended = days.truth.ended
    await until(lambda: journey.uniqueid in ended, lambda: f"{journey.kind} stays", PATIENCE_S)


async def goes_on(days: Days) -> list[Journey]:
    """Three more, as on any other day; which ones."""
    before = len(days.journeys)
    await play(days.lanes, ["answered"] * 2 + ["given_up"])
    await days.centre.quiet()
    return days.journeys[before:]


def counted(days: Days, journeys: list[Journey]) -> Book:
    """A book of how these calls ended."""
    book = Book(days.truth, journeys)
    for journey in journeys:
        book.count_call(journey)
    return book


async def test_killed_in_the_middle(days: Days) -> None:
    """One caller talks, one waits and is answered meanwhile, one comes and goes unseen; then all goes on."""
    before = list(days.journeys)
    first, second, _ = days.lanes
    talks, waits = await in_progress(days, "killed")
    for lane in days.lanes:
        await lane.close_pages()
    await days.centre.kill_pbxd()
    await second.is_answered(second.a, "main2")
    await unseen(days)
    await days.centre.start_pbxd()
    for lane in days.lanes:
        await lane.open_pages()
    for lane in (first, second):
        await lane.goodbye(lane.a)
        await lane.all_over()
    fresh = await goes_on(days)
    compared = Compared(Book(days.truth, days.journeys))
    history = History(days.history, compared)
    metrics = await days.centre.metrics()
    compared.same("arrived", len(fresh), sums(metrics, "pbxd_calls_arrived_total"))
    compared.same("missed", 1, sums(metrics, "pbxd_calls_missed_total"))
    compared.compare_counts(counted(days, [talks, waits, *fresh]), "pbxd_calls_total", metrics)
    history.compare_store([*before, talks, *fresh])
    history.compare_disturbed([waits])
    assert not compared.differences, "\n" + "\n".join(compared.differences)


async def test_the_link_is_cut_in_the_middle(days: Days) -> None:
    """One caller talks on, one who waits is answered, one hangs up, one comes and goes, all of it unheard."""
    before, was = list(days.journeys), await days.centre.metrics()
    first, second, third = days.lanes
    talks, waits = await in_progress(days, "cut")
    leaves = days.begun(third, "cut_and_left")
    await third.talks()
    await third.knows()
    page = first.pages["a"]
    days.gate.shut()
    await page.until(lambda: not all(link["up"] for link in page.state["links"]), "lost link", PATIENCE_S)
    await second.is_answered(second.a, "main2")
    await third.goodbye(third.a)
    await over(days, leaves)
    await unseen(days)
    days.gate.open()
    await page.until(lambda: all(link["up"] for link in page.state["links"]), "link", PATIENCE_S)
    back = time.time()
    for lane in (first, second):
        await lane.goodbye(lane.a)
        await lane.all_over()
    fresh = await goes_on(days)
    compared = Compared(Book(days.truth, days.journeys))
    history = History(days.history, compared)
    metrics = since(was, await days.centre.metrics())
    mine = [talks, waits, leaves, *fresh]
    compared.same("arrived", len(mine), sums(metrics, "pbxd_calls_arrived_total"))
    compared.same("missed", 2, sums(metrics, "pbxd_calls_missed_total"))
    compared.same("losses", 1, sums(metrics, "pbxd_ami_losses_total"))
    compared.compare_counts(counted(days, mine), "pbxd_calls_total", metrics)
    history.compare_store([*(each for each in before if not each.disturbed), talks, *fresh])
    history.compare_disturbed([waits, leaves], seen_again=back)
    assert not compared.differences, "\n" + "\n".join(compared.differences)


async def test_asterisk_ends_in_the_middle(days: Days) -> None:
    """All its calls are over when it is back, each counted once; the last test of a day."""
    before, was = list(days.journeys), await days.centre.metrics()
    talks, waits = await in_progress(days, "ended")
    days.lanes[1].waited("main2", "abandoned", "caller_left")
    talks.disturbed = True
    days.gate.shut()
    days.truth.stopped(time.time())
    await days.centre.switch.stop()
    await days.phones.hang_up_everything()
    await days.centre.switch.start()
    days.gate.open(days.centre.switch.ami_port)
    page = days.lanes[0].pages["a"]
    await page.until(lambda: all(link["up"] for link in page.state["links"]), "link", PATIENCE_S)
    back = time.time()
    await days.centre.quiet()
    compared = Compared(Book(days.truth, days.journeys))
    history = History(days.history, compared)
    metrics = since(was, await days.centre.metrics())
    compared.same("arrived", 2, sums(metrics, "pbxd_calls_arrived_total"))
    compared.same("missed", 2, sums(metrics, "pbxd_calls_missed_total"))
    compared.compare_counts(counted(days, [talks, waits]), "pbxd_calls_total", metrics)
    history.compare_store([each for each in before if not each.disturbed])
    history.compare_disturbed([talks, waits], seen_again=back)
    assert not compared.differences, "\n" + "\n".join(compared.differences)


def since(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """What counters have gained."""
    return {series: value - before.get(series, 0.0) for series, value in now.items()}
