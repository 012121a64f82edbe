"""How a transfer ends: whoever does whatever at whatever moment, the caller is with somebody."""

from __future__ import annotations

import asyncio

import pytest

from deploy.lab.ears import MUSIC, RINGBACK, SOUND
from deploy.lab.phones import until
from tests.e2e.floor import AT_ANNA, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def not_ringing(floor: Floor, agent: str = "bruno", within_s: float = 1.0) -> None:
    phone = getattr(floor, agent)
    await until(lambda: not phone.ringing, lambda: f"{agent} still rings", within_s)


# ---------------------------------------------------------------- the target does not want or cannot


async def test_declined(floor: Floor) -> None:
    await floor.ringing()
    await floor.bruno.reject()
    await floor.anna.hears(SOUND)  # why; then her caller
    view = await floor.ends("declined")
    assert view["why"] == "Bruno declined"
    assert await floor.told() == ["created", "ringing", "declined", "ended"]
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


async def test_the_next_one_is_tried(floor: Floor) -> None:
    """Bruno declines, so do both who know taxes, the queue's member answers: the caller hears only music."""
    await floor.call()
    await floor.start("agent:bruno", "skill:tax", "queue:q504")
    await floor.bruno.reject()
    await floor.carla.rings()
    await floor.anna.hears(RINGBACK)
    await floor.carla.reject()
    await floor.dora.rings()
    await floor.dora.reject()
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.caller.hears_only(MUSIC)
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    view = await floor.ends("completed")
    assert view["attempt"] == 4
    tried = 3 * ["ringing", "declined"]
    assert await floor.told() == ["created", *tried, "ringing", "answered", "completed", "ended"]
    await floor.goodbye(floor.caller, floor.bruno)


# ---------------------------------------------------------------- cancel


async def test_cancelled_while_it_rings(floor: Floor) -> None:
    await floor.ringing()
    await floor.do("cancel")
    await not_ringing(floor)
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    again = await floor.try_to("cancel")
    assert again["outcome"] == "done"  # twice is harmless
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


async def test_cancelled_at_once(floor: Floor) -> None:
    """Before the target's phone can even ring."""
    await floor.call()
    await floor.start("agent:bruno")
    await floor.do("cancel")
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    await not_ringing(floor)
    # Whoever leaves in the moment in which they are joined again has not talked, and is called back.
    await asyncio.sleep(0.3)
    await floor.goodbye(floor.anna, floor.caller)


async def test_cancelled_while_they_talk(floor: Floor) -> None:
    await floor.talking()
    await floor.do("cancel")
    await floor.together(floor.anna, floor.caller)
    await floor.bruno.on_hook()
    await floor.ends("cancelled")
    await floor.goodbye(floor.anna, floor.caller)


async def test_cancelled_while_swapped(floor: Floor) -> None:
    await floor.swapped()
    await floor.do("cancel")
    await floor.bruno.on_hook()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    await floor.goodbye(floor.anna, floor.caller)


async def test_cancelled_and_tried_again(floor: Floor) -> None:
    await floor.talking()
    await floor.do("cancel")
    await floor.ends("cancelled")
    await floor.together(floor.anna, floor.caller)
    await floor.start("agent:carla")
    await floor.carla.answer()
    await floor.together(floor.anna, floor.carla)
    await floor.do("complete")
    await floor.together(floor.carla, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.carla)


# ---------------------------------------------------------------- complete


async def test_completed(floor: Floor) -> None:
    await floor.talking()
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    assert (await floor.try_to("complete"))["outcome"] == "done"
    await floor.agent_is("anna", "ready")
    await floor.agent_is("bruno", "talking")
    await floor.goodbye(floor.bruno, floor.caller)


async def test_completed_while_it_rings(floor: Floor) -> None:
    await floor.ringing()
    await floor.do("complete")
    await floor.anna.on_hook()
    await floor.caller.hears_only(MUSIC)
    await floor.bruno.answer()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


async def test_completed_while_it_rings_and_nobody_answers(floor: Floor) -> None:
    """Then the transferer's phone rings."""
    await floor.ringing()
    await floor.do("complete")
    await floor.anna.on_hook()
    await floor.bruno.reject()
    await floor.caller.hears_only(MUSIC)
    await floor.anna.answer()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("recalled")
    await floor.goodbye(floor.caller, floor.anna)


async def test_blind(floor: Floor) -> None:
    await floor.call()
    await floor.start("agent:bruno", mode="blind")
    await floor.anna.on_hook()
    await floor.bruno.answer()
    await floor.together(floor.bruno, floor.caller)
    view = await floor.ends("completed")
    assert view["kind"] == "blind"
    await floor.goodbye(floor.bruno, floor.caller)


