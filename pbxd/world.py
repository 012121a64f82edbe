"""The world: all state, stepped one message at a time.

``step`` is the only way in. It takes no time of its own, touches nothing outside, and happens whole or not
at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from pbxd.aftercall import AfterCall
from pbxd.agents.mailboxes import Mailbox
from pbxd.agents.staff import Staff
from pbxd.agents.state import AgentState, agent_state, pause_reason
from pbxd.agents.timesheets import Timesheets
from pbxd.agents.wrapup import WrapUpRules
from pbxd.alerting import Alerting
from pbxd.alerts.rules import AlertRules
from pbxd.ami.event_types import (
    CallbackWanted,
    CallerRescued,
    Hangup,
    HangupRequest,
    QueueMember,
    QueueMemberRemoved,
    SwitchEvent,
)
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.callbacks import Callbacks
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.facts import Fact
from pbxd.calls.record import CallRecord, Wait
from pbxd.colleagues import Colleagues
from pbxd.continuity import Continuity
from pbxd.desk import Desk
from pbxd.effects import Effect
from pbxd.figures import Figures, agent_times, caller_rescued, flow_counts, refusals
from pbxd.figures.thresholds import Thresholds
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.journal import Journal
from pbxd.messages import (
    AlertsKept,
    AskDone,
    AskRefused,
    AskUnknown,
    AttendanceKept,
    CallbacksKept,
    DialplanSeen,
    DossiersKept,
    FlowEntered,
    FlowLeft,
    FlowStep,
    HistoryFound,
    HistoryMissing,
    JourneysKept,
    LinkDown,
    LinkUp,
    Message,
    Stopping,
    Tick,
    TransfersKept,
)
from pbxd.node import Node, served
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    EndCallback,
    EndWrapUp,
    MoveTransfer,
    PageClosed,
    PageOpened,
    PauseAgent,
    ReportRepeat,
    StartTransfer,
)
from pbxd.reception import Reception
from pbxd.transferring import Transferring
from pbxd.transfers.rules import TransferRules, Unprepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings say about how pbxd decides."""

    nodes: tuple[NodeId, ...]
    staff: Staff
    callers: CallerRules
    repeat: RepeatRule
    transfers: TransferRules = field(default_factory=TransferRules)
    wrap_up: WrapUpRules = field(default_factory=WrapUpRules)
    alerts: AlertRules = field(default_factory=AlertRules)
    mailboxes: tuple[Mailbox, ...] = ()  #: that agents are offered for their callers
    agent_figures: bool = False  #: figures that carry agents' names
    thresholds: Thresholds = field(default_factory=Thresholds)


