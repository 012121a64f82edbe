"""The hand-over on its way from agent to agent: it grows, it is live, it is acknowledged, and it stays."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.lab.centre import sums
from tests.e2e.floor import CALLER, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Json = dict[str, Any]


async def handed(floor: Floor, agent: str) -> Json:
    """What this agent was told for the newest transfer."""
    page = await floor.page(agent)
    await page.until(lambda: floor.transfer in page.handovers, "hand-over")
    return page.handovers[floor.transfer]


async def pass_on(floor: Floor, giver: str, taker: str, **words: str) -> Json:
    """One hands the caller over to the other, by the page; what that one knows before he answers."""
    await floor.start(f"agent:{taker}", agent=giver, **words)
    phone = getattr(floor, taker)
    await phone.rings()
    document = await handed(floor, taker)
    await phone.answer()
    await floor.together(getattr(floor, giver), phone)
    await floor.do("complete", giver)
    await floor.together(floor.caller, phone)
    await floor.ends("completed", giver)
    return document


async def test_a_chain_knows_more_with_each_link(floor: Floor) -> None:
    """Anna to Bruno, Bruno to Carla, Carla back to Anna; one journey, one call id."""
    for agent in ("bruno", "carla"):
        await floor.page(agent)
    before = await floor.centre.metrics()
    await floor.call()
    first = await pass_on(floor, "anna", "bruno", reason="invoice", note="is in a hurry")
    assert (first["reason"], first["note"], first["transfers"]) == ("invoice", "is in a hurry", [])
    assert first["caller"]["number"] == CALLER
    assert [leg["agent"] for leg in first["agents"]] == ["anna"]
    assert first["agents"][0]["talk_s"] > 0
    second = await pass_on(floor, "bruno", "carla", reason="contract")
    assert [each["reason"] for each in second["transfers"]] == ["invoice"]
    page = await floor.page("carla")
    call = second["call"]
    # She has to ask him everything again, and says so.
    answer = await page.order("call.repeated", call=call)
    assert answer["outcome"] == "done", answer
    await floor.agent_is("anna", "ready")
    third = await pass_on(floor, "carla", "anna", reason="back to you", note="all is said")
    assert third["call"] == first["call"] == call
    assert [(each["from"]["agent"], each["to"]["id"], each["outcome"]) for each in third["transfers"]] == [
        ("anna", "bruno", "completed"),
        ("bruno", "carla", "completed"),
    ]
    assert [each["agent"] for each in third["repeated"]] == ["carla"]
    assert [leg["agent"] for leg in third["agents"]] == ["anna", "bruno", "carla"]
    await floor.goodbye(floor.caller, floor.anna)
    anna = await floor.page("anna")
    await anna.until(lambda: not anna.handovers, "end of the hand-over")

    async def kept() -> bool:
        return any(row["call"] == call for row in await anna.contacts())

    await floor.centre.until(kept, "the contact")
    (row,) = [row for row in await anna.contacts() if row["call"] == call]
    assert [(each["from_agent"], each["to"], each["reason"], each["note"]) for each in row["handovers"]] == [
        ("anna", "bruno", "invoice", "is in a hurry"),
        ("bruno", "carla", "contract", ""),
        ("carla", "anna", "back to you", "all is said"),
    ]
    assert row["repeated"] == 1
    after = await floor.centre.metrics()

    def more(name: str, *labels: str) -> float:
        return sums(after, name, labels) - sums(before, name, labels)

    assert more("pbxd_transfers_started_total", 'by="pbxd"') == 3
    assert more("pbxd_transfers_total", 'by="pbxd"', 'kind="attended"', 'outcome="completed"') == 3
    assert more("pbxd_transfers_total") == 3
    assert more("pbxd_handovers_total", 'by="pbxd"') == 3
    for name in (
        "pbxd_handover_ack_seconds",
        "pbxd_transfer_ring_seconds",
        "pbxd_transfer_answer_seconds",
        "pbxd_transfer_consult_seconds",
        "pbxd_transfer_hold_seconds",
    ):
        assert more(f"{name}_count") == 3, name
    for stage in ("offered", "delivered"):
        assert more("pbxd_handover_stage_seconds_count", f'stage="{stage}"') == 3
    assert more("pbxd_calls_transferred_total", 'times="more"') == 1
    assert more("pbxd_caller_repeats_total", 'after="pbxd"') == 1
    assert more("pbxd_transfer_routes_total", 'queue="q501"', 'to="agent"', 'outcome="completed"') == 3


async def test_what_is_typed_while_they_talk_is_seen_at_once(floor: Floor) -> None:
    await floor.page("bruno")
    await floor.ringing()
    document = await handed(floor, "bruno")
    assert (document["note"], document["revision"]) == ("", 1)
    hostile = "<script>alert(1)</script> ${SHELL(id)}\nsecond line"
    await floor.do("annotate", note=hostile, reason="invoice")
    page = await floor.page("bruno")
    await page.until(lambda: page.handovers[floor.transfer]["revision"] > 1, "the note")
    assert page.handovers[floor.transfer]["note"] == hostile
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.do("annotate", disposition="resolved")
    await page.until(lambda: page.handovers[floor.transfer]["disposition"] == "resolved", "the disposition")
    reloaded = await floor.reload("bruno")
    assert reloaded.handovers[floor.transfer]["note"] == hostile
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)


async def test_who_is_not_meant_any_more_keeps_nothing(floor: Floor) -> None:
    await floor.page("bruno")
    await floor.ringing(note="between us")
    await handed(floor, "bruno")
    await floor.do("cancel")
    await floor.together(floor.caller, floor.anna)
    page = await floor.page("bruno")
    await page.until(lambda: floor.transfer in page.taken_back, "end of the hand-over")
    assert page.taken_back[floor.transfer] == "cancelled"
    assert (await floor.reload("bruno")).handovers == {}
    await floor.goodbye(floor.caller, floor.anna)


async def test_who_was_called_is_shown_and_not_who_called(floor: Floor) -> None:
    """Anna had called somebody and hands him over to Bruno."""
    await floor.page("bruno")
    page = await floor.page("anna")
    other = await floor.phones.agent(floor.centre.switch, "1008", name="other")
    await floor.anna.dial("1008")
    await other.answer()
    await floor.together(floor.anna, other)
    await page.until(lambda: page.state["agent"]["state"] == "talking", "Anna talking")
    await floor.start("agent:bruno", note="she asked for you")
    await floor.bruno.rings()
    document = await handed(floor, "bruno")
    assert document["caller"]["number"] == "1008"
    assert document["from"]["agent"] == "anna"
    bruno = await floor.page("bruno")
    assert (await bruno.pop())["caller"]["number"] == "1008"
    await floor.bruno.answer()
    await floor.together(floor.anna, floor.bruno)
    await floor.do("complete")
    await floor.together(other, floor.bruno)
    await floor.goodbye(other, floor.bruno)
