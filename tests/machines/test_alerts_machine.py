"""Alerts: every path of the table, and random days of callers, links and daemons that break."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pbxd.alerting import Alerting
from pbxd.alerts.rules import AlertRules, Audience
from pbxd.alerts.table import TABLE
from pbxd.alerts.watch import BETWEEN_S, Watch, take
from pbxd.alerts.words import How, Input, Kind, State
from pbxd.ami.inventory import Inventory, QueueEntry
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.facts import CallEnded, CallQueued, Fact, LegStarted, QueueLeft
from pbxd.calls.record import CallRecord, Outcome
from pbxd.effects import Announce, Count, Effect, KeepAlert, Publish
from pbxd.ids import CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal, Table
from pbxd.messages import AlertsKept, LinkDown, LinkUp
from pbxd.node import Node
from tests.members import FREE, GONE, member_of
from tests.thorough import examples

NODE = NodeId("lab")
QUEUES = ("support", "sales")
WAITED, OPEN = {State.COUNTING, State.BETWEEN}, {State.OPEN, State.OPEN_BETWEEN}


# ---------------------------------------------------------------- the table


def test_over_has_no_way_out_and_every_other_state_has_one() -> None:
    assert not [state for state, _ in TABLE if state is State.OVER]
    for state in set(State) - {State.OVER}:
        assert any(step.to is State.OVER for (each, _), step in TABLE.items() if each is state)


@pytest.mark.parametrize(("state", "input_"), list(product(State, Input)))
def test_an_alert_begins_only_when_it_was_none_and_ends_only_when_it_was_one(
    state: State, input_: Input
) -> None:
    step = TABLE.get((state, input_))
    if step is None:
        return
    assert step.begins == (state in WAITED and step.to in OPEN)
    assert (step.how is not None) == (state in OPEN and step.to is State.OVER)


@pytest.mark.parametrize("state", [State.COUNTING, State.BETWEEN, State.OPEN, State.OPEN_BETWEEN])
def test_whatever_ends_a_wait_is_known_in_every_state(state: State) -> None:
    for input_ in (Input.ANSWERED, Input.GAVE_UP, Input.CALL_OVER, Input.UNSEEN):
        assert TABLE[state, input_].to is State.OVER


def test_every_path_of_six_inputs_begins_once_at_most_and_ends_once_at_most() -> None:
    start = Watch(kind=Kind.CALLER_WAITS, node=NODE, queue="support", call=CallId("lab:1.1"))
    paths = 0
    todo = [(start, 0, 0, 0)]
    while todo:
        watch, begun, ended, depth = todo.pop()
        assert ended <= begun <= 1
        assert watch.open == (begun == 1 and ended == 0)
        if depth == 6 or watch.state is State.OVER:
            paths += 1
            continue
        for input_ in Input:
            taken = take(watch, input_)
            if taken is not None:
                after, step = taken
                todo.append((after, begun + step.begins, ended + (step.how is not None), depth + 1))
    assert paths > 500


# ---------------------------------------------------------------- random days


@dataclass
class Caller:
    call: CallId
    queue: str | None
    joined: float  #: this wait, overflows included
    between: float | None = None


@dataclass
class Story:
    """What was told of one alert."""

    begun: int = 0
    ended: int = 0
    sinks: list[tuple[str, str]] = field(default_factory=list)


RULES = AlertRules(
    waits_s=60.0,
    waits={"sales": 30.0},
    unattended_s=20.0,
    audiences=(
        Audience(name="first"),
        Audience(name="boss", after_s=60.0),
        Audience(name="sales", queues=frozenset({"sales"})),
    ),
)


class Days(RuleBasedStateMachine):
    """One switch with two queues of one member each, before one pbxd that is killed now and then."""

    @initialize()
    def open(self) -> None:
        self.now = 1_700_000_000.0
        self.callers: dict[CallId, Caller] = {}
        self.serial = 0
        self.there = dict.fromkeys(QUEUES, True)
        self.kept: dict[str, str] = {}
        self.stories: dict[str, Story] = {}
        self.counted = 0
        self.up = False
        self.start_pbxd()
        self.link_is_back()

    # ------------------------------------------------------------ pbxd

    def start_pbxd(self) -> None:
        self.journal = Journal()
        self.node = Node(NODE, self.journal)
        self.alerting = Alerting(self.journal, {NODE: self.node}, RULES)
        bodies = {key: json.loads(body) for key, body in self.kept.items()}
        self.do(self.alerting.restore(AlertsKept(at=self.now, bodies=bodies)))

    def do(self, effects: list[Effect]) -> None:
        self.journal.commit()
        for effect in effects:
            match effect:
                case KeepAlert(alert=key, body=None):
                    self.kept.pop(key, None)
                case KeepAlert(alert=key, body=body):
                    self.kept[key] = json.dumps(body)
                case Publish(topic=topic, body=body) if topic.startswith("lab/alert/"):
                    story = self.stories.setdefault(body["id"], Story())
                    story.begun += body["event"] == "begun"
                    story.ended += body["event"] == "ended"
                    assert story.ended <= story.begun == 1
                case Announce(sinks=sinks, body=body):
                    story = self.stories[body["id"]]
                    story.sinks += [(sink, body["event"]) for sink in sinks]
                    assert len(set(story.sinks)) == len(story.sinks), "told twice"
                case Count(metric="pbxd_alerts_total"):
                    self.counted += 1
                case _:
                    pass

    def tell(self, *facts: Fact) -> None:
        if self.up:
            for fact in facts:
                self.do(self.alerting.on_fact(fact))

    # ------------------------------------------------------------ what people do

    def about(self, caller: Caller) -> dict[str, object]:
        return {"call": caller.call, "node": NODE, "at": self.now}

    @rule(queue=st.sampled_from(QUEUES))
    def calls(self, queue: str) -> None:
        self.serial += 1
        caller = Caller(call=CallId(f"lab:1.{self.serial}"), queue=queue, joined=self.now)
        self.callers[caller.call] = caller
        self.tell(CallQueued(**self.about(caller), queue=queue, position=1))
        self.wire()

    def one(self, data: st.DataObject) -> Caller:
        return self.callers[data.draw(st.sampled_from(sorted(self.callers)))]

    def leaves(self, caller: Caller, outcome: str) -> None:
        if caller.queue is not None:
            queue, caller.queue = caller.queue, None
            waited = self.now - caller.joined
            self.tell(QueueLeft(**self.about(caller), queue=queue, outcome=outcome, waited_s=waited))
        self.wire()

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def is_answered(self, data: st.DataObject) -> None:
        caller = self.one(data)
        self.leaves(caller, "answered")
        leg = LegStarted(**self.about(caller), interface=Interface("PJSIP/1"), queue=None, waited_s=0.0)
        self.tell(leg)
        del self.callers[caller.call]

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def gives_up(self, data: st.DataObject) -> None:
        caller = self.one(data)
        self.leaves(caller, "abandoned")
        self.tell(CallEnded(**self.about(caller), record=a_record(caller, self.now)))
        del self.callers[caller.call]

    @precondition(lambda self: self.callers)
    @rule(data=st.data(), queue=st.sampled_from(QUEUES))
    def is_sent_on(self, data: st.DataObject, queue: str) -> None:
        caller = self.one(data)
        if caller.queue == queue:
            return
        self.leaves(caller, "timeout")
        caller.queue, caller.between = queue, None
        self.tell(CallQueued(**self.about(caller), queue=queue, position=1))
        self.wire()

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def goes_to_a_menu(self, data: st.DataObject) -> None:
        caller = self.one(data)
        self.leaves(caller, "left")
        caller.between = self.now

    @rule(queue=st.sampled_from(QUEUES))
    def member_comes_or_goes(self, queue: str) -> None:
        self.there[queue] = not self.there[queue]
        self.wire()

    @rule(seconds=st.sampled_from([1.0, 10.0, 45.0]))
    def time_passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1.0
            self.do(self.alerting.tick(self.now))
        for caller in list(self.callers.values()):
            if (
                caller.queue is None
                and caller.between is not None
                and self.now - caller.between > BETWEEN_S + 2
            ):
                del self.callers[caller.call]  # for pbxd he waits no longer
        self.check()

    # ------------------------------------------------------------ the switch

    def inventory(self) -> Inventory:
        waiting = tuple(
            QueueEntry(
                queue=caller.queue,
                uniqueid=Uniqueid(caller.call.partition(":")[2]),
                name="",
                caller="",
                position=1,
                since=caller.joined,
            )
            for caller in self.callers.values()
            if caller.queue is not None
        )
        members = tuple(a_member(queue, there) for queue, there in self.there.items())
        return replace(Inventory.of(NODE, self.now), queues=QUEUES, members=members, waiting=waiting)

    def wire(self) -> None:
        """The queues as pbxd sees them, without the detour over events."""
        if self.up:
            self.node.queues.resync(self.inventory())
            self.journal.commit()

    @precondition(lambda self: self.up)
    @rule()
    def link_is_lost(self) -> None:
        self.node.on_link_down(LinkDown(node=NODE, at=self.now, reason="lost"))
        self.journal.commit()
        self.up = False
        self.known = {call: caller.queue for call, caller in self.callers.items()}

    @precondition(lambda self: not self.up)
    @rule()
    def link_is_back(self) -> None:
        """What the model would tell after an inventory: who left unseen, and who waits."""
        self.up = True
        self.node.on_link_up(LinkUp(node=NODE, at=self.now, inventory=self.inventory()))
        self.journal.commit()
        for call, queue in getattr(self, "known", {}).items():
            caller = self.callers.get(call)
            if queue is not None and (caller is None or caller.queue != queue):
                gone = {"call": call, "node": NODE, "at": self.now, "missed": True}
                outcome = "abandoned" if caller is None else "left"
                self.tell(QueueLeft(**gone, queue=queue, outcome=outcome, waited_s=1.0))
        for caller in self.callers.values():
            if caller.queue is not None and getattr(self, "known", {}).get(caller.call) != caller.queue:
                at = {"call": caller.call, "node": NODE, "at": caller.joined, "missed": True}
                self.tell(CallQueued(**at, queue=caller.queue, position=1))
        self.do(self.alerting.linked(NODE, self.now))

    @rule()
    def pbxd_is_killed(self) -> None:
        self.up = False
        self.start_pbxd()
        self.known = {}
        self.link_is_back()

    @rule()
    def a_step_fails(self) -> None:
        """Whatever a step has done so far is taken back whole."""
        tables = [table for table in vars(self.alerting).values() if isinstance(table, Table)]
        before = [dict(table) for table in tables]
        self.alerting.tick(self.now + 1000.0)
        self.alerting.linked(NODE, self.now)
        self.journal.rollback()
        assert [dict(table) for table in tables] == before

    # ------------------------------------------------------------ what must hold

    def check(self) -> None:
        open_now = {body["call"]: body for body in self.alerting.open(self.now) if body["call"] is not None}
        assert len(self.kept) == len(self.alerting.open(self.now)), "what is open is kept, and nothing else"
        if not self.up:
            return
        for caller in self.callers.values():
            if caller.queue is None:
                continue
            waited, limit = self.now - caller.joined, RULES.waits.get(caller.queue, RULES.waits_s)
            if waited >= limit + BETWEEN_S + 3:
                assert caller.call in open_now, "nobody was told"
            if waited < min(RULES.waits_s, *RULES.waits.values()):
                assert caller.call not in open_now, "too early"
        assert open_now.keys() <= self.callers.keys(), "an alert for nobody"

    def teardown(self) -> None:
        if not hasattr(self, "alerting"):
            return
        if not self.up:
            self.link_is_back()
        for caller in list(self.callers.values()):
            self.leaves(caller, "abandoned")
            self.tell(CallEnded(**self.about(caller), record=a_record(caller, self.now)))
        self.callers.clear()
        self.wire()
        for _ in range(int(BETWEEN_S) + 3):
            self.now += 1.0
            self.do(self.alerting.tick(self.now))
        assert self.alerting.open(self.now) == []
        assert self.kept == {}
        assert not self.alerting._watches
        assert all(story.begun == story.ended == 1 for story in self.stories.values())
        assert self.counted == len(self.stories)
        for story in self.stories.values():
            told = {sink for sink, event in story.sinks if event == "begun"}
            assert {sink for sink, event in story.sinks if event == "ended"} == told


def a_member(queue: str, there: bool) -> MemberSnapshot:
    device = Interface(f"PJSIP/{queue}")
    return member_of(queue, device, name=queue, status=FREE if there else GONE)


def a_record(caller: Caller, at: float) -> CallRecord:
    return CallRecord(
        id=caller.call,
        node=NODE,
        caller="",
        caller_name="",
        dialled="",
        queue=None,
        arrived=caller.joined,
        answered=None,
        ended=at,
        wait_s=0.0,
        outcome=Outcome.ABANDONED,
        legs=(),
        waits=(),
        transfers=(),
    )


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=examples(80), stateful_step_count=40, deadline=None)


def test_the_words_are_those_of_the_figures() -> None:
    from pbxd.figures.alerts import KIND

    assert set(KIND.values) == {kind.value for kind in Kind}
    assert {how.value for how in How} >= {step.how.value for step in TABLE.values() if step.how is not None}
