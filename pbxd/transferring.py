"""Transfers: agents' orders to hand callers over, and what the switch shows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pbxd.agents.refused import Reason, Refused
from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import BridgeEnter, Hangup, KeyPressed, Newchannel, SwitchEvent
from pbxd.calls.facts import CallFolded, Fact, MemberRinging, MemberStoppedRinging
from pbxd.calls.record import TransferKind, TransferOutcome
from pbxd.effects import Count, Effect, Reply
from pbxd.figures.transfers import refused
from pbxd.ids import AgentId, CallId, NodeId, TransferId
from pbxd.journal import Journal
from pbxd.messages import AskDone, AskRefused, AskUnknown, LinkUp, TransfersKept
from pbxd.node import Node
from pbxd.orders import (
    AcknowledgeHandover,
    AnnotateTransfer,
    MoveTransfer,
    StartTransfer,
    Target,
    TargetKind,
    TransferMode,
    Verb,
)
from pbxd.transfers.accounts import account_of
from pbxd.transfers.choosing import Choose, Found, first_possible
from pbxd.transfers.keys import Keys
from pbxd.transfers.lines import Line, lines_of
from pbxd.transfers.machine import Taken, order_of, take
from pbxd.transfers.passports import Passports
from pbxd.transfers.profiles import narrowed, not_prepared
from pbxd.transfers.progress import Progress, WrapUp
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.recovery import Recovery
from pbxd.transfers.rules import TransferRules
from pbxd.transfers.silence import Silence
from pbxd.transfers.table import TABLE
from pbxd.transfers.view import public_state
from pbxd.transfers.watching import Watching
from pbxd.transfers.words import Input, Move, Profile, State

Json = Mapping[str, Any]

PLAIN = "pbxd_transfers_plain_total"

_CALLED = frozenset({State.PLACING, State.RINGING, State.BLONDE, State.OFFERED, State.CALLING})


class Transferring:
    """Takes orders, events, answers and ticks; gives effects."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        nodes: Mapping[NodeId, Node],
        rules: TransferRules,
        passports: Passports,
        *,
        choose: Choose,
        wrap_up: WrapUp,
        news: Callable[[Node, list[Fact]], list[Effect]],
        dialled_outside: Callable[[AgentId, float], None] = lambda agent, at: None,
        given_away: Callable[[CallId, str, AgentId, float], list[Effect]] = lambda *_: [],
    ) -> None:
        self._staff = staff
        self._nodes = nodes
        self._choose = choose
        self._rules = rules
        self._news = news
        self._passports = passports
        calls = {id_: node.calls for id_, node in nodes.items()}
        self._progress = Progress(journal, calls, rules, passports, wrap_up)
        self._progress.next_target = self._next_target
        self._progress.account = self._ended
        self._progress.dialled_outside = dialled_outside
        self._progress.given_away = given_away
        self._recovery = Recovery(self._progress, self._is_up)
        self._watching = Watching(self._progress)
        self._keys = Keys(journal, rules.keys)
        self._silence = Silence(journal, self._progress, self._is_up, self._recovery.mend)

    # ------------------------------------------------------------ reading

    def view(self, id_: TransferId) -> Json | None:
        """A transfer as it stands; None when nobody knows it (any more)."""
        record = self._progress.records.get(id_)
        return None if record is None else self._progress.telling.view(record)

    def views(self, agent: AgentId | None) -> list[Json]:
        """All transfers, or those in which this agent is transferer or target, oldest first."""
        return [
            self._progress.telling.view(record)
            for record in self._progress.records.values()
            if record.id not in self._progress.hidden
            if agent is None or agent in (record.agent, record.target_agent)
        ]

    def called(self) -> frozenset[AgentId]:
        """Whose phones ring for a transfer, or will in a moment: nobody else is to be sent to them."""
        records = [self._progress.records[id_] for id_ in self._progress.of_call.values()]
        targets = {record.target_agent for record in records if record.state in _CALLED}
        recalled = {record.agent for record in records if record.state is State.RECALLING}
        return frozenset(recalled.union(agent for agent in targets if agent is not None))

    @property
    def open(self) -> int:
        return len(self._progress.of_call)

    def _is_up(self, node: NodeId) -> bool:
        link = self._nodes[node].link
        return link is not None and link.up

    # ------------------------------------------------------------ orders: start

    def start(self, order: StartTransfer) -> list[Effect]:
        known = self._progress.records.get(order.transfer)
        if known is not None:
            return [self._done(order.order, order.agent, known)]
        agent = self._staff.agents.get(order.agent)
        line = None if agent is None else self._line(agent, order.call)
        if agent is None or line is None:
            return [_refused(order, *self._why_no_line(agent, order.call))]
        node, talk = line
        if not self._is_up(node):
            return [_refused(order, "link_down", f"the switch {node} cannot be reached now")]
        lacks = self._nodes[node].transfers_lack
        if (why := not_prepared(node, lacks, self._rules, order.mode)) is not None:
            return [_refused(order, "not_prepared", why)]
        if talk.call in self._progress.of_call:
            return [_refused(order, "already_transferring", "this caller is being handed over already")]
        profile = Profile.PLAIN if lacks else Profile.OWN
        choose = narrowed(self._choose, profile)
        found = first_possible(choose, order.targets, by=order.agent, node=node, at=order.at)
        if isinstance(found, Refused):
            return [_refused(order, found.code, found.text)]
        return self._begin(order, agent, node, talk, found, profile)

    def _line(self, agent: Agent, call: CallId | None) -> tuple[NodeId, Line] | None:
        for id_, node in self._nodes.items():
            for line in lines_of(agent, node.calls):
                if call is None or line.call == call:
                    return id_, line
        return None

    def _why_no_line(self, agent: Agent | None, call: CallId | None) -> tuple[str, str]:
        known = call is not None and any(call in node.calls.journeys.calls for node in self._nodes.values())
        open_ = [self._progress.records[id_] for id_ in self._progress.of_call.values()]
        if agent is not None and any(one.agent == agent.id and call in (None, one.call) for one in open_):
            return "already_transferring", "you are handing over a caller already"
        if agent is not None and known:
            return "not_yours", "you do not talk with this caller"
        return "no_call", "you talk with nobody"

    def _begin(
        self, order: StartTransfer, agent: Agent, node: NodeId, talk: Line, found: Found, profile: Profile
    ) -> list[Effect]:
        journey = self._nodes[node].calls.journeys.calls[talk.call]
        blind, own = order.mode is TransferMode.BLIND, profile is Profile.OWN
        record = OpenTransfer(
            id=order.transfer,
            call=talk.call,
            node=node,
            state=State.PLACING if own else State.OFFERED,
            profile=profile,
            mode=order.mode,
            kind=TransferKind.BLIND if blind else TransferKind.ATTENDED,
            agent=agent.id,
            agent_name=agent.name,
            interface=talk.interface,
            transferer=talk.transferer,
            caller=talk.caller,
            caller_number=journey.dialled if talk.own else journey.caller,
            caller_name="" if talk.own else journey.caller_name,
            queue=talk.queue,
            target=found.target,
            target_name=found.chosen.name,
            target_agent=found.chosen.agent,
            dial=found.chosen.dial,
            left=found.left,
            created=order.at,
        )
        self._progress.open(record)
        effects = self._passports.begin(
            record.id,
            record.call,
            node,
            order.at,
            transferer=agent.id,
            interface=record.interface,
            reason=order.reason,
            note=order.note,
        )
        moves = (Move.PART,) if own else ()
        effects += self._progress.go(record, Taken(record=record, moves=moves, event="created"), order.at)
        effects += [] if own else [Count(metric=PLAIN, labels={"node": node})]
        effects += self._knows(record, order.at)
        return [*effects, self._done(order.order, order.agent, self._progress.records[record.id])]

    def _knows(self, record: OpenTransfer, at: float) -> list[Effect]:
        """Let the target's phone ring: now, or when his page shows the hand-over."""
        if self._progress.waits_for_page(record):
            return self._progress.tell_target(record, at)
        return self._progress.feed(record.id, Input.GO, at)

    def _next_target(self, record: OpenTransfer, at: float) -> OpenTransfer | None:
        """Whoever can be tried after this one."""
        tried = record.tried if record.target_agent is None else (*record.tried, record.target_agent)
        found = first_possible(
            narrowed(self._choose, record.profile),
            record.left,
            by=record.agent,
            node=record.node,
            at=at,
            tried=tried,
        )
        if isinstance(found, Refused):
            return None
        return replace(
            record,
            target=found.target,
            target_name=found.chosen.name,
            target_agent=found.chosen.agent,
            dial=found.chosen.dial,
            left=found.left,
            tried=tried,
        )

    # ------------------------------------------------------------ orders: the others

    def move(self, order: MoveTransfer) -> list[Effect]:
        record = self._progress.records.get(order.transfer)
        if record is None or order.agent not in (None, record.agent):
            return [_refused(order, "no_such_transfer", "there is no such transfer of yours")]
        input_ = order_of(order.verb, record)
        if record.over and _DONE_BY.get(order.verb) is record.outcome:
            return [self._done(order.order, order.agent, record)]
        step = TABLE.get((record.state, input_))
        if step is None or step.stay:
            return [_refused(order, "not_possible_now", _not_now(record, order.verb), self.view(record.id))]
        if step.again:
            return [self._done(order.order, order.agent, record)]
        if not self._is_up(record.node):
            return [_refused(order, "link_down", f"the switch {record.node} cannot be reached now")]
        if input_ is Input.REQUEUE:
            queue = order.queue or record.queue
            if (refused := self._no_queue(record, queue, order.at)) is not None:
                return [_refused(order, refused.code, refused.text, self.view(record.id))]
            record = replace(record, back_to=queue)
        taken = take(record, input_)
        assert taken is not None
        effects = self._progress.go(record, taken, order.at)
        return [*effects, self._done(order.order, order.agent, self._progress.records[record.id])]

    def _no_queue(self, record: OpenTransfer, queue: str | None, at: float) -> Refused | None:
        """Why a caller cannot be sent to this queue. That nobody serves it now is his transferer's affair."""
        if queue is None:
            return Refused(code=Reason.NO_SUCH, text="to which queue?")
        target = Target(kind=TargetKind.QUEUE, id=queue)
        chosen = self._choose(target, by=record.agent, node=record.node, at=at)
        return chosen if isinstance(chosen, Refused) and chosen.code is Reason.NO_SUCH else None

    def annotate(self, order: AnnotateTransfer) -> list[Effect]:
        record = self._progress.records.get(order.transfer)
        if record is None or order.agent not in (None, record.agent):
            return [_refused(order, "no_such_transfer", "there is no such transfer of yours")]
        effects = self._passports.annotate(
            record.id, order.at, reason=order.reason, note=order.note, disposition=order.disposition
        )
        effects += self._progress.telling.tell(None, record)
        return [*effects, self._done(order.order, order.agent, record)]

    def acknowledge(self, order: AcknowledgeHandover) -> list[Effect]:
        """The target's page shows the hand-over: his phone may ring."""
        effects = self._passports.acknowledged(order.agent, order.transfer, order.at)
        record = self._progress.records.get(order.transfer)
        if record is None or order.agent != record.target_agent or record.over:
            return effects
        if record.state in (State.PLACING, State.OFFERED):
            return [*effects, *self._progress.feed(record.id, Input.GO, order.at)]
        return [*effects, *self._progress.telling.tell(None, record)] if effects else effects

    def _done(self, order: str, agent: AgentId | None, record: OpenTransfer) -> Reply:
        return Reply(order=order, agent=agent, outcome="done", body=self._progress.telling.view(record))

    # ------------------------------------------------------------ what the switch tells

    def leaving(self, event: Hangup) -> list[Effect]:
        """To be called before the model takes the event. A caller's transfer ends before his call does: so it
        is in the call's record.
        """
        id_ = self._progress.lines.get((event.node, event.channel.name))
        record = None if id_ is None else self._progress.records.get(id_)
        if id_ is None or record is None or record.caller != event.channel.name:
            return []
        return self._progress.feed(id_, Input.C_GONE, event.at)

    def on_event(self, event: SwitchEvent) -> list[Effect]:
        """To be called after the model has taken the event."""
        if isinstance(event, KeyPressed):
            return self._pressed(event)
        # A target's channel may come to be when the transfer is over already.
        wanted = self._progress.of_call or isinstance(event, Newchannel)
        effects = self._watching.on_event(event) if wanted else []
        return effects + self._silence.entered(event) if isinstance(event, BridgeEnter) else effects

    def _pressed(self, event: KeyPressed) -> list[Effect]:
        """An order by the transferer's phone."""
        id_ = self._progress.lines.get((event.node, event.channel.name))
        record = None if id_ is None else self._progress.records.get(id_)
        if id_ is None or record is None or record.transferer != event.channel.name:
            return []
        verb = self._keys.pressed(id_, event.key, event.at)
        if verb is None:
            return []
        input_ = order_of(verb, record)
        if (record.state, input_) not in TABLE:
            return [refused("not_possible_now")]
        return self._progress.feed(id_, input_, event.at)

    def on_fact(self, fact: Fact) -> list[Effect]:
        """A phone rings, or is answered, for a target that was a queue: now it is known who it is."""
        if isinstance(fact, CallFolded):
            return self._progress.folded(fact.call, fact.into)
        if not isinstance(fact, MemberRinging | MemberStoppedRinging):
            return []
        id_ = self._progress.of_call.get(fact.call)
        record = None if id_ is None else self._progress.records[id_]
        agent = self._staff.whose(fact.node, fact.interface)
        if record is None or agent is None or record.target.kind is not TargetKind.QUEUE:
            return []
        # Of several phones that ring the first one is shown, until one of them is answered.
        first = isinstance(fact, MemberRinging) and record.target_agent is None
        answered = isinstance(fact, MemberStoppedRinging) and fact.reason == "answered"
        if not (first or answered) or agent.id in (record.target_agent, record.agent):
            return []
        return self._progress.chosen(record, agent.id)

    def answered(self, answer: AskDone | AskRefused | AskUnknown) -> list[Effect]:
        return self._recovery.answered(answer)

    def tick(self, at: float) -> list[Effect]:
        fired, effects = self._progress.timers.tick(at)
        for id_, timer in fired:
            effects += self._recovery.fired(id_, timer, at)
        for id_ in self._progress.timers.forgotten(at):
            effects += self._progress.forget(id_)
        return effects + self._silence.tick(at)

    # ------------------------------------------------------------ over restarts and gaps

    def restore(self, kept: TransfersKept) -> list[Effect]:
        """Transfers that were open when pbxd last ended. What became of them the switch will say."""
        return self._recovery.restore(kept)

    def missing(self, up: LinkUp) -> list[Effect]:
        """To be called before the model takes the inventory: callers who have left since."""
        return self._recovery.missing(up)

    def linked(self, up: LinkUp) -> list[Effect]:
        """To be called after the model has taken the inventory."""
        return self._recovery.linked(up) + self._silence.linked(up.node)

    # ------------------------------------------------------------ the end

    def _ended(self, record: OpenTransfer, at: float) -> list[Effect]:
        """Its keys are forgotten, and the journey gets its account."""
        self._keys.forget(record.id)
        node = self._nodes[record.node]
        seen = node.calls.transferred(account_of(record), record.call, caller=record.caller, at=at)
        return self._news(node, seen)


_DONE_BY = {
    Verb.CANCEL: TransferOutcome.CANCELLED,
    Verb.COMPLETE: TransferOutcome.COMPLETED,
    Verb.LEAVE: TransferOutcome.COMPLETED,
    Verb.REQUEUE: TransferOutcome.REQUEUED,
}


def _not_now(record: OpenTransfer, verb: Verb) -> str:
    if record.over:
        return f"the transfer is over: {record.outcome.value if record.outcome else 'ended'}"
    return f"{verb.value} makes no sense while the transfer is {public_state(record)}"


def _refused(
    order: StartTransfer | MoveTransfer | AnnotateTransfer, code: str, text: str, body: Json | None = None
) -> Reply:
    return Reply(
        order=order.order, agent=order.agent, outcome="refused", code=code, text=text, body=body or {}
    )
