"""Wrap-up: the time for notes after a call, in which no queue rings the agent.

app_queue's own wrap-up counts from the moment at which it thinks the call ended, which after a transfer is
another one or none, so pbxd keeps it: it pauses the agent (``pausing``) and resumes him when the time is up
or he says that he is ready.

He is paused *before* his phone is free. In a transfer that is sure, because pbxd frees him itself; when
somebody simply hangs up, Asterisk tells of it some 2 ms before the phone counts as free. The clock starts
when the phone really is free, so that a pause that came too early (the transfer failed, he talks on)
shortens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pbxd.agents.kept import KeptWrapUp
from pbxd.agents.pausing import DECLINED, WRAP_UP, Job, Pausing, Served, job_of
from pbxd.agents.staff import Agent, Staff
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.changed import changed
from pbxd.effects import Ask, Effect, Wake
from pbxd.ids import AgentId, AskId, CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.messages import AskDone, AskRefused, AskUnknown
from pbxd.queues.model import MemberState, member_state

AGAIN_S = 5.0
"""An agent who is in no wrap-up, and whom the switch has paused for one, is resumed after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpRules:
    """How long agents have. Seconds; 0: not at all."""

    default_s: float = 0.0  #: after calls of queues that are not named
    direct_s: float = 0.0  #: after calls that came through no queue
    queues: Mapping[str, float] = field(default_factory=dict)
    declined_s: float = 30.0  #: how long a member is spared the caller whom he declined

    def length(self, queue: str | None) -> float:
        """After a call that came through this queue."""
        return self.direct_s if queue is None else self.queues.get(queue, self.default_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """One agent's. Times are by pbxd's own clock."""

    agent: AgentId
    node: NodeId
    call: CallId | None  #: None: found on the switch after a restart, and nobody knows more
    queue: str | None
    length_s: float
    since: float | None = None  #: None: he is still on the phone
    until: float | None = None
    busy: float | None = None  #: when his phone was first used again
    asked: frozenset[Job] = frozenset()  #: pauses under way
    held: frozenset[Job] = frozenset()  #: pauses that the switch has told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A wrap-up that has ended; for the figures."""

    wrap_up: WrapUp
    how: str  #: time, ready, resumed (elsewhere), paused (by himself), call (another one)
    lasted_s: float
    missed: bool = False  #: nobody saw it end


class Wrapups:
    """Who is in wrap-up now."""

    def __init__(
        self, journal: Journal, pausing: Pausing, staff: Staff, rules: WrapUpRules, served: Served
    ) -> None:
        self._staff = staff
        self._rules = rules
        self._served = served
        self._pausing = pausing
        self.open: Table[AgentId, WrapUp] = Table(journal)
        self._kept: Table[AgentId, tuple[CallId, KeptWrapUp]] = Table(journal)  #: of an earlier life
        self._about: Table[AskId, tuple[AgentId, bool]] = Table(journal)  #: True: resuming
        self._again: Table[AgentId, float | None] = Table(journal)  #: when; None: before the next tick
        self._over: Table[AgentId, tuple[Over, ...]] = Table(journal)
        self._touched: Table[AgentId, bool] = Table(journal)

    def over(self) -> list[Over]:
        """Those that have ended since this was asked last."""
        return [over for agent in list(self._over) for over in self._over.pop(agent)]

    def touched(self) -> list[AgentId]:
        """Whose wrap-up has begun, got its end or ended since this was asked last."""
        agents = list(self._touched)
        for agent in agents:
            del self._touched[agent]
        return agents

    # ------------------------------------------------------------ over pbxd's own end

    def kept(self, call: CallId) -> tuple[KeptWrapUp, ...]:
        """The wrap-ups after this call that are open, or were in an earlier life."""
        now = (
            KeptWrapUp(
                agent=one.agent,
                node=one.node,
                queue=one.queue,
                length_s=one.length_s,
                since=one.since,
                until=one.until,
            )
            for one in self.open.values()
            if one.call == call
        )
        return (*now, *(kept for after, kept in self._kept.values() if after == call))

    def restore(self, call: CallId, kept: KeptWrapUp) -> None:
        """A wrap-up that was open when pbxd last ended. The switch says whether it goes on."""
        if kept.agent in self._staff.agents and kept.agent not in self.open:
            self._kept[kept.agent] = call, kept

    def awaited(self) -> set[CallId | None]:
        """The calls after which somebody was in wrap-up in an earlier life, of whom nothing is known yet."""
        return {call for call, _ in self._kept.values()}

    # ------------------------------------------------------------ it begins

    def begin(
        self,
        agent: AgentId,
        at: float,
        *,
        node: NodeId,
        call: CallId | None,
        queue: str | None,
        spent_s: float = 0.0,
    ) -> list[Effect]:
        """His part in this call is about to end, or did ``spent_s`` ago: he is paused wherever he is not."""
        who = self._staff.agents.get(agent)
        length = self._rules.length(queue) - spent_s
        if who is None or length <= 0.0:
            return []
        self._touched[agent] = True
        before = self.open.get(agent)
        if before is not None and (before.call != call or before.busy is not None):
            self._interrupted(before, at)
        asked, held = (before.asked, before.held) if before else (frozenset(), frozenset())
        self.open[agent] = WrapUp(
            agent=agent, node=node, call=call, queue=queue, length_s=length, asked=asked, held=held
        )
        return [*self._pause(who, at), Wake(in_s=0.0)]

    def _interrupted(self, before: WrapUp, at: float) -> None:
        """He has talked again since: what he wrote about the call before is all that he wrote."""
        if before.since is None:
            return  # he never put down his phone
        ended = at if before.busy is None else before.busy
        ended = ended if before.until is None else min(ended, before.until)
        over = Over(wrap_up=before, how="call", lasted_s=max(0.0, ended - before.since))
        self._over[before.agent] = (*self._over.get(before.agent, ()), over)

    def _pause(self, who: Agent, at: float) -> list[Effect]:
        members = list(self._served(who))
        wrap_up = self.open[who.id]
        free = [job_of(node, member) for node, member in members if not member.paused]
        jobs = [job for job in free if job not in wrap_up.asked]
        asks = self._pausing.asks(jobs, (job_of(*each) for each in members), reason=WRAP_UP, at=at)
        self.open[who.id] = changed(
            wrap_up, asked=wrap_up.asked.union(jobs), held=wrap_up.held.difference(jobs)
        )
        return self._sent(who.id, asks, resuming=False)

    def _sent(self, agent: AgentId, asks: list[Ask], *, resuming: bool) -> list[Effect]:
        for ask in asks:
            self._about[ask.ask] = agent, resuming
        return [*asks]

    # ------------------------------------------------------------ it goes on

    def stands(self, node: NodeId, member: MemberSnapshot, at: float) -> list[Effect]:
        """The switch tells how this member stands now."""
        who = self._staff.whose(node, member.interface)
        wrap_up = None if who is None else self.open.get(who.id)
        if who is None:
            return []
        if wrap_up is None:
            if _is_ours(member):
                self._look_again(who.id)  # it crossed his own pause, or the end of the wrap-up
            return []
        if wrap_up.since is not None and wrap_up.busy is None and not self._is_free(who):
            wrap_up = self.open[who.id] = changed(wrap_up, busy=at)
        job = job_of(node, member)
        if member.paused:
            ours = member.paused_reason == WRAP_UP
            own = not ours and member.paused_reason != DECLINED
            held = wrap_up.held | {job} if ours else wrap_up.held - {job}
            wrap_up = changed(wrap_up, asked=wrap_up.asked - {job}, held=held)
            self.open[who.id] = wrap_up
            if own and not wrap_up.asked and not wrap_up.held:
                return self._end(who, at, "paused")
        elif job in wrap_up.held:
            # He was resumed by somebody who knows nothing of pbxd, e.g. by a feature code of his phone.
            self.open[who.id] = changed(wrap_up, held=wrap_up.held - {job})
            return self._end(who, at, "resumed")
        elif job not in wrap_up.asked:
            return self._pause(who, at)  # he was added to a queue meanwhile
        return [Wake(in_s=0.0)] if wrap_up.until is None and self._is_free(who) else []

    def linked(self, node: NodeId, at: float) -> list[Effect]:
        """A fresh inventory of this switch was taken over: what it says of pauses holds."""
        effects: list[Effect] = []
        for who in self._staff.agents.values():
            members = [(at_, member) for at_, member in self._served(who) if at_ == node]
            wrap_up = self.open.get(who.id)
            if wrap_up is not None:
                # What was asked of a link that is gone may never have arrived.
                gone = {job for job in wrap_up.asked if job.node == node}
                self.open[who.id] = changed(wrap_up, asked=wrap_up.asked - gone)
                for _, member in members:
                    if who.id in self.open:
                        effects += self.stands(node, member, at)
            elif any(_is_ours(member) for _, member in members):
                effects += self._found(who, node, members, at)
            elif who.id in self._kept and self._kept[who.id][1].node == node:
                self._over_unseen(who.id, at)
        return effects

    def _over_unseen(self, agent: AgentId, at: float) -> None:
        """Somebody has resumed him, or he left his queues: it was over by now, or by its time."""
        call, kept = self._kept.pop(agent)
        if kept.since is None:
            return  # he was still on the phone
        ended = at if kept.until is None else min(at, kept.until)
        wrap_up = WrapUp(
            agent=agent, node=kept.node, call=call, queue=kept.queue, length_s=kept.length_s, since=kept.since
        )
        lasted_s = max(0.0, ended - kept.since)
        over = Over(wrap_up=wrap_up, how="resumed", lasted_s=lasted_s, missed=True)
        self._over[agent] = (*self._over.get(agent, ()), over)

    def _found(
        self, who: Agent, node: NodeId, members: list[tuple[NodeId, MemberSnapshot]], at: float
    ) -> list[Effect]:
        """He is paused for a wrap-up that an earlier life of pbxd began. What is left of it is kept."""
        call, kept = self._kept.pop(who.id, (None, None))
        queue = max((member for _, member in members), key=lambda member: member.last_call).queue
        queue = queue if kept is None else kept.queue
        length = self._rules.length(queue) if kept is None else kept.length_s
        paused_at = max(member.last_pause for _, member in members if _is_ours(member))
        # The switch's clock need not be ours: no more is believed than makes sense.
        since = paused_at if at - length <= paused_at <= at else at if paused_at > at else at - length
        since = since if kept is None or kept.since is None else kept.since
        until = since + length if kept is None or kept.until is None else kept.until
        held = frozenset(job_of(node, member) for _, member in members if _is_ours(member))
        self._touched[who.id] = True
        self.open[who.id] = WrapUp(
            agent=who.id,
            node=node,
            call=call,
            queue=queue,
            length_s=length,
            since=since,
            until=until,
            held=held,
        )
        return [Wake(in_s=0.0)]

    def tick(self, at: float) -> list[Effect]:
        """Start the clocks of those whose phones are free, and end those whose time is up."""
        effects: list[Effect] = []
        soonest = 1.0  # there is a tick every second anyway
        for wrap_up in list(self.open.values()):
            who = self._staff.agents[wrap_up.agent]
            until = wrap_up.until
            if until is None and self._is_free(who):
                until = at + wrap_up.length_s
                self.open[who.id] = changed(wrap_up, since=at, until=until)
                self._touched[who.id] = True
            if until is not None and until <= at:
                effects += self._end(who, at, "time")
            elif until is not None:
                soonest = min(soonest, until - at)
        for agent, due in list(self._again.items()):
            if due is None:
                self._again[agent] = at + AGAIN_S
            elif due <= at:
                del self._again[agent]
                if agent not in self.open:
                    effects += self._resume(self._staff.agents[agent], frozenset(), at)
        return [*effects, Wake(in_s=soonest)] if soonest < 1.0 else effects

    def _is_free(self, who: Agent) -> bool:
        return all(member_state(member) is not MemberState.TALKING for _, member in self._served(who))

    # ------------------------------------------------------------ it ends

    def ready(self, agent: AgentId, at: float) -> list[Effect] | None:
        """The agent is ready for the next caller. None: he is in no wrap-up."""
        who = self._staff.agents.get(agent)
        if who is None:
            return None
        if agent in self.open:
            return self._end(who, at, "ready")
        return self._resume(who, frozenset(), at) or None

    def dropped(self, agent: AgentId, at: float, *, paused: bool) -> None:
        """He pauses or resumes himself in all queues by another order, which takes the place of ours."""
        if agent in self.open:
            self._close(agent, at, "paused" if paused else "ready")

    def _end(self, who: Agent, at: float, how: str) -> list[Effect]:
        return self._resume(who, self._close(who.id, at, how).asked, at)

    def _close(self, agent: AgentId, at: float, how: str) -> WrapUp:
        wrap_up: WrapUp = self.open.pop(agent)
        self._touched[agent] = True
        lasted = 0.0 if wrap_up.since is None else max(0.0, at - wrap_up.since)
        over = Over(wrap_up=wrap_up, how=how, lasted_s=lasted)
        self._over[agent] = (*self._over.get(agent, ()), over)
        return wrap_up

    def _resume(self, who: Agent, under_way: frozenset[Job], at: float) -> list[Effect]:
        """Take back the pauses that are ours, also those that the switch has not told of yet."""
        members = list(self._served(who))
        jobs = [
            job_of(node, member)
            for node, member in members
            if _is_ours(member) or (not member.paused and job_of(node, member) in under_way)
        ]
        asks = self._pausing.asks(jobs, (job_of(*each) for each in members), reason=None, at=at)
        return self._sent(who.id, asks, resuming=True)

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> None:
        """One of our actions has ended."""
        about = self._about.pop(answer.ask, None)
        if about is not None and isinstance(answer, AskUnknown):
            agent, resuming = about
            if resuming:
                self._look_again(agent)

    def _look_again(self, agent: AgentId) -> None:
        if agent not in self._again:
            self._again[agent] = None


def _is_ours(member: MemberSnapshot) -> bool:
    return member.paused and member.paused_reason == WRAP_UP
