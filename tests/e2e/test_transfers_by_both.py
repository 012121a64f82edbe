"""A caller is handed over by phone and by pbxd in turn: neither minds what the other has left behind, and the
time for notes begins at each agent's own end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from deploy.lab.ears import SOUND
from tests.e2e.floor import SETTINGS, Floor

MORE = {"wrap_up": {**SETTINGS["wrap_up"], "queues": {"q501": "3s"}}}

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


Way = Callable[[Floor], Awaitable[None]]


async def by_refer(floor: Floor) -> None:
    await floor.handed_over_by_phone()


async def by_keys(floor: Floor) -> None:
    await floor.anna.keys("*2")
    await floor.anna.hears(SOUND)
    await floor.anna.keys("1002")
    await floor.bruno.rings(within_s=15)
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.anna.hang_up()


async def blindly_to_a_queue(floor: Floor) -> None:
    await floor.anna.blind_transfer("502")
    await floor.bruno.rings()
    await floor.bruno.answer()


@pytest.mark.parametrize("how", [by_refer, by_keys, blindly_to_a_queue])
async def test_by_phone_and_then_by_pbxd(floor: Floor, how: Way) -> None:
    """Anna, by her phone, to Bruno; Bruno, at his page, to Carla."""
    await floor.page("bruno")
    await floor.page("carla")
    await floor.call()
    await how(floor)
    await floor.together(floor.caller, floor.bruno)
    await floor.agent_is("anna", "wrapup")
    await floor.agent_is("bruno", "talking")
    await floor.handed_on()
    await floor.ends("completed", "bruno")
    document = floor.pages["carla"].handovers[floor.transfer]
    assert [each["outcome"] for each in document["transfers"]] == ["completed"]
    assert [leg["agent"] for leg in document["agents"]][:2] == ["anna", "bruno"]
    await floor.goodbye(floor.caller, floor.carla)
    for agent in ("anna", "bruno", "carla"):
        await floor.agent_is(agent, "ready")


async def test_by_pbxd_and_then_by_phone(floor: Floor) -> None:
    await floor.page("carla")
    await floor.talking()
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.bruno.blind_transfer("1003")
    await floor.carla.rings()
    page = floor.pages["carla"]
    await page.until(lambda: bool(page.handovers), "hand-over")
    (document,) = page.handovers.values()
    assert [(each["from"]["agent"], each["outcome"]) for each in document["transfers"]] == [
        ("anna", "completed")
    ]
    await floor.carla.answer()
    await floor.together(floor.carla, floor.caller)
    await floor.goodbye(floor.caller, floor.carla)
    for agent in ("anna", "bruno", "carla"):
        await floor.agent_is(agent, "ready")
