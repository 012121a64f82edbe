"""Wrap-up on a real Asterisk: the next caller waits until the agent has written his notes, and not longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from deploy.lab.centre import DESKS, Centre, sums
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone, Phones
from tests.e2e.told import Told

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG = "q501"  #: ends when she says so, in these tests
SHORT = "q504"
FREEPBX = "q506"  #: knows her as a Local channel
LOCAL = "Local/1001@from-queue/n"
WRAP_UP = {"queues": {LONG: "10m", SHORT: "4s", FREEPBX: "4s"}, "declined_pause": "4s"}
THEY = (replace(DESKS[0], members=(LOCAL,)), *DESKS[1:])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(suite: str) -> AsyncIterator[Centre]:
    more = {"wrap_up": WRAP_UP, "metrics": {"per_agent": True}}
    async with Centre(suite, desks=THEY, more=more) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="module")
async def told(centre: Centre) -> AsyncIterator[Told]:
    """What the switch tells of Anna (1001), in order. After the test nobody is paused, or will be told of."""
    with Told(centre.switch, "PJSIP/1001") as told:
        yield told
    await centre.quiet()
    for agent in ("anna", "bruno"):
        async with centre.page(agent) as page:
            # Done, when pbxd has resumed him everywhere; refused, when he is in none.
            await page.order("wrap_up.end")
    for interface in ("PJSIP/1001", "PJSIP/1002", LOCAL):
        with Told(centre.switch, interface) as last:
            await centre.switch.ami.action("QueuePause", Interface=interface, Paused="false")
            # Events come after answers: none of them may run into the next test.
            await last.until(["resumed"])


async def talking(centre: Centre, phones: Phones, queue: str) -> tuple[Phone, Phone, Phone]:
    """Anna talks with the first caller of this queue; the second one waits and nobody else answers."""
    anna = await phones.agent(centre.switch, "1001", name="anna")
    first = await phones.caller(centre.switch, "02011111111", trunk="trunk-queue", label="first")
    second = await phones.caller(centre.switch, "02022222222", trunk="trunk-queue", label="second")
    await first.dial(queue[1:])
    await anna.answer()
    await phones.hear_each_other(anna, first)
    await second.dial(queue[1:])
    await second.hears_only("music")
    return anna, first, second


async def finish(centre: Centre, anna: Phone, second: Phone) -> None:
    """The second call, to its end."""
    await anna.answer()
    await second.connected()
    await second.hang_up()
    await anna.on_hook()
    await centre.quiet()


@pytest.mark.parametrize("who", ["agent", "caller"])
async def test_the_next_caller_waits_until_she_is_ready(
    centre: Centre, all_phones: Phones, told: Told, who: str
) -> None:
    anna, first, second = await talking(centre, all_phones, LONG)
    async with centre.page("anna") as page:
        await (anna if who == "agent" else first).hang_up()
        await first.on_hook()
        await page.until(lambda: _wraps_up(page), "wrap-up with its end")
        assert told.kinds() == ["rung", "paused"]
        await second.hears_only("music")
        await page.say({"type": "order", "id": "1", "order": "wrap_up.end"})
        await page.until(lambda: "1" in page.orders, "answer to her order")
        assert page.orders["1"]["outcome"] == "done"
        await anna.rings()
        await told.until(["rung", "paused", "resumed", "rung"])
        assert set(told.reasons) == {"pbxd:wrap-up"}
        await finish(centre, anna, second)
        await page.until(lambda: _wraps_up(page), "wrap-up after the second call")
        metrics = await centre.metrics()
        labels = [f'queue="{LONG}"', 'ended="ready"']
        assert sums(metrics, "pbxd_wrap_up_seconds_count", labels) >= 1
        assert sums(metrics, "pbxd_agent_wrap_up_seconds_total", ['agent="anna"']) > 0


async def test_it_ends_by_itself(centre: Centre, all_phones: Phones, told: Told) -> None:
    anna, first, second = await talking(centre, all_phones, SHORT)
    await anna.hang_up()
    await first.on_hook()
    await anna.rings(20)
    await told.until(["rung", "paused", "resumed", "rung"])
    await finish(centre, anna, second)


@pytest.mark.parametrize("who", ["agent", "caller"])
async def test_a_member_behind_a_local_channel(
    centre: Centre, all_phones: Phones, told: Told, who: str
) -> None:
    with Told(centre.switch, LOCAL) as of_local:
        anna, first, second = await talking(centre, all_phones, FREEPBX)
        await (anna if who == "agent" else first).hang_up()
        await first.on_hook()
        await anna.rings(20)
        await of_local.until(["rung", "paused", "resumed", "rung"])
        assert told.kinds() == ["paused", "resumed"], "in the queues of her other device as well"
        await finish(centre, anna, second)


async def test_pbxd_is_killed_in_the_wrap_up(centre: Centre, all_phones: Phones, told: Told) -> None:
    """The switch remembers the reason; the new pbxd goes on where the old one stopped."""
    anna, first, second = await talking(centre, all_phones, LONG)
    await anna.hang_up()
    await first.on_hook()
    await told.until(["rung", "paused"])
    await centre.kill_pbxd()
    await centre.start_pbxd()
    async with centre.page("anna") as page:
        await page.until(lambda: _wraps_up(page), "wrap-up that has survived")
        assert told.kinds() == ["rung", "paused"]
        await page.say({"type": "order", "id": "1", "order": "wrap_up.end"})
        await anna.rings()
        await told.until(["rung", "paused", "resumed", "rung"])
        await finish(centre, anna, second)


async def test_who_paused_himself_stays_paused(centre: Centre, all_phones: Phones, told: Told) -> None:
    anna, first, second = await talking(centre, all_phones, SHORT)
    await centre.switch.ami.action(
        "QueuePause", Interface="PJSIP/1001", Paused="true", Reason="lunch", Queue=SHORT
    )
    await anna.hang_up()
    await first.on_hook()
    async with centre.page("anna") as page:
        await told.others_resumed(besides=SHORT)
        assert SHORT not in told.resumed
        members = [m for q in page.state["queues"] if q["name"] == SHORT for m in q["members"]]
        assert [m["paused_reason"] for m in members if m["interface"] == "PJSIP/1001"] == ["lunch"]
    await second.hang_up()
    await centre.quiet()


async def test_who_pauses_herself_at_her_page_stays_paused(
    centre: Centre, all_phones: Phones, told: Told
) -> None:
    """Her own pause takes the place of the wrap-up's, even without a reason."""
    anna, first, second = await talking(centre, all_phones, SHORT)
    async with centre.page("anna") as page:
        await anna.hang_up()
        await first.on_hook()
        await page.until(lambda: _wraps_up(page), "wrap-up")
        await page.say({"type": "pause", "order": "1", "paused": True, "reason": ""})
        await page.until(lambda: page.state["agent"]["state"] == "paused", "pause of her own")
        assert page.state["agent"]["wrap_up"] is None
        await second.hang_up()
        await centre.quiet()
        # Longer than the wrap-up and than the time after which a forgotten pause is taken back.
        await centre.until(lambda: told.kinds() != ["rung", "paused"] or told.age() > 10.0, "some time", 20)
        assert told.kinds() == ["rung", "paused"]
        assert page.state["agent"]["state"] == "paused"


