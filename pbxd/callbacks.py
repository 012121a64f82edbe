"""Callers who want to be called back: a list that people work off.

A caller who was on hold for too long has pressed the key of the offer. What is kept is what somebody needs to
call him: the number, through which queue he came, why, and with whom he had talked. A wish stays, over
restarts, until somebody says that it is done; whoever serves the queue sees it, and so does the agent who had
the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import CallbackWanted
from pbxd.effects import Count, Effect, KeepCallback, Publish, Reply, Tell
from pbxd.ids import AgentId, CallId, NodeId, TransferId
from pbxd.journal import Journal, Table
from pbxd.messages import CallbacksKept
from pbxd.node import Node, served
from pbxd.orders import EndCallback

VERSION = 1
WANTED = "pbxd_callbacks_wanted_total"
DONE = "pbxd_callbacks_done_total"
MOST = 1_000
"""So many are kept; of more the oldest is dropped, and counted as done by nobody."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One wish; its id is that of the transfer in which it was made."""

    id: TransferId
    node: NodeId
    call: CallId
    at: float  #: epoch seconds
    number: str
    name: str
    queue: str | None
    agent: AgentId  #: who had the caller
    reason: str = ""


class Callbacks:
    """Takes the event and the order; gives effects."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        nodes: Mapping[NodeId, Node],
        transfer: Callable[[TransferId], Json | None],
        queue_of: Callable[[CallId], str | None],
    ) -> None:
        self._staff = staff
        self._nodes = nodes
        self._transfer = transfer
        self._queue_of = queue_of
        self._open: Table[TransferId, Callback] = Table(journal)

    # ------------------------------------------------------------ reading

    def views(self, agent: AgentId | None) -> list[Json]:
        """All of them, or those that this agent can see; the oldest first."""
        who = None if agent is None else self._staff.agents.get(agent)
        return [
            view(wish) for wish in self._open.values() if agent is None or (who and self._concerns(wish, who))
        ]

    def _concerns(self, wish: Callback, agent: Agent) -> bool:
        queues = {(node, member.queue) for node, member in served(self._nodes, agent)}
        return agent.id == wish.agent or (wish.node, wish.queue) in queues

    # ------------------------------------------------------------ what happens

    def wanted(self, event: CallbackWanted) -> list[Effect]:
        """A caller in a transfer has accepted the offer. Told twice it is one wish."""
        transfer = self._transfer(event.transfer)
        if transfer is None or event.transfer in self._open:
            return []
        call = CallId(transfer["call"])
        wish = Callback(
            id=event.transfer,
            node=event.node,
            call=call,
            at=event.at,
            number=transfer["caller"]["number"],
            name=transfer["caller"]["name"],
            queue=self._queue_of(call),
            agent=transfer["transferer"]["agent"],
            reason=transfer["reason"],
        )
        effects: list[Effect] = []
        if len(self._open) >= MOST:
            oldest = next(iter(self._open.values()))
            effects += self._close(oldest, "nobody", event.at)
        self._open[wish.id] = wish
        return [
            *effects,
            KeepCallback(callback=wish.id, body=view(wish)),
            Count(metric=WANTED, labels={"node": wish.node, "queue": wish.queue or ""}),
            *self._told(wish, "wanted", event.at),
        ]

    def end(self, order: EndCallback) -> list[Effect]:
        """Somebody has called the caller back, or says that it is not needed any more."""
        wish = self._open.get(order.callback)
        who = None if order.agent is None else self._staff.agents.get(order.agent)
        mine = order.agent is None or (wish is not None and who is not None and self._concerns(wish, who))
        if wish is None or not mine:
            text = "there is no such call-back of yours, or somebody else has done it"
            return [
                Reply(
                    order=order.order,
                    agent=order.agent,
                    outcome="refused",
                    code="no_such_callback",
                    text=text,
                )
            ]
        effects = self._close(wish, order.agent or "", order.at)
        return [*effects, Reply(order=order.order, agent=order.agent, outcome="done", body=view(wish))]

    def _close(self, wish: Callback, by: str, at: float) -> list[Effect]:
        del self._open[wish.id]
        return [
            KeepCallback(callback=wish.id, body=None),
            Count(metric=DONE, labels={"node": wish.node, "queue": wish.queue or ""}),
            *self._told(wish, "done", at, by=by),
        ]

    def _told(self, wish: Callback, event: str, at: float, *, by: str = "") -> list[Effect]:
        body = {"version": VERSION, "event": event, "at": at, "by": by or None, "callback": view(wish)}
        told = [agent.id for agent in self._staff.agents.values() if self._concerns(wish, agent)]
        return [
            Publish(topic=f"{wish.node}/callback/{wish.id}/{event}", body=body, record=True),
            *(Tell(agent=agent, kind="callbacks", body={"callbacks": self.views(agent)}) for agent in told),
        ]

    # ------------------------------------------------------------ over restarts

    def restore(self, kept: CallbacksKept) -> list[Effect]:
        """Those that were open when pbxd last ended; what cannot be read is forgotten."""
        effects: list[Effect] = []
        for id_, body in sorted(kept.bodies.items(), key=lambda one: str(one[1].get("at"))):
            wish = read(body)
            if wish is None or wish.id != id_ or wish.node not in self._nodes:
                effects.append(KeepCallback(callback=id_, body=None))
            else:
                self._open[wish.id] = wish
        return effects


def view(wish: Callback) -> Json:
    """As pages, REST, MQTT and the store have it."""
    return {
        "version": VERSION,
        "id": wish.id,
        "node": wish.node,
        "call": wish.call,
        "at": wish.at,
        "caller": {"number": wish.number, "name": wish.name},
        "queue": wish.queue,
        "agent": wish.agent,
        "reason": wish.reason,
    }


def read(body: Json) -> Callback | None:
    """What ``view`` has written; None when it is something else."""
    try:
        wish = Callback(
            id=TransferId(body["id"]),
            node=NodeId(body["node"]),
            call=CallId(body["call"]),
            at=float(body["at"]),
            number=str(body["caller"]["number"]),
            name=str(body["caller"]["name"]),
            queue=body["queue"],
            agent=AgentId(body["agent"]),
            reason=str(body["reason"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return wish if body.get("version") == VERSION else None
