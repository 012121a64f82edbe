"""What goes wrong beside a call does not reach the caller: a flow that is changed, a store that is locked."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.lab.centre import Centre
from deploy.lab.ears import SOUND
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phones
from deploy.lab.unpack import CHECKOUT

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "+862088887777"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_flows(
    suite: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Centre, Path]]:
    """A call centre whose flows the test may change."""
    flows = tmp_path_factory.mktemp("flows")
    shutil.copy(CHECKOUT / "dialplans/flows/main.yaml", flows)
    async with Centre(suite, flows=flows, more={"store": {"lookup_timeout": "150ms"}}) as centre:
        yield centre, flows / "main.yaml"


async def _to_a_person(centre: Centre, phones: Phones, page: AgentPage, queue: str) -> None:
    """Dial, press 0, talk with whoever answers in this queue."""
    caller = await phones.caller(centre.switch, NUMBER)
    carla = await phones.agent(centre.switch, "1003")
    await caller.dial("4001")
    await caller.hears(SOUND)
    await caller.keys("0")
    pop = await page.pop(within_s=20)
    assert pop["queue"] == queue
    await carla.answer()
    await phones.hear_each_other(caller, carla)
    await carla.hang_up()
    await caller.on_hook()
    await page.until(lambda: all("closed" in pop for pop in page.pops.values()), "closed pop")


async def test_flows_are_read_again_and_a_broken_one_is_not_taken(
    own_flows: tuple[Centre, Path], all_phones: Phones
) -> None:
    centre, file = own_flows
    good = file.read_text()
    caller = await all_phones.caller(centre.switch, NUMBER)
    bruno = await all_phones.agent(centre.switch, "1002")
    async with centre.page("carla") as carla, centre.page("bruno") as page:
        await caller.dial("4001")
        await caller.hears(SOUND)
        file.write_text(
            good.replace("queue: support\n    subject: general\n    timeout", "queue: q599\n    timeout")
        )
        centre.reload_pbxd()
        await centre.until(lambda: "flows read" in centre.log(), "the flows are read again")
        # He is in the flow with which he began.
        await caller.keys("0")
        assert (await page.pop(within_s=20))["queue"] == "support"
        await bruno.answer()
        await all_phones.hear_each_other(caller, bruno)
        await bruno.hang_up()
        await caller.on_hook()
        await _to_a_person(centre, all_phones, carla, "q599")

        file.write_text(good.replace("start: welcome", "start: nowhere"))
        centre.reload_pbxd()
        await centre.until(lambda: "flow file not taken over" in centre.log(), "the fault is told")
        assert "main.yaml:5:8: start: no such step" in centre.log()
        await _to_a_person(centre, all_phones, carla, "q599")


async def test_a_store_that_is_locked_delays_the_record_and_nothing_else(
    own_flows: tuple[Centre, Path], all_phones: Phones
) -> None:
    centre, _ = own_flows
    caller = await all_phones.caller(centre.switch, NUMBER)
    carla = await all_phones.agent(centre.switch, "1003")
    caller.headers["X-Lab-Trunk"] = "trunk-queue"
    async with centre.page("carla") as page:
        with closing(sqlite3.connect(f"{centre.folder}/pbxd.db", isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            await caller.dial("599")
            pop = await page.pop()
            await carla.answer()
            await all_phones.hear_each_other(caller, carla)
            await carla.hang_up()
            await caller.on_hook()
            call = pop["call"]
            database.execute("ROLLBACK")
        await page.until(lambda: "closed" in page.pops[pop["id"]], "closed pop")

        async def written() -> bool:
            return call in [row["call"] for row in await page.contacts()]

        await centre.until(written, "the contact is written once the store is back", within_s=30)
    caller.headers["X-Lab-Trunk"] = "trunk"
    await centre.switch.leak_check()
    await centre.quiet()
