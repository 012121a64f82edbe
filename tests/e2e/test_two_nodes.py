"""One pbxd, two Asterisks of different age: calls, pops, figures and ids are told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.lab.archive import NoArchiveError
from deploy.lab.centre import Centre, sums
from deploy.lab.phones import Phones
from deploy.lab.tools import BULLSEYE, FORKY
from deploy.lab.unpack import UnpackError

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both() -> AsyncIterator[Centre]:
    try:
        async with Centre(FORKY, BULLSEYE) as centre:
            yield centre
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"two Asterisks cannot be unpacked here: {missing}")


async def test_calls_at_the_same_time_on_both_switches(both: Centre) -> None:
    new, old = both.switches
    async with Phones() as phones, both.page("anna") as anna, both.page("bruno") as bruno:
        anna_new = await phones.agent(new, "1001", name="anna")
        bruno_old = await phones.agent(old, "1002", name="bruno")
        first = await phones.caller(new, "+8613800138000", trunk="trunk-queue", label="first")
        second = await phones.caller(old, "+862088887777", trunk="trunk-queue", label="second")
        await first.dial("501")
        await second.dial("502")
        pops = await anna.pop(), await bruno.pop()
        assert [pop["node"] for pop in pops] == ["lab", "lab2"]
        assert [pop["call"].partition(":")[0] for pop in pops] == ["lab", "lab2"]
        assert [pop["caller"]["number"] for pop in pops] == ["+8613800138000", "+862088887777"]
        await anna_new.answer()
        await bruno_old.answer()
        await phones.hear_each_other(first, anna_new)
        await phones.hear_each_other(second, bruno_old)
        metrics = await both.metrics()
        for node in ("lab", "lab2"):
            assert sums(metrics, "pbxd_calls_in_progress", [f'node="{node}"']) == 1
        await first.hang_up()
        await bruno_old.hang_up()
    for switch in both.switches:
        await switch.leak_check()
    await both.quiet()
    metrics = await both.metrics()
    for node in ("lab", "lab2"):
        assert sums(metrics, "pbxd_calls_total", [f'node="{node}"', 'outcome="answered"']) == 1


async def test_one_switch_down_does_not_harm_the_other(both: Centre) -> None:
    new, old = both.switches
    async with both.page("anna") as anna:

        def heard() -> dict[str, bool]:
            return {link["node"]: link["up"] for link in anna.state["links"]}

        assert heard() == {"lab": True, "lab2": True}
        await old.stop()
        await anna.until(lambda: heard() == {"lab": True, "lab2": False}, "news that lab2 is not heard")
        (lost,) = (link for link in anna.state["links"] if not link["up"])
        assert lost["reason"]

    async def noticed() -> bool:
        return sums(await both.metrics(), "pbxd_ami_connected", ['node="lab2"']) == 0

    await both.until(noticed, "the lost switch is noticed")
    assert not await both.ready()
    async with Phones() as phones, both.page("anna") as anna:
        phone = await phones.agent(new, "1001", name="anna")
        caller = await phones.caller(new, "+8613800138000", trunk="trunk-queue", label="caller")
        await caller.dial("501")
        pop = await anna.pop()
        assert pop["node"] == "lab"
        await phone.answer()
        await phones.hear_each_other(caller, phone)
        await caller.hang_up()
        await phone.on_hook()
    await new.leak_check()
