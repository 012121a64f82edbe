"""What agents see of themselves and their queues, kept up to date, and the orders that they give."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pbxd.agents.staff import Agent, Staff
from pbxd.agents.state import AgentState, agent_state, is_paused
from pbxd.agents.under_way import UnderWay
from pbxd.agents.wrapup import WrapUp
from pbxd.ami.actions import QueuePause
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.effects import Ask, Effect, Publish, Tell, Wake
from pbxd.ids import AgentId, AskId, NodeId
from pbxd.journal import Journal, Table
from pbxd.messages import AskDone, AskRefused, AskUnknown
from pbxd.node import Node, served
from pbxd.orders import PauseAgent
from pbxd.queues.model import member_state

PUSH_EVERY_S = 0.25
"""States are pushed at most so often: a burst of events is one news."""

Json = Mapping[str, Any]


class Desk:
    """Pushes states to pages and topics; carries out pauses."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        nodes: Mapping[NodeId, Node],
        wrap_up_of: Callable[[AgentId], WrapUp | None] = lambda agent: None,
        *,
        blind_without_dialplan: bool = False,
    ) -> None:
        self._blind_without_dialplan = blind_without_dialplan
        self._staff = staff
        self._wrap_up_of = wrap_up_of
        self._nodes = nodes
        self._stale: Table[tuple[NodeId, str], bool] = Table(journal)
        self._changed: Table[AgentId, bool] = Table(journal)  #: agents who look different
        self._told: Table[AgentId, Json] = Table(journal)  #: what each agent with an open page was told
        self._published: Table[str, Json] = Table(journal)
        self._under_way = UnderWay(journal)

    # ------------------------------------------------------------ reading

    def state(self, agent: AgentId) -> Json:
        """The agent, the queues that he serves and the links that all this is known by, JSON-able."""
        who = self._staff.agents.get(agent)
        if who is None:
            nobody = {"id": agent, "name": agent, "state": "offline", "paused": False, "wrap_up": None}
            return {"agent": nobody, "queues": [], "links": []}
        members = self._served(who)
        return {
            "agent": self._agent(who),
            "queues": [
                self._queue(node, queue) for node, queue in sorted({(n, m.queue) for n, m in members})
            ],
            "links": [self._link(node) for node in self._nodes if _has_device_on(who, node)],
        }

    def _served(self, agent: Agent) -> list[tuple[NodeId, MemberSnapshot]]:
        return served(self._nodes, agent)

    def _link(self, node: NodeId) -> Json:
        """Whether pbxd hears this switch. While it does not, all that is known of it is of before."""
        link, transfers = self._nodes[node].link, self._transfers(node)
        if link is None:
            return {
                "node": node,
                "up": False,
                "since": None,
                "reason": "not connected yet",
                "transfers": transfers,
            }
        reason = _in_words(link.reason)
        if link.fatal:
            reason = f"the switch refuses our login: {reason}"
        return {"node": node, "up": link.up, "since": link.since, "reason": reason, "transfers": transfers}

    def _transfers(self, node: NodeId) -> str:
        """Which transfers its dialplan allows: all, blind or none."""
        if not self._nodes[node].transfers_lack:
            return "all"
        return "blind" if self._blind_without_dialplan else "none"

    def _queue(self, node: NodeId, queue: str) -> Json:
        switch = self._nodes[node]
        callers = list(switch.queues.waiting(queue))
        return {
            "node": node,
            "name": queue,
            "waiting": len(callers),
            "longest_since": min((caller.since for caller in callers), default=None),
            "callers": [
                {"call": switch.call_of(caller.uniqueid), "number": caller.number, "since": caller.since}
                for caller in callers
            ],
            "members": [
                {
                    "interface": member.interface,
                    "name": self._name(node, member),
                    "state": member_state(member).value,
                    "paused": member.paused,
                    "paused_reason": member.paused_reason,
                }
                for member in switch.queues.members(queue)
            ],
        }

    def _name(self, node: NodeId, member: MemberSnapshot) -> str:
        agent = self._staff.whose(node, member.interface)
        return member.name if agent is None else agent.name

    # ------------------------------------------------------------ keeping pages and topics up to date

    def opened(self, agent: AgentId) -> list[Effect]:
        """A page of this agent is open. He is told at once: its snapshot may be older than this order."""
        self._told[agent] = state = self.state(agent)
        return [Tell(agent=agent, kind="state", body=state)]

    def closed(self, agent: AgentId) -> None:
        self._told.pop(agent, None)

    def changed(self, node: NodeId, queues: Iterable[str]) -> list[Effect]:
        """These queues look different; those concerned will be told at the next tick."""
        armed = bool(self._stale or self._changed)
        for queue in queues:
            if (node, queue) not in self._stale:
                self._stale[node, queue] = True
        return [Wake(in_s=PUSH_EVERY_S)] if self._stale and not armed else []

    def agents_changed(self, agents: Iterable[AgentId]) -> list[Effect]:
        """These agents look different; they will be told at the next tick."""
        armed = bool(self._stale or self._changed)
        for agent in agents:
            self._changed[agent] = True
        return [Wake(in_s=PUSH_EVERY_S)] if self._changed and not armed else []

    def link_changed(self, node: NodeId) -> list[Effect]:
        """The link to this switch may have come or gone. At once: what the pages show may be wrong now."""
        effects = self._publish(f"{node}/link/state", self._link(node))
        if effects:
            for id_ in tuple(self._told):
                who = self._staff.agents.get(id_)
                if who is not None and _has_device_on(who, node):
                    effects += self._show(who)
        return effects

    def push(self) -> list[Effect]:
        """Tell and publish what changed since the last tick."""
        stale, agents = list(self._stale), list(self._changed)
        if not stale and not agents:
            return []
        effects: list[Effect] = []
        for id_ in agents:
            del self._changed[id_]
        for key in stale:
            del self._stale[key]
            effects += self._publish(f"{key[0]}/queue/{key[1]}/state", self._queue(*key))
        concerned = {
            agent.id: agent
            for node, queue in stale
            for member in self._nodes[node].queues.members(queue)
            if (agent := self._staff.whose(node, member.interface)) is not None
        }
        concerned |= {id_: self._staff.agents[id_] for id_ in agents}
        # Somebody may have been taken out of his queue: his page still shows it.
        changed = set(stale)
        for id_, told in self._told.items():
            if id_ not in concerned and any((q["node"], q["name"]) in changed for q in told["queues"]):
                concerned[id_] = self._staff.agents[id_]
        for agent in concerned.values():
            effects += self._tell(agent)
        return effects

    def _tell(self, agent: Agent) -> list[Effect]:
        return self._publish(f"agent/{agent.id}/state", self._agent(agent)) + self._show(agent)

    def _agent(self, agent: Agent) -> Json:
        members = [member for _, member in self._served(agent)]
        wrap_up = self._wrap_up_of(agent.id)
        state = agent_state(members, wrap_up=wrap_up is not None)
        shown = wrap_up is not None and state is AgentState.WRAPUP
        return {
            "id": agent.id,
            "name": agent.name,
            "state": state.value,
            "paused": is_paused(members),
            "wrap_up": {"since": wrap_up.since, "until": wrap_up.until} if wrap_up and shown else None,
        }

    def _show(self, agent: Agent) -> list[Effect]:
        """His page, if one is open, is told unless it shows this already."""
        if agent.id not in self._told:
            return []
        state = self.state(agent.id)
        if state == self._told[agent.id]:
            return []
        self._told[agent.id] = state
        return [Tell(agent=agent.id, kind="state", body=state)]

    def _publish(self, topic: str, body: Json) -> list[Effect]:
        if self._published.get(topic) == body:
            return []
        self._published[topic] = body
        return [Publish(topic=topic, body=body, retain=True)]

    # ------------------------------------------------------------ orders

    def pause(self, order: PauseAgent) -> list[Effect]:
        """Pause or resume the agent in every queue of every device. One action per device and node."""
        who = self._staff.agents.get(order.agent)
        served = [] if who is None else self._served(who)
        devices = sorted({(node, member.interface) for node, member in served})
        if not devices:
            return [_result(order.agent, order.order, "refused", "you are in no queue now")]
        if order.order in self._under_way:
            return [_result(order.agent, order.order, "refused", "this order is under way")]
        asks = [
            Ask(
                ask=AskId(f"pause/{order.agent}/{order.order}/{number}"),
                node=node,
                # A reason that begins like ours would be taken for ours, and taken back.
                action=QueuePause(
                    interface=interface, paused=order.paused, reason=order.reason.removeprefix("pbxd:")
                ).headers(),
            )
            for number, (node, interface) in enumerate(devices)
        ]
        self._under_way.begin(order.order, order.agent, (ask.ask for ask in asks))
        return [*asks]

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> list[Effect]:
        """One of the actions of an order has ended. The page is told when the last one has."""
        order = self._under_way.answered(answer)
        return [] if order is None else [_result(order.agent, order.id, order.outcome, order.text)]


_ERRNO = re.compile(r"\[Errno (\d+)\]")
_FOR_PROGRAMMERS = re.compile(r"^(?:\w+Error|gaierror): |\[Errno -\d+\] |\[SSL: \w+\] | ?\(_ssl\.c:\d+\)")


def _in_words(reason: str) -> str:
    """Why a link is down, for people: no type names, no numbers of errors, no addresses. The log has them."""
    if found := _ERRNO.search(reason):
        return os.strerror(int(found[1]))
    if reason == "TimeoutError":
        return "no answer in time"
    return _FOR_PROGRAMMERS.sub("", reason)


def _has_device_on(agent: Agent, node: NodeId) -> bool:
    return any(wanted in (None, node) for wanted, _ in agent.devices)


def _result(agent: AgentId, order: str, outcome: str, text: str) -> Tell:
    return Tell(agent=agent, kind="order", body={"id": order, "outcome": outcome, "text": text})
