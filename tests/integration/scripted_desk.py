"""A desk whose state a test writes by hand, and a web edge before it on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import argon2

from pbxd.edge.replies import Asked, Replies
from pbxd.edge.web import Operator, OrderRefusedError, Part, RecentContact, WebAgent, WebEdge
from pbxd.edge.web.pages import Patience
from pbxd.effects import Count, Reply, Tell
from pbxd.ids import AgentId, CallId
from pbxd.orders import Order, PauseAgent

Given = TypeVar("Given")

HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse 电池"

ANNA = WebAgent(id=AgentId("anna"), name="Anna Berg", password_hash=HASHER.hash(PASSWORD))
LIWEI = WebAgent(id=AgentId("liwei"), name="李伟", password_hash=HASHER.hash(PASSWORD), language="zh")
CHIEF = WebAgent(
    id=AgentId("chief"), name="Chief", password_hash=HASHER.hash(PASSWORD), supervises=None
)  #: sees every queue
LEAD = WebAgent(
    id=AgentId("lead"),
    name="Lead",
    password_hash=HASHER.hash(PASSWORD),
    supervises=frozenset({"billing"}),
)
NOPASS = WebAgent(id=AgentId("nopass"), name="No Password", password_hash="")


BOSS = "boss-token-0123456789-abcdefgh"  #: acts for everybody
DESKTOP = "desktop-token-0123456789-abcd"  #: acts for anna only
OPERATORS = (
    Operator(name="boss", token_sha256=hashlib.sha256(BOSS.encode()).hexdigest()),
    Operator(
        name="desktop",
        token_sha256=hashlib.sha256(DESKTOP.encode()).hexdigest(),
        agents=frozenset({AgentId("anna")}),
    ),
)


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
        "agent": {
            "id": agent,
            "name": name,
            "state": "paused" if paused else "ready",
            "paused": paused,
            "wrap_up": None,
        },
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
        "links": [
            {"node": "pbx1", "up": True, "since": now - 3600, "reason": "", "transfers": "all"},
        ],
    }


def view(transfer: str = "t1", state: str = "ringing", **changes: Any) -> dict[str, Any]:
    """A transfer by anna to liwei as pbxd.transfers makes its view."""
    now = time.time()
    can = {
        "created": ["cancel"],
        "ringing": ["cancel", "complete", "requeue"],
        "talking": ["cancel", "swap", "merge", "complete", "requeue"],
        "swapped": ["cancel", "swap", "merge", "complete", "requeue"],
        "merged": ["cancel", "leave"],
    }
    body: dict[str, Any] = {
        "version": 1,
        "id": transfer,
        "call": "pbx1:p1",
        "node": "pbx1",
        "state": state,
        "mode": "attended",
        "kind": "attended",
        "transferer": {"agent": "anna", "name": "Anna Berg", "interface": "PJSIP/1001"},
        "target": {"kind": "agent", "id": "liwei", "name": "李伟", "agent": "liwei"},
        "caller": {"number": "+8613912345678", "name": "张三丰"},
        "queue": "billing",
        "attempt": 1,
        "fallbacks_left": 0,
        "can": can.get(state, []),
        "reason": "",
        "note": "",
        "disposition": "",
        "outcome": None,
        "why": None,
        "times": {"created": now - 4, "ringing": now - 3, "answered": None, "ended": None},
        "acknowledged": None,
    }
    body.update(changes)
    return body


def handover(transfer: str = "t1", agent: str = "liwei", **changes: Any) -> dict[str, Any]:
    """The hand-over document of that transfer, as pbxd.transfers.handover makes it."""
    now, pop = time.time(), screen_pop("p1")
    body: dict[str, Any] = {
        "version": 1,
        "id": f"{transfer}/{agent}",
        "revision": 1,
        "transfer": transfer,
        "call": "pbx1:p1",
        "node": "pbx1",
        "agent": agent,
        "at": now,
        "changed": now,
        "by": "pbxd",
        "from": {"agent": "anna", "name": "Anna Berg", "interface": "PJSIP/1001"},
        "to": {"kind": "agent", "id": agent, "name": "李伟"},
        "reason": "Refund above my limit",
        "note": "",
        "disposition": "",
        "caller": {**pop["caller"], "language": "zh", "tags": []},
        "dialled": pop["dialled"],
        "flow": "main",
        "subject": "invoice",
        "path": pop["path"],
        "path_dropped": 0,
        "repeat": pop["repeat"],
        "history": pop["history"],
        "arrived": now - 300,
        "queue": "billing",
        "waits": [{"queue": "billing", "joined": now - 290, "waited_s": 47.2, "outcome": "answered"}],
        "agents": [
            {
                "agent": "anna",
                "name": "Anna Berg",
                "interface": "PJSIP/1001",
                "queue": "billing",
                "started": now - 240,
                "ended": None,
                "talk_s": 200.0,
                "hold_s": 12.0,
            }
        ],
        "transfers": [],
        "repeated": [],
        "shortened": False,
    }
    body.update(changes)
    return body


def target(id_: str = "liwei", name: str = "李伟", **changes: Any) -> dict[str, Any]:
    """One row of the picker."""
    row: dict[str, Any] = {
        "kind": "agent",
        "id": id_,
        "name": name,
        "state": "ready",
        "free": 1,
        "skill": None,
        "expected_wait_s": 0.0,
        "allowed": True,
        "why": None,
    }
    row.update(changes)
    return row


@dataclass
class ScriptedDesk:
    """Answers with what the test put in; keeps the orders.

    ``answer`` makes the reply to an order that is asked; None as a reply means that nobody answers.
    """

    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    pops: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    views: list[dict[str, Any]] = field(default_factory=list)
    handovers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    wishes: list[dict[str, Any]] = field(default_factory=list)  #: callers who want to be called back
    sought: list[tuple[str, str | None, str]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refuse: str = ""
    answer: Callable[[Asked], Reply | None] = field(default_factory=lambda: done())
    deadline_s: float = 5.0

    def __post_init__(self) -> None:
        self.replies = Replies(self._given)

    def snapshot(self, agent: AgentId) -> dict[str, Any]:
        body = self.states.get(agent) or state(agent, agent)
        shown = {
            **body,
            "pops": self.pops.get(agent, []),
            "transfers": self.transfers(agent),
            "handovers": self.handovers.get(agent, []),
            "callbacks": self.callbacks(agent),
        }
        return copy.deepcopy(shown)

    def order(self, order: Order) -> None:
        if self.refuse and isinstance(order, PauseAgent):
            raise OrderRefusedError(self.refuse)
        self.orders.append(order)

    async def ask(self, order: Asked) -> Reply:
        return await self.replies.ask(order, self.deadline_s)

    def _given(self, order: Any) -> None:
        self.orders.append(order)
        reply = self.answer(order)
        if reply is not None:
            asyncio.get_running_loop().call_soon(self.replies.take, reply)

    def callbacks(self, agent: AgentId | None) -> list[dict[str, Any]]:
        return self.wishes

    def transfers(self, agent: AgentId | None) -> list[dict[str, Any]]:
        return [
            view
            for view in self.views
            if agent is None or agent in (view["transferer"]["agent"], view["target"]["agent"])
        ]

    def targets(self, agent: AgentId, call: CallId | None, query: str) -> list[dict[str, Any]]:
        self.sought.append((agent, call, query))
        return [row for row in self.rows if query.lower() in row["name"].lower()]

    def given(self, kind: type[Given]) -> list[Given]:
        return [order for order in self.orders if isinstance(order, kind)]


def done(body: dict[str, Any] | None = None) -> Callable[[Asked], Reply]:
    """Every order is done; this is what stands then."""
    return lambda order: Reply(order=order.order, agent=order.agent, outcome="done", body=body or {})


def refused(code: str, text: str) -> Callable[[Asked], Reply]:
    return lambda order: Reply(order=order.order, agent=order.agent, outcome="refused", code=code, text=text)


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

    def transfer(self, body: dict[str, Any]) -> None:
        """A view as the world would tell it: kept, and told to both."""
        self.desk.views = [old for old in self.desk.views if old["id"] != body["id"]] + [body]
        for agent in (body["transferer"]["agent"], body["target"]["agent"]):
            if agent:
                self.tell("transfer", body, agent)

    def hand_over(self, body: dict[str, Any]) -> None:
        """A hand-over as the world would tell it: kept, and told to its target."""
        kept = self.desk.handovers.setdefault(body["agent"], [])
        kept[:] = [old for old in kept if old["id"] != body["id"]] + [body]
        self.tell("handover", body, body["agent"])

    def counted(self, metric: str, **labels: str) -> list[Count]:
        return [c for c in self.counts if c.metric == metric and labels.items() <= c.labels.items()]


async def _figures(openly: bool) -> bytes:
    return b"# HELP pbxd_up x\n# TYPE pbxd_up gauge\npbxd_up 1\n" + (b"# EOF\n" if openly else b"")


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
        [ANNA, LIWEI, CHIEF, LEAD, NOPASS],
        desk,
        port=options.pop("port", 0),
        metrics=_figures,
        readiness=lambda: parts,
        contacts=recent,
        count=counts.append,
        patience=patience,
        operators=OPERATORS,
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
