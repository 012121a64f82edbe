"""Every figure against the book of a test that made the calls itself; docs/proof.md says what and how."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.lab.phones import Phones
from tests.e2e.proof.book import Book
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.days import ALONE, JOURNEYS, KINDS, SEED, Days, opened
from tests.e2e.proof.deck import deck, play
from tests.e2e.proof.history import History
from tests.e2e.proof.reported import compare_report
from tests.e2e.proof.staff import compare_staff

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), ALONE]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def days(
    suite: str, all_phones: Phones, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Days]:
    async with opened(suite, all_phones, tmp_path_factory.mktemp("proof")) as opened_days:
        yield opened_days


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
    compared.compare_metrics(now[1])
    compare_staff(compared, days.truth, days.interfaces, was, now)
    history.compare_store(days.journeys)
    compare_report(compared, await days.report())
    replayed = await days.replay()
    compared.same("calls in the capture", len(days.journeys), len(replayed["calls"]))
    history.compare_replay(replayed)
    print(f"{len(days.journeys)} journeys, {compared.checks} numbers compared")
    assert not compared.differences, "\n" + "\n".join(compared.differences)
    found = await days.reconcile()
    assert not found["mismatches"], [each for each in found["findings"] if not each["explained"]]
    assert found["calls"] >= len(days.journeys)