async def test_resumed_by_hand_she_is_ready(centre: Centre, all_phones: Phones, told: Told) -> None:
    """A feature code of her phone that knows nothing of pbxd ends the wrap-up, too."""
    anna, first, second = await talking(centre, all_phones, LONG)
    await anna.hang_up()
    await first.on_hook()
    await told.until(["rung", "paused"])
    await centre.switch.ami.action("QueuePause", Interface="PJSIP/1001", Paused="false", Queue=LONG)
    await anna.rings()
    async with centre.page("anna") as page:
        await page.until(lambda: page.state["agent"]["wrap_up"] is None, "the end of the wrap-up")
        await finish(centre, anna, second)


async def test_who_declines_a_caller_is_spared_him(centre: Centre, all_phones: Phones, told: Told) -> None:
    """The queue asks somebody else, and her again when that caller has been served."""
    anna = await all_phones.agent(centre.switch, "1001", name="anna")
    bruno = await all_phones.agent(centre.switch, "1002", name="bruno")
    caller = await all_phones.caller(centre.switch, "02033333333", trunk="trunk-queue", label="third")
    await caller.dial(SHORT[1:])
    await anna.reject(await anna.rings())
    await told.until(["rung", "paused"])
    assert set(told.reasons) == {"pbxd:declined"}
    await bruno.answer()
    await all_phones.hear_each_other(bruno, caller)
    await told.until(["rung", "paused", "resumed"])
    await caller.hang_up()
    await bruno.on_hook()
    await centre.quiet()


