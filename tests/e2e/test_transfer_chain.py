"""From one to the next and back: the hand-over grows leg by leg; wrap-up begins at one's own end."""

from __future__ import annotations

import pytest

from deploy.lab.ears import MUSIC
from deploy.lab.phones import Phone
from tests.e2e.floor import SETTINGS, Floor

MORE = {"wrap_up": {**SETTINGS["wrap_up"], "queues": {"q504": "3s"}}}

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def pass_on(floor: Floor, frm: str, to: str) -> str:
    """One link of the chain; the id of the call."""
    giver, taker = phone(floor, frm), phone(floor, to)
    page = await floor.page(to)
    view = await floor.start(f"agent:{to}", agent=frm, reason=f"{frm} to {to}")
    await taker.answer()
    await floor.together(giver, taker)
    await floor.caller.hears_only(MUSIC)
    await floor.do("annotate", frm, note=f"note of {frm}")
    await page.until(
        lambda: page.handovers.get(view["id"], {}).get("note") == f"note of {frm}", "the note at the target"
    )
    await floor.do("complete", frm)
    await floor.together(floor.caller, taker)
    await giver.on_hook()
    await floor.ends("completed", frm)
    await floor.agent_is(to, "talking")
    call: str = view["call"]
    return call


def phone(floor: Floor, agent: str) -> Phone:
    found: Phone = getattr(floor, agent)
    return found


async def test_there_and_back(floor: Floor) -> None:
    await floor.call()
    calls = [
        await pass_on(floor, "anna", "bruno"),
        await pass_on(floor, "bruno", "carla"),
        await pass_on(floor, "carla", "anna"),
    ]
    assert len(set(calls)) == 1
    (document,) = [d for d in floor.pages["anna"].handovers.values() if d["transfer"] == floor.transfer]
    assert [leg["agent"] for leg in document["agents"]] == ["anna", "bruno", "carla"]
    assert len(document["transfers"]) == 2  # before this one
    for agent, state in (("anna", "talking"), ("bruno", "ready"), ("carla", "ready")):
        await floor.agent_is(agent, state)
    await floor.goodbye(floor.caller, floor.anna)


async def test_wrap_up_begins_at_his_own_end(floor: Floor) -> None:
    """She is in wrap-up while the caller talks on with the target; no call reaches her before it is over."""
    await floor.call("504")
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.anna.on_hook()
    await floor.agent_is("anna", "wrapup")
    await floor.agent_is("bruno", "talking")
    other = await floor.phones.caller(floor.centre.switch, "02087654321", trunk="trunk-queue", label="other")
    await other.dial("501")
    await other.hears_only(MUSIC)
    assert not floor.anna.ringing
    assert floor.pages["anna"].state["agent"]["state"] == "wrapup"
    line = await floor.anna.rings()  # when her notes are written
    anna = floor.pages["anna"]
    await anna.until(lambda: anna.state["agent"]["state"] == "ringing", "no wrap-up any more")
    await floor.anna.answer()
    await floor.together(floor.anna, other)
    await floor.goodbye(other, floor.anna)
    assert line.closed is not None
    await floor.goodbye(floor.caller, floor.bruno)
    await floor.agent_is("bruno", "wrapup")
    await floor.agent_is("bruno", "ready")
    await floor.agent_is("anna", "ready")
