"""Agents behind Local channels, as FreePBX makes them, at both ends of a transfer."""

from __future__ import annotations

import pytest

from deploy.lab.ears import MUSIC, RINGBACK
from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

AT_ANNA = "506"  #: the queue knows her as Local/1001@from-queue/n
TO_BRUNO = "queue:q507"  #: … and him as Local/1002@from-queue/n


async def talking(floor: Floor) -> None:
    await floor.call(AT_ANNA)
    await floor.start(TO_BRUNO)
    await floor.bruno.rings()
    await floor.becomes("ringing")
    await floor.anna.hears(RINGBACK)
    await floor.caller.hears_only(MUSIC)
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.becomes("talking")


async def test_swapped_merged_and_left(floor: Floor) -> None:
    await talking(floor)
    await floor.to_and_fro(2)
    await floor.do("merge")
    await floor.together(floor.anna, floor.bruno, floor.caller)
    await floor.becomes("merged")
    await floor.do("leave")
    await floor.anna.on_hook()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.agent_is("anna", "ready")
    await floor.goodbye(floor.bruno, floor.caller)


async def test_cancelled_sent_again_and_handed_on(floor: Floor) -> None:
    """Bruno got the caller through his own Local channel, and is the transferer now."""
    await talking(floor)
    await floor.do("cancel")
    await floor.bruno.on_hook()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    await floor.start(TO_BRUNO, mode="blind")
    await floor.anna.on_hook()
    await floor.bruno.rings()
    await floor.bruno.answer()
    await floor.together(floor.bruno, floor.caller)
    await floor.agent_is("bruno", "talking")
    await floor.handed_on()
    await floor.bruno.on_hook()
    await floor.ends("completed", "bruno")
    await floor.goodbye(floor.caller, floor.carla)
