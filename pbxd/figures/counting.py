"""Which facts move which figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from pbxd.calls.facts import (
    CallArrived,
    CallEnded,
    CallFolded,
    CallQueued,
    ConsultEnded,
    Fact,
    LegEnded,
    LegStarted,
    MemberRinging,
    MemberStoppedRinging,
    QueueLeft,
    TransferSeen,
)
from pbxd.effects import Count
from pbxd.figures.handling import handled
from pbxd.figures.service import Service, Waits
from pbxd.figures.thresholds import Thresholds
from pbxd.figures.transfers import calls_transferred, transfer_counts
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.journal import Journal, Table

Whose = Callable[[NodeId, Interface], AgentId | None]


class Figures:
    """Turns facts into Count effects.

    ``whose`` tells whose phone it is; ``named`` switches on the figures that carry agents' names. ``waits``
    are the stays of a journey as they are known now, ``queue_of`` is the last queue in which a caller waited.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        whose: Whose = lambda node, interface: None,
        named: bool = False,
        thresholds: Thresholds | None = None,
        waits: Waits = lambda node, call: (),
        queue_of: Callable[[CallId], str | None] = lambda call: None,
    ) -> None:
        self._whose = whose
        self._named = named
        self._queue_of = queue_of
        self._service = Service(journal, thresholds or Thresholds(), waits)

    @property
    def uncertain(self) -> Table[CallId, tuple[QueueLeft, ...]]:
        """Waits that are over and not counted yet, because how they ended is told a little later."""
        return self._service.pending

    def of(self, fact: Fact) -> list[Count]:
        """What this fact adds to which figures."""
        if fact.again:
            return []
        counts = self._service.of(fact) + self._counts(fact, str(fact.node))
        if fact.missed:
            counts.append(_one("pbxd_resync_corrections_total", node=fact.node))
        return counts

    def _counts(self, fact: Fact, node: str) -> list[Count]:
        match fact:
            case CallArrived():
                return [_one("pbxd_calls_arrived_total", node=node)]
            case CallQueued(queue=queue):
                return [_one("pbxd_queue_entries_total", node=node, queue=queue)]
            case MemberRinging(queue=queue):
                return [_one("pbxd_member_rings_total", node=node, queue=queue or "")]
            case MemberStoppedRinging(queue=queue, reason=reason):
                return [_one("pbxd_member_ring_results_total", node=node, queue=queue or "", result=reason)]
            case LegStarted() | QueueLeft() | ConsultEnded():
                return []
            case LegEnded():
                return self._leg(fact, node)
            case TransferSeen():
                return transfer_counts(fact)
            case CallFolded():
                return [_one("pbxd_calls_folded_total", node=node)]
            case CallEnded():
                return [*_ended(fact, node), *calls_transferred(fact)]
            case _:
                assert_never(fact)

    def _leg(self, leg: LegEnded, node: str) -> list[Count]:
        queue = leg.queue or self._queue_of(leg.call) or ""
        labels = {"node": node, "queue": queue}
        counts = [Count(metric="pbxd_talk_seconds", labels=labels, value=leg.talk_s, call=leg.call)]
        if leg.hold_s > 0:
            counts.append(Count(metric="pbxd_hold_seconds", labels=labels, value=leg.hold_s, call=leg.call))
        return [*counts, *handled(leg, queue, self._agent(leg), named=self._named)]

    def _agent(self, leg: LegEnded) -> AgentId | None:
        """Whose leg: by the phone that talked, else by the queue member behind whose interface it is."""
        agent = self._whose(leg.node, leg.interface)
        return agent if agent is not None or leg.member is None else self._whose(leg.node, leg.member)


def repeat_call(node: NodeId, queue: str | None, *, same_subject: bool | None) -> Count:
    """A call that the repeat-call rule flagged; to be counted once per call."""
    subject = {True: "same", False: "other", None: "unknown"}[same_subject]
    return _one("pbxd_repeat_calls_total", node=node, queue=queue or "", subject=subject)


def _ended(fact: CallEnded, node: str) -> list[Count]:
    record = fact.record
    if record.outcome is None:  # the journey goes on elsewhere, e.g. after a resync that found it alive
        return []
    labels = {"node": node, "queue": record.queue or "", "outcome": record.outcome.value}
    counts = [Count(metric="pbxd_calls_total", labels=labels)]
    if record.missed:
        counts.append(_one("pbxd_calls_missed_total", node=node))
    return counts


def _one(metric: str, **labels: str) -> Count:
    return Count(metric=metric, labels=labels)
