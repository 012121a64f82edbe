"""Wrap-ups as rows of the ledger. They end when they end, which is mostly after the journey's own rows are
stored; so they are told one by one, and their positions follow those of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pbxd.calls.facts import LegEnded
from pbxd.calls.record import CallRecord
from pbxd.ids import AgentId, CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.ledger.rows import rows_of
from pbxd.ledger.stretch import Stage, Stretch

UNKNOWN = 1_000_000
"""The position of a wrap-up after a journey of which no leg is known: higher than any journey has rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of one journey's wrap-ups."""

    left: tuple[tuple[AgentId, LegEnded], ...] = ()  #: who is out of it
    early: tuple[Stretch, ...] = ()  #: over before the journey was
    next: int | None = None  #: position; None: the journey goes on


class WrapUpRows:
    """Knows of a journey from the first of its legs that ends to the last of its wrap-ups."""

    def __init__(self, journal: Journal) -> None:
        self.calls: Table[CallId, Progress] = Table(journal)

    def left(self, agent: AgentId, leg: LegEnded) -> None:
        """An agent is out of a journey."""
        progress = self.calls.get(leg.call, Progress())
        self.calls[leg.call] = replace(progress, left=(*progress.left, (agent, leg)))

    def ended(self, record: CallRecord) -> list[Stretch]:
        """The journey is over: the wrap-ups that are already."""
        progress = self.calls.get(record.id)
        if progress is None:
            return []
        first = rows_of(record)
        self.calls[record.id] = replace(progress, early=(), next=first + len(progress.early))
        return [replace(row, position=first + index) for index, row in enumerate(progress.early)]

    def over(
        self,
        agent: AgentId,
        call: CallId,
        node: NodeId,
        *,
        since: float,
        queue: str | None,
        lasted_s: float,
        missed: bool = False,
    ) -> list[Stretch]:
        """This agent's wrap-up after this call is over.

        It began when he was out of the journey, by the switch's clock, or else ``since``, by pbxd's; how long
        it was the clock of one of them tells as well as the other's. ``missed``: nobody saw it end.
        """
        known = self.calls.get(call)
        progress = known or Progress(next=UNKNOWN)
        leg = next((leg for who, leg in reversed(progress.left) if who == agent), None)
        began = since if leg is None else leg.at
        row = Stretch(
            call=call,
            position=progress.next or 0,
            node=node,
            stage=Stage.WRAP_UP,
            started=began,
            ended=began + lasted_s,
            queue=queue,
            interface=None if leg is None else leg.interface,
            agent=agent,
            missed=missed or (leg is not None and leg.missed),
        )
        if progress.next is None:
            self.calls[call] = replace(progress, early=(*progress.early, row))
            return []
        if known is not None:
            self.calls[call] = replace(progress, next=progress.next + 1)
        return [row]

    def folded(self, call: CallId) -> None:
        """It was no call of its own."""
        self.calls.pop(call, None)

    def tidy(self, call: CallId, wrapping: Iterable[CallId | None]) -> None:
        """Forget a journey that is over, unless somebody is in wrap-up after it."""
        progress = self.calls.get(call)
        if progress is not None and progress.next is not None and call not in wrapping:
            del self.calls[call]
