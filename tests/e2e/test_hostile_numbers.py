"""Callers whose SIP is written to deceive: no line of theirs becomes a line of AMI or AGI."""

from __future__ import annotations

import pytest

from deploy.lab.phones import Phones, until
from deploy.lab.rawsip import RawCall
from deploy.lab.switch import Switch
from tests.e2e.moving import caller_channel
from tests.e2e.scripted import scripted

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

FORGED = b"%0D%0A%0D%0AEvent%3A%20Hangup%0D%0AUniqueid%3A%20123.4%0D%0A%0D%0AEvent%3A%20X"


async def test_a_number_with_line_breaks_forges_no_event(switch: Switch, phones: Phones) -> None:
    """Without the operator's filter the same call does forge one: the laboratory's own account shows it."""
    wide, narrow = await switch.connect("lab"), await switch.connect("pbxd")
    bare: list[dict[str, str]] = []
    filtered: list[dict[str, str]] = []
    wide.on_event(bare.append)
    narrow.on_event(filtered.append)
    async with RawCall.dial(switch, "501", number=b"1" + FORGED, trunk="trunk-queue") as call:
        await call.answered()
    await switch.leak_check()
    await wide.close()
    await narrow.close()
    assert {"Event": "Hangup", "Uniqueid": "123.4"} in bare
    assert {"Event": "Hangup", "Uniqueid": "123.4"} not in filtered
    assert all("Timestamp" in event for event in filtered if event["Event"] != "FullyBooted")


@pytest.mark.parametrize(
    ("number", "known_as"),
    [
        (b"+86138" + FORGED, "+86138EventHangupUniqueid123.4EventX"),
        (b"138%0Aagi_network_script%3A%20evil", "138agi_network_scriptevil"),
        (b"al%29%22%2Cice%7D%24%7BSHELL%28id%29%7D", "aliceSHELLid"),
        (b"%22%22", "unknown"),
        (b"john.doe-7", "john.doe-7"),
    ],
)
async def test_a_number_is_one_line_for_pbxd(
    switch: Switch, phones: Phones, number: bytes, known_as: str
) -> None:
    async with (
        scripted(switch, "PBXD_NEXT=hangup") as agi,
        RawCall.dial(switch, "4000", number=number, name="张\xff三".encode()) as call,
    ):
        assert await agi.line() == f"PBXD_NEXT=hangup lab/main 4000 {known_as}"
        await call.answered()


@pytest.mark.parametrize("number", [b"100", b"%FC100"], ids=["plain", "broken"])
async def test_the_keys_of_a_caller_with_a_broken_number_stay_in_asterisk(
    switch: Switch, phones: Phones, number: bytes
) -> None:
    """Where Asterisk runs in UTF-8 (from 22.8 on) no pattern looks past a byte that is none of it."""
    wide, narrow = await switch.connect("lab"), await switch.connect("pbxd")
    heard: list[str] = []
    told: list[dict[str, str]] = []
    wide.on_event(lambda event: heard.append(event["Event"]))
    narrow.on_event(told.append)
    async with RawCall.dial(switch, "0100", number=number, trunk="trunk-queue") as call:
        await call.answered()
        channel = await caller_channel(switch)
        await wide.action("PlayDTMF", Channel=channel, Digit="7", Receive="true")
        await wide.action("PlayDTMF", Channel=channel, Digit="7")
        await until(lambda: heard.count("DTMFEnd") >= 2, lambda: "no DTMFEnd")
    await until(lambda: any(event["Event"] == "Hangup" for event in told), lambda: "no Hangup")
    await switch.leak_check()
    await wide.close()
    await narrow.close()
    assert [event for event in told if "DTMF" in event["Event"]] == []


async def test_a_dialled_number_with_line_breaks_is_refused(switch: Switch, phones: Phones) -> None:
    ami = await switch.connect("pbxd")
    seen: list[dict[str, str]] = []
    ami.on_event(seen.append)
    async with scripted(switch, "PBXD_NEXT=hangup"):
        async with RawCall.dial(switch, "4000" + FORGED.decode()) as call:
            await call.answered()
        await switch.leak_check()
    await ami.close()
    assert {"Event": "Hangup", "Uniqueid": "123.4"} not in seen


@pytest.mark.parametrize(
    "name",
    [
        b"${SHELL(id)}",
        rb"x\" , y; \\ \'",
        b"<script>alert(1)</script>",
        b"A" * 10000,
        b"\xff\xfe\xc3(\xe5\xbc",
        b"a\r\n Action: Originate",
        b"a\tb\x07\x1b[31m",
    ],
    ids=["shell", "quotes", "html", "long", "broken", "folded", "control"],
)
async def test_a_name_of_any_kind_reaches_pbxd_as_a_name(switch: Switch, phones: Phones, name: bytes) -> None:
    async with (
        scripted(switch, "PBXD_NEXT=hangup") as agi,
        RawCall.dial(switch, "4000", number=b"110", name=name) as call,
    ):
        assert await agi.line() == "PBXD_NEXT=hangup lab/main 4000 110"
        await call.answered()
