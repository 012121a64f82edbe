"""Orders and acknowledgements over the WebSocket, and what a page is told of transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pbxd.edge.web.outbox import Change, Outbox
from pbxd.edge.web.pages import Patience
from pbxd.ids import AgentId
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    EndWrapUp,
    MoveTransfer,
    ReportRepeat,
    StartTransfer,
    Verb,
)
from tests.integration.scripted_desk import Served, done, handover, refused, serving, view
from tests.integration.test_web_push import hear, page, say, sign_in, until

START = {"type": "order", "order": "transfer.start", "targets": [{"kind": "agent", "id": "liwei"}]}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(Patience(said_per_s=100)) as served:
        yield served


async def ordered(socket: Any, **said: Any) -> dict[str, Any]:
    """Give an order and hear what became of it."""
    await say(socket, **said)
    heard = await hear(socket)
    assert heard["kind"] == "order", heard
    body: dict[str, Any] = heard["body"]
    return body


async def test_every_order_is_carried_in_and_answered_under_the_pages_own_name(served: Served) -> None:
    served.desk.answer = done(view())
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        answer = await ordered(socket, **START, id="o-1", mode="blind", reason="Refund")
        assert {"id": "o-1", "outcome": "done", "code": "", "text": ""}.items() <= answer.items()
        assert answer["body"]["id"] == "t1"
        for verb in Verb:
            order = {"type": "order", "order": f"transfer.{verb.value}", "transfer": "t1"}
            assert (await ordered(socket, **order, id=verb.value))["outcome"] == "done"
        annotate = {"type": "order", "order": "transfer.annotate", "transfer": "t1", "note": "x" * 2000}
        assert (await ordered(socket, **annotate, id="n"))["outcome"] == "done"
        repeated = {"type": "order", "order": "call.repeated", "call": "pbx1:7.1"}
        assert (await ordered(socket, **repeated, id="r"))["outcome"] == "done"
        assert (await ordered(socket, type="order", order="wrap_up.end", id="w"))["outcome"] == "done"
    [start] = served.desk.given(StartTransfer)
    assert (start.agent, start.mode.value, start.reason) == ("anna", "blind", "Refund")
    assert [order.verb for order in served.desk.given(MoveTransfer)] == list(Verb)
    assert {order.agent for order in served.desk.given(MoveTransfer)} == {"anna"}
    assert [len(str(order.note)) for order in served.desk.given(AnnotateTransfer)] == [2000]
    assert [order.call for order in served.desk.given(ReportRepeat)] == ["pbx1:7.1"]
    assert len(served.desk.given(EndWrapUp)) == 1


async def test_a_note_of_the_longest_kind_in_chinese_fits(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        annotate = {"type": "order", "order": "transfer.annotate", "transfer": "t1", "note": "退" * 2000}
        assert (await ordered(socket, **annotate, id="n"))["outcome"] == "done"


async def test_two_agents_who_name_their_orders_alike_do_not_meet(served: Served) -> None:
    served.desk.answer = lambda order: None
    anna, liwei = await sign_in(served), await sign_in(served, "liwei")
    async with page(served, anna) as first, page(served, liwei) as second:
        await hear(first)
        await hear(second)
        for socket in (first, second):
            await say(socket, **START, id="o-1")
        await until(lambda: len(served.desk.given(StartTransfer)) == 2)
        hers, his = sorted(served.desk.given(StartTransfer), key=lambda order: order.agent)
        assert hers.order != his.order
        assert hers.transfer != his.transfer
        served.desk.replies.take(refused("no_call", "no call of yours")(his))
        assert (await hear(second))["body"]["code"] == "no_call"
        served.desk.replies.take(done(view())(hers))
        assert (await hear(first))["body"]["outcome"] == "done"


async def test_the_same_name_again_is_the_same_transfer(served: Served) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        for _ in range(2):
            await ordered(socket, **START, id="o-1")
    assert len({order.transfer for order in served.desk.given(StartTransfer)}) == 1


async def test_a_refusal_comes_with_its_code(served: Served) -> None:
    served.desk.answer = refused("not_yours", "this is not your transfer")
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        order = {"type": "order", "order": "transfer.cancel", "transfer": "t1", "id": "o-1"}
        assert await ordered(socket, **order) == {
            "id": "o-1",
            "outcome": "refused",
            "code": "not_yours",
            "text": "this is not your transfer",
            "body": {},
        }


async def test_orders_without_an_answer_are_unknown_and_bounded(served: Served) -> None:
    served.desk.answer = lambda order: None
    served.desk.deadline_s = 0.5
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        for number in range(9):
            await say(socket, type="order", order="wrap_up.end", id=f"o-{number}")
        heard = [(await hear(socket))["body"] for _ in range(9)]
    assert (heard[0]["id"], heard[0]["code"]) == ("o-8", "too_many")
    assert {each["outcome"] for each in heard[1:]} == {"unknown"}
    assert len(served.desk.replies) == 0


async def test_a_page_that_leaves_takes_no_order_back(served: Served) -> None:
    served.desk.answer = lambda order: None
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        await say(socket, **START, id="o-1")
        await until(lambda: served.desk.given(StartTransfer))
    await until(lambda: len(served.desk.replies) == 0)
    served.desk.replies.take(done(view())(served.desk.given(StartTransfer)[0]))  # nobody is there: no harm


@pytest.mark.parametrize(
    "said",
    [
        {"type": "order", "id": "o", "order": "transfer.explode"},
        {"type": "order", "id": "o", "order": "transfer.cancel"},
        {"type": "order", "id": "o", "order": "transfer.cancel", "transfer": "a b"},
        {"type": "order", "id": "o", "order": "transfer.start", "targets": []},
        {"type": "order", "id": "o", "order": "transfer.start", "targets": [{"kind": "x", "id": "y"}]},
        {"type": "order", "id": "", "order": "wrap_up.end"},
        {"type": "order", "order": "wrap_up.end"},
        {"type": "order", "id": "o", "order": "wrap_up.end", "agent": "liwei"},
        {"type": "order", "id": "o", "order": "call.repeated", "call": ""},
        {"type": "ack_handover"},
        {"type": "ack_handover", "transfer": "never shown"},
        {"type": "ack_handover", "transfer": "t9"},
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_done(
    served: Served, said: dict[str, Any]
) -> None:
    async with page(served, await sign_in(served)) as socket:
        await hear(socket)
        before = len(served.desk.orders)
        await say(socket, **said)
        heard = await hear(socket)
        assert heard["type"] == "refused"
        assert heard["text"]
        assert len(served.desk.orders) == before


async def test_a_hand_over_is_acknowledged_once_by_the_page_that_was_shown_it(served: Served) -> None:
    async with page(served, await sign_in(served, "liwei")) as socket:
        await hear(socket)
        served.hand_over(handover())
        assert (await hear(socket))["kind"] == "handover"
        for _ in range(2):
            await say(socket, type="ack_handover", transfer="t1")
        served.hand_over(handover(revision=2, note="more"))
        assert (await hear(socket))["body"]["note"] == "more"
        await say(socket, type="ack_handover", transfer="t1")
        await say(socket, type="resume")
        snapshot = (await hear(socket))["body"]
        assert [each["transfer"] for each in snapshot["handovers"]] == ["t1"]
    [order] = served.desk.given(AcknowledgeHandover)
    assert (order.agent, order.transfer) == ("liwei", "t1")


async def test_both_are_told_of_a_transfer_and_nobody_else(served: Served) -> None:
    other = view("t2", transferer={"agent": "liwei", "name": "李伟", "interface": "x"})
    other["target"] = {"kind": "agent", "id": "maria", "name": "Maria", "agent": "maria"}
    served.desk.views = [view("t0", "ended", outcome="completed")]
    anna, liwei = await sign_in(served), await sign_in(served, "liwei")
    async with page(served, anna) as first, page(served, liwei) as second:
        assert [each["id"] for each in (await hear(first))["body"]["transfers"]] == ["t0"]
        assert [each["id"] for each in (await hear(second))["body"]["transfers"]] == ["t0"]
        served.transfer(other)
        served.transfer(view("t1"))
        assert (await hear(first))["body"]["id"] == "t1"
        assert (await hear(second))["body"]["id"] == "t2"
        assert (await hear(second))["body"]["id"] == "t1"


def told(kind: str, transfer: str = "", body: str = "{}") -> Change:
    return Change(kind=kind, body=body, transfer=transfer)


def test_a_newer_view_takes_the_place_of_one_that_waits() -> None:
    outbox = Outbox(capacity=3)
    outbox.put(told("transfer", "t1", "1"))
    outbox.put(told("handover", "t1", "2"))
    for typed in range(100):
        outbox.put(told("transfer", "t1", str(typed)))
    outbox.put(told("transfer", "t2", "other"))
    assert (outbox.dropped, len(outbox)) == (0, 3)
    taken = [outbox.take() for _ in range(3)]
    assert [each[1].body for each in taken if each] == ["99", "2", "other"]
    assert [each[0] for each in taken if each] == [1, 2, 3]


def test_replies_to_orders_go_last_when_too_much_waits() -> None:
    outbox = Outbox(capacity=3)
    outbox.put(told("order"))
    for name in ("t1", "t2", "t3", "t4"):
        outbox.put(told("transfer", name))
    kept = [outbox.take() for _ in range(3)]
    assert [each[1].transfer for each in kept if each] == ["", "t3", "t4"]
    assert outbox.dropped == 2


async def test_a_slow_page_that_lost_a_view_gets_it_with_the_next_snapshot() -> None:
    async with (
        serving(Patience(moments=2, said_per_s=100)) as served,
        page(served, await sign_in(served)) as socket,
    ):
        await hear(socket)
        [open_page] = served.edge.pages_of(AgentId("anna"))
        for number in range(6):
            served.transfer(view(f"t{number}"))
        assert open_page.outbox.dropped == 4
        assert (await hear(socket))["seq"] == 6  # the snapshot was 1: the gap tells of the loss
        await say(socket, type="resume")
        while (snapshot := await hear(socket))["type"] != "snapshot":
            pass
        assert [each["id"] for each in snapshot["body"]["transfers"]] == [f"t{n}" for n in range(6)]
