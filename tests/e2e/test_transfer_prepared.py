"""An Asterisk without the dialplan of transfers: they are refused, and those who talk go on talking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pbxd.transfers.prepared import MARK
from tests.e2e.floor import Floor, Json

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MISSING = ""
OLDER = "VERSION-2"


def dialplan(floor: Floor) -> Path:
    return floor.centre.switch.folder / "etc/pbxd-transfer.conf"


@pytest_asyncio.fixture(loop_scope="module")
async def mended(floor: Floor) -> AsyncIterator[str]:
    """The dialplan as it ships; it is back after the test."""
    text = dialplan(floor).read_text()
    yield text
    dialplan(floor).write_text(text)
    await floor.centre.switch.cli("module reload pbx_config.so")
    await prepared(floor, True)


async def prepared(floor: Floor, wanted: bool) -> None:
    async def so() -> bool:
        return (await floor.centre.metrics())['pbxd_transfers_ready{node="lab"}'] == wanted

    await floor.centre.until(so, f"pbxd_transfers_ready is {wanted}", within_s=15.0)


async def transfers_part(floor: Floor) -> tuple[int, Json]:
    """The status of /-/ready, and what it says of transfers."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        answer = await http.get(f"{floor.centre.url}/-/ready")
    (part,) = [part for part in answer.json()["parts"] if part["name"] == "transfers lab"]
    return answer.status_code, part


@pytest.mark.parametrize("spoiled", [MISSING, OLDER], ids=["missing", "older"])
async def test_refused_until_the_dialplan_is_there(floor: Floor, mended: str, spoiled: str) -> None:
    switch = floor.centre.switch
    await floor.call()
    assert MARK in mended
    dialplan(floor).write_text(mended.replace(MARK, spoiled) if spoiled else "")
    await switch.cli("module reload pbx_config.so")
    await prepared(floor, False)

    for mode in ("attended", "blind"):
        answer = await floor.try_start("agent:bruno", mode=mode)
        assert (answer["outcome"], answer["code"]) == ("refused", "not_prepared")
        assert "pbxd-transfer.conf" in answer["text"]
        assert "dialplan reload" in answer["text"]
    await floor.together(floor.anna, floor.caller)
    assert not floor.named("BridgeLeave")
    assert not floor.named("OriginateResponse")
    status, part = await transfers_part(floor)
    assert (status, part["ready"], part["required"]) == (200, False, False)
    assert "dialplan reload" in part["reason"]
    assert "the switch is not prepared" in floor.centre.log()

    # As its operator does it; that makes no event.
    dialplan(floor).write_text(mended)
    await switch.cli("dialplan reload")
    await prepared(floor, True)
    assert (await transfers_part(floor))[1]["ready"] is True
    await floor.start("agent:bruno")
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.do("complete")
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await floor.goodbye(floor.bruno, floor.caller)


async def test_known_from_the_first_moment(floor: Floor, mended: str) -> None:
    """pbxd comes to a switch that is not prepared."""
    await floor.call()
    dialplan(floor).write_text("")
    await floor.centre.switch.cli("dialplan reload")
    await floor.centre.kill_pbxd()
    await floor.centre.start_pbxd()
    await floor.reload("anna")
    await floor.agent_is("anna", "talking")
    answer = await floor.try_start("agent:bruno")
    assert (answer["outcome"], answer["code"]) == ("refused", "not_prepared")
    await floor.together(floor.anna, floor.caller)
    await floor.goodbye(floor.caller, floor.anna)
