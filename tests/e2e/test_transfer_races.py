"""Everything at the same moment: one winner, one final fact, nobody left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from deploy.lab.ears import MUSIC
from deploy.lab.phones import Phone, PhoneError
from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Act = Callable[[Floor], Awaitable[object]]

ACTS: dict[str, Act] = {
    "complete": lambda floor: floor.try_to("complete"),
    "cancel": lambda floor: floor.try_to("cancel"),
    "swap": lambda floor: floor.try_to("swap"),
    "merge": lambda floor: floor.try_to("merge"),
    "anna": lambda floor: floor.anna.hang_up(),
    "bruno": lambda floor: floor.bruno.hang_up(),
    "caller": lambda floor: floor.caller.hang_up(),
}


#: In these nobody with whom the caller talks may end his call: he stays on the line, whoever wins.
STAYS = {
    ("cancel", "complete"),
    ("complete", "cancel"),
    ("bruno", "cancel"),
    ("swap", "bruno"),
    ("swap", "anna"),
    ("merge", "swap"),
}


@pytest.mark.parametrize("state", ["talking", "swapped"])
@pytest.mark.parametrize(
    "together",
    [
        ("anna", "complete", "cancel"),
        ("cancel", "complete"),
        ("complete", "cancel"),
        ("bruno", "complete"),
        ("caller", "complete"),
        ("anna", "bruno"),
        ("anna", "caller"),
        ("bruno", "cancel"),
        ("swap", "bruno"),
        ("swap", "anna"),
        ("merge", "swap"),
        ("anna", "bruno", "caller"),
    ],
    ids="+".join,
)
async def test_at_the_same_moment(floor: Floor, state: str, together: tuple[str, ...]) -> None:
    await getattr(floor, state)()
    await asyncio.gather(*(ACTS[act](floor) for act in together))
    await accounted_for(floor, stays=together in STAYS or (state, *together) == ("talking", "anna", "bruno"))
    await everybody_leaves(floor)
    await one_final_fact(floor)


async def test_answered_at_the_moment_of_cancel(floor: Floor) -> None:
    await floor.ringing()
    line = await floor.bruno.rings()
    await asyncio.gather(floor.try_to("cancel"), _answer(floor.bruno))
    await one_final_fact(floor)
    await floor.together(floor.anna, floor.caller)
    await floor.bruno.on_hook(line)
    await everybody_leaves(floor)


async def test_answered_at_the_moment_of_hanging_up(floor: Floor) -> None:
    await floor.ringing()
    await asyncio.gather(floor.anna.hang_up(), _answer(floor.bruno))
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await everybody_leaves(floor)


async def _answer(phone: Phone) -> None:
    with contextlib.suppress(PhoneError):  # it was cancelled first
        await phone.answer()


async def accounted_for(floor: Floor, *, stays: bool) -> None:
    """The caller hears a person, or music while somebody's phone rings; or his call is over, if it may be."""
    deadline = asyncio.get_running_loop().time() + 25
    while True:
        if not floor.caller.open_lines:
            assert not stays, ("the caller was dropped", floor.view())
            return
        with_somebody = floor.caller.heard & {"anna", "bruno", "carla", "dora"}
        phones = (floor.anna, floor.bruno, floor.carla, floor.dora)
        comes = MUSIC in floor.caller.heard and any(phone.ringing for phone in phones)
        if with_somebody or comes:
            return
        assert asyncio.get_running_loop().time() < deadline, (floor.caller.heard, floor.view())
        await asyncio.sleep(0.05)


async def everybody_leaves(floor: Floor) -> None:
    if floor.caller.open_lines:
        await floor.caller.hang_up()
    await asyncio.sleep(0.3)
    await floor.phones.hang_up_everything()


async def one_final_fact(floor: Floor) -> None:
    await floor.becomes("ended", within_s=20)
    page = floor.pages["anna"]
    assert [state for id_, state in page.told if id_ == floor.transfer].count("ended") == 1
