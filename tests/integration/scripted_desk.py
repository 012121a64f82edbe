"""A desk whose state a test writes by hand, and a web edge before it on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import argon2

from pbxd.edge.web import OrderRefusedError, Part, RecentContact, WebAgent, WebEdge
from pbxd.edge.web.pages import Patience
from pbxd.effects import Count, Tell
from pbxd.ids import AgentId, CallId
from pbxd.orders import Order, PauseAgent

Given = TypeVar("Given")

HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse 电池"

ANNA = WebAgent(id=AgentId("anna"), name="Anna Berg", password_hash=HASHER.hash(PASSWORD))
LIWEI = WebAgent(id=AgentId("liwei"), name="李伟", password_hash=HASHER.hash(PASSWORD), language="zh")
NOPASS = WebAgent(id=AgentId("nopass"), name="No Password", password_hash="")


def screen_pop(pop: str, agent: str = "anna", **changes: Any) -> dict[str, Any]:
    """A screen pop as pbxd.screenpop makes it."""
    now = time.time()
    body: dict[str, Any] = {
        "version": 1,
        "id": pop,
        "call": f"pbx1:{pop}",
        "node": "pbx1",
        "agent": agent,
        "interface": "PJSIP/1001",
        "at": now,
        "caller": {
            "number": "+8613912345678",
            "dialled_as": "13912345678",
            "name": "张三丰",
            "place": "Suzhou, Jiangsu",
            "country": "China",
            "carrier": "China Mobile",
        },
        "dialled": "4008001234",
        "queue": "billing",
        "waited_s": 47.2,
        "flow": "main",
        "path": [
            {
                "at": now - 70,
                "step": "welcome",
                "kind": "play",
                "label": "Welcome",
                "digits": "",
                "result": "played",
            },
            {
                "at": now - 65,
                "step": "main",
                "kind": "menu",
                "label": "Billing",
                "digits": "1",
                "result": "chosen",
            },
            {
                "at": now - 55,
                "step": "account",
                "kind": "collect",
                "label": "Account number",
                "digits": "471100",
                "result": "entered",
            },
        ],
        "subject": "invoice",
        "repeat": {
            "flag": True,
            "count": 3,
            "window_s": 86400,
            "same_subject": True,
            "last_outcome": "abandoned",
            "text": "3rd call in 24 h, same subject, last one unanswered",
        },
        "history": {
            "state": "found",
            "why": "",
            "contacts": [
                {
                    "call": "pbx1:1",
                    "arrived": now - 7200,
                    "ended": now - 7100,
                    "queue": "billing",
                    "subject": "invoice",
                    "agent": None,
                    "outcome": "abandoned",
                    "talk_s": 0.0,
                },
                {
                    "call": "pbx1:0",
                    "arrived": now - 80000,
                    "ended": now - 79000,
                    "queue": "billing",
                    "subject": "invoice",
                    "agent": "liwei",
                    "outcome": "answered",
                    "talk_s": 412.0,
                },
            ],
        },
    }
    body.update(changes)
    return body


def state(agent: str = "anna", name: str = "Anna Berg", *, paused: bool = False) -> dict[str, Any]:
    now = time.time()
    return {
        "agent": {"id": agent, "name": name, "state": "paused" if paused else "ready", "paused": paused},
        "queues": [
            {
                "node": "pbx1",
                "name": "billing",
                "waiting": 2,
                "longest_since": now - 83,
                "callers": [
                    {"call": "pbx1:7", "number": "+4930123456", "since": now - 83},
                    {"call": "pbx1:8", "number": "+8613800138000", "since": now - 12},
                ],
                "members": [
                    {"interface": "PJSIP/1001", "name": name, "state": "ready", "paused": paused},
                    {"interface": "PJSIP/1002", "name": "李伟", "state": "talking", "paused": False},
                    {"interface": "PJSIP/1003", "name": "Maria", "state": "ready", "paused": True},
                ],
            },
            {
                "node": "pbx1",
                "name": "technical",
                "waiting": 0,
                "longest_since": None,
                "callers": [],
                "members": [
                    {"interface": "PJSIP/1001", "name": name, "state": "ready", "paused": paused},
                ],
            },
        ],
        "links": [{"node": "pbx1", "up": True, "since": now - 3600, "reason": ""}],
    }


@dataclass
class ScriptedDesk:
    """Answers with what the test put in; keeps the orders."""

    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    pops: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    refuse: str = ""

    def snapshot(self, agent: AgentId) -> dict[str, Any]:
        body = self.states.get(agent) or state(agent, agent)
        return {**copy.deepcopy(body), "pops": copy.deepcopy(self.pops.get(agent, []))}

    def order(self, order: Order) -> None:
        if self.refuse and isinstance(order, PauseAgent):
            raise OrderRefusedError(self.refuse)
        self.orders.append(order)

    def given(self, kind: type[Given]) -> list[Given]:
        return [order for order in self.orders if isinstance(order, kind)]


@dataclass
class Served:
    """A web edge that serves, and what it has been asked for."""

    edge: WebEdge
    desk: ScriptedDesk
    counts: list[Count]
    parts: list[Part]
    contacts: list[RecentContact]
    store_fault: list[BaseException]

    @property
    def origin(self) -> str:
        host, port = self.edge.address
        return f"http://{host}:{port}"

    @property
    def socket_url(self) -> str:
        return self.origin.replace("http", "ws", 1) + "/ws"

    def tell(self, kind: str, body: dict[str, Any], agent: str = "anna") -> None:
        self.edge.tell(Tell(agent=AgentId(agent), kind=kind, body=body))

    def pop(self, body: dict[str, Any]) -> None:
        """A screen pop as the world would send it: kept in the state and told."""
        self.desk.pops.setdefault(body["agent"], []).append(body)
        self.tell("screenpop", body, body["agent"])

    def counted(self, metric: str, **labels: str) -> list[Count]:
        return [c for c in self.counts if c.metric == metric and labels.items() <= c.labels.items()]


@contextlib.asynccontextmanager
async def serving(patience: Patience | None = None, **options: Any) -> AsyncIterator[Served]:
    """A web edge on a free loopback port; stopped, with every task of it gone, at the end."""
    desk, counts = ScriptedDesk(), []
    parts = [Part(name="ami pbx1", ready=True)]
    contacts: list[RecentContact] = []
    store_fault: list[BaseException] = []

    async def recent(agent: AgentId, limit: int) -> Sequence[RecentContact]:
        if store_fault:
            raise store_fault[0]
        return contacts[:limit]

    edge = WebEdge(
        [ANNA, LIWEI, NOPASS],
        desk,
        port=options.pop("port", 0),
        metrics=lambda: b"# HELP pbxd_up x\n# TYPE pbxd_up gauge\npbxd_up 1\n",
        readiness=lambda: parts,
        contacts=recent,
        count=counts.append,
        patience=patience,
        **options,
    )
    edge.bind()
    before = asyncio.all_tasks()
    running = asyncio.create_task(edge.run())
    try:
        yield Served(edge, desk, counts, parts, contacts, store_fault)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        assert not left, left


def contact(
    call: str = "pbx1:5", number: str = "+4930123456", name: str = "Grüne Wiese GmbH"
) -> RecentContact:
    now = time.time()
    return RecentContact(
        call=CallId(call),
        number=number,
        name=name,
        arrived=now - 900,
        ended=now - 600,
        queue="billing",
        subject="invoice",
        outcome="answered",
        talk_s=240.0,
    )
