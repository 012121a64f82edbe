"""What follows a call for the agent: his wrap-up, and callers whom he declined."""

from __future__ import annotations

from collections.abc import Mapping

from pbxd.agents.declined import Declined, Spared
from pbxd.agents.handling import Handling
from pbxd.agents.kept import AfterOneCall
from pbxd.agents.pausing import OURS, WRAP_UP, Job, Pausing, job_of
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.under_way import UnderWay
from pbxd.agents.wrapup import Over, WrapUp, WrapUpRules, Wrapups
from pbxd.ami.event_types import HangupRequest
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.facts import CallEnded, CallFolded, CallQueued, Fact, LegEnded, QueueLeft
from pbxd.calls.names import Kind
from pbxd.calls.wiring import Channel
from pbxd.effects import Append, Ask, Effect, Reply
from pbxd.figures.wrapup import declined_caller, wrap_up_ended
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.journal import Journal, Table
from pbxd.ledger.wrapups import Progress, WrapUpRows
from pbxd.messages import AskDone, AskRefused, AskUnknown
from pbxd.node import Node, node_of, served
from pbxd.orders import EndWrapUp, PauseAgent
from pbxd.queues.model import MemberState, member_state


class AfterCall:
    """Keeps queues from ringing agents who are not ready, and from ringing them for callers they declined."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        nodes: Mapping[NodeId, Node],
        wrap_up: WrapUpRules,
        *,
        agent_figures: bool = False,
    ) -> None:
        self._staff = staff
        self._nodes = nodes
        self._rules = wrap_up
        self._agent_figures = agent_figures
        self._pausing = Pausing(journal)
        self._wrapups = Wrapups(journal, self._pausing, staff, wrap_up, self._served)
        self._declined = Declined(journal, self._pausing, wrap_up.declined_s)
        self.handling = Handling(journal)
        self._queue_of: Table[CallId, str] = Table(journal)
        self._unwilling: Table[CallId, tuple[AgentId, ...]] = Table(journal)  #: declined or gave him away
        self._under_way = UnderWay(journal)
        self._rows = WrapUpRows(journal)

    # ------------------------------------------------------------ reading

    @property
    def wrapping(self) -> Mapping[AgentId, WrapUp]:
        """Who is in wrap-up, or will be when he puts down his phone."""
        return self._wrapups.open

    def wrap_up_of(self, agent: AgentId) -> WrapUp | None:
        """His wrap-up, also while he is still on the phone."""
        return self._wrapups.open.get(agent)

    def touched(self) -> list[AgentId]:
        """Whose wrap-up has changed since this was asked last."""
        return self._wrapups.touched()

    def queue_of(self, call: CallId) -> str | None:
        """The last queue in which this caller waited."""
        return self._queue_of.get(call)

    def _served(self, agent: Agent) -> list[tuple[NodeId, MemberSnapshot]]:
        return served(self._nodes, agent)

    # ------------------------------------------------------------ over pbxd's own end

    @property
    def kept_tables(self) -> tuple[Table[CallId, Progress], Table[AgentId, WrapUp]]:
        """Of which ``kept`` is made: by call, and by agent."""
        return self._rows.calls, self._wrapups.open

    def kept(self, call: CallId) -> AfterOneCall | None:
        """Who writes, or will write, his notes about this call, to be kept; None: nobody."""
        progress, wrap_ups = self._rows.calls.get(call), self._wrapups.kept(call)
        if progress is None and not wrap_ups:
            return None
        return AfterOneCall(progress=progress, wrap_ups=wrap_ups)

    def restore(self, call: CallId, after: AfterOneCall) -> None:
        """What was so when pbxd last ended."""
        if after.progress is not None and call not in self._rows.calls:
            self._rows.calls[call] = after.progress
        for wrap_up in after.wrap_ups:
            self._wrapups.restore(call, wrap_up)

    def came_through(self, call: CallId, queue: str) -> None:
        """The last queue in which a caller waited whom an earlier life knew."""
        self._queue_of[call] = queue

    # ------------------------------------------------------------ wrap-up: it begins

    def begin(self, agent: AgentId, at: float, *, call: CallId, queue: str | None = None) -> list[Effect]:
        """This agent is about to be freed from this call: he is paused first. ``at``: epoch seconds.

        The effects must go out before the action that frees him. ``queue``: the one through which the call
        came; None: the last in which the caller waited. Too early or twice does no harm.
        """
        queue = queue or self._queue_of.get(call)
        return self._counted(self._wrapups.begin(agent, at, node=node_of(call), call=call, queue=queue), at)

    def on_fact(self, fact: Fact) -> list[Effect]:
        match fact:
            case CallQueued():
                self._queue_of[fact.call] = fact.queue
                return self._spare(fact.call, fact.queue, fact.at)
            case LegEnded():
                return self._leg_ended(fact)
            case QueueLeft(call=call, queue=queue):
                return self._release(self._declined.left(call, queue), fact.at)
            case CallEnded(call=call) | CallFolded(call=call):
                self._queue_of.pop(call, None)
                self._unwilling.pop(call, None)
                return self._release(self._declined.left(call, None), fact.at) + self._closed(fact)
            case _:
                return []

    def _closed(self, fact: CallEnded | CallFolded) -> list[Effect]:
        """The journey is over, and so may be some of its wrap-ups."""
        if isinstance(fact, CallFolded):
            self._rows.folded(fact.call)
            return []
        rows = self._rows.ended(fact.record)
        self._rows.tidy(fact.call, self._wrapped())
        return [Append(stretch=row) for row in rows]

    def _wrapped(self) -> set[CallId | None]:
        """The journeys after which somebody is in wrap-up, or will be."""
        return {wrap_up.call for wrap_up in self._wrapups.open.values()} | self._wrapups.awaited()

    def _leg_ended(self, leg: LegEnded) -> list[Effect]:
        agent = self._whose(leg.node, leg.interface, leg.member)
        if agent is None:
            return []
        queue = leg.queue or self._queue_of.get(leg.call)
        self._rows.left(agent.id, leg)
        if leg.missed:
            return self._missed(agent, leg, queue)
        self.handling.ended(leg, self._rules.length(queue))
        return self.begin(agent.id, leg.at, call=leg.call, queue=queue)

    def _missed(self, agent: Agent, leg: LegEnded, queue: str | None) -> list[Effect]:
        """It ended while nobody looked. The queue tells when, and what is left of his time is his."""
        members = [member for node, member in self._served(agent) if node == leg.node]
        ended = max((member.last_call for member in members), default=0.0)
        spent = leg.at - ended
        if not 0.0 <= spent < self._rules.length(queue) or not all(_is_free(member) for member in members):
            return []
        begun = self._wrapups.begin(
            agent.id, leg.at, node=leg.node, call=leg.call, queue=queue, spent_s=spent
        )
        return self._counted(begun, leg.at)

    def _whose(self, node: NodeId, interface: Interface, member: Interface | None) -> Agent | None:
        agent = self._staff.whose(node, interface)
        return self._staff.whose(node, member) if agent is None and member is not None else agent

    def leaving(self, node: Node, event: HangupRequest) -> list[Effect]:
        """Somebody hangs up. The switch tells of it just before the phones are free: the time to pause."""
        channel = node.calls.wiring.channels.get(event.channel.uniqueid)
        call = node.calls.call_of(event.channel.uniqueid)
        if channel is None or call is None or channel.kind is not Kind.DEVICE:
            return []
        talks = node.calls.journeys.open_talks(call)
        journey = node.calls.journeys.calls.get(call)
        if journey is not None and journey.subject == channel.name:
            over = talks  # also of whoever has him on hold, or asks somebody about him: all that ends now
        else:
            over = [talk for talk in talks if talk.name == channel.name]
            if not over and not event.soft:
                return self._declines(node, channel, call, event.at)
        agents = [self._whose(node.id, talk.interface, talk.member) for talk in over]
        return [
            effect
            for agent, talk in zip(agents, over, strict=True)
            if agent is not None
            for effect in self.begin(agent.id, event.at, call=call, queue=talk.queue)
        ]

    # ------------------------------------------------------------ declined callers

    def _declines(self, node: Node, channel: Channel, call: CallId, at: float) -> list[Effect]:
        called = node.calls.journeys.called_for(channel.uniqueid)
        agent = self._whose(node.id, channel.interface, None if called is None else called.interface)
        if agent is None:
            return []
        if called is None:
            # The phone was called for a transfer, or directly. The caller may come to a queue that he serves.
            if channel.uniqueid not in node.calls.wiring.bridge_of:
                self._wants_not(agent.id, call)
            return []
        if not self._waits(node, call, called.queue):
            return []
        self._wants_not(agent.id, call)
        return [*self._spare(call, called.queue, at), declined_caller(node.id, called.queue)]

    def _wants_not(self, agent: AgentId, call: CallId) -> None:
        unwilling = self._unwilling.get(call, ())
        if agent not in unwilling:
            self._unwilling[call] = (*unwilling, agent)

    def _waits(self, node: Node, call: CallId, queue: str) -> bool:
        waiting = node.calls.journeys.waiting.values()
        return any(one.call == call and one.queue == queue for one in waiting)

    def given_away(self, call: CallId, queue: str, agent: AgentId, at: float) -> list[Effect]:
        """This agent is about to send this caller to this queue: it must not ring him for that.

        The effects must go out before the action that sends the caller there.
        """
        self._wants_not(agent, call)
        return self._spare(call, queue, at)

    def _spare(self, call: CallId, queue: str, at: float) -> list[Effect]:
        """This caller waits in this queue, or will in a moment: it rings nobody who does not want him."""
        effects: list[Effect] = []
        for agent in self._unwilling.get(call, ()):
            for node, member in self._served(self._staff.agents[agent]):
                if node == node_of(call) and member.queue == queue:
                    effects += self._declined.declines(job_of(node, member), member, agent, call, at)
        return effects

    def _release(self, over: list[tuple[Job, Spared]], at: float) -> list[Effect]:
        """They may be rung by these queues again, unless they have notes to write meanwhile."""
        effects: list[Effect] = []
        for job, spared in over:
            reason = WRAP_UP if spared.agent in self._wrapups.open else None
            effects += self._declined.release(job, spared, self._member(job), at, reason=reason)
        return effects

    def _member(self, job: Job) -> MemberSnapshot | None:
        node = self._nodes.get(job.node)
        members = () if node is None else node.queues.memberships(job.interface)
        return next((member for member in members if member.queue == job.queue), None)

    # ------------------------------------------------------------ what the switch and the clock say

    def stands(self, node: NodeId, member: MemberSnapshot, at: float) -> list[Effect]:
        """A queue member was paused or resumed, or his device does something else."""
        self._declined.stands(job_of(node, member), member)
        return self._counted(self._wrapups.stands(node, member, at), at)

    def linked(self, node: Node, at: float) -> list[Effect]:
        """A fresh inventory of this switch was taken over."""
        effects = self._counted(self._wrapups.linked(node.id, at), at)
        for queue in node.queues.names:
            for member in node.queues.members(queue):
                job = job_of(node.id, member)
                self._declined.stands(job, member)
                if member.paused and self._is_nobodys(job, member):
                    effects.append(self._pausing.one(job, reason=None, at=at))
        return effects

    def _is_nobodys(self, job: Job, member: MemberSnapshot) -> bool:
        """Paused by an earlier life of pbxd, for a reason that nobody knows any more."""
        if member.paused_reason == WRAP_UP:
            return self._staff.whose(job.node, job.interface) is None
        return member.paused_reason in OURS and job not in self._declined.open

    def tick(self, at: float) -> list[Effect]:
        effects = self._release(self._declined.tick(at), at)
        return effects + self._counted(self._wrapups.tick(at), at)

    def _counted(self, effects: list[Effect], at: float) -> list[Effect]:
        for over in self._wrapups.over():
            effects += self._written(over)
            agent = over.wrap_up.agent if self._agent_figures else None
            effects += wrap_up_ended(
                over.wrap_up.node,
                over.wrap_up.queue,
                how=over.how,
                lasted_s=over.lasted_s,
                agent=agent,
                call=over.wrap_up.call,
            )
        return effects

    def _written(self, over: Over) -> list[Effect]:
        """A wrap-up that has ended belongs into the ledger."""
        wrap_up = over.wrap_up
        if wrap_up.call is None or wrap_up.since is None:
            return []  # nobody knows after which call; or it never began
        rows = self._rows.over(
            wrap_up.agent,
            wrap_up.call,
            wrap_up.node,
            since=wrap_up.since,
            queue=wrap_up.queue,
            lasted_s=over.lasted_s,
            missed=over.missed,
        )
        self._rows.tidy(wrap_up.call, self._wrapped())
        return [Append(stretch=row) for row in rows]

    # ------------------------------------------------------------ orders

    def pausing(self, order: PauseAgent) -> list[Effect]:
        """He pauses or resumes himself in all queues: that ends a wrap-up as well."""
        self._wrapups.dropped(order.agent, order.at, paused=order.paused)
        return self._counted([], order.at)

    def end(self, order: EndWrapUp) -> list[Effect]:
        """The agent is ready for the next caller."""
        effects = self._wrapups.ready(order.agent, order.at)
        if effects is None:
            text = "you are not in wrap-up"
            return [
                Reply(
                    order=order.order, agent=order.agent, outcome="refused", code="not_in_wrap_up", text=text
                )
            ]
        asks = [effect.ask for effect in effects if isinstance(effect, Ask)]
        if asks:
            self._under_way.begin(order.order, order.agent, asks)
        else:
            effects.append(Reply(order=order.order, agent=order.agent, outcome="done"))
        return self._counted(effects, order.at)

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> list[Effect]:
        """One of our actions has ended. Whoever gave an order is told when the last one has."""
        self._wrapups.answered(answer)
        order = self._under_way.answered(answer)
        if order is None:
            return []
        return [Reply(order=order.id, agent=order.agent, outcome=order.outcome, text=order.text)]


def _is_free(member: MemberSnapshot) -> bool:
    return member_state(member) is MemberState.READY and not member.paused
