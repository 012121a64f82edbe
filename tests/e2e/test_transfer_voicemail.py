"""A mailbox as the target, on a real Asterisk: the caller leaves a message, or stays where he is."""

from __future__ import annotations

import shutil

import pytest

from deploy.lab.ami import AmiError
from deploy.lab.phones import until
from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

BOXES = """
[general]
format=wav
[default]
1002 => 4711,Bruno
"""
BOX = "voicemail:1002@default"


async def test_a_message(floor: Floor) -> None:
    switch = floor.centre.switch
    await floor.call()
    answer = await floor.try_start(BOX)
    assert (answer["outcome"], answer["code"]) == ("refused", "not_prepared"), answer
    assert "app_voicemail" in answer["text"]
    await floor.together(floor.anna, floor.caller)

    (switch.folder / "etc/voicemail.conf").write_text(BOXES)
    try:
        await switch.ami.action("ModuleLoad", Module="app_voicemail.so", LoadType="load")
    except AmiError:  # this Asterisk came without it: to be refused is all that there is
        assert switch.version.startswith("16")
        await floor.goodbye(floor.caller, floor.anna)
        return
    await switch.cli("module reload pbx_config.so")  # makes an event, on which pbxd looks

    async def taken() -> bool:
        return bool((await floor.try_start(BOX))["outcome"] == "done")

    await floor.centre.until(taken, "the mailbox as a target", within_s=20.0)
    await floor.anna.on_hook()
    spool = switch.folder / "spool"
    await until(lambda: any(spool.rglob("*.wav")), lambda: f"no message below {spool}", 40.0)
    await floor.caller.hang_up()
    await until(lambda: any(spool.rglob("msg0000.txt")), lambda: f"no message below {spool}", 20.0)
    shutil.rmtree(spool)
    await switch.ami.action("ModuleLoad", Module="app_voicemail.so", LoadType="unload")
    await switch.cli("module reload pbx_config.so")
