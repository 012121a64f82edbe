"""What is said between pbxd and one page over its WebSocket.

To the page: ``{"type":"snapshot","seq","now","alive_every_s","body"}`` first, then
``{"type":"change","seq","kind","body"}`` with numbers that rise by one; ``{"type":"alive","seq","now"}``
every ``alive_every_s`` seconds (``seq`` is the last number used); ``{"type":"refused","text"}`` when the
page said something that cannot be understood. A page that misses a number says ``{"type":"resume"}`` and
gets a new snapshot.

From the page: ``resume``; ``alive`` (the answer to ours); ``{"type":"ack","pop"}`` and ``{"type":
"ack_handover","transfer"}``: the page shows this screen pop, this hand-over;
``{"type":"pause","order","paused","reason"}``: the agent pauses or resumes; ``{"type":"order","id","order":
"transfer.start"|…}``: all other orders (``sayings``). The result of an order comes as a change of kind
``order``: ``{"id","outcome": done|refused|unknown,"code","text","body"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from pbxd.edge.asking import faults
from pbxd.edge.replies import Asked
from pbxd.edge.web.desk import Desk, OrderRefusedError
from pbxd.edge.web.outbox import Change, encode
from pbxd.edge.web.pages import (
    HANDOVER_STAGE,
    NONSENSE,
    SIGNED_OUT,
    SILENT,
    Page,
    Pages,
    Patience,
)
from pbxd.edge.web.sayings import SAYING, Ack, AckHandover, Alive, Pause, Resume, Saying, asked
from pbxd.effects import Count
from pbxd.ids import TransferId
from pbxd.orders import AcknowledgeHandover, PageClosed, PageOpened, PauseAgent

log = structlog.get_logger(__name__)


ORDERS = 8  #: of one page that may be under way at once


class Conversation:
    """Serves one page until it leaves or is sent away."""

    def __init__(
        self,
        socket: WebSocket,
        page: Page,
        *,
        desk: Desk,
        pages: Pages,
        patience: Patience,
        count: Callable[[Count], None],
    ) -> None:
        self._socket = socket
        self._page = page
        self._desk = desk
        self._pages = pages
        self._patience = patience
        self._count = count
        self._nonsense = 0
        self._budget = patience.said_per_s * 5
        self._budget_at = time.monotonic()
        self._tasks: asyncio.TaskGroup
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        agent = self._page.agent
        if self._pages.add(self._page):
            self._desk.order(PageOpened(agent=agent, at=time.time()))
        try:
            await self._talk()
        finally:
            if self._pages.remove(self._page):
                self._desk.order(PageClosed(agent=agent, at=time.time()))

    async def _talk(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._tasks:
                listening = self._tasks.create_task(self._listen())
                await self._speak()
                for task in (listening, *self._asking):
                    task.cancel()
        except* WebSocketDisconnect:
            pass

    # ------------------------------------------------------------ to the page

    async def _speak(self) -> None:
        """The only writer: snapshots, changes, heartbeats, and the last word."""
        page, every = self._page, self._patience
        alive_at = time.monotonic() + every.alive_every_s
        state_at = 0.0
        while page.closing is None:
            page.wanted.clear()
            if page.resume:
                page.resume = False
                await self._socket.send_text(self._snapshot())
            while page.words:
                await self._socket.send_text(page.words.popleft())
            now = time.monotonic()
            if now >= alive_at:
                alive_at = now + every.alive_every_s
                await self._heartbeat(now)
            taken = page.outbox.take(state_due=now >= state_at)
            if taken is None:
                due = min(alive_at, state_at) if page.outbox.has_state else alive_at
                await self._until(due)
                continue
            if taken[1].kind == "state":
                state_at = now + every.state_every_s
            await self._send(*taken)
        with contextlib.suppress(RuntimeError):
            await self._socket.close(*page.closing)

    async def _until(self, due: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                await self._page.wanted.wait()

    async def _send(self, seq: int, change: Change) -> None:
        await self._socket.send_text(change.text(seq))
        if change.first and change.handover:
            self._pages.stage(change.node, "delivered", time.monotonic() - change.told, HANDOVER_STAGE)
        elif change.first:
            now = time.monotonic()
            self._pages.stage(change.node, "delivered", now - change.told)
            self._show(change.pop, change.node, now)
        elif change.pop:
            self._show(change.pop, change.node, None)
        if change.handover:
            self._hand_over(change.handover)

    def _show(self, pop: str, node: str, sent: float | None) -> None:
        shown = self._page.shown
        shown.setdefault(pop, (node, sent))
        while len(shown) > 4 * self._patience.moments:
            del shown[next(iter(shown))]

    def _hand_over(self, transfer: str) -> None:
        """This hand-over goes to the page, which may say once that it shows it."""
        handed = self._page.handed
        handed.setdefault(transfer, False)
        while len(handed) > 4 * self._patience.moments:
            del handed[next(iter(handed))]

    async def _heartbeat(self, now: float) -> None:
        page = self._page
        if now - page.heard > self._patience.silent_after_s:
            page.close(SILENT, "nothing heard for too long")
        elif time.time() > page.session.expires:
            page.close(SIGNED_OUT, "the session is over")
        else:
            alive = {"type": "alive", "seq": page.outbox.seq, "now": round(time.time(), 3)}
            await self._socket.send_text(encode(alive))

    def _snapshot(self) -> str:
        page = self._page
        body = self._desk.snapshot(page.agent)
        seq = page.outbox.restart()
        for pop in body.get("pops", ()):
            self._show(str(pop["id"]), str(pop.get("node", "")), None)
        for document in body.get("handovers", ()):
            self._hand_over(str(document["transfer"]))
        every, now = self._patience.alive_every_s, round(time.time(), 3)
        return encode({"type": "snapshot", "seq": seq, "now": now, "alive_every_s": every, "body": body})

    # ------------------------------------------------------------ from the page

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            self._page.heard = time.monotonic()
            if not self._affordable():
                self._page.close(NONSENSE, "too many messages")
                return
            text = message.get("text")
            self._hear(text if text is not None else message.get("bytes") or b"")

    def _affordable(self) -> bool:
        """A leaky bucket: a page that talks without end would fill the inbox of the whole switchboard."""
        rate = self._patience.said_per_s
        now = self._page.heard
        self._budget = min(rate * 5, self._budget + (now - self._budget_at) * rate) - 1
        self._budget_at = now
        return self._budget >= 0

    def _hear(self, text: str | bytes) -> None:
        try:
            self._heed(SAYING.validate_json(text))
        except ValidationError as fault:
            self._refuse(faults(fault))
        except _NotShownError as unknown:
            self._refuse(str(unknown))

    def _heed(self, said: Saying) -> None:
        page = self._page
        match said:
            case Resume():
                page.resume = True
                page.wanted.set()
            case Alive():
                pass
            case Ack(pop=pop):
                self._acknowledged(pop)
            case AckHandover(transfer=transfer):
                self._acknowledged_handover(transfer)
            case Pause(order=order, paused=paused, reason=reason):
                self._pause(
                    PauseAgent(order=order, agent=page.agent, at=time.time(), paused=paused, reason=reason)
                )
            case _:
                self._ask(said.id, asked(said, page.agent))

    def _pause(self, order: PauseAgent) -> None:
        try:
            self._desk.order(order)
        except OrderRefusedError as refused:
            self._answer(order.order, "refused", text=str(refused))

    def _ask(self, name: str, order: Asked) -> None:
        """Carry an order in and tell this page, and no other, what became of it."""
        if len(self._asking) >= ORDERS:
            self._answer(name, "refused", code="too_many", text="too many orders are under way")
            return

        async def carry_out() -> None:
            reply = await self._desk.ask(order)
            self._answer(name, reply.outcome, code=reply.code, text=reply.text, body=reply.body)

        task = self._tasks.create_task(carry_out())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _answer(
        self,
        name: str,
        outcome: str,
        *,
        code: str = "",
        text: str = "",
        body: Mapping[str, Any] | None = None,
    ) -> None:
        told = {"id": name, "outcome": outcome, "code": code, "text": text, "body": body or {}}
        self._page.tell(Change(kind="order", body=encode(told)))

    def _acknowledged(self, pop: str) -> None:
        """The first acknowledgement of a pop tells how long its way was; a second one is harmless."""
        shown = self._page.shown
        if pop not in shown:
            raise _NotShownError("pop: this page was not shown such a pop")
        known, shown[pop] = shown[pop], None
        if known is None:
            return
        node, sent = known
        if sent is not None:
            self._pages.stage(node, "acknowledged", time.monotonic() - sent)

    def _acknowledged_handover(self, transfer: str) -> None:
        handed = self._page.handed
        if transfer not in handed:
            raise _NotShownError("transfer: this page was not shown such a hand-over")
        if handed[transfer]:
            return
        handed[transfer] = True
        order = AcknowledgeHandover(agent=self._page.agent, at=time.time(), transfer=TransferId(transfer))
        self._desk.order(order)

    def _refuse(self, text: str) -> None:
        self._count(Count(metric="pbxd_web_refused_total", labels={"kind": "message"}))
        self._nonsense += 1
        if self._nonsense > self._patience.nonsense:
            self._page.close(NONSENSE, "too much that cannot be understood")
            return
        self._page.say(encode({"type": "refused", "text": text[:300]}))


class _NotShownError(Exception):
    pass
