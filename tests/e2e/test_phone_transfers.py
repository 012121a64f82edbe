"""Transfers that agents make on the phone itself: the colleague's page shows the caller, and what is known of
him, while the phone rings; and they count as what they are."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.lab.centre import sums
from deploy.lab.ears import MUSIC, SOUND
from deploy.lab.phones import Line, until
from tests.e2e.floor import CALLER, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]


async def shown(floor: Floor, agent: str, *, to: tuple[str, str], agents: list[str]) -> Json:
    """The hand-over on the page of an agent whose phone rings and who has not answered yet."""
    page = await floor.page(agent)
    pop = await page.pop()
    assert pop["caller"]["number"] == CALLER
    assert pop["caller"]["name"] == "Zhang"
    await page.until(lambda: bool(page.handovers), "hand-over")
    (document,) = page.handovers.values()
    assert document["caller"]["number"] == CALLER
    assert document["by"] == "phone"
    assert (document["to"]["kind"], document["to"]["id"]) == to
    assert [leg["agent"] for leg in document["agents"]] == agents
    assert document["from"]["agent"] == agents[-1]
    assert document["call"] == pop["call"]
    return document


async def the_call(floor: Floor) -> Line:
    await floor.page("bruno")
    await floor.call()
    return floor.anna.line


async def over(floor: Floor, agent: str) -> Json:
    """The conversation ends, and with it the hand-over; the contact as the history keeps it."""
    page = await floor.page(agent)
    await page.until(lambda: not page.handovers, "end of the hand-over")
    await page.until(lambda: all("closed" in pop for pop in page.pops.values()), "end of the pop")

    async def ended() -> bool:
        return sums(await floor.centre.metrics(), "pbxd_calls_in_progress") == 0

    await floor.centre.until(ended, "the end of the call")
    await floor.centre.until(page.contacts, "the contact in the history")
    return (await page.contacts())[0]


async def counted(floor: Floor, before: dict[str, float], kind: str, outcome: str) -> None:
    after = await floor.centre.metrics()
    wanted = [f'kind="{kind}"', f'outcome="{outcome}"', 'by="phone"']

    def more(name: str, labels: list[str]) -> float:
        return sums(after, name, labels) - sums(before, name, labels)

    assert more("pbxd_transfers_total", wanted) == 1
    assert more("pbxd_transfers_total", []) == 1
    assert more("pbxd_handover_ack_seconds_count", []) >= 1
    assert more("pbxd_transfer_answer_seconds_count", ['by="phone"']) == 1


async def test_refer_with_replaces(floor: Floor) -> None:
    before = await floor.centre.metrics()
    held = await the_call(floor)
    await floor.anna.hold(held)
    await floor.caller.hears_only(MUSIC)
    consult = await floor.anna.dial("1002")
    await floor.bruno.rings()
    await shown(floor, "bruno", to=("agent", "bruno"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.anna.attended_transfer(held, consult)
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)
    await over(floor, "bruno")
    await counted(floor, before, "attended", "completed")


async def test_blind_refer(floor: Floor) -> None:
    before = await floor.centre.metrics()
    await the_call(floor)
    await floor.anna.blind_transfer("1002")
    await floor.bruno.rings()
    await shown(floor, "bruno", to=("agent", "bruno"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)
    await over(floor, "bruno")
    await counted(floor, before, "blind", "completed")


async def test_blind_refer_to_a_queue(floor: Floor) -> None:
    before = await floor.centre.metrics()
    await the_call(floor)
    await floor.anna.blind_transfer("502")
    await floor.bruno.rings()
    await shown(floor, "bruno", to=("queue", "q502"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)
    await over(floor, "bruno")
    await counted(floor, before, "blind", "completed")


async def star2(floor: Floor) -> None:
    await floor.anna.keys("*2")
    await floor.anna.hears(SOUND)
    await floor.anna.keys("1002")
    await floor.bruno.rings(within_s=15)


async def test_the_feature_code(floor: Floor) -> None:
    before = await floor.centre.metrics()
    await the_call(floor)
    await star2(floor)
    await shown(floor, "bruno", to=("agent", "bruno"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.anna.hang_up()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)
    await over(floor, "bruno")
    await counted(floor, before, "attended", "completed")


async def test_the_feature_code_given_up(floor: Floor) -> None:
    before = await floor.centre.metrics()
    await the_call(floor)
    await star2(floor)
    document = await shown(floor, "bruno", to=("agent", "bruno"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.anna.keys("*1")
    await floor.together(floor.caller, floor.anna)
    page = await floor.page("bruno")
    await page.until(lambda: document["transfer"] in page.taken_back, "end of the hand-over")
    assert page.taken_back[document["transfer"]] == "cancelled"
    await page.until(lambda: all("closed" in pop for pop in page.pops.values()), "end of the pop")
    await floor.goodbye(floor.caller, floor.anna)
    await counted(floor, before, "attended", "cancelled")


async def test_a_question_to_a_colleague_shows_the_caller_and_is_no_transfer(floor: Floor) -> None:
    before = await floor.centre.metrics()
    held = await the_call(floor)
    await floor.anna.hold(held)
    await floor.caller.hears_only(MUSIC)
    consult = await floor.anna.dial("1002")
    await floor.bruno.rings()
    await shown(floor, "bruno", to=("agent", "bruno"), agents=["anna"])
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.anna.hang_up(consult)
    page = await floor.page("bruno")
    await page.until(lambda: not page.handovers, "end of the hand-over")
    await page.until(lambda: all("closed" in pop for pop in page.pops.values()), "end of the pop")
    await floor.anna.resume(held)
    await floor.together(floor.caller, floor.anna)
    await floor.goodbye(floor.caller, floor.anna)
    after = await floor.centre.metrics()
    assert sums(after, "pbxd_transfers_total") == sums(before, "pbxd_transfers_total")


async def test_the_third_agent_knows_of_the_first(floor: Floor) -> None:
    """Anna hands over by her phone, Bruno by his; Carla knows what was before."""
    await the_call(floor)
    await floor.page("carla")
    await floor.handed_over_by_phone()
    await until(lambda: not floor.anna.open_lines, lambda: "Anna still has a line")
    await floor.bruno.blind_transfer("1003")
    await floor.carla.rings()
    document = await shown(floor, "carla", to=("agent", "carla"), agents=["anna", "bruno"])
    assert [(each["from"]["agent"], each["to"]["id"], each["outcome"]) for each in document["transfers"]] == [
        ("anna", "bruno", "completed")
    ]
    await floor.carla.answer()
    await floor.together(floor.caller, floor.carla)
    await floor.goodbye(floor.caller, floor.carla)
    await over(floor, "carla")
