"""The keys of the transferer's phone: cancel, merge and swap, in a transfer that was ordered at the page."""

from __future__ import annotations

import contextlib

import pytest

from deploy.lab.ami import Message
from deploy.lab.ears import MUSIC
from deploy.lab.files import PBXD_ACCOUNT
from deploy.lab.phones import Phone, PhoneError, until
from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LISTENED_FOR = "pbxd-cancel#pbxd-merge#pbxd-swap"


async def test_cancelled_while_it_rings(floor: Floor) -> None:
    await floor.ringing()
    await floor.anna.keys("*1")
    await floor.ends("cancelled")
    await floor.together(floor.anna, floor.caller)
    assert not floor.bruno.ringing
    await floor.goodbye(floor.anna, floor.caller)


async def test_cancelled_while_they_talk(floor: Floor) -> None:
    """A caller from a queue: Asterisk listens for keys by itself, as the agent may transfer with them."""
    await floor.talking()
    await floor.anna.keys("*1")
    await floor.ends("cancelled")
    await floor.together(floor.anna, floor.caller)
    await floor.bruno.on_hook()
    await floor.goodbye(floor.anna, floor.caller)


@pytest.mark.parametrize("reached", ["501", "2001"])
async def test_swapped_merged_and_left_by_keys(floor: Floor, reached: str) -> None:
    """2001: a caller who dialled Anna. Without PBXD_KEYS Asterisk would pass the keys on unheard."""
    await floor.centre.switch.set_global("PBXD_KEYS", LISTENED_FOR if reached == "2001" else "")
    try:
        await floor.call(reached)
        await floor.start("agent:bruno")
        await floor.bruno.rings()
        await floor.bruno.answer()
        await floor.together(floor.anna, floor.bruno)
        await floor.anna.keys("*4")
        await floor.together(floor.anna, floor.caller)
        await floor.bruno.hears_only(MUSIC)
        await floor.becomes("swapped")
        await floor.anna.keys("*4")
        await floor.together(floor.anna, floor.bruno)
        await floor.caller.hears_only(MUSIC)
        await floor.becomes("talking")
        await floor.anna.keys("*3")
        await floor.together(floor.anna, floor.bruno, floor.caller)
        await floor.becomes("merged")
        await floor.anna.hang_up()
        await floor.ends("completed")
        await floor.together(floor.bruno, floor.caller)
    finally:
        await floor.centre.switch.set_global("PBXD_KEYS", "")
    await floor.goodbye(floor.bruno, floor.caller)


async def press(floor: Floor, phone: Phone, key: str) -> None:
    """Until Asterisk has heard it: on a busy machine a key may be lost."""

    def heard() -> int:
        return len(floor.named("DTMFEnd", Digit=key, Direction="Received"))

    before = heard()
    for _ in range(5):
        await phone.keys(key)
        with contextlib.suppress(PhoneError):
            await until(lambda: heard() > before, lambda: f"{phone.name}'s {key}", within_s=2.0)
            return
    raise PhoneError(f"{phone.name}'s {key} is never heard")


async def test_what_callers_enter_never_leaves_asterisk(floor: Floor) -> None:
    """pbxd's account is told the keys of whoever hands a caller over, and no others."""
    ami = await floor.centre.switch.connect(PBXD_ACCOUNT)
    told: list[Message] = []
    ami.on_event(told.append)
    try:
        await floor.call()
        await press(floor, floor.caller, "4")
        await press(floor, floor.anna, "5")
        await floor.start("agent:bruno")
        await floor.bruno.rings()
        await floor.caller.hears_only(MUSIC)
        await press(floor, floor.caller, "7")
        await press(floor, floor.anna, "9")
        await floor.do("cancel")
        await floor.together(floor.anna, floor.caller)
        await press(floor, floor.caller, "1")
        await floor.goodbye(floor.anna, floor.caller)
        assert {e["Digit"] for e in told if e["Event"].startswith("DTMF")} == {"9"}
    finally:
        await ami.close()