async def test_who_declines_and_is_alone_is_asked_again_after_a_while(
    centre: Centre, all_phones: Phones, told: Told
) -> None:
    anna = await all_phones.agent(centre.switch, "1001", name="anna")
    caller = await all_phones.caller(centre.switch, "02044444444", trunk="trunk-queue", label="fourth")
    await caller.dial(LONG[1:])
    await anna.reject(await anna.rings())
    await told.until(["rung", "paused"])
    await anna.rings(20)
    await told.until(["rung", "paused", "resumed", "rung"])
    await caller.hang_up()
    await anna.on_hook()
    await centre.quiet()


# ---------------------------------------------------------------- after a transfer


async def hand_over(page: AgentPage, how: str, anna: Phone, bruno: Phone) -> None:
    """Anna hands her caller over to Bruno and is free then, in one of the ways there are."""
    answer = await page.order("transfer.start", targets=[{"kind": "agent", "id": "bruno"}])
    assert answer["outcome"] == "done", answer
    transfer = answer["body"]["id"]

    async def order(verb: str) -> None:
        answer = await page.order(f"transfer.{verb}", transfer=transfer)
        assert answer["outcome"] == "done", answer

    await bruno.rings()
    if how == "blonde":
        await order("complete")
    await bruno.answer()
    if how == "blonde":
        return
    await page.until(lambda: page.transfers[transfer]["state"] == "talking", "conversation with Bruno")
    match how:
        case "complete":
            await order("complete")
        case "leave":
            await order("merge")
            await page.until(lambda: page.transfers[transfer]["state"] == "merged", "conference")
            await order("leave")
        case "hang up":
            await anna.hang_up()


@pytest.mark.parametrize("how", ["complete", "blonde", "leave", "hang up"])
async def test_after_a_transfer_she_wraps_up_at_her_own_end(
    centre: Centre, all_phones: Phones, told: Told, how: str
) -> None:
    """The call goes on at Bruno's; she is paused before she is free, and ready when she says so."""
    bruno = await all_phones.agent(centre.switch, "1002", name="bruno")
    async with centre.page("anna") as page:
        anna, first, second = await talking(centre, all_phones, LONG)
        await hand_over(page, how, anna, bruno)
        await all_phones.hear_each_other(bruno, first)
        await anna.on_hook()
        await page.until(lambda: _wraps_up(page), "wrap-up with its end")
        assert told.kinds() == ["rung", "paused"]
        assert (await page.order("wrap_up.end"))["outcome"] == "done"
        await anna.rings()
        await told.until(["rung", "paused", "resumed", "rung"])
        await anna.answer()
        await all_phones.hear_each_other(anna, second)
        await first.hang_up()
        await bruno.on_hook()
        await second.hang_up()
        await anna.on_hook()
        await centre.quiet()


async def test_who_declines_in_a_transfer_is_spared_the_caller_in_the_queue(
    centre: Centre, all_phones: Phones, told: Told
) -> None:
    """Bruno declines; Anna sends the caller to a queue that both of them serve: neither is rung at once."""
    bruno = await all_phones.agent(centre.switch, "1002", name="bruno")
    anna = await all_phones.agent(centre.switch, "1001", name="anna")
    caller = await all_phones.caller(centre.switch, "02055555555", trunk="trunk-queue", label="fifth")
    with Told(centre.switch, "PJSIP/1002") as of_bruno:
        async with centre.page("anna") as page:
            await caller.dial(SHORT[1:])
            await anna.answer()
            await all_phones.hear_each_other(anna, caller)
            answer = await page.order("transfer.start", targets=[{"kind": "agent", "id": "bruno"}])
            assert answer["outcome"] == "done", answer
            transfer = answer["body"]["id"]
            await bruno.reject(await bruno.rings())
            await page.until(lambda: page.transfers[transfer]["state"] == "ended", "the end of it")
            await all_phones.hear_each_other(anna, caller)
            answer = await page.order(
                "transfer.start", targets=[{"kind": "queue", "id": SHORT}], mode="blind"
            )
            assert answer["outcome"] == "done", answer
            await anna.on_hook()
            await caller.hears_only("music")
            assert of_bruno.kinds() == ["paused"]
            assert of_bruno.reasons == ["pbxd:declined"]
            await bruno.rings(20)
            await of_bruno.until(["paused", "resumed", "rung"])
            assert told.kinds()[:2] == ["rung", "paused"]
            await caller.hang_up()
            await centre.quiet()


def _wraps_up(page: AgentPage) -> bool:
    agent = page.state["agent"]
    return agent["state"] == "wrapup" and bool(agent["wrap_up"] and agent["wrap_up"]["until"])
