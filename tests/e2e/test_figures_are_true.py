"""Every figure of pbxd against the book of a test that made the calls itself; docs/proof.md says what and how.

PBXD_JOURNEYS: how many on each Asterisk; PBXD_FIRST_SEED: which ones.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.lab.ami import Ami
from deploy.lab.centre import Centre
from deploy.lab.phones import Phones
from tests.e2e import journeys_at_random as random_journeys
from tests.e2e.book import Book
from tests.e2e.journeys_at_random import LANES, Journey, Lane, deck
from tests.e2e.truth import Truth

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

JOURNEYS = int(os.environ.get("PBXD_JOURNEYS", "12"))
SEED = int(os.environ.get("PBXD_FIRST_SEED", "1"))


@dataclass
class Days:
    """A call centre, its phones, and who listens to its switch."""

    centre: Centre
    truth: Truth
    said: bytearray
    lanes: list[Lane]
    journeys: list[Journey]
    listening: list[Ami]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def days(
    suite: str, all_phones: Phones, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Days]:
    flows: Path = tmp_path_factory.mktemp("flows")
    (flows / "main.yaml").write_text(random_journeys.flow())
    centre = Centre(
        suite,
        wishes=random_journeys.wishes(),
        desks=random_journeys.desks(),
        more=random_journeys.settings(),
        flows=flows,
    )
    async with centre:
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
        yield Days(centre, truth, said, lanes, journeys, [everything, least])
        if "PBXD_KEEP" in os.environ:
            keep = Path(os.environ["PBXD_KEEP"])
            (keep / "said.ami").write_bytes(said)
            (keep / "pbxd.log").write_text(centre.log())
            (keep / "full.log").write_text(centre.switch.log("full.log"))
        for lane in lanes:
            await lane.close_pages()
        await everything.close()
        await least.close()


async def test_every_figure_is_true(days: Days) -> None:
    kinds = os.environ.get("PBXD_KINDS", "").split() * JOURNEYS
    await random_journeys.play(days.lanes, (kinds or deck(SEED, JOURNEYS))[:JOURNEYS])
    await days.centre.quiet()
    book = Book(days.truth, days.journeys)
    book.add(days.journeys)
    book.compare_metrics(await days.centre.metrics())
    book.compare_store(days.centre.folder / "pbxd.db", days.journeys)
    print(f"{len(days.journeys)} journeys, {book.checks} numbers compared")
    assert not book.differences, "\n" + "\n".join(book.differences)