async def test_blind_and_nobody_answers(floor: Floor) -> None:
    await floor.call()
    await floor.start("agent:bruno", mode="blind")
    await floor.anna.on_hook()
    await floor.bruno.reject()
    await floor.anna.answer()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("recalled")
    assert await floor.told() == ["created", "ringing", "recalled", "ended"]
    await floor.goodbye(floor.anna, floor.caller)


# ---------------------------------------------------------------- somebody hangs up


async def test_the_transferer_hangs_up_while_they_talk(floor: Floor) -> None:
    await floor.talking()
    await floor.anna.hang_up()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


async def test_the_transferer_hangs_up_while_it_rings(floor: Floor) -> None:
    await floor.ringing()
    await floor.anna.hang_up()
    await floor.caller.hears_only(MUSIC)
    await floor.bruno.answer()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)


async def test_the_transferer_hangs_up_while_swapped(floor: Floor) -> None:
    await floor.swapped()
    await floor.anna.hang_up()
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)


async def test_the_caller_hangs_up_while_it_rings(floor: Floor) -> None:
    await floor.ringing()
    await floor.caller.hang_up()
    await not_ringing(floor)
    view = await floor.ends("caller_left")
    assert "hung up" in view["why"]
    await floor.anna.on_hook()


async def test_the_caller_hangs_up_while_they_talk(floor: Floor) -> None:
    """Both see it, and may go on."""
    bruno = await floor.page("bruno")
    await floor.talking()
    await floor.caller.hang_up()
    await floor.ends("caller_left")
    await bruno.until(
        lambda: bruno.transfers[floor.transfer]["outcome"] == "caller_left", "that the caller left"
    )
    assert await floor.told() == ["created", "ringing", "answered", "caller_left", "ended"]
    await floor.together(floor.anna, floor.bruno)
    await floor.goodbye(floor.bruno, floor.anna)


async def test_the_caller_hangs_up_while_swapped(floor: Floor) -> None:
    await floor.swapped()
    await floor.caller.hang_up()
    await floor.ends("caller_left")
    await floor.together(floor.anna, floor.bruno)
    await floor.goodbye(floor.anna, floor.bruno)


async def test_the_target_hangs_up_while_they_talk(floor: Floor) -> None:
    await floor.talking()
    await floor.bruno.hang_up()
    await floor.together(floor.anna, floor.caller)
    await floor.ends("cancelled")
    await floor.goodbye(floor.anna, floor.caller)


async def test_the_target_hangs_up_while_swapped(floor: Floor) -> None:
    await floor.swapped()
    await floor.bruno.hang_up()
    await floor.ends("cancelled")
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.anna, floor.caller)


# ---------------------------------------------------------------- back to a queue


@pytest.mark.parametrize("state", ["ringing", "talking", "swapped"])
async def test_back_to_the_queue(floor: Floor, state: str) -> None:
    await getattr(floor, state)()
    await floor.do("requeue", queue="q599")
    if state != "swapped":
        await floor.anna.on_hook()
    await floor.bruno.on_hook()
    await floor.carla.answer()
    await floor.together(floor.carla, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("requeued")
    assert (await floor.told())[-2:] == ["requeued", "ended"]
    await floor.goodbye(floor.carla, floor.caller)


# ---------------------------------------------------------------- other calls than a queue's


async def test_an_agent_behind_local(floor: Floor) -> None:
    """As FreePBX reaches its agents."""
    await floor.call("506")
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.caller.hears_only(MUSIC)
    await floor.do("swap")
    await floor.together(floor.anna, floor.caller)
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


@pytest.mark.parametrize("who", ["caller", "agent"])
async def test_a_call_without_a_queue(floor: Floor, who: str) -> None:
    """A caller who dialled the agent, and somebody whom the agent called."""
    page = await floor.page("anna")
    if who == "caller":
        other = await floor.phones.caller(
            floor.centre.switch, "02087654321", trunk="trunk-direct", label="other"
        )
        await other.dial("1001")
        await floor.anna.answer()
    else:
        other = await floor.phones.agent(floor.centre.switch, "1008", name="outside")
        await floor.anna.dial("1008")
        await other.answer()
    await floor.together(floor.anna, other)
    await page.until(lambda: page.state["agent"]["state"] == "talking", "Anna talking")
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await other.hears_only(MUSIC)
    await floor.do("complete")
    await floor.together(floor.bruno, other)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(other, floor.bruno)


async def test_hold_was_pressed_before(floor: Floor) -> None:
    """No one-way sound when she takes her phone off hold."""
    await floor.call(AT_ANNA)
    await floor.anna.hold()
    await floor.caller.hears_only(MUSIC)
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.becomes("talking")
    await floor.anna.resume()
    await floor.together(floor.anna, floor.bruno)
    await floor.do("swap")
    await floor.together(floor.anna, floor.caller)
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)
