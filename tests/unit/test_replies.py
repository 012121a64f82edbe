"""Whoever gives an order gets its reply: the right one, in time or not, once."""

from __future__ import annotations

import asyncio

import pytest

from pbxd.edge.replies import UNANSWERED, Replies
from pbxd.effects import Reply
from pbxd.ids import AgentId
from pbxd.orders import EndWrapUp, Order

ANNA = AgentId("anna")


def ready(order: str) -> EndWrapUp:
    return EndWrapUp(order=order, agent=ANNA, at=0.0)


def done(order: str) -> Reply:
    return Reply(order=order, agent=ANNA, outcome="done")


async def test_replies_find_their_orders_in_whatever_sequence_they_come() -> None:
    given: list[Order] = []
    replies = Replies(given.append)
    asking = [asyncio.create_task(replies.ask(ready(name), 5)) for name in "abc"]
    await asyncio.sleep(0)
    for name in "cab":
        replies.take(done(name))
    assert [reply.order for reply in await asyncio.gather(*asking)] == ["a", "b", "c"]
    assert len(given) == 3
    assert len(replies) == 0


async def test_without_a_reply_nobody_knows_and_a_late_one_does_no_harm() -> None:
    replies = Replies(lambda order: None)
    reply = await replies.ask(ready("a"), 0.01)
    assert (reply.outcome, reply.code) == ("unknown", UNANSWERED)
    replies.take(done("a"))
    replies.take(done("never asked"))
    assert len(replies) == 0


async def test_a_name_is_for_one_order_at_a_time() -> None:
    replies = Replies(lambda order: None)
    asking = asyncio.create_task(replies.ask(ready("a"), 5))
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="under way"):
        await replies.ask(ready("a"), 5)
    replies.take(done("a"))
    replies.take(done("a"))
    assert (await asking).outcome == "done"


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    replies = Replies(lambda order: None)
    asking = asyncio.create_task(replies.ask(ready("a"), 5))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert len(replies) == 0
