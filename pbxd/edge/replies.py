"""Whoever gave an order waits here for what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbxd.effects import Reply
from pbxd.orders import (
    AnnotateTransfer,
    EndCallback,
    EndWrapUp,
    MoveTransfer,
    Order,
    ReportRepeat,
    StartTransfer,
)

Asked = StartTransfer | MoveTransfer | AnnotateTransfer | ReportRepeat | EndWrapUp | EndCallback
"""The orders that are answered by a Reply."""

UNANSWERED = "no_answer"  #: the code of an order that nobody answered in time


class Replies:
    """``put`` hands an order in; ``take`` is the outlet of Reply effects."""

    def __init__(self, put: Callable[[Order], None]) -> None:
        self._put = put
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, reply: Reply) -> None:
        """Give a reply to the one who waits for it. A reply that came too late goes nowhere."""
        waiting = self._waiting.get(reply.order)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def ask(self, order: Asked, within_s: float) -> Reply:
        """Hand in an order and wait for its reply. Without one in time its outcome is ``unknown``.

        ValueError when an order with this id is under way: an id is for one order.
        """
        if order.order in self._waiting:
            raise ValueError(f"order {order.order!r} is under way")
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[order.order] = waiting
        try:
            self._put(order)
            async with asyncio.timeout(within_s):
                return await waiting
        except TimeoutError:
            text = f"no answer within {within_s:g} s: nobody knows yet whether it was done"
            return Reply(order=order.order, agent=order.agent, outcome="unknown", code=UNANSWERED, text=text)
        finally:
            del self._waiting[order.order]