class World:
    """Owns everything that pbxd knows. Not to be touched but by ``step``; read freely between steps."""

    def __init__(self, rules: Rules) -> None:
        self._journal = Journal()
        self.nodes: dict[NodeId, Node] = {node: Node(node, self._journal) for node in rules.nodes}
        #: are blind transfers allowed on a switch that lacks the dialplan of transfers?
        self.blind_without_dialplan = rules.transfers.unprepared is Unprepared.BLIND
        self._reception = Reception(
            self._journal,
            rules.staff,
            rules.callers,
            rules.repeat,
            record=self.record,
            agent_figures=rules.agent_figures,
        )
        self._aftercall = AfterCall(
            self._journal,
            rules.staff,
            self.nodes,
            rules.wrap_up,
            agent_figures=rules.agent_figures,
        )
        self._colleagues = Colleagues(
            self._journal,
            rules.staff,
            self.nodes,
            rules.transfers,
            mailboxes=rules.mailboxes,
            handling=self._aftercall.handling,
            wrapping=self._aftercall.wrapping,
            called=lambda: self._transferring.called(),
            queue_of=self._aftercall.queue_of,
        )
        self._desk = Desk(
            self._journal,
            rules.staff,
            self.nodes,
            self._aftercall.wrap_up_of,
            blind_without_dialplan=self.blind_without_dialplan,
        )
        self.alerting = Alerting(self._journal, self.nodes, rules.alerts, dossier=self._reception.dossier)
        self._figures = Figures(
            self._journal,
            whose=rules.staff.id_of,
            named=rules.agent_figures,
            thresholds=rules.thresholds,
            waits=self._waits,
            queue_of=self._aftercall.queue_of,
        )
        self._continuity = Continuity(
            self._journal,
            self.nodes,
            self._aftercall,
            self._figures.uncertain,
            self._reception.remember,
        )
        self.timesheets = Timesheets(self._journal, rules.staff, self._state_of, self._why_paused)
        self.rules = rules
        self._transferring = Transferring(
            self._journal,
            rules.staff,
            self.nodes,
            rules.transfers,
            self._reception.passports,
            choose=self._colleagues.choose,
            wrap_up=self._aftercall.begin,
            news=lambda node, facts: self._news(node, facts, ()),
            dialled_outside=self._colleagues.outside_called,
            given_away=self._aftercall.given_away,
        )

        self._callbacks = Callbacks(
            self._journal,
            rules.staff,
            self.nodes,
            transfer=self._transferring.view,
            queue_of=self._aftercall.queue_of,
        )

    def step(self, message: Message) -> list[Effect]:
        """Take one message and say what is to be done. If it raises, the state is as it was before."""
        try:
            effects = self._step(message)
            touched = self._aftercall.touched()
            effects += self._desk.agents_changed(touched)
            self.timesheets.look(touched, message.at)
            if not isinstance(message, JourneysKept):
                effects += self._continuity.news()
        except BaseException:
            self._journal.rollback()
            raise
        self._journal.commit()
        return effects

    def snapshot(self, agent: AgentId) -> Mapping[str, Any]:
        """What this agent's page shows now, JSON-able."""
        return {
            **self._desk.state(agent),
            "pops": self._reception.pops.shown_to(agent),
            "handovers": self._reception.passports.shown_to(agent),
            "transfers": self._transferring.views(agent),
            "callbacks": self._callbacks.views(agent),
        }

    def transfers(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        """The views of the transfers that this agent makes or is the target of; None: of everybody."""
        return self._transferring.views(agent)

    def transfer_view(self, transfer: TransferId) -> Mapping[str, Any] | None:
        """A transfer as it stands; None when nobody knows it (any more)."""
        return self._transferring.view(transfer)

    def callbacks(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        """The callers whom this agent may call back, the oldest first; None: all."""
        return self._callbacks.views(agent)

    def targets(self, agent: AgentId, call: CallId | None, query: str = "") -> Sequence[Mapping[str, Any]]:
        """To whom this agent can hand this call over, best first; ``query``: part of a name, or a number."""
        return self._colleagues.targets(agent, call, query)

    def record(self, call: CallId, at: float) -> CallRecord | None:
        """The account of a call in progress as it stands at ``at`` (epoch seconds)."""
        found = (node.record(call, at) for node in self.nodes.values())
        return next((record for record in found if record is not None), None)

    def journey(self, call: CallId) -> Mapping[str, Any] | None:
        """What is to be kept of this journey over a restart, JSON-able; None: nothing (any more)."""
        return self._continuity.body(call)

    def _step(self, message: Message) -> list[Effect]:
        # By far the most messages are events: they are looked for first.
        if isinstance(message, SwitchEvent):
            node = self.nodes[message.node]
            early = self._transferring.leaving(message) if isinstance(message, Hangup) else []
            facts, queues = node.on_event(message)
            effects = early + self._news(node, facts, queues) if facts or queues else early
            if isinstance(message, HangupRequest):
                effects += self._aftercall.leaving(node, message)
            elif isinstance(message, CallbackWanted):
                effects += self._callbacks.wanted(message)
            elif isinstance(message, CallerRescued):
                effects.append(caller_rescued(node.id, by_pbxd=self._recalls(message.transfer)))
            elif isinstance(message, QueueMember):
                effects += self._aftercall.stands(node.id, message.member, message.at)
                self._look(node.id, message.member.interface, message.at)
            elif isinstance(message, QueueMemberRemoved):
                self._look(node.id, message.interface, message.at)
            return effects + self._transferring.on_event(message)
        match message:
            case LinkUp():
                return self._link_up(message)
            case LinkDown():
                self.nodes[message.node].on_link_down(message)
                self.timesheets.look_at_all(message.at)
                return self._desk.link_changed(message.node)
            case DialplanSeen():
                self.nodes[message.node].on_dialplan(message)
                return self._desk.link_changed(message.node)
            case FlowEntered() | FlowStep() | FlowLeft():
                call = self.nodes[message.node].call_of(message.uniqueid)
                effects = self._reception.on_flow(call, message)
                return [*effects, *flow_counts(message)]
            case Tick():
                self.timesheets.tick(message.at)
                self._colleagues.tick(message.at)
                effects = self._aftercall.tick(message.at)
                effects += self._desk.agents_changed(self._aftercall.touched())
                effects += self._desk.push() + self._transferring.tick(message.at)
                if self.rules.agent_figures:
                    effects += agent_times(self.timesheets.news(message.at))
                effects += self.timesheets.attendance.tick(message.at)
                return effects + self.alerting.tick(message.at)
            case Stopping():
                return self.timesheets.attendance.stop(message.at)
            case HistoryFound() | HistoryMissing():
                return self._reception.on_history(message)
            case AskDone() | AskRefused() | AskUnknown():
                effects = self._desk.answered(message) + self._aftercall.answered(message)
                return effects + self._transferring.answered(message)
            case PauseAgent():
                return self._aftercall.pausing(message) + self._desk.pause(message)
            case PageOpened():
                return self._desk.opened(message.agent)
            case PageClosed():
                self._desk.closed(message.agent)
                return []
            case DossiersKept():
                return self._reception.restore(message, self.nodes)
            case JourneysKept():
                return self._continuity.restore(message)
            case AlertsKept():
                return self.alerting.restore(message)
            case TransfersKept():
                return self._transferring.restore(message)
            case StartTransfer():
                return _counted(self._transferring.start(message))
            case MoveTransfer():
                return _counted(self._transferring.move(message))
            case AnnotateTransfer():
                return _counted(self._transferring.annotate(message))
            case AcknowledgeHandover():
                return self._transferring.acknowledge(message)
            case ReportRepeat():
                return _counted(self._reception.passports.repeat(message))
            case CallbacksKept():
                return self._callbacks.restore(message)
            case AttendanceKept():
                return self.timesheets.attendance.restore(message)
            case EndCallback():
                return self._callbacks.end(message)
            case EndWrapUp():
                return self._aftercall.end(message)
            case _:
                assert_never(message)

    def _recalls(self, transfer: TransferId) -> bool:
        """Was it pbxd itself that sent the caller to look for somebody?"""
        view = self._transferring.view(transfer)
        return view is not None and view["state"] == "recalling"

    def _link_up(self, up: LinkUp) -> list[Effect]:
        node = self.nodes[up.node]
        effects = self._transferring.missing(up)
        facts, queues = node.on_link_up(up)
        effects += self._aftercall.linked(node, up.at) + self._news(node, facts, queues)
        self.timesheets.look_at_all(up.at)
        effects += self._reception.forget_unseen(node.id, up.at, node.calls.journeys.calls)
        effects += self.alerting.linked(node.id, up.at)
        return effects + self._desk.link_changed(node.id) + self._transferring.linked(up)

    def _waits(self, node: NodeId, call: CallId) -> Sequence[Wait]:
        record = self.nodes[node].record(call, 0.0)
        return () if record is None else record.waits

    def _look(self, node: NodeId, interface: Interface, at: float) -> None:
        """How this device stands in a queue has changed."""
        agent = self.rules.staff.id_of(node, interface)
        if agent is not None:
            self.timesheets.look((agent,), at)

    def _state_of(self, agent: AgentId) -> AgentState:
        """What this agent does, as far as it can be seen now."""
        return agent_state(self._seen(agent), wrap_up=self._aftercall.wrap_up_of(agent) is not None)

    def _why_paused(self, agent: AgentId) -> str:
        return pause_reason(self._seen(agent))

    def _seen(self, agent: AgentId) -> Iterator[MemberSnapshot]:
        """How he stands in his queues, where pbxd can see it."""
        stands = served(self.nodes, self.rules.staff.agents[agent])
        links = ((self.nodes[node].link, member) for node, member in stands)
        return (member for link, member in links if link is not None and link.up)

    def _news(self, node: Node, facts: Iterable[Fact], queues: Iterable[str]) -> list[Effect]:
        effects: list[Effect] = []
        for fact in facts:
            effects += self._aftercall.on_fact(fact)
            effects += self._reception.on_fact(fact)
            effects += self._figures.of(fact)
            effects += self.alerting.on_fact(fact)
            effects += self._transferring.on_fact(fact)
        return effects + self._desk.changed(node.id, queues)


def _counted(effects: list[Effect]) -> list[Effect]:
    """What came of an order about a transfer; a refusal is counted by its code."""
    return [*effects, *refusals(effects)]
