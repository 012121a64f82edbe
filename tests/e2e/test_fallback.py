"""The caller is served whatever happens to pbxd: the dialplan's own promise, on every kind of failure."""

from __future__ import annotations

import pytest

from deploy.lab.phones import Phones
from deploy.lab.switch import Switch
from tests.e2e.scripted import scripted

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NUMBER = "02012345678"


async def served_by_fallback(switch: Switch, phones: Phones) -> None:
    """The caller waits with music in the plain queue, and its member talks with him."""
    dora = await phones.agent(switch, "1004")
    caller = phones[NUMBER]
    await dora.answer()
    await phones.hear_each_other(caller, dora)
    await caller.hang_up()
    await dora.on_hook()


async def test_nobody_listens(switch: Switch, phones: Phones) -> None:
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    await switch.set_global("PBXD_AGI", "127.0.0.1:9")
    await caller.dial("4000")
    await served_by_fallback(switch, phones)


@pytest.mark.parametrize("what", ["prompt", "ask"])
async def test_killed_in_the_middle_of_a_prompt(switch: Switch, phones: Phones, what: str) -> None:
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    async with scripted(switch, what) as agi:
        await caller.dial("4000")
        await agi.line()
        await caller.hears("sound")
        await agi.kill()
        await served_by_fallback(switch, phones)


async def test_it_leaves_without_a_decision(switch: Switch, phones: Phones) -> None:
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    async with scripted(switch, "leave"):
        await caller.dial("4000")
        await served_by_fallback(switch, phones)


async def test_it_hangs(switch: Switch, phones: Phones) -> None:
    """It took the call and says nothing more: the limit of the visit ends the silence."""
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    await switch.set_global("PBXD_AGI_LIMIT", "1")
    async with scripted(switch, "hang") as agi:
        await caller.dial("4000")
        await agi.line()
        await served_by_fallback(switch, phones)
    await switch.set_global("PBXD_AGI_LIMIT", "")


@pytest.mark.parametrize(
    "decision",
    [
        "PBXD_QUEUE=nowhere;PBXD_NEXT=queue",
        "PBXD_QUEUE=;PBXD_NEXT=queue",
        "PBXD_QUEUE=q502,,,,1;PBXD_NEXT=queue",
        "PBXD_NEXT=System(touch /tmp/x)",
    ],
)
async def test_a_decision_that_makes_no_sense(switch: Switch, phones: Phones, decision: str) -> None:
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    async with scripted(switch, decision):
        await caller.dial("4000")
        await served_by_fallback(switch, phones)


async def test_the_decision_is_carried_out(switch: Switch, phones: Phones) -> None:
    anna = await phones.agent(switch, "1001")
    caller = await phones.caller(switch, NUMBER)
    decision = "PBXD_QUEUE=q501;PBXD_QUEUE_TIMEOUT=20;QUEUE_PRIO=7;PBXD_NEXT=queue"
    joins: list[dict[str, str]] = []
    stop = switch.ami.on_event(lambda event: joins.append(event) if event["Event"] == "VarSet" else None)
    async with scripted(switch, decision):
        await caller.dial("4000")
        await anna.answer()
        await phones.hear_each_other(caller, anna)
        await anna.hang_up()
        await caller.on_hook()
    stop()
    assert {("QUEUE_PRIO", "7"), ("PBXD_QUEUE_TIMEOUT", "20")} <= {
        (event["Variable"], event["Value"]) for event in joins
    }


@pytest.mark.parametrize("decision", ["PBXD_NEXT=hangup", "PBXD_NEXT=done"])
async def test_the_flow_ends_the_call(switch: Switch, phones: Phones, decision: str) -> None:
    caller = await phones.caller(switch, NUMBER)
    async with scripted(switch, decision) as agi:
        await caller.dial("02066666666")
        assert await agi.line() == f"{decision} lab/main 02066666666 {NUMBER}"
        await caller.on_hook()


async def test_waiting_too_long_is_told_to_the_caller(switch: Switch, phones: Phones) -> None:
    await phones.agent(switch, "1001")
    caller = await phones.caller(switch, NUMBER)
    ami = await switch.connect("pbxd")
    told: list[dict[str, str]] = []
    ami.on_event(lambda event: told.append(event) if "PbxdQueue" in event.get("UserEvent", "") else None)
    async with scripted(switch, "PBXD_QUEUE=q501;PBXD_QUEUE_TIMEOUT=1;PBXD_NEXT=queue"):
        await caller.dial("4000")
        await caller.hears_only("music")
        await caller.hears_only("sound")
        await caller.hang_up()
    await ami.close()
    assert [(event["UserEvent"], event["Queue"], event.get("Status")) for event in told] == [
        ("PbxdQueueEntered", "q501", None),
        ("PbxdQueueLeft", "q501", "TIMEOUT"),
    ]


async def test_an_empty_queue_sends_the_caller_to_the_fallback_queue(switch: Switch, phones: Phones) -> None:
    await phones.agent(switch, "1004")
    caller = await phones.caller(switch, NUMBER)
    ami = await switch.connect("pbxd")
    told: list[dict[str, str]] = []
    ami.on_event(lambda event: told.append(event) if "PbxdQueue" in event.get("UserEvent", "") else None)
    async with scripted(switch, "PBXD_QUEUE=q505;PBXD_NEXT=queue"):
        await caller.dial("4000")
        await served_by_fallback(switch, phones)
    await ami.close()
    assert (told[1]["Queue"], told[1]["Status"]) == ("q505", "JOINEMPTY")
    assert (told[2]["UserEvent"], told[2]["Queue"]) == ("PbxdQueueEntered", "fallback")
