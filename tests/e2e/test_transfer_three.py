"""Swapping as often as wanted, three at once, and leaving them."""

from __future__ import annotations

import pytest

from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_swapped_to_and_fro(floor: Floor) -> None:
    await floor.talking()
    await floor.to_and_fro(4)
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)


async def test_three_and_leave(floor: Floor) -> None:
    await floor.merged()
    await floor.do("leave")
    await floor.anna.on_hook()
    await floor.together(floor.bruno, floor.caller)
    view = await floor.ends("completed")
    assert view["kind"] == "threeway"
    assert await floor.told() == ["created", "ringing", "answered", "merged", "completed", "ended"]
    await floor.goodbye(floor.caller, floor.bruno)


async def test_three_out_of_swapped(floor: Floor) -> None:
    await floor.swapped()
    await floor.do("merge")
    await floor.together(floor.anna, floor.bruno, floor.caller)
    await floor.becomes("merged")
    await floor.do("leave")
    await floor.anna.on_hook()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


@pytest.mark.parametrize("who", ["anna", "bruno", "caller"])
async def test_one_of_three_hangs_up(floor: Floor, who: str) -> None:
    outcome = {"anna": "completed", "bruno": "cancelled", "caller": "caller_left"}[who]
    await floor.merged()
    everybody = {"anna": floor.anna, "bruno": floor.bruno, "caller": floor.caller}
    await everybody.pop(who).hang_up()
    await floor.together(*everybody.values())
    await floor.ends(outcome)
    await floor.goodbye(*everybody.values())


async def test_three_then_cancel(floor: Floor) -> None:
    await floor.merged()
    await floor.do("cancel")
    await floor.bruno.on_hook()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    await floor.goodbye(floor.anna, floor.caller)


async def test_three_then_complete(floor: Floor) -> None:
    """The same as leaving."""
    await floor.merged()
    await floor.do("complete")
    await floor.anna.on_hook()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)
