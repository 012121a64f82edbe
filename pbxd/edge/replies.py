"""Whoever gave an order waits here for what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from pbxd.effects import Reply
from pbxd.ids import TransferId
from pbxd.orders import AnnotateTransfer, EndWrapUp, MoveTransfer, Order, ReportRepeat, StartTransfer

Asked = StartTransfer | MoveTransfer | AnnotateTransfer | ReportRepeat | EndWrapUp
"""The orders that are answered by a Reply."""

UNANSWERED = "no_answer"  #: the code of an order that nobody answered in time
OVER = "transfer_over"  #: the code of a start that was sent again when its transfer was over

REMEMBERED_S = 86_400.0
_MOST = 100_000


class Replies:
    """``put`` hands an order in; ``take`` is the outlet of Reply effects.

    A start that is sent again after its transfer is over must not start another one. The world forgets a
    transfer soon after its end (``knows``); which were started is remembered here, for a day.
    """

    def __init__(
        self,
        put: Callable[[Order], None],
        *,
        knows: Callable[[TransferId], bool] = lambda transfer: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._put = put
        self._knows = knows
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._started: OrderedDict[TransferId, float] = OrderedDict()

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
        if not isinstance(order, StartTransfer):
            return await self._answer(order, within_s)
        self._forget_old()
        if order.transfer in self._started and not self._knows(order.transfer):
            text = "this was started before, and is over"
            return Reply(order=order.order, agent=order.agent, outcome="refused", code=OVER, text=text)
        reply = await self._answer(order, within_s)
        if reply.outcome == "done":
            self._started.setdefault(order.transfer, self._clock())
        return reply

    async def _answer(self, order: Asked, within_s: float) -> Reply:
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

    def _forget_old(self) -> None:
        until = self._clock() - REMEMBERED_S
        while self._started and (len(self._started) > _MOST or next(iter(self._started.values())) < until):
            self._started.popitem(last=False)
