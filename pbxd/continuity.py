"""Journeys over pbxd's own end: which of them are to be kept anew, and what is made of those that were kept.

A journey is kept whole (``pbxd.calls.kept``), with the wrap-ups after it. Restored before anything is heard
of its switch, it is treated as one whose link was lost: the first inventory says what has become of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pbxd.aftercall import AfterCall
from pbxd.agents.kept import after_body, read_after
from pbxd.agents.wrapup import WrapUp
from pbxd.calls.changed import changed
from pbxd.calls.facts import QueueLeft
from pbxd.calls.journeys import Journeys
from pbxd.calls.kept import KeptJourney, journey_body, read_journey
from pbxd.calls.record import CallRecord
from pbxd.effects import Count, Effect, KeepJourney
from pbxd.frozen_json import read, written
from pbxd.ids import CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.messages import JourneysKept
from pbxd.node import Node, node_of

_BODY = {"journey", "after", "uncertain"}


class Continuity:
    """Says what is to be kept, gives it out, and takes it back."""

    def __init__(
        self,
        journal: Journal,
        nodes: Mapping[NodeId, Node],
        aftercall: AfterCall,
        uncertain: Table[CallId, tuple[QueueLeft, ...]],
        remember: Callable[[CallRecord], list[Effect]],
    ) -> None:
        self._journal = journal
        self._nodes = nodes
        self._aftercall = aftercall
        self._uncertain = uncertain
        self._remember = remember
        progress, self._wrap_ups = aftercall.kept_tables
        self._by_call = {id(progress), id(uncertain)}
        self._by_channel: dict[int, Journeys] = {}
        for node in nodes.values():
            tables = node.calls.kept_tables
            self._by_call.update(table for table, by_call in tables.items() if by_call)
            self._by_channel |= {
                table: node.calls.journeys for table, by_call in tables.items() if not by_call
            }

    def news(self) -> list[Effect]:
        """The journeys of which something else is to be kept than before this step."""
        calls: set[CallId] = set()
        by_call, by_channel = self._by_call, self._by_channel
        for table, key, old in self._journal.written:
            where = id(table)
            if where in by_call:
                calls.add(key)
            elif where in by_channel:
                if (call := by_channel[where].of(key)) is not None:
                    calls.add(call)
            elif table is self._wrap_ups:
                both = (old, self._wrap_ups.get(key))
                calls.update(one.call for one in both if isinstance(one, WrapUp) and one.call is not None)
        return [KeepJourney(call=call) for call in sorted(calls)]

    def body(self, call: CallId) -> Mapping[str, Any] | None:
        """What is to be kept of this journey, JSON-able; None: nothing (any more)."""
        node = self._nodes.get(node_of(call))
        journey = None if node is None else node.calls.kept(call)
        after = self._aftercall.kept(call)
        if journey is None and after is None:
            return None
        return {
            "uncertain": [written(left) for left in self._uncertain.get(call, ())],
            "journey": None if journey is None else journey_body(journey),
            "after": None if after is None else after_body(after),
        }

    # ------------------------------------------------------------ a new life

    def restore(self, kept: JourneysKept) -> list[Effect]:
        """Know again what was in progress. What nobody can read is counted, and its call goes on as new."""
        effects: list[Effect] = []
        journeys: dict[CallId, KeptJourney] = {}
        for call, body in kept.bodies.items():
            if node_of(call) not in self._nodes:
                effects.append(KeepJourney(call=call))
                continue
            try:
                if body.keys() != _BODY:
                    raise ValueError(f"{sorted(body)} were kept")
                uncertain = tuple(read(QueueLeft, left) for left in body["uncertain"])
                after = None if body["after"] is None else read_after(body["after"])
                journey = journey_in(body)
                if journey is not None and journey.call.id != call:
                    raise ValueError(f"{journey.call.id} was kept as {call}")
            except (KeyError, TypeError, ValueError, AttributeError):
                effects += [
                    Count(metric="pbxd_store_faults_total", labels={"kind": "other"}),
                    KeepJourney(call=call),
                ]
                continue
            if after is not None:
                self._aftercall.restore(call, after)
            if journey is not None:
                journeys[call] = journey
                if uncertain and call not in self._uncertain:
                    self._uncertain[call] = uncertain
        folded = {call for journey in journeys.values() for call in journey.call.folded}
        for call, journey in journeys.items():
            if call in folded:
                effects.append(KeepJourney(call=call))
            else:
                effects += self._restore(journey, kept)
        return effects

    def _restore(self, journey: KeptJourney, kept: JourneysKept) -> list[Effect]:
        call, calls = journey.call, self._nodes[node_of(journey.call.id)].calls
        if call.id in kept.stored and call.ended is None:
            # It ended in the last moments of the life before, which had no time to keep that.
            journey = changed(journey, call=changed(call, ended=kept.at), waits=(), talks=(), attempt=None)
        calls.restore(journey)
        if journey.waits:
            self._aftercall.came_through(call.id, journey.waits[-1].queue)
        if call.ended is None or call.id in kept.stored:
            return []
        return self._remember(calls.journeys.record(call.id, call.ended))


def journey_in(body: Mapping[str, Any]) -> KeptJourney | None:
    """The journey that is kept; None: only what follows it is. Raises as ``read_journey`` does."""
    return None if body["journey"] is None else read_journey(body["journey"])
