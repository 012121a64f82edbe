"""Hand-overs on their way: which agent has which, and what he was told last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pbxd.effects import Count, Effect, Publish, Tell
from pbxd.ids import AgentId, CallId, NodeId, TransferId
from pbxd.journal import Journal, Table
from pbxd.transfers import handover
from pbxd.transfers.book import Book
from pbxd.transfers.handover import Delivery

Write = Callable[[CallId, Delivery], Mapping[str, Any] | None]
"""Writes the document of one delivery as things stand at ``Delivery.changed``; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One hand-over on its way to one agent, or with him."""

    call: CallId
    node: NodeId
    delivery: Delivery
    body: Mapping[str, Any]
    acknowledged_s: float | None = None


class Deliveries:
    """All hand-overs that agents have now."""

    def __init__(self, journal: Journal, book: Book, write: Write) -> None:
        self._book = book
        self._write = write
        self._sent: Table[tuple[TransferId, AgentId], Sent] = Table(journal)
        self._of_agent: Table[AgentId, tuple[TransferId, ...]] = Table(journal)

    def has(self, transfer: TransferId, agent: AgentId) -> bool:
        return (transfer, agent) in self._sent

    def with_agent(self, agent: AgentId, call: CallId) -> list[TransferId]:
        """The transfers of this call whose hand-over this agent has, oldest first."""
        return [
            transfer for transfer in self._of_agent.get(agent, ()) if self._sent[transfer, agent].call == call
        ]

    def shown_to(self, agent: AgentId) -> list[Mapping[str, Any]]:
        return [self._sent[transfer, agent].body for transfer in self._of_agent.get(agent, ())]

    def acknowledged_s(self, transfer: TransferId) -> float | None:
        """How long the first acknowledgement of those who have it now took; None: not yet."""
        known = [sent.acknowledged_s for (of, _), sent in self._sent.items() if of == transfer]
        return min((seconds for seconds in known if seconds is not None), default=None)

    # ------------------------------------------------------------ sending

    def send(self, transfer: TransferId, agent: AgentId, at: float) -> list[Effect]:
        """Tell this agent, unless he knows."""
        call, handing = self._book.call_of(transfer), self._book.entry(transfer)
        passport = None if call is None else self._book.of(call)
        if call is None or handing is None or passport is None or (transfer, agent) in self._sent:
            return []
        delivery = Delivery(transfer=transfer, agent=agent, at=at, changed=at)
        body = self._write(call, delivery)
        if body is None:
            return []
        sent = Sent(call=call, node=passport.node, delivery=delivery, body=body)
        self._sent[transfer, agent] = sent
        self._of_agent[agent] = (*self._of_agent.get(agent, ()), transfer)
        if agent in handing.given:
            return [*_told(sent)]  # again: his phone rings once more, or pbxd lives once more
        self._book.put(replace(handing, given=(*handing.given, agent)))
        labels = {"node": passport.node, "by": handing.by.value}
        return [*_told(sent), Count(metric="pbxd_handovers_total", labels=labels)]

    def tell_again(self, call: CallId, at: float) -> list[Effect]:
        """Something of this call has changed: whoever has a hand-over of it gets it as it is now."""
        effects: list[Effect] = []
        for sent in self._of(call):
            delivery = sent.delivery
            # What only time has changed (somebody waits or talks on) is no news.
            if self._write(call, delivery) == sent.body:
                continue
            delivery = replace(delivery, changed=at, revision=delivery.revision + 1)
            body = self._write(call, delivery)
            if body is not None:
                again = replace(sent, delivery=delivery, body=body)
                self._sent[delivery.transfer, delivery.agent] = again
                effects += _told(again)
        return effects

    def acknowledged(self, agent: AgentId, transfer: TransferId, at: float) -> list[Effect] | None:
        """His page shows it. The first time counts. None: that is no news."""
        sent: Sent | None = self._sent.get((transfer, agent))
        if sent is None or sent.acknowledged_s is not None:
            return None
        seconds = max(0.0, at - sent.delivery.at)
        self._sent[transfer, agent] = replace(sent, acknowledged_s=seconds)
        handing = self._book.entry(transfer)
        if handing is None or agent in handing.shown:
            return []
        self._book.put(replace(handing, shown=(*handing.shown, agent)))
        return [Count(metric="pbxd_handover_ack_seconds", labels={"node": sent.node}, value=seconds)]

    # ------------------------------------------------------------ taking back

    def withdraw(self, transfer: TransferId, reason: str, but: AgentId | None = None) -> list[Effect]:
        """Nobody (but this one) is meant any more."""
        agents = [agent for of, agent in self._sent if of == transfer and agent != but]
        return [effect for agent in agents for effect in self.close(transfer, agent, reason)]

    def close_all(self, call: CallId, reason: str) -> list[Effect]:
        return [
            effect
            for sent in self._of(call)
            for effect in self.close(sent.delivery.transfer, sent.delivery.agent, reason)
        ]

    def close(self, transfer: TransferId, agent: AgentId, reason: str) -> list[Effect]:
        sent: Sent | None = self._sent.pop((transfer, agent), None)
        if sent is None:
            return []
        left = tuple(each for each in self._of_agent.get(agent, ()) if each != transfer)
        if left:
            self._of_agent[agent] = left
        else:
            self._of_agent.pop(agent, None)
        body = handover.closed(sent.delivery, sent.call, reason)
        return [
            Tell(agent=agent, kind="handover_closed", body=body),
            Publish(topic=f"{sent.node}/agent/{agent}/handover_closed", body=body),
        ]

    def _of(self, call: CallId) -> list[Sent]:
        return [sent for sent in self._sent.values() if sent.call == call]


def _told(sent: Sent) -> Iterable[Effect]:
    agent = sent.delivery.agent
    return (
        Tell(agent=agent, kind="handover", body=sent.body),
        Publish(topic=f"{sent.node}/agent/{agent}/handover", body=sent.body),
    )
