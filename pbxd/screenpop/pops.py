"""Which screen pops are open, on whose page, and what each of them needs next.

A pop belongs to one ring of one agent's phone. It opens when the phone rings, is sent again under the same
id when something of it becomes known later (the history, mostly), and is closed when the phone stops
ringing unanswered or the conversation is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import Dossier
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.facts import ConsultEnded, LegEnded, MemberRinging, MemberStoppedRinging
from pbxd.effects import Effect, Publish, Tell
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.journal import Journal, Table
from pbxd.screenpop import document

KEPT = 5  #: pops that are over and still shown, per agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop:
    """One ring of one agent's phone."""

    id: str
    call: CallId
    node: NodeId
    agent: AgentId
    interface: Interface
    body: Mapping[str, Any]
    answered: float | None = None  #: when this phone was answered, epoch seconds
    closed: str | None = None  #: why it is over

    def shown(self) -> Mapping[str, Any]:
        """What a page shows: the document, and what has become of the ring since."""
        since = {"answered": self.answered, "closed": self.closed}
        return {**self.body, **{key: value for key, value in since.items() if value is not None}}


class Pops:
    """All pops of all agents, newest last."""

    def __init__(self, journal: Journal, staff: Staff, rule: RepeatRule) -> None:
        self._staff = staff
        self._rule = rule
        self._of_call: Table[CallId, tuple[Pop, ...]] = Table(journal)
        self._of_agent: Table[AgentId, tuple[str, ...]] = Table(journal)
        self._by_id: Table[str, Pop] = Table(journal)

    def shown_to(self, agent: AgentId) -> list[Mapping[str, Any]]:
        """The bodies of this agent's pops, oldest first; one that is over carries ``closed``."""
        return [self._by_id[pop].shown() for pop in self._of_agent.get(agent, ())]

    def has(self, call: CallId, interface: Interface) -> bool:
        """Does the owner of this phone see a pop of this call?"""
        opened = self._open(call)
        if not opened:
            return False
        agent = self._staff.id_of(opened[0].node, interface)
        return any(pop.agent == agent or pop.interface == interface for pop in opened)

    def rings(self, fact: MemberRinging, dossier: Dossier) -> list[Effect]:
        """A phone rings: the agent concerned is told at once, whether or not the history is there yet."""
        agent = self._staff.whose(fact.node, fact.interface)
        if agent is None:
            return []
        body = document.build(
            dossier,
            rule=self._rule,
            agent=agent.id,
            interface=fact.interface,
            at=fact.at,
            queue=fact.queue,
            waited_s=fact.waited_s,
            language=agent.language,
        )
        pop = Pop(
            id=body["id"],
            call=fact.call,
            node=fact.node,
            agent=agent.id,
            interface=fact.interface,
            body=body,
        )
        if pop.id in self._by_id:
            return []
        self._of_call[fact.call] = (*self._of_call.get(fact.call, ()), pop)
        self._keep(pop)
        return _sent(pop)

    def learns(self, dossier: Dossier) -> list[Effect]:
        """Something new is known of a caller: his open pops are sent again, whole, under their own ids."""
        effects: list[Effect] = []
        for pop in self._open(dossier.call):
            agent = self._staff.agents[pop.agent]
            body = document.build(
                dossier,
                rule=self._rule,
                agent=pop.agent,
                interface=pop.interface,
                at=pop.body["at"],
                queue=pop.body["queue"],
                waited_s=pop.body["waited_s"],
                language=agent.language,
            )
            if body != pop.body:
                effects += _sent(self._put(replace(pop, body=body)))
        return effects

    def stops(self, fact: MemberStoppedRinging) -> list[Effect]:
        """A phone stopped ringing: the pop goes, unless the call was answered there."""
        if fact.reason == "answered":
            return self._answered(fact)
        return self._close(fact.call, fact.reason, (fact.interface,))

    def _answered(self, fact: MemberStoppedRinging) -> list[Effect]:
        """The page is told: who serves no queue has no state from which it could be seen."""
        effects: list[Effect] = []
        for pop in self._open(fact.call):
            if pop.interface == fact.interface and pop.answered is None:
                self._put(replace(pop, answered=fact.at))
                body = {"id": pop.id, "at": fact.at}
                effects.append(Tell(agent=pop.agent, kind="screenpop_answered", body=body))
        return effects

    def consulted(self, fact: ConsultEnded) -> list[Effect]:
        """A colleague was asked, and the caller did not come to him: what he was shown is not his."""
        agent = self._staff.id_of(fact.node, fact.target)
        theirs = tuple(pop.interface for pop in self._open(fact.call) if pop.agent == agent)
        return self._close(fact.call, "ended", theirs) if theirs else []

    def talked(self, fact: LegEnded) -> list[Effect]:
        """A party's conversation with the caller is over."""
        return self._close(fact.call, "ended", (fact.interface, fact.member))

    def ends(self, call: CallId) -> list[Effect]:
        """The journey is over: whatever is still open of it closes."""
        effects = self._close(call, "ended", None)
        self._of_call.pop(call, None)
        return effects

    def _open(self, call: CallId) -> list[Pop]:
        return [pop for pop in self._of_call.get(call, ()) if pop.closed is None]

    def _close(
        self, call: CallId, reason: str, interfaces: tuple[Interface | None, ...] | None
    ) -> list[Effect]:
        effects: list[Effect] = []
        for pop in self._open(call):
            if interfaces is None or pop.interface in interfaces:
                self._put(replace(pop, closed=reason))
                body = document.closed(pop.id, reason)
                effects.append(Tell(agent=pop.agent, kind="screenpop_closed", body=body))
                effects.append(Publish(topic=_topic(pop, "screenpop_closed"), body=body))
        return effects

    def _put(self, pop: Pop) -> Pop:
        self._of_call[pop.call] = tuple(
            pop if other.id == pop.id else other for other in self._of_call[pop.call]
        )
        if pop.id in self._by_id:
            self._by_id[pop.id] = pop
        return pop

    def _keep(self, pop: Pop) -> None:
        ids = (*self._of_agent.get(pop.agent, ()), pop.id)
        self._by_id[pop.id] = pop
        over = [id_ for id_ in ids if self._by_id[id_].closed is not None]
        gone = set(over[: max(0, len(over) - KEPT)])
        for id_ in gone:
            del self._by_id[id_]
        self._of_agent[pop.agent] = tuple(id_ for id_ in ids if id_ not in gone)


def _topic(pop: Pop, kind: str) -> str:
    return f"{pop.node}/agent/{pop.agent}/{kind}"


def _sent(pop: Pop) -> list[Effect]:
    return [
        Tell(agent=pop.agent, kind="screenpop", body=pop.shown()),
        Publish(topic=_topic(pop, "screenpop"), body=pop.body),
    ]
