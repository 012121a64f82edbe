"""To whom a caller can be handed over, what the target sees before the phone rings, and who is refused."""

from __future__ import annotations

import asyncio

import pytest

from deploy.lab.ears import MUSIC, RINGBACK
from tests.e2e.floor import CALLER, SETTINGS, Floor

MORE = {"transfers": {**SETTINGS["transfers"], "acknowledge": {"policy": "wait", "up_to": "3s"}}}

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_the_target_knows_before_the_phone_rings(floor: Floor) -> None:
    bruno = await floor.page("bruno")
    await floor.call()
    view = await floor.start("agent:bruno", reason="tax return", note="has called twice")
    line = await floor.bruno.rings()
    await floor.caller.hears_only(MUSIC)
    assert (line.caller_number, line.caller_name) == (CALLER, "Zhang")
    document = bruno.handovers[view["id"]]
    assert bruno.handed_at[view["id"]] < line.began
    assert document["caller"]["number"] == CALLER
    assert (document["reason"], document["note"]) == ("tax return", "has called twice")
    assert document["queue"] == "q501"
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    # What she types while they talk appears there.
    await floor.do("annotate", note="needs form 7")
    await bruno.until(lambda: bruno.handovers[view["id"]]["note"] == "needs form 7", "note")
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)


async def test_the_phone_waits_for_the_page_but_not_for_ever(floor: Floor) -> None:
    """It is silent until Bruno's page says that it shows the hand-over; a page that never does gets 3 s."""
    bruno = await floor.page("bruno")
    bruno.acknowledges = False
    await floor.call()
    silent = []
    for says in (True, False):
        id_ = (await floor.start("agent:bruno"))["id"]
        await bruno.until(lambda id_=id_: id_ in bruno.handovers, "the hand-over")
        await asyncio.sleep(0.5)
        assert not floor.bruno.ringing
        if says:
            await bruno.say({"type": "ack_handover", "transfer": id_})
        line = await floor.bruno.rings()
        silent.append(line.began - bruno.handed_at[id_])
        await floor.do("cancel")
        await floor.together(floor.anna, floor.caller)
        await floor.ends("cancelled")
    bruno.acknowledges = True
    assert silent[0] + 1 < silent[1]
    await floor.goodbye(floor.anna, floor.caller)


@pytest.mark.parametrize("mode", ["attended", "blind"])
async def test_to_a_skill_the_best_who_is_free(floor: Floor, mode: str) -> None:
    """Carla knows taxes better than Dora."""
    await floor.call()
    view = await floor.start("skill:tax", mode=mode)
    assert view["target"]["agent"] == "carla"
    await floor.carla.answer()
    if mode == "attended":
        await floor.together(floor.anna, floor.carla)
        await floor.do("complete")
    await floor.together(floor.caller, floor.carla)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.carla, floor.caller)


async def test_to_a_queue(floor: Floor) -> None:
    """Whoever of the queue answers, answers the transferer; and sees whose call it is."""
    await floor.call()
    await floor.start("queue:q502")
    line = await floor.bruno.rings()
    assert line.caller_number == CALLER
    await floor.anna.hears(RINGBACK)
    await floor.caller.hears_only(MUSIC)
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.becomes("talking")
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)


async def test_blind_to_a_queue(floor: Floor) -> None:
    await floor.call()
    await floor.start("queue:q502", mode="blind")
    await floor.anna.on_hook()
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.bruno, floor.caller)


async def test_to_a_number_outside(floor: Floor) -> None:
    outside = await floor.phones.agent(floor.centre.switch, "1008", name="outside")
    await floor.call()
    await floor.start("outside:+498912345")
    line = await outside.rings()
    assert line.caller_number == CALLER
    await floor.caller.hears_only(MUSIC)
    await outside.answer()
    await floor.together(floor.anna, outside)
    await floor.do("swap")
    await floor.together(floor.anna, floor.caller)
    await floor.do("complete")
    await floor.together(floor.caller, outside)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.caller, outside)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("agent:anna", "target_yourself"),
        ("agent:nobody", "no_such_target"),
        ("skill:dancing", "no_such_target"),
        ("queue:nowhere", "no_such_target"),
        ("outside:+493012345", "not_allowed"),
        ("outside:+33112345", "not_allowed"),
        ("outside:110", "not_allowed"),
    ],
)
async def test_refused_with_a_reason(floor: Floor, target: str, code: str) -> None:
    await floor.call()
    answer = await floor.try_start(target)
    assert (answer["outcome"], answer["code"]) == ("refused", code), answer
    assert answer["text"]
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


async def test_offline_paused_and_busy_are_refused(floor: Floor) -> None:
    await floor.call()
    await floor.bruno.sign_off()
    answer = await refused(floor, "agent:bruno", "target_offline")
    assert "Bruno" in answer["text"]
    await floor.bruno.sign_on()
    page = await floor.page("carla")
    await page.say({"type": "pause", "order": "p1", "paused": True})
    await floor.agent_is("carla", "paused")
    await refused(floor, "agent:carla", "target_paused")
    await page.say({"type": "pause", "order": "p2", "paused": False})
    await floor.agent_is("carla", "ready")
    other = await floor.phones.caller(floor.centre.switch, "02087654321", trunk="trunk-queue", label="other")
    await other.dial("502")
    await floor.bruno.answer()
    await floor.agent_is("bruno", "talking")
    await refused(floor, "agent:bruno", "target_busy")
    await other.hang_up()
    await floor.bruno.on_hook()
    await floor.goodbye(floor.anna, floor.caller)


async def refused(floor: Floor, target: str, code: str) -> dict[str, str]:
    """pbxd learns from the switch, a moment later than we: ask until it is refused so."""
    last: dict[str, str] = {}

    async def so() -> bool:
        nonlocal last
        last = await floor.try_start(target)
        if last["outcome"] == "done":
            floor.transfer = last["body"]["id"]  # type: ignore[index]
            await floor.try_to("cancel")
            await floor.ends("cancelled")
        return last["code"] == code

    await floor.centre.until(so, f"{target} is refused with {code}")
    return last


async def test_a_second_start_and_one_without_a_call(floor: Floor) -> None:
    answer = await floor.try_start("agent:bruno")
    assert answer["code"] == "no_call"
    await floor.ringing()
    answer = await floor.try_start("agent:carla")
    assert answer["code"] == "already_transferring"
    await floor.do("cancel")
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


async def test_others_may_not_touch_it(floor: Floor) -> None:
    await floor.ringing()
    answer = await floor.try_to("complete", "carla")
    assert answer["code"] in ("not_yours", "no_such_transfer")
    await floor.do("cancel")
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)
