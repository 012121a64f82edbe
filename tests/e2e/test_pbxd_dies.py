"""pbxd is killed, and comes back: callers are served all the while, and what was missed is found out."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC

import pytest

from deploy.lab.centre import Centre, sums
from deploy.lab.ears import MUSIC, SOUND
from deploy.lab.phones import Phones
from pbxd.edge.store.reports import Reader, make_report
from pbxd.figures.thresholds import Thresholds
from pbxd.reports.period import Period
from pbxd.reports.report import Asked
from pbxd.reports.shares import By, Rules
from pbxd.settings.connections import Store as StoreSettings

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "+862088887777"


async def test_killed_in_the_middle_of_a_prompt_the_caller_is_served(
    centre: Centre, all_phones: Phones
) -> None:
    dora = await all_phones.agent(centre.switch, "1004")
    caller = await all_phones.caller(centre.switch, NUMBER)
    await caller.dial("4001")
    await caller.hears(SOUND)
    await centre.kill_pbxd()
    await dora.answer()
    await all_phones.hear_each_other(caller, dora)
    await centre.start_pbxd()
    # pbxd is back in the middle of the call: it knows who talks with whom, and sees the end.
    async with centre.page("dora") as page:
        await page.until(lambda: page.state["agent"]["state"] == "talking", "Dora talking")
    await dora.hang_up()
    await caller.on_hook()

    async def recorded() -> bool:
        metrics = await centre.metrics()
        return sums(metrics, "pbxd_calls_total", ['outcome="answered"']) == 1

    await centre.until(recorded, "the call that was half missed is counted as answered")
    assert sums(await centre.metrics(), "pbxd_calls_missed_total") == 1


async def test_killed_while_a_caller_waits_nothing_is_lost(centre: Centre, all_phones: Phones) -> None:
    caller = await all_phones.caller(centre.switch, NUMBER)
    carla = await all_phones.agent(centre.switch, "1003")
    caller.headers["X-Lab-Trunk"] = "trunk-queue"
    await centre.switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="true")
    await caller.dial("599")
    await caller.hears(MUSIC)
    await centre.kill_pbxd()
    await centre.start_pbxd()
    async with centre.page("carla") as page:
        await page.until(
            lambda: any(q["name"] == "q599" and q["waiting"] == 1 for q in page.state["queues"]),
            "the caller who waited all the while",
        )
        await centre.switch.ami.action("QueuePause", Interface="PJSIP/1003", Paused="false")
        pop = await page.pop()
        assert pop["queue"] == "q599"
        assert pop["caller"]["number"] == NUMBER
        await carla.answer()
        await all_phones.hear_each_other(caller, carla)
        await carla.hang_up()
        await caller.on_hook()
        await page.until(lambda: "closed" in page.pops[pop["id"]], "closed pop")
    caller.headers["X-Lab-Trunk"] = "trunk"


async def test_it_ends_in_order_with_a_call_in_progress(centre: Centre, all_phones: Phones) -> None:
    caller = await all_phones.caller(centre.switch, NUMBER)
    dora = await all_phones.agent(centre.switch, "1004")
    await caller.dial("4001")
    await caller.hears(SOUND)
    assert await centre.stop_pbxd() == 0
    there = (await asyncio.to_thread(signed_in, centre))["dora"]
    assert there > 0
    await dora.answer()
    await all_phones.hear_each_other(caller, dora)
    await caller.hang_up()
    await dora.on_hook()
    again = time.time()
    await centre.start_pbxd()

    async def no_more() -> bool:
        """The time in which there was no pbxd is nobody's."""
        now = await asyncio.to_thread(signed_in, centre)
        return there <= now.get("dora", 0.0) <= there + time.time() - again

    await centre.until(no_more, "Dora's time signed in, as before")


def signed_in(centre: Centre) -> dict[str, float]:
    """Each agent's seconds signed in, of the last day, as a report tells them."""
    now = time.time()
    limits = Thresholds()
    rules = Rules(
        service_level_s=limits.service_level_s,
        short_abandon_s=limits.short_abandon_s,
        first_contact_days=7,
        skills={},
    )
    period = Period(start=now - 86_400, end=now + 1, zone=UTC)
    reader = Reader(StoreSettings(url=f"sqlite:///{centre.folder}/pbxd.db"))
    made = make_report(reader, Asked(period=period, by=By.AGENT, rules=rules, now=now))
    return {row.key: row.figure("signed_in_s") or 0.0 for row in made.rows}


async def test_killed_while_a_caller_waits_he_need_not_say_anything_twice(
    centre: Centre, all_phones: Phones
) -> None:
    """He entered his account number before; whoever answers after pbxd is back sees it."""
    anna = await all_phones.agent(centre.switch, "1001", name="anna")
    caller = await all_phones.caller(centre.switch, NUMBER)
    await centre.switch.ami.action("QueuePause", Interface="PJSIP/1001", Paused="true")
    try:
        await caller.dial("4008001234")
        await caller.connected()
        await caller.keys("2")
        await caller.hears_only(within_s=20)
        await caller.keys("4711#")

        async def waits() -> bool:
            metrics = await centre.metrics()
            return metrics.get('pbxd_queue_waiting{node="lab",queue="technical"}') == 1

        await centre.until(waits, "the caller waits for technical help", 30)
        await centre.kill_pbxd()
        await centre.start_pbxd()
    finally:
        await centre.switch.ami.action("QueuePause", Interface="PJSIP/1001", Paused="false")
    async with centre.page("anna") as page:
        pop = await page.pop(within_s=30)
        assert pop["queue"] == "technical"
        assert pop["subject"] == "technical"
        assert "4711" in [step["digits"] for step in pop["path"]]
        await anna.answer()
        await all_phones.hear_each_other(caller, anna)
        # Killed once more, while they talk: Anna's page shows him again.
        await centre.kill_pbxd()
        await centre.start_pbxd()
    async with centre.page("anna") as page:
        pop = await page.pop()
        assert "4711" in [step["digits"] for step in pop["path"]]
        await caller.hang_up()
        await anna.on_hook()
        await page.until(lambda: "closed" in page.pops[pop["id"]], "closed pop")

        async def kept() -> bool:
            return any(row["subject"] == "technical" for row in await page.contacts())

        await centre.until(kept, "the contact with what he entered")
