"""An Asterisk without the dialplan of transfers, on which blind ones are allowed."""

from __future__ import annotations

import pytest

from deploy.lab.centre import sums
from tests.e2e.floor import SETTINGS, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MORE = {"transfers": {**SETTINGS["transfers"], "unprepared": "blind"}}


async def test_the_caller_stays_until_somebody_answers(floor: Floor) -> None:
    switch = floor.centre.switch
    before = await floor.centre.metrics()
    dialplan = switch.folder / "etc/pbxd-transfer.conf"
    text = dialplan.read_text()
    dialplan.write_text("")
    await switch.cli("module reload pbx_config.so")  # which makes an event, unlike "dialplan reload"
    await floor.call()
    page = await floor.page("anna")
    await page.until(lambda: page.state["links"][0]["transfers"] == "blind", "blind transfers only", 20.0)

    answer = await floor.try_start("agent:bruno")
    assert (answer["outcome"], answer["code"]) == ("refused", "not_prepared")
    answer = await floor.try_start("queue:q502", mode="blind")
    assert (answer["outcome"], answer["code"]) == ("refused", "not_prepared")

    view = await floor.start("agent:bruno", "agent:carla", mode="blind")
    assert (view["profile"], view["can"]) == ("plain", ["cancel"])
    await floor.bruno.rings()
    await floor.becomes("ringing")
    await floor.together(floor.anna, floor.caller)
    await floor.bruno.reject()
    await floor.carla.rings()
    await floor.together(floor.anna, floor.caller)
    await floor.carla.answer()
    await floor.together(floor.carla, floor.caller)
    await floor.anna.on_hook()
    await floor.ends("completed")
    await floor.goodbye(floor.carla, floor.caller)
    after = await floor.centre.metrics()
    assert sums(after, "pbxd_transfers_plain_total") == sums(before, "pbxd_transfers_plain_total") + 1

    dialplan.write_text(text)
    await switch.cli("module reload pbx_config.so")
