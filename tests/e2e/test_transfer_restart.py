"""pbxd is killed or loses the switch, in each state: transfers are finished or unwound from what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from deploy.lab.centre import Centre
from deploy.lab.ears import MUSIC
from tests.e2e.floor import SETTINGS, SKILLED, Floor
from tests.integration.gate import Gate

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor_centre(suite: str) -> AsyncIterator[Centre]:
    """pbxd reaches its switch through a door that can be shut."""
    async with AsyncExitStack() as doors:

        async def through(port: int) -> int:
            _DOORS[suite] = await doors.enter_async_context(Gate(port))
            return _DOORS[suite].port

        async with Centre(suite, desks=SKILLED, more=SETTINGS, between=through) as centre:
            yield centre


@pytest.fixture
def gate(suite: str) -> Gate:
    return _DOORS[suite]


_DOORS: dict[str, Gate] = {}
STATES = ("ringing", "talking", "swapped", "merged")


async def reborn(floor: Floor, *, dead_s: float = 0.0) -> None:
    """kill -9, and after a while another one; the pages come back to it."""
    await floor.centre.kill_pbxd()
    await asyncio.sleep(dead_s)
    await floor.centre.start_pbxd()
    for agent in list(floor.pages):
        await floor.reload(agent)


async def finished(floor: Floor) -> None:
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


@pytest.mark.parametrize("state", STATES)
async def test_killed_and_back(floor: Floor, state: str) -> None:
    """Nobody hears it, and the same buttons are there again."""
    await getattr(floor, state)()
    can = set(floor.view()["can"])
    await reborn(floor)
    view = await floor.becomes(state, within_s=3.0)
    assert set(view["can"]) == can
    if state == "ringing":
        await floor.bruno.answer()
        await floor.together(floor.anna, floor.bruno)
        await floor.becomes("talking")
    elif state == "talking":
        await floor.together(floor.anna, floor.bruno)
        await floor.caller.hears_only(MUSIC)
    elif state == "swapped":
        await floor.together(floor.anna, floor.caller)
        await floor.bruno.hears_only(MUSIC)
    else:
        await floor.together(floor.anna, floor.bruno, floor.caller)
    await finished(floor)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("who", ["anna", "bruno", "caller"])
async def test_somebody_hangs_up_while_nobody_watches(floor: Floor, state: str, who: str) -> None:
    """The two who are left talk (or the one who is left is released); the new pbxd says how it ended."""
    await getattr(floor, state)()
    await floor.centre.kill_pbxd()
    everybody = {"anna": floor.anna, "bruno": floor.bruno, "caller": floor.caller}
    phone = everybody.pop(who)
    if who == "bruno" and state == "ringing":
        await phone.reject()
    else:
        await phone.hang_up()
    if state == "ringing" and who != "bruno":
        await floor.bruno.answer(within_s=15)
    await floor.together(*everybody.values())
    await floor.centre.start_pbxd()
    for agent in list(floor.pages):
        await floor.reload(agent)
    page = floor.pages["anna"]
    await page.until(
        lambda: all(view["state"] == "ended" for view in page.transfers.values()), "end of the transfer", 3.0
    )
    await floor.together(*everybody.values())
    await floor.goodbye(*everybody.values())


@pytest.mark.parametrize("state", STATES)
async def test_the_link_is_lost(floor: Floor, gate: Gate, state: str) -> None:
    """Nothing is sent again; orders are refused while the switch is deaf, and obeyed afterwards."""
    await getattr(floor, state)()
    await cut(floor, gate)
    view = await floor.becomes(state, within_s=5.0)
    assert "complete" in view["can"]
    if state == "ringing":
        await floor.bruno.answer()
        await floor.together(floor.anna, floor.bruno)
        await floor.becomes("talking")
    await finished(floor)


async def cut(floor: Floor, gate: Gate) -> None:
    """The link is lost; wait until pbxd has noticed and is back. Meanwhile it refuses to do anything."""
    gate.shut()

    async def deaf() -> bool:
        return not await floor.centre.ready()

    await floor.centre.until(deaf, "pbxd knows that it is deaf")
    answer = await floor.try_to("cancel")
    assert answer["code"] == "link_down", answer
    gate.open()
    await floor.centre.until(floor.centre.ready, "pbxd hears the switch again")


@pytest.mark.parametrize("state", STATES)
async def test_the_page_is_loaded_again(floor: Floor, state: str) -> None:
    await getattr(floor, state)()
    before = floor.view()
    await floor.reload("anna")
    assert floor.view() == before
    if state == "ringing":
        await floor.bruno.answer()
        await floor.together(floor.anna, floor.bruno)
    await finished(floor)
