"""Orders that several actions carry out: what became of the order, when the last of them has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pbxd.ids import AgentId, AskId
from pbxd.journal import Journal, Table
from pbxd.messages import AskDone, AskRefused, AskUnknown

_WORSE = ("done", "refused", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order whose actions are still under way, or have ended."""

    id: str
    agent: AgentId
    asks: tuple[AskId, ...]  #: those that have not ended
    outcome: str = "done"  #: the worst answer so far
    text: str = ""


class UnderWay:
    """The orders whose actions have not all ended."""

    def __init__(self, journal: Journal) -> None:
        self._orders: Table[str, Order] = Table(journal)
        self._order_of: Table[AskId, str] = Table(journal)

    def __contains__(self, order: str) -> bool:
        return order in self._orders

    def begin(self, order: str, agent: AgentId, asks: Iterable[AskId]) -> None:
        """These actions (at least one) carry out this order."""
        self._orders[order] = Order(id=order, agent=agent, asks=tuple(asks))
        for ask in self._orders[order].asks:
            self._order_of[ask] = order

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> Order | None:
        """One action has ended. The order, when it was the last one of it."""
        id_ = self._order_of.pop(answer.ask, None)
        if id_ is None:
            return None
        order: Order = self._orders.pop(id_)
        match answer:
            case AskDone():
                outcome, text = "done", ""
            case AskRefused(text=why):
                outcome, text = "refused", why
            case AskUnknown(why=why):
                outcome, text = "unknown", why
        if _WORSE.index(outcome) < _WORSE.index(order.outcome):
            outcome, text = order.outcome, order.text
        left = tuple(ask for ask in order.asks if ask != answer.ask)
        order = Order(id=id_, agent=order.agent, asks=left, outcome=outcome, text=text)
        if left:
            self._orders[id_] = order
        return None if left else order
