"""An agent's page without a browser: signs in, listens on the WebSocket, acknowledges as the page does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Self

import httpx
import websockets

Json = dict[str, Any]


class PageError(Exception):
    """The page was refused, or what was waited for did not come."""


class AgentPage:
    """What one signed-in agent sees. Use as an async context, or ``open`` and ``close``."""

    def __init__(self, base: str, agent: str, password: str) -> None:
        self.base = base
        self.agent = agent
        self._password = password
        self._http = httpx.AsyncClient(base_url=base, timeout=10.0, trust_env=False, verify=False)
        self._socket: websockets.ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.state: Json = {}
        self.pops: dict[str, Json] = {}  #: by id, as last shown; one that is over carries "closed"
        self.seen_at: dict[str, float] = {}  #: when each pop first came (epoch seconds)
        self.orders: dict[str, Json] = {}
        self.transfers: dict[str, Json] = {}  #: by id, as last told
        self.callbacks: list[Json] = []  #: callers who want to be called back
        self.told: list[tuple[str, str]] = []  #: id and state of transfers, whenever one changed
        self.happened: list[tuple[str, str]] = []  #: id and event of transfers, in order
        self.handovers: dict[str, Json] = {}  #: by transfer
        self.taken_back: dict[str, str] = {}  #: hand-overs that are not for this agent any more, and why
        self.handed_at: dict[str, float] = {}  #: when each hand-over first came (epoch seconds)
        self.acknowledges = True  #: as the page does
        self.sequence: list[int] = []

    async def open(self) -> Self:
        """Sign in and connect; again, when pbxd was started anew. Raises PageError."""
        self.state = {}
        answer = await self._http.post(
            "/api/session",
            json={"agent": self.agent, "password": self._password},
            headers={"Origin": self.base},
        )
        if answer.status_code != 200:
            raise PageError(f"{self.agent} cannot sign in: {answer.status_code} {answer.text}")
        cookie = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        self._socket = await websockets.connect(
            self.base.replace("http", "ws", 1) + "/ws",
            origin=self.base,  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(), name=f"page-{self.agent}")
        await self.until(lambda: bool(self.state), "a snapshot")
        return self

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def until(self, true: Callable[[], bool], what: str, within_s: float = 10.0) -> None:
        """Wait until something is so on this page. Raises PageError that says what was waited for."""
        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(true)
        except TimeoutError:
            raise PageError(f"{self.agent}'s page: no {what} within {within_s:g} s") from None

    async def pop(self, fits: Callable[[Json], bool] = lambda pop: True, within_s: float = 10.0) -> Json:
        """The newest open screen pop that fits; waits for one."""

        def fitting() -> list[Json]:
            return [pop for pop in self.pops.values() if "closed" not in pop and fits(pop)]

        await self.until(lambda: bool(fitting()), "screen pop", within_s)
        return fitting()[-1]

    async def order(self, order: str, **more: Any) -> Json:
        """Give an order and wait for its answer: outcome, code, text, and the transfer as its body."""
        id_ = secrets.token_hex(8)  # unique for ever: the same one again would be the same order again
        await self.say({"type": "order", "id": id_, "order": order, **more})
        await self.until(lambda: id_ in self.orders, f"answer to {order}")
        return self.orders[id_]

    async def contacts(self) -> list[Json]:
        """The agent's last contacts, newest first."""
        answer = await self._http.get("/api/contacts")
        answer.raise_for_status()
        rows: list[Json] = answer.json()["contacts"]
        return rows

    async def targets(self) -> list[Json]:
        """Who could take this agent's caller now, best first."""
        answer = await self._http.get("/api/targets")
        answer.raise_for_status()
        rows: list[Json] = answer.json()["targets"]
        return rows

    async def say(self, message: Json) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                async with self._news:
                    await self._take(message)
                    self._news.notify_all()

    async def _handed(self, document: Json) -> None:
        transfer = document["transfer"]
        self.handed_at.setdefault(transfer, time.time())
        if transfer not in self.handovers and self.acknowledges:
            await self.say({"type": "ack_handover", "transfer": transfer})
        self.handovers[transfer] = document

    async def _take(self, message: Json) -> None:
        if "seq" in message:
            self.sequence.append(message["seq"])
        match message["type"], message.get("kind"):
            case "snapshot", _:
                self.state = message["body"]
                self.pops = {pop["id"]: pop for pop in message["body"].get("pops", ())}
                self.transfers = {view["id"]: view for view in message["body"].get("transfers", ())}
                self.callbacks = list(message["body"].get("callbacks", ()))
                for document in message["body"].get("handovers", ()):
                    await self._handed(document)
            case "change", "screenpop":
                pop = message["body"]
                self.seen_at.setdefault(pop["id"], time.time())
                self.pops[pop["id"]] = pop
                await self.say({"type": "ack", "pop": pop["id"]})
            case "change", "screenpop_closed":
                body = message["body"]
                if body["id"] in self.pops:
                    self.pops[body["id"]] = {**self.pops[body["id"]], "closed": body["reason"]}
            case "change", "state":
                self.state = {**self.state, **message["body"]}
            case "change", "transfer":
                self.transfers[message["body"]["id"]] = message["body"]
                self.told.append((message["body"]["id"], message["body"]["state"]))
            case "change", "transfer_event":
                self.happened.append((message["body"]["transfer"]["id"], message["body"]["event"]))
            case "change", "callbacks":
                self.callbacks = message["body"]["callbacks"]
            case "change", "handover":
                await self._handed(message["body"])
            case "change", "handover_closed":
                body = message["body"]
                self.taken_back[body["transfer"]] = body["reason"]
                self.handovers.pop(body["transfer"], None)
            case "change", "order":
                self.orders[message["body"]["id"]] = message["body"]
            case "alive", _:
                await self.say({"type": "alive"})
            case _:
                pass
