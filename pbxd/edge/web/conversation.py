"""What is said between pbxd and one page over its WebSocket.

To the page: ``{"type":"snapshot","seq","now","alive_every_s","body"}`` first, then
``{"type":"change","seq","kind","body"}`` with numbers that rise by one; ``{"type":"alive","seq","now"}``
every ``alive_every_s`` seconds (``seq`` is the last number used); ``{"type":"refused","text"}`` when the
page said something that cannot be understood. A page that misses a number says ``{"type":"resume"}`` and
gets a new snapshot.

From the page: ``resume``; ``alive`` (the answer to ours); ``{"type":"ack","pop"}``: the page shows this
screen pop; ``{"type":"pause","order","paused","reason"}``: the agent pauses or resumes. The result of an
order comes as a change of kind ``order``: ``{"id","outcome": done|refused|unknown,"text"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Annotated, Literal, assert_never

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from pbxd.edge.web.desk import Desk, OrderRefusedError
from pbxd.edge.web.outbox import Change, encode
from pbxd.edge.web.pages import NONSENSE, SIGNED_OUT, SILENT, Page, Pages, Patience
from pbxd.effects import Count
from pbxd.orders import AcknowledgePop, Order, PageClosed, PageOpened, PauseAgent

log = structlog.get_logger(__name__)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Resume(_Said):
    type: Literal["resume"]


class _Alive(_Said):
    type: Literal["alive"]


class _Ack(_Said):
    type: Literal["ack"]
    pop: Annotated[str, Field(min_length=1, max_length=600)]  # as in the pop's schema


class _Pause(_Said):
    type: Literal["pause"]
    order: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    paused: bool
    reason: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


_Saying = _Resume | _Alive | _Ack | _Pause
SAYING: TypeAdapter[_Saying] = TypeAdapter(Annotated[_Saying, Field(discriminator="type")])


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

    async def run(self) -> None:
        agent = self._page.agent
        if self._pages.add(self._page):
            self._desk.order(PageOpened(agent=agent, at=time.time()))
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen())
                await self._speak()
                listening.cancel()
        except* WebSocketDisconnect:
            pass
        finally:
            if self._pages.remove(self._page):
                self._desk.order(PageClosed(agent=agent, at=time.time()))

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
        if change.first:
            now = time.monotonic()
            self._pages.stage(change.node, "delivered", now - change.told)
            self._show(change.pop, change.node, now)
        elif change.pop:
            self._show(change.pop, change.node, None)

    def _show(self, pop: str, node: str, sent: float | None) -> None:
        shown = self._page.shown
        shown.setdefault(pop, (node, sent))
        while len(shown) > 4 * self._patience.moments:
            del shown[next(iter(shown))]

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
            saying = SAYING.validate_json(text)
            order = self._order(saying)
            if order is not None:
                self._desk.order(order)
        except ValidationError as fault:
            error = fault.errors(include_url=False, include_input=False)[0]
            self._refuse(": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"]))))
        except _UnknownPopError as unknown:
            self._refuse(str(unknown))
        except OrderRefusedError as refused:
            body = {"id": getattr(saying, "order", ""), "outcome": "refused", "text": str(refused)}
            self._page.tell(Change(kind="order", body=encode(body)))

    def _order(self, saying: _Saying) -> Order | None:
        page = self._page
        match saying:
            case _Resume():
                page.resume = True
                page.wanted.set()
                return None
            case _Alive():
                return None
            case _Ack(pop=pop):
                return self._acknowledged(pop)
            case _Pause(order=order, paused=paused, reason=reason):
                return PauseAgent(order=order, agent=page.agent, at=time.time(), paused=paused, reason=reason)
            case _:
                assert_never(saying)

    def _acknowledged(self, pop: str) -> AcknowledgePop | None:
        """The first acknowledgement of a pop becomes an order; a second one is harmless."""
        shown = self._page.shown
        if pop not in shown:
            raise _UnknownPopError("pop: this page was not shown such a pop")
        known, shown[pop] = shown[pop], None
        if known is None:
            return None
        node, sent = known
        if sent is not None:
            self._pages.stage(node, "acknowledged", time.monotonic() - sent)
        return AcknowledgePop(agent=self._page.agent, at=time.time(), pop=pop)

    def _refuse(self, text: str) -> None:
        self._count(Count(metric="pbxd_web_refused_total", labels={"kind": "message"}))
        self._nonsense += 1
        if self._nonsense > self._patience.nonsense:
            self._page.close(NONSENSE, "too much that cannot be understood")
            return
        self._page.say(encode({"type": "refused", "text": text[:300]}))


class _UnknownPopError(Exception):
    pass
