"""Queues in transfers, on a real switch: the place that a caller has there, and what is each queue's own."""

from __future__ import annotations

import time

import pytest

from deploy.lab.ears import MUSIC, SOUND
from deploy.lab.phones import Phone
from tests.e2e.floor import AT_BRUNO, CALLER, SETTINGS, Floor

PLAIN = "q502"  #: both reach Bruno only
PREFERRED = "q507"
OWN_PROMPT = "queue-thankyou"
OF_QUEUES = {"q501": {"music": "default", "prompt": OWN_PROMPT}, PREFERRED: {"priority": 5}}
REASSURE = {"after": "4s", "prompt": "pls-hold-while-try"}
MORE = {"transfers": {**SETTINGS["transfers"], "queues": OF_QUEUES, "reassure": REASSURE}}

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

WAITED_S = 4.0  #: for much longer than an order takes


async def bruno_is_taken(floor: Floor, queue: str, *, waited_s: float) -> tuple[Phone, Phone]:
    """Anna has a caller who has waited for so long. Bruno talks, and somebody else begins to wait for him."""
    first = await floor.phones.caller(floor.centre.switch, "02011111111", trunk="trunk-queue", label="first")
    await first.dial(AT_BRUNO)
    await floor.bruno.answer()
    await floor.together(first, floor.bruno)
    page = await floor.page("anna")
    await floor.caller.dial("501")
    line = await floor.anna.rings()
    await floor.centre.until(lambda: time.time() - line.began >= waited_s, "some time in the queue")
    await floor.anna.answer()
    await floor.together(floor.caller, floor.anna)
    await page.until(lambda: page.state["agent"]["state"] == "talking", "Anna talking")
    other = await floor.phones.caller(floor.centre.switch, "02022222222", trunk="trunk-queue", label="other")
    floor.events.clear()
    await other.dial(queue[1:])
    await floor.centre.until(lambda: floor.named("QueueCallerJoin", Queue=queue), "somebody who waits")
    floor.events.clear()
    return first, other


def places(floor: Floor, queue: str) -> list[str]:
    return [event["Position"] for event in floor.named("QueueCallerJoin", Queue=queue)]


@pytest.mark.parametrize(("queue", "waited_s"), [(PLAIN, WAITED_S), (PREFERRED, 0.0)])
async def test_whose_caller_has_waited_for_longer_or_comes_first_is_answered_first(
    floor: Floor, queue: str, waited_s: float
) -> None:
    """Anna waits in the place of her caller, and so does he when she does not stay for the answer."""
    first, other = await bruno_is_taken(floor, queue, waited_s=waited_s)
    await floor.start(f"queue:{queue}")
    await floor.caller.hears_only(MUSIC)
    await floor.centre.until(lambda: len(places(floor, queue)) == 1, "Anna in the queue")
    await floor.do("complete")
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.centre.until(lambda: len(places(floor, queue)) == 2, "her caller in the queue")
    # She may still be leaving when he comes, so that his place is told by who is answered.
    assert places(floor, queue)[0] == "1"
    await floor.goodbye(first, floor.bruno)
    line = await floor.bruno.rings()
    assert line.caller_number == CALLER
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await other.hang_up()
    await floor.goodbye(floor.caller, floor.bruno)


async def test_who_was_handed_on_keeps_his_queue(floor: Floor) -> None:
    """Its music, its reassurance, and back to it: Bruno, who has him from Anna, need not say which it is."""
    await floor.talking()
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.ends("completed")
    await floor.agent_is("anna", "ready")
    floor.events.clear()
    view = await floor.start("agent:carla", agent="bruno")
    assert view["queue"] == "q501"
    await floor.centre.until(lambda: floor.named("MusicOnHoldStart"), "music")
    assert [event["Class"] for event in floor.named("MusicOnHoldStart")] == ["default"]
    await floor.caller.hears(SOUND)
    played = [event["AppData"] for event in floor.named("Newexten", Application="Playback")]
    assert played == [f"{OWN_PROMPT},noanswer"]
    await floor.do("requeue", "bruno")
    await floor.anna.answer()
    await floor.together(floor.caller, floor.anna)
    await floor.bruno.on_hook()
    await floor.ends("requeued", "bruno")
    await floor.goodbye(floor.caller, floor.anna)


async def test_the_music_is_that_of_his_queue(floor: Floor) -> None:
    for extension, music in (("501", "default"), ("504", "pbxd")):
        await floor.call(extension)
        floor.events.clear()
        await floor.start("agent:bruno")
        await floor.centre.until(lambda: floor.named("MusicOnHoldStart"), "music")
        await floor.caller.hears_only(MUSIC)
        assert [event["Class"] for event in floor.named("MusicOnHoldStart")] == [music]
        await floor.do("cancel")
        await floor.together(floor.anna, floor.caller)
        await floor.ends("cancelled")
        await floor.goodbye(floor.anna, floor.caller)
