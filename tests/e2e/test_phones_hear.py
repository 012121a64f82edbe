"""The laboratory itself: phones that hear each other through Asterisk, directly and through a queue."""

from __future__ import annotations

import pytest

from deploy.lab.phones import Phones, until
from deploy.lab.switch import Switch

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_attended_transfer_by_refer_with_replaces(switch: Switch, phones: Phones) -> None:
    anna, bruno = await phones.agent(switch, "1001"), await phones.agent(switch, "1002")
    caller = await phones.caller(switch, "02012345678", trunk="trunk-queue")
    await caller.dial("501")
    first = await anna.answer()
    await phones.hear_each_other(anna, caller)
    await anna.hold(first)
    await caller.hears_only("music")
    second = await anna.dial("1002")
    await bruno.answer()
    await phones.hear_each_other(anna, bruno)
    await anna.attended_transfer(first, second)
    await phones.hear_each_other(caller, bruno)
    await anna.on_hook()
    heard = {(one.listener, one.what) for one in phones.story()}
    assert {("1001", "02012345678"), ("1002", "1001"), ("1002", "02012345678")} <= heard
    assert ("02012345678", "music") in heard


async def test_two_phones_hear_each_other_and_music_on_hold(switch: Switch, phones: Phones) -> None:
    anna, bruno = await phones.agent(switch, "1001"), await phones.agent(switch, "1002")
    await anna.dial("1002")
    line = await bruno.rings()
    assert (line.caller_number, line.caller_name) == ("1001", "Agent 1001")
    await bruno.answer()
    await phones.hear_each_other(anna, bruno)
    await anna.hold()
    await bruno.hears_only("music")
    await anna.resume()
    await phones.hear_each_other(anna, bruno)
    await bruno.hang_up()
    await anna.on_hook()


async def test_a_queue_call_with_key_presses_and_a_hostile_name(switch: Switch, phones: Phones) -> None:
    anna = await phones.agent(switch, "1001")
    caller = await phones.caller(switch, "+8613800138000", name="${SHELL(id)},<b>", trunk="trunk-queue")
    await caller.dial("501")
    await caller.hears_only("music")
    line = await anna.rings()
    assert (line.caller_number, line.caller_name) == ("+8613800138000", "${SHELL(id)},<b>")
    await anna.answer()
    await phones.hear_each_other(anna, caller)
    await caller.keys("12#")
    await until(lambda: anna.line.digits == "12#", lambda: f"heard {anna.line.digits!r}")
    await caller.hang_up()
    await anna.on_hook()


async def test_a_phone_declines(switch: Switch, phones: Phones) -> None:
    anna, bruno = await phones.agent(switch, "1001"), await phones.agent(switch, "1002")
    line = await anna.dial("1002")
    await bruno.rings()
    await bruno.reject()
    await anna.on_hook(line)
    assert line.answered is None


async def test_a_phone_that_signs_off_is_not_rung(switch: Switch, phones: Phones) -> None:
    anna = await phones.agent(switch, "1001")
    caller = await phones.caller(switch, "02012345678", trunk="trunk-queue")
    await anna.sign_off()
    line = await caller.dial("501")
    await caller.on_hook(line)
    await anna.sign_on()
    await caller.dial("501")
    await anna.rings()
    await caller.hang_up()


async def test_the_operators_account_hears_calls_but_no_dialplan(switch: Switch, phones: Phones) -> None:
    ami = await switch.connect("pbxd")
    seen: list[dict[str, str]] = []
    ami.on_event(seen.append)
    anna = await phones.agent(switch, "1001")
    # A name that looks like a filtered event must not make its owner invisible.
    caller = await phones.caller(
        switch, "110", name="Event: DeviceStateChange", trunk="trunk-queue", label="sly"
    )
    await caller.dial("501")
    await anna.answer()
    await phones.hear_each_other(anna, caller)
    await caller.hang_up()
    await switch.leak_check()
    names = {event["Event"] for event in seen}
    assert {"Newchannel", "QueueCallerJoin", "AgentConnect", "BridgeEnter", "Hangup"} <= names
    assert not names & {"VarSet", "Newexten", "DeviceStateChange", "PeerStatus", "RTCPSent", "TestEvent"}
    assert all("Timestamp" in event for event in seen if event["Event"] != "FullyBooted")
    await ami.close()
