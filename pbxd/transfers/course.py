"""What becomes of hand-overs as calls go on: whose phone rings for a transfer, who answers, how it ends.

Transfers that people make by their phones are known from here alone: a phone rings because somebody hands
his caller over (the fact says so), or two are joined who seemed to have a call of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pbxd.agents.staff import Staff
from pbxd.calls.facts import (
    CallEnded,
    CallFolded,
    ConsultEnded,
    Fact,
    LegEnded,
    MemberRinging,
    MemberStoppedRinging,
    TransferSeen,
)
from pbxd.calls.record import CallRecord, TransferMaker, TransferOutcome
from pbxd.effects import Count, Effect
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.transfers.book import Book
from pbxd.transfers.deliveries import Deliveries
from pbxd.transfers.handover import Handing, Party

ELSEWHERE = "elsewhere"  #: why a hand-over is taken back that goes to somebody else


class Course:
    """Facts in, effects out; all state is in the book and the deliveries."""

    def __init__(
        self,
        staff: Staff,
        book: Book,
        deliveries: Deliveries,
        record: Callable[[CallId, float], CallRecord | None],
        keep: Callable[[CallId], list[Effect]],
    ) -> None:
        self._staff = staff
        self._book = book
        self._deliveries = deliveries
        self._record = record
        self._keep = keep

    def on_fact(self, fact: Fact) -> list[Effect]:
        match fact:
            case MemberRinging():
                return self._rings(fact)
            case MemberStoppedRinging():
                return self._stops(fact)
            case TransferSeen():
                return self._seen(fact)
            case ConsultEnded():
                return self._consulted(fact)
            case LegEnded():
                return self._talked(fact)
            case CallFolded():
                return self._folds(fact)
            case CallEnded():
                return self.forget(fact.call)
            case _:
                return []

    def ended(self, transfer: TransferId, outcome: str, at: float, kind: str | None = None) -> list[Effect]:
        """A transfer is over. Whoever took the call keeps the hand-over until his conversation ends."""
        handing = self._book.entry(transfer)
        if handing is None or handing.outcome is not None:
            return []
        call = self._book.put(replace(handing, outcome=outcome, ended=at, kind=kind or handing.kind))
        if outcome == TransferOutcome.COMPLETED:
            return self._keep(call)
        return [*self._deliveries.withdraw(transfer, outcome), *self._keep(call)]

    def forget(self, call: CallId) -> list[Effect]:
        """The call is over."""
        effects = self._deliveries.close_all(call, "ended")
        self._book.drop(call)
        return effects

    def _rings(self, fact: MemberRinging) -> list[Effect]:
        """A phone rings for a call that is, or was, handed over: its owner must know what the others know."""
        agent = self._staff.id_of(fact.node, fact.interface)
        if agent is None:
            return []
        handing = self._book.open_entry(fact.call)
        effects: list[Effect] = []
        if handing is None and fact.transferer is not None:
            handing = self._by_phone(fact, agent)
            effects.append(started(fact.node, handing))
        if handing is None:
            handing = self._book.last_entry(fact.call)
        elif handing.from_.id == agent:
            return effects  # it is rung for him who knows it all: he is called back
        if handing is not None:
            effects += self._deliveries.send(handing.transfer, agent, fact.at)
        return effects

    def _by_phone(self, fact: MemberRinging, agent: AgentId) -> Handing:
        """A transfer begins that somebody makes by his phone."""
        if fact.queue is not None:
            to = Party(kind="queue", id=fact.queue, name=fact.queue)
        else:
            name = self._staff.agents[agent].name
            to = Party(kind="agent", id=agent, interface=fact.interface, name=name)
        handing = Handing(
            transfer=self._book.number(fact.call),
            by=TransferMaker.PHONE,
            began=fact.at,
            from_=self._book.transferer(fact.node, fact.transferer, None),
            to=to,
        )
        self._book.enter(fact.call, fact.node, handing, self._record(fact.call, fact.at))
        return handing

    def _stops(self, fact: MemberStoppedRinging) -> list[Effect]:
        """Nobody answered there: who was told because his phone rang is not meant any more.

        Whom pbxd has chosen keeps it until the transfer ends or goes elsewhere: his phone may ring again.
        """
        agent = self._staff.id_of(fact.node, fact.interface)
        if agent is None or fact.reason == "answered":
            return []
        return [
            effect
            for transfer in self._deliveries.with_agent(agent, fact.call)
            if not self._is_chosen(transfer)
            for effect in self._deliveries.close(transfer, agent, fact.reason)
        ]

    def _is_chosen(self, transfer: TransferId) -> bool:
        handing = self._book.entry(transfer)
        return handing is not None and handing.outcome is None and handing.told is not None

    def _seen(self, fact: TransferSeen) -> list[Effect]:
        """The final word on a transfer, whoever made it."""
        seen = fact.transfer
        outcome, kind = seen.outcome.value, seen.kind.value
        if seen.id is not None:
            return self.ended(seen.id, outcome, fact.at, kind)
        handing = self._book.open_entry(fact.call)
        effects: list[Effect] = []
        if handing is None or handing.by is TransferMaker.PBXD:
            handing = Handing(
                transfer=self._book.number(fact.call),
                by=seen.by,
                began=fact.at if seen.began is None else seen.began,
                from_=self._book.transferer(fact.node, seen.from_, None),
                to=self._book.target(fact.node, seen.to, seen.to_kind),
            )
            self._book.enter(fact.call, fact.node, handing, self._record(fact.call, fact.at))
            effects.append(started(fact.node, handing))
        target = self._staff.id_of(fact.node, Interface(seen.to))
        if seen.outcome is TransferOutcome.COMPLETED and target is not None:
            # It looked like a call of its own until the two were joined: late is better than never.
            effects += self._deliveries.send(handing.transfer, target, fact.at)
        return [*effects, *self.ended(handing.transfer, outcome, fact.at, kind)]

    def _consulted(self, fact: ConsultEnded) -> list[Effect]:
        """A colleague was asked by phone and no caller came to him. What becomes of it is told after this; a
        mere question is no transfer, and leaves no entry."""
        handing = self._book.open_entry(fact.call)
        if handing is None or handing.by is TransferMaker.PBXD:
            return []
        effects = self._deliveries.withdraw(handing.transfer, "ended")
        self._book.remove(handing.transfer)
        return [*effects, *self._keep(fact.call)]

    def _talked(self, fact: LegEnded) -> list[Effect]:
        """A conversation with the caller is over: a hand-over that was taken has served its purpose."""
        phones = [fact.interface] if fact.member is None else [fact.interface, fact.member]
        return [
            effect
            for agent in dict.fromkeys(self._staff.id_of(fact.node, phone) for phone in phones)
            if agent is not None
            for transfer in self._deliveries.with_agent(agent, fact.call)
            if (handing := self._book.entry(transfer)) is None or handing.outcome is not None
            for effect in self._deliveries.close(transfer, agent, "ended")
        ]

    def _folds(self, fact: CallFolded) -> list[Effect]:
        """What looked like a call of its own was part of another one: its passport is, too."""
        effects = self._deliveries.close_all(fact.call, "ended")
        if self._book.fold(fact.call, fact.into, fact.node):
            effects += self._keep(fact.into)
        return effects


def started(node: NodeId, handing: Handing) -> Count:
    return Count(metric="pbxd_transfers_started_total", labels={"node": node, "by": handing.by.value})
