"""Raises alerts and ends them: watches who waits, and tells each change once to whoever is to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pbxd.alerts.kept import read_watch, watch_body
from pbxd.alerts.rules import AlertRules
from pbxd.alerts.watch import (
    Watch,
    caller_key,
    document,
    queue_key,
    take,
    time_input,
    to_tell,
    to_tell_the_end,
)
from pbxd.alerts.words import Input, Kind, State
from pbxd.callers.dossier import Dossier
from pbxd.calls.facts import CallEnded, CallFolded, CallQueued, Fact, LegStarted, QueueLeft
from pbxd.effects import Announce, Count, Effect, KeepAlert, Publish
from pbxd.figures.alerts import alert_raised
from pbxd.ids import CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.messages import AlertsKept
from pbxd.node import Node
from pbxd.queues.model import MemberState, member_state

_HOW_LEFT = {"answered": Input.ANSWERED, "abandoned": Input.GAVE_UP}

STATE_TOPIC = "alerts/state"


class Alerting:
    """What is watched, and which alerts are open."""

    def __init__(
        self,
        journal: Journal,
        nodes: Mapping[NodeId, Node],
        rules: AlertRules,
        *,
        dossier: Callable[[CallId], Dossier | None] = lambda call: None,
    ) -> None:
        self._nodes = nodes
        self._rules = rules
        self._dossier = dossier
        self._watches: Table[str, Watch] = Table(journal)
        self._changed: Table[str, bool] = Table(journal)  #: "open": the set of open alerts is another
        self._now: Table[str, float] = Table(journal)  #: "tick": pbxd's own clock

    # ------------------------------------------------------------ reading

    def open(self, at: float) -> Sequence[Mapping[str, Any]]:
        """The open alerts as they stand at ``at`` (epoch seconds, pbxd's clock), the oldest first."""
        watches = sorted((w for w in self._watches.values() if w.open), key=lambda w: w.began or 0.0)
        return [self._document(watch, "open", at) for watch in watches]

    def count_open(self) -> Mapping[tuple[NodeId, Kind], int]:
        """How many alerts are open, by switch and kind."""
        counts = {(node, kind): 0 for node in self._nodes for kind in Kind}
        for watch in self._watches.values():
            counts[watch.node, watch.kind] += watch.open
        return counts

    # ------------------------------------------------------------ what happens

    def on_fact(self, fact: Fact) -> list[Effect]:
        match fact:
            case CallQueued():
                return self._waits(fact)
            case QueueLeft(outcome=outcome):
                return self._step(caller_key(fact.call), _HOW_LEFT.get(outcome, Input.LEFT), fact.at)
            case LegStarted():
                return self._step(caller_key(fact.call), Input.ANSWERED, fact.at)
            case CallEnded():
                return self._step(caller_key(fact.call), Input.CALL_OVER, fact.at)
            case CallFolded():
                return self._step(caller_key(fact.call), Input.LEFT, fact.at)
            case _:
                return []

    def linked(self, node: NodeId, at: float) -> list[Effect]:
        """A fresh inventory was taken over, and its facts were told; ``at``: of the inventory."""
        effects: list[Effect] = []
        for key, watch in list(self._watches.items()):
            if watch.node != node:
                continue
            if watch.since is None and watch.joined is not None:
                # How long he had waited unseen is a difference of two times of the switch's clock.
                self._watches[key] = replace(watch, spent_s=max(0.0, at - watch.joined))
            elif watch.restored and watch.call is not None:
                effects += self._step(key, Input.UNSEEN, at)
        return effects + self._news()

    def tick(self, at: float) -> list[Effect]:
        """Begin what has lasted too long, and tell whoever is to be told now. ``at``: pbxd's clock."""
        self._now["tick"] = at
        effects = self._look_for_members(at)
        for key, watch in list(self._watches.items()):
            if not self._sees(watch.node):
                continue
            if watch.since is None:
                self._watches[key] = watch = replace(watch, since=at - watch.spent_s)
            if watch.state in (State.BETWEEN, State.OPEN_BETWEEN) and watch.between is None:
                self._watches[key] = watch = replace(watch, between=at)
            input_ = time_input(watch, self._rules, at)
            if input_ is not None:
                effects += self._step(key, input_, at)
            if watch.open or input_ is Input.LONG:
                effects += self._tell(key, at)
        return effects + self._news()

    # ------------------------------------------------------------ over pbxd's own end

    def restore(self, kept: AlertsKept) -> list[Effect]:
        """The alerts that were open when pbxd last ended. Nobody is told of them again."""
        effects: list[Effect] = []
        for key, body in kept.bodies.items():
            try:
                watch = read_watch(body)
            except (KeyError, TypeError, ValueError, AttributeError):
                effects += [
                    Count(metric="pbxd_store_faults_total", labels={"kind": "other"}),
                    KeepAlert(alert=key, body=None),
                ]
                continue
            if watch.key != key or watch.node not in self._nodes:
                effects.append(KeepAlert(alert=key, body=None))
            elif key not in self._watches:
                self._watches[key] = watch
        # Also when there is none: the broker may still hold those of a life before.
        self._changed["open"] = True
        return effects + self._news()

    # ------------------------------------------------------------ one by one

    def _sees(self, node: NodeId) -> bool:
        link = self._nodes[node].link
        return link is not None and link.up

    def _waits(self, fact: CallQueued) -> list[Effect]:
        key = caller_key(fact.call)
        watch = self._watches.get(key)
        if watch is not None:
            self._watches[key] = replace(watch, queue=fact.queue, restored=False)
            return self._step(key, Input.STANDS, fact.at)
        self._watches[key] = Watch(
            kind=Kind.CALLER_WAITS, node=fact.node, queue=fact.queue, call=fact.call, joined=fact.at
        )
        return []

    def _look_for_members(self, at: float) -> list[Effect]:
        """Is anybody there for those who wait?"""
        effects: list[Effect] = []
        callers: dict[str, tuple[NodeId, str]] = {}
        for watch in self._watches.values():
            if watch.call is not None and watch.state in (State.COUNTING, State.OPEN):
                callers[queue_key(watch.node, watch.queue)] = watch.node, watch.queue
        for watch in list(self._watches.values()):
            if watch.call is None and self._sees(watch.node):
                callers.pop(watch.key, None)
                effects += self._look(watch, at)
        for key, (node, queue) in callers.items():
            if (
                self._sees(node)
                and self._rules.limit(queue, unattended=True)
                and not self._manned(node, queue)
            ):
                self._watches[key] = Watch(kind=Kind.QUEUE_UNATTENDED, node=node, queue=queue, since=at)
        return effects

    def _look(self, watch: Watch, at: float) -> list[Effect]:
        waiting = sum(1 for _ in self._nodes[watch.node].queues.waiting(watch.queue))
        if not waiting:
            return self._step(watch.key, Input.CLEARED, at)
        if self._manned(watch.node, watch.queue):
            return self._step(watch.key, Input.MANNED, at)
        if waiting != watch.waiting:
            self._watches[watch.key] = replace(watch, waiting=waiting)
        return []

    def _manned(self, node: NodeId, queue: str) -> bool:
        """Could the queue ring anybody, now or when he has put down his phone?"""
        members = self._nodes[node].queues.members(queue)
        return any(not m.paused and member_state(m) is not MemberState.OFFLINE for m in members)

    def _step(self, key: str, input_: Input, at: float) -> list[Effect]:
        watch = self._watches.get(key)
        taken = None if watch is None else take(watch, input_)
        if watch is None or taken is None:
            return []
        after, step = taken
        if step.begins:
            after = self._known(replace(after, began=at, limit_s=self._limit(after)))
        if after.state is State.OVER:
            del self._watches[key]
        else:
            self._watches[key] = after
        if step.begins:
            return self._begins(after, at)
        if step.how is None:
            if after.open and after != watch:
                self._changed["open"] = True
                return [KeepAlert(alert=key, body=watch_body(after))]
            return []
        self._changed["open"] = True
        own = self._now.get("tick", at)
        waited_s = _until(watch, at, own)
        over = document(after, "ended", own, waited_s=waited_s, call_back=self._rules.call_back, how=step.how)
        sinks = to_tell_the_end(watch, self._rules, own)
        told: list[Effect] = [Announce(sinks=sinks, body=over)] if sinks else []
        return [KeepAlert(alert=key, body=None), _moment(over), *told, *self._news()]

    def _begins(self, watch: Watch, at: float) -> list[Effect]:
        self._changed["open"] = True
        begun = self._document(watch, "begun", at)
        return [
            KeepAlert(alert=watch.key, body=watch_body(watch)),
            alert_raised(watch.node, watch.queue, watch.kind.value),
            _moment(begun),
        ]

    def _tell(self, key: str, at: float) -> list[Effect]:
        watch = self._watches.get(key)
        if watch is None:
            return []
        effects: list[Effect] = []
        told = dict(watch.told)
        for event, sinks in to_tell(watch, self._rules, at).items():
            effects.append(Announce(sinks=sinks, body=self._document(watch, event, at)))
            told |= dict.fromkeys(sinks, at)
        if effects:
            self._watches[key] = watch = replace(watch, told=told)
            effects.insert(0, KeepAlert(alert=key, body=watch_body(watch)))
        return effects

    def _news(self) -> list[Effect]:
        """The retained picture of what is open, when it has changed."""
        if self._changed.pop("open", None) is None:
            return []
        at = self._now.get("tick", 0.0)
        return [Publish(topic=STATE_TOPIC, body={"version": 1, "alerts": self.open(at)}, retain=True)]

    def _document(self, watch: Watch, event: str, at: float) -> Mapping[str, Any]:
        return document(watch, event, at, waited_s=_lasted(watch, at), call_back=self._rules.call_back)

    def _limit(self, watch: Watch) -> float:
        return self._rules.limit(watch.queue, unattended=watch.kind is Kind.QUEUE_UNATTENDED)

    def _known(self, watch: Watch) -> Watch:
        """Who the caller is, as far as is known by now."""
        dossier = None if watch.call is None else self._dossier(watch.call)
        if dossier is None:
            return watch
        return replace(watch, number=dossier.card.number, name=dossier.best_name)


def _lasted(watch: Watch, at: float) -> float:
    return 0.0 if watch.since is None else at - watch.since


def _until(watch: Watch, at: float, own: float) -> float:
    """How long it had lasted when it ended: of a caller exactly, by the switch's clock."""
    return at - watch.joined if watch.joined is not None else _lasted(watch, own)


def _moment(body: Mapping[str, Any]) -> Publish:
    return Publish(topic=f"{body['node']}/alert/{body['event']}", body=body)
