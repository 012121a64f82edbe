"""Who can take a caller now: the checks before a transfer, and the picker's answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from pbxd.agents.availability import Available, Floor, available
from pbxd.agents.handling import Handling
from pbxd.agents.mailboxes import Mailbox
from pbxd.agents.outside import HOUR_S
from pbxd.agents.picker import Candidate, Search, pick, ranked, rows
from pbxd.agents.refused import Reason, Refused
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.wrapup import WrapUp
from pbxd.calls.names import Kind
from pbxd.ids import AgentId, CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.node import Node, node_of, served
from pbxd.orders import Target, TransferMode
from pbxd.transfers.profiles import narrowed, not_prepared
from pbxd.transfers.rules import TransferRules
from pbxd.transfers.words import Profile


class Colleagues:
    """Everybody who could help, on all switches. Asked by agents and by transfers.

    ``handling``: how long calls last; ``wrapping``: who is in wrap-up; ``called``: whose phones are called
    for transfers, from the moment at which they are chosen; ``queue_of``: the queue a call came through.
    """

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        nodes: Mapping[NodeId, Node],
        rules: TransferRules,
        *,
        mailboxes: tuple[Mailbox, ...] = (),
        handling: Handling,
        wrapping: Mapping[AgentId, WrapUp],
        called: Callable[[], Collection[AgentId]],
        queue_of: Callable[[CallId], str | None],
    ) -> None:
        self._staff = staff
        self._nodes = nodes
        self._rules = rules
        self._mailboxes = mailboxes
        self._wrapping = wrapping
        self._called = called
        self._queue_of = queue_of
        self._handling = handling
        self._outside_calls: Table[AgentId, tuple[float, ...]] = Table(journal)
        self._now: Table[None, float] = Table(journal)

    def tick(self, at: float) -> None:
        """``at``: pbxd's clock, by which calls outside are counted."""
        self._now[None] = at

    def floor(self) -> Floor:
        """Everybody and every queue as they stand now."""
        return Floor(
            staff=self._staff,
            switches=self._nodes,
            served=lambda agent: served(self._nodes, agent),
            wrapping=self._wrapping,
            called=self._called(),
            outside=self._rules.outside,
            outside_calls=self._outside_calls,
            mailboxes=self._mailboxes,
        )

    def choose(
        self, target: Target, *, by: AgentId, node: NodeId, at: float, tried: Collection[AgentId] = ()
    ) -> Available | Refused:
        """How this target is reached from a call on ``node``, or why not. ``at``: when, by any clock."""
        at = self._now.get(None, at)  # a fallback is chosen on an event, which has the switch's clock
        return available(self.floor(), target, by=by, node=node, at=at, tried=tried)

    def targets(self, agent: AgentId, call: CallId | None, query: str = "") -> list[dict[str, Any]]:
        """To whom this agent can hand this call (None: the one that he is in), the best first."""
        who = self._staff.agents.get(agent)
        found = None if who is None else self._in_call(who)
        node, current = found or (self._home(who), None)
        call = call or current
        if call is not None and node_of(call) in self._nodes:
            node = node_of(call)
        search = Search(
            by=agent,
            node=node,
            at=self._now.get(None, 0.0),
            queue=None if call is None else self._queue_of(call),
            query=query.strip(),
        )
        candidates = pick(self.floor(), self._handling, search)
        if lacks := self._nodes[node].transfers_lack:
            why = not_prepared(node, lacks, self._rules, TransferMode.BLIND)
            candidates = ranked(_without_dialplan(each, search, why) for each in candidates)
        return rows(candidates)

    def outside_called(self, agent: AgentId, at: float) -> None:
        """This agent has a number outside called; counts towards how many he may. ``at``: as for choose."""
        at = self._now.get(None, at)
        recent = [when for when in self._outside_calls.get(agent, ()) if at - HOUR_S < when]
        self._outside_calls[agent] = (*recent, at)

    def _home(self, who: Agent | None) -> NodeId:
        """The first switch on which he has a device."""
        wanted = () if who is None else tuple(node for node, _ in who.devices)
        own = [node for node in self._nodes if None in wanted or node in wanted]
        return next(iter(own or self._nodes))

    def _in_call(self, who: Agent) -> tuple[NodeId, CallId] | None:
        for node in self._nodes.values():
            for channel in node.calls.wiring.channels.values():
                if channel.kind is Kind.DEVICE and self._staff.whose(node.id, channel.interface) is who:
                    call = node.calls.call_of(channel.uniqueid)
                    if call is not None:
                        return node.id, call
        return None


def _without_dialplan(candidate: Candidate, search: Search, why: str | None) -> Candidate:
    """As it stands on a switch that lacks the dialplan of transfers: not all kinds can be had there, and
    where the settings do not allow blind ones nobody, ``why``."""
    if why is not None:
        return replace(candidate, refused=Refused(code=Reason.NOT_PREPARED, text=why), why=why)

    def as_found(target: Target, **_: object) -> Available:
        return Available(kind=target.kind, id=target.id, name=candidate.name, agent=None, dial="")

    target = Target(kind=candidate.kind, id=candidate.id)
    told = narrowed(as_found, Profile.PLAIN)(target, by=search.by, node=search.node, at=search.at)
    return replace(candidate, refused=told, why=told.text) if isinstance(told, Refused) else candidate
