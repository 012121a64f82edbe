"""Wrap-up and declined callers in the world: what is asked of the switch when, and what pages see of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from pbxd.agents.outside import OutsideRules
from pbxd.agents.pausing import DECLINED, WRAP_UP
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.wrapup import AGAIN_S, WrapUpRules
from pbxd.ami.event_types import AmiEvent, HangupRequest, QueueCallerLeave, QueueMember
from pbxd.ami.inventory import Inventory
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.effects import Append, Ask, Count, Effect, Publish, Reply, Tell, Wake
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.messages import AskDone, AskRefused, AskUnknown, LinkUp, Tick
from pbxd.orders import EndWrapUp, PageOpened, PauseAgent
from pbxd.queues.model import MemberState, member_state
from pbxd.transfers.rules import TransferRules
from pbxd.world import Rules, World
from tests.captures import events_of

NODE = NodeId("pbx1")
ANNA, BRUNO = AgentId("anna"), AgentId("bruno")
PHONE = Interface("PJSIP/1001")
E = TypeVar("E")

RULES = WrapUpRules(queues={"q501": 20.0, "q504": 20.0}, declined_s=15.0)


def a_world(rules: WrapUpRules = RULES) -> World:
    staff = Staff(
        Agent(id=AgentId(name), name=name.title(), language="en", devices=((None, Interface(device)),))
        for name, device in (("anna", PHONE), ("bruno", "PJSIP/1002"))
    )
    return World(
        Rules(
            nodes=(NODE,),
            staff=staff,
            callers=CallerRules(default_region="CN"),
            repeat=RepeatRule(),
            wrap_up=rules,
            transfers=TransferRules(
                outside=OutsideRules(region="CN", allow=("+86",), dial="PJSIP/{number}@t")
            ),
            agent_figures=True,
        )
    )


def only(kind: type[E], effects: Iterable[Effect]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def pauses(effects: Iterable[Effect]) -> list[tuple[str, str | None, str]]:
    """Interface, queue (None: all) and the reason, or ``resumed``."""
    told = [{k: str(v) for k, v in ask.action.items()} for ask in only(Ask, effects)]
    return [
        (head["Interface"], head.get("Queue"), head["Reason"] if head["Paused"] == "true" else "resumed")
        for head in told
        if head["Action"] == "QueuePause"
    ]


def play(world: World, events: Iterable[AmiEvent]) -> list[Effect]:
    return [effect for event in events for effect in world.step(event)]


@pytest.fixture(params=["22.10.1", "16.28.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def member(world: World, interface: Interface = PHONE, queue: str = "q501") -> MemberSnapshot:
    return next(m for m in world.nodes[NODE].queues.memberships(interface) if m.queue == queue)


def carried_out(world: World, effects: Iterable[Effect]) -> list[Effect]:
    """The switch does what it is asked: answers, and tells how the members stand now."""
    more: list[Effect] = []
    for ask in only(Ask, effects):
        head = {key: str(value) for key, value in ask.action.items()}
        more += world.step(AskDone(ask=ask.ask, at=2.0, response={}))
        for job in world.nodes[NODE].queues.memberships(Interface(head["Interface"])):
            if head.get("Queue") in (None, job.queue):
                now = replace(job, paused=head["Paused"] == "true", paused_reason=head.get("Reason", ""))
                more += world.step(QueueMember(node=NODE, at=2.0, member=now))
    return more


def still_paused(world: World, event: AmiEvent) -> AmiEvent:
    """A captured event as it would be with the pauses that have been made meanwhile."""
    if not isinstance(event, QueueMember):
        return event
    told = event.member
    known = [m for m in world.nodes[NODE].queues.memberships(told.interface) if m.queue == told.queue]
    if known:
        told = replace(told, paused=known[0].paused, paused_reason=known[0].paused_reason)
    return replace(event, member=told)


def in_wrap_up(version: str, world: World) -> None:
    """Anna's call of the capture is over, her pause is made and her clock runs from 100 on."""
    effects = play(world, events_of(version, "queue_answered", NODE))
    carried_out(world, effects)
    world.step(Tick(at=100.0))


def shown(world: World) -> tuple[str, bool, object]:
    agent = world.snapshot(ANNA)["agent"]
    return agent["state"], agent["paused"], agent["wrap_up"]


# ---------------------------------------------------------------- an ordinary call


@pytest.mark.parametrize(
    "capture",
    [
        "queue_answered",
        "queue_answered_agent_hangs_up",
        "queue_hold_and_resume",
        "caller_leaves_on_hold",
    ],
)
def test_she_is_paused_once_and_before_her_phone_is_free(version: str, capture: str) -> None:
    world = a_world()
    paused_at, talking = None, None
    events = events_of(version, capture, NODE)
    for event in events:
        for pause in pauses(world.step(event)):
            assert pause == (PHONE, None, WRAP_UP)
            assert paused_at is None, "once"
            paused_at, talking = event, member_state(member(world)) is MemberState.TALKING
    assert isinstance(paused_at, HangupRequest)
    assert talking


def test_no_wrap_up_where_none_is_set(version: str) -> None:
    world = a_world(WrapUpRules())
    assert pauses(play(world, events_of(version, "queue_answered", NODE))) == []
    assert shown(world)[0] == "ready"


def test_a_direct_call_has_a_length_of_its_own(version: str) -> None:
    events = events_of(version, "direct_answered", NODE)
    assert pauses(play(a_world(WrapUpRules(default_s=9.0)), events)) == []
    world = a_world(WrapUpRules(direct_s=9.0))
    play(world, events)
    assert world._aftercall.wrap_up_of(ANNA) is not None


def test_the_clock_starts_when_the_phone_is_free(version: str) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    effects = play(world, events[: at + 1])
    assert Wake(in_s=0.0) in effects
    world.step(Tick(at=50.0))
    assert shown(world) == ("talking", False, None), "she is still on the phone"
    carried_out(world, effects)
    for event in events[at + 1 :]:
        world.step(still_paused(world, event))
    assert shown(world) == ("wrapup", False, {"since": None, "until": None})
    world.step(Tick(at=100.0))
    assert shown(world) == ("wrapup", False, {"since": 100.0, "until": 120.0})


def test_it_ends_when_the_time_is_up(version: str) -> None:
    world = a_world()
    in_wrap_up(version, world)
    assert pauses(world.step(Tick(at=119.0))) == []
    assert only(Wake, world.step(Tick(at=119.9)))[0].in_s == pytest.approx(0.1)
    effects = world.step(Tick(at=120.0))
    assert pauses(effects) == [(PHONE, None, "resumed")]
    assert shown(world)[0] == "wrapup", "until the switch says so"
    (seconds, of_agent) = [c for c in only(Count, effects) if "wrap_up" in c.metric]
    assert (seconds.metric, seconds.value) == ("pbxd_wrap_up_seconds", 20.0)
    assert seconds.labels == {"node": NODE, "queue": "q501", "ended": "time"}
    assert (of_agent.labels["agent"], of_agent.value) == (ANNA, 20.0)
    carried_out(world, effects)
    assert shown(world) == ("ready", False, None)
    assert pauses(world.step(Tick(at=200.0))) == []


@pytest.mark.parametrize(("rung", "lasted"), [(True, 5.0), (False, 12.0)])
def test_another_call_ends_the_notes_of_the_one_before(version: str, rung: bool, lasted: float) -> None:
    """A colleague hands her a caller while she writes: her notes are counted as far as she wrote them."""
    world = a_world()
    in_wrap_up(version, world)
    first = world._aftercall.wrap_up_of(ANNA)
    assert first is not None
    effects: list[Effect] = []
    if rung:  # else nobody tells what her phone does
        for job in world.nodes[NODE].queues.memberships(PHONE):
            effects += world.step(QueueMember(node=NODE, at=105.0, member=replace(job, status=2)))
    effects += world._aftercall.begin(ANNA, 112.0, call=CallId("pbx1:second"), queue="q504")
    second = world._aftercall.wrap_up_of(ANNA)
    assert second is not None
    assert (second.call, second.queue, second.since) == ("pbx1:second", "q504", None)
    (counted,) = [c for c in only(Count, effects) if c.metric == "pbxd_wrap_up_seconds"]
    assert (counted.labels["queue"], counted.labels["ended"], counted.value) == ("q501", "call", lasted)
    assert (counted.call, pauses(effects)) == (first.call, []), "she is paused already"
    (row,) = [append.stretch for append in only(Append, effects)]
    assert (row.call, row.agent, row.ended - row.started) == (first.call, ANNA, pytest.approx(lasted))


def test_notes_that_had_not_begun_are_none(version: str) -> None:
    world = a_world()
    carried_out(world, play(world, events_of(version, "queue_answered", NODE)))
    effects = world._aftercall.begin(ANNA, 112.0, call=CallId("pbx1:second"), queue="q504")
    assert only(Count, effects) == []


def test_her_page_and_topic_are_told(version: str) -> None:
    world = a_world()
    world.step(PageOpened(agent=ANNA, at=0.0))
    effects = play(world, events_of(version, "queue_answered", NODE))
    carried_out(world, effects)
    effects = world.step(Tick(at=100.0))
    wanted = {"since": 100.0, "until": 120.0}
    (told,) = [tell for tell in only(Tell, effects) if tell.kind == "state"]
    assert (told.agent, told.body["agent"]["wrap_up"]) == (ANNA, wanted)
    (published,) = [each for each in only(Publish, effects) if each.topic == "agent/anna/state"]
    assert (published.body["state"], published.body["wrap_up"], published.retain) == ("wrapup", wanted, True)


# ---------------------------------------------------------------- orders


def test_ready_is_answered_when_the_switch_has_answered(version: str) -> None:
    world = a_world()
    in_wrap_up(version, world)
    effects = world.step(EndWrapUp(order="o1", agent=ANNA, at=105.0))
    assert pauses(effects) == [(PHONE, None, "resumed")]
    assert only(Reply, effects) == []
    assert only(Reply, carried_out(world, effects)) == [Reply(order="o1", agent=ANNA, outcome="done")]
    assert shown(world) == ("ready", False, None)
    again = world.step(EndWrapUp(order="o2", agent=ANNA, at=106.0))
    assert [(reply.outcome, reply.code) for reply in only(Reply, again)] == [("refused", "not_in_wrap_up")]


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
def test_what_becomes_of_the_order_when_the_switch_does_not_do_it(version: str, outcome: str) -> None:
    world = a_world()
    in_wrap_up(version, world)
    effects = world.step(EndWrapUp(order="o1", agent=ANNA, at=105.0))
    (ask,) = only(Ask, effects)
    answer = (
        AskRefused(ask=ask.ask, at=105.0, text="no")
        if outcome == "refused"
        else AskUnknown(ask=ask.ask, at=105.0, why="no")
    )
    assert only(Reply, world.step(answer)) == [Reply(order="o1", agent=ANNA, outcome=outcome, text="no")]
    world.step(Tick(at=106.0))
    later = pauses(world.step(Tick(at=106.0 + AGAIN_S)))
    assert later == ([(PHONE, None, "resumed")] if outcome == "unknown" else [])


def test_who_is_nobody_cannot_be_ready() -> None:
    (reply,) = only(Reply, a_world().step(EndWrapUp(order="o", agent=AgentId("zoe"), at=1.0)))
    assert reply.outcome == "refused"


def test_to_resume_oneself_ends_it_as_well(version: str) -> None:
    world = a_world()
    in_wrap_up(version, world)
    effects = world.step(PauseAgent(order="o", agent=ANNA, at=105.0, paused=False))
    assert pauses(effects) == [(PHONE, None, "resumed")], "the desk's, and no second one"
    assert world._aftercall.wrap_up_of(ANNA) is None


def test_who_pauses_himself_in_it_stays_paused(version: str) -> None:
    world = a_world()
    in_wrap_up(version, world)
    order = PauseAgent(order="o", agent=ANNA, at=105.0, paused=True, reason="lunch")
    carried_out(world, world.step(order))
    assert shown(world) == ("paused", True, None)
    assert pauses(world.step(Tick(at=200.0))) == []


def test_who_was_paused_before_keeps_his_pause_and_his_reason(version: str) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    jobs = world.nodes[NODE].queues.memberships(PHONE)
    for job in jobs:
        if job.queue == "q501":
            lunch = replace(job, paused=True, paused_reason="lunch")
            world.step(QueueMember(node=NODE, at=2.0, member=lunch))
    asked = pauses(world.step(events[at]))
    assert {queue for _, queue, _ in asked} == {job.queue for job in jobs} - {"q501"}


# ---------------------------------------------------------------- transfers


def test_a_transferer_is_paused_when_he_is_about_to_be_freed(version: str) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    (record,) = world.nodes[NODE].calls.records(1.0)
    effects = world._aftercall.begin(ANNA, 1.0, call=record.id)
    assert pauses(effects) == [(PHONE, None, WRAP_UP)]
    wrap_up = world._aftercall.wrap_up_of(ANNA)
    assert wrap_up is not None
    assert (wrap_up.queue, wrap_up.length_s) == ("q501", 20.0), "the caller's queue is known"
    assert pauses(world._aftercall.begin(ANNA, 1.1, call=record.id)) == []
    assert pauses(play(world, events[at:])) == []


def test_begin_for_who_is_no_agent_does_nothing() -> None:
    assert a_world()._aftercall.begin(AgentId("zoe"), 1.0, call=CallId("pbx1:1.1"), queue="q501") == []


# ---------------------------------------------------------------- pbxd is started anew


def link_up(world: World, at: float, **of_anna: object) -> list[Effect]:
    row = {"Event": "QueueMember", "Queue": "q501", "Location": PHONE, "Name": "Anna", "Status": "1"}
    queues = [
        {"Event": "QueueParams", "Queue": "q501"},
        {**row, **{key: str(value) for key, value in of_anna.items()}},
    ]
    inventory = Inventory.of(NODE, at, queues=queues)
    return world.step(LinkUp(node=NODE, at=at, inventory=inventory))


@pytest.mark.parametrize(
    ("now", "paused_at", "until"),
    [
        (1000.0, 995.0, 1015.0),  # what is left of it
        (1000.0, 900.0, 1000.0),  # over
        (1000.0, 0.0, 1000.0),  # the switch does not say: it is not prolonged
        (1000.0, 5000.0, 1020.0),  # the switch's clock is ahead: no more than a whole one
    ],
)
def test_what_is_left_of_a_wrap_up_is_kept(now: float, paused_at: float, until: float) -> None:
    world = a_world()
    link_up(world, now, Paused=1, PausedReason=WRAP_UP, LastPause=paused_at, LastCall=990)
    agent = world.snapshot(ANNA)["agent"]
    assert (agent["state"], agent["wrap_up"]["until"]) == ("wrapup", until)
    assert pauses(world.step(Tick(at=until - 0.01))) == []
    assert pauses(world.step(Tick(at=max(until, now)))) == [(PHONE, None, "resumed")]


@pytest.mark.parametrize(
    ("ended_ago", "more", "left"),
    [
        (5.0, {}, 15.0),
        (25.0, {}, None),  # long over
        (-3.0, {}, None),  # the switch's clock is ahead of ours: nobody knows
        (5.0, {"Status": 2}, None),  # he has the next caller already
        (5.0, {"Paused": 1, "PausedReason": "lunch"}, None),
    ],
)
def test_a_call_that_ended_while_nobody_looked(
    version: str, ended_ago: float, more: dict[str, object], left: float | None
) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    now = events[at].at + 60.0
    effects = link_up(world, now, **{"LastCall": now - ended_ago, **more})
    assert pauses(effects) == ([] if left is None else [(PHONE, None, WRAP_UP)])
    world.step(Tick(at=now))
    wrap_up = world._aftercall.wrap_up_of(ANNA)
    assert (wrap_up.until if wrap_up else None) == (None if left is None else now + left)


def test_who_paused_himself_is_left_alone_after_a_restart() -> None:
    world = a_world()
    effects = link_up(world, 1000.0, Paused=1, PausedReason="lunch", LastPause=900)
    assert pauses(effects + world.step(Tick(at=5000.0))) == []
    assert shown(world)[:2] == ("paused", True)


@pytest.mark.parametrize(
    ("device", "reason"), [("PJSIP/4711", WRAP_UP), ("PJSIP/4711", DECLINED), (PHONE, DECLINED)]
)
def test_pauses_of_which_nobody_knows_any_more_are_taken_back(device: str, reason: str) -> None:
    world = a_world()
    effects = link_up(world, 1000.0, Location=device, Paused=1, PausedReason=reason, LastPause=990)
    assert pauses(effects) == [(device, "q501", "resumed")]


# ---------------------------------------------------------------- declined callers


def declining(version: str, world: World) -> tuple[list[Effect], list[AmiEvent]]:
    """Up to Anna's declining; and what comes then (Bruno answers)."""
    events = events_of(version, "queue_anna_rejects_bruno_answers", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    return play(world, events[: at + 1]), events[at + 1 :]


def test_who_declines_is_paused_in_that_queue_until_the_caller_is_elsewhere(version: str) -> None:
    world = a_world()
    effects, rest = declining(version, world)
    assert pauses(effects) == [(PHONE, "q504", DECLINED)]
    (count,) = [c for c in only(Count, effects) if c.metric == "pbxd_declined_callers_total"]
    assert count.labels == {"node": NODE, "queue": "q504"}
    carried_out(world, effects)
    assert shown(world)[1] is False, "that is no pause of hers"
    for event in rest:
        told = pauses(world.step(still_paused(world, event)))
        if isinstance(event, QueueCallerLeave):
            assert told == [(PHONE, "q504", "resumed")]
            break
        assert told == []


def test_she_is_asked_again_after_a_while(version: str) -> None:
    world = a_world()
    effects, _ = declining(version, world)
    carried_out(world, effects)
    world.step(Tick(at=100.0))
    assert pauses(world.step(Tick(at=114.9))) == []
    assert pauses(world.step(Tick(at=115.0))) == [(PHONE, "q504", "resumed")]
    assert pauses(world.step(Tick(at=300.0))) == []


def test_a_phone_that_rings_out_is_not_spared(version: str) -> None:
    events = events_of(version, "queue_anna_rings_out_bruno_answers", NODE)
    reasons = {reason for _, _, reason in pauses(play(a_world(), events))}
    assert DECLINED not in reasons


def test_declining_is_not_heeded_when_it_is_switched_off(version: str) -> None:
    effects, _ = declining(version, a_world(WrapUpRules(declined_s=0.0)))
    assert pauses(effects) == []


def test_who_was_spared_and_has_notes_to_write_is_not_resumed(version: str) -> None:
    world = a_world()
    effects, rest = declining(version, world)
    carried_out(world, effects)
    effects = world._aftercall.begin(ANNA, 3.0, call=CallId("pbx1:9.9"), queue="q501")
    assert all(queue != "q504" for _, queue, _ in pauses(effects))
    carried_out(world, effects)
    leaves = next(event for event in rest if isinstance(event, QueueCallerLeave))
    effects = world.step(leaves)
    assert pauses(effects) == [(PHONE, "q504", WRAP_UP)]
    carried_out(world, effects)
    world.step(Tick(at=100.0))
    resumed = pauses(world.step(Tick(at=120.0)))
    assert resumed == [(PHONE, None, "resumed")]


def test_who_gives_a_caller_to_his_own_queue_is_not_rung_for_him(version: str) -> None:
    """Without a wrap-up he would be the one who has been idle longest."""
    world = a_world(WrapUpRules())
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    (record,) = world.nodes[NODE].calls.records(1.0)
    effects = world._aftercall.given_away(record.id, "q501", ANNA, 1.0)
    assert pauses(effects) == [(PHONE, "q501", DECLINED)]
    assert pauses(world._aftercall.given_away(record.id, "q501", ANNA, 1.1)) == []
    assert pauses(world._aftercall.given_away(record.id, "elsewhere", ANNA, 1.1)) == []
    carried_out(world, effects)
    world.step(Tick(at=100.0))
    assert pauses(world.step(Tick(at=130.0))) == [(PHONE, "q501", "resumed")]


def test_in_wrap_up_as_well_and_beyond_it(version: str) -> None:
    world = a_world(WrapUpRules(default_s=20.0, declined_s=60.0))
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    (record,) = world.nodes[NODE].calls.records(1.0)
    effects = world._aftercall.begin(ANNA, 1.0, call=record.id)
    effects += world._aftercall.given_away(record.id, "q501", ANNA, 1.0)
    assert pauses(effects) == [(PHONE, None, WRAP_UP), (PHONE, "q501", DECLINED)]
    carried_out(world, effects)
    queues = {job.queue for job in world.nodes[NODE].queues.memberships(PHONE)}
    for job in world.nodes[NODE].queues.memberships(PHONE):
        world.step(QueueMember(node=NODE, at=3.0, member=replace(job, status=1)))
    world.step(Tick(at=100.0))
    assert shown(world)[0] == "wrapup"
    effects = world.step(Tick(at=120.0))
    assert {queue for _, queue, reason in pauses(effects) if reason == "resumed"} == queues - {"q501"}
    carried_out(world, effects)
    assert shown(world) == ("ready", False, None)
    assert pauses(world.step(Tick(at=160.0))) == [(PHONE, "q501", "resumed")]


# ---------------------------------------------------------------- who can solve this now


def test_the_world_tells_targets_of_the_call_that_she_is_in(version: str) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    at = next(n for n, event in enumerate(events) if isinstance(event, HangupRequest))
    play(world, events[:at])
    rows = world.targets(ANNA, None)
    assert {"q501", "bruno"} <= {row["id"] for row in rows}
    assert ANNA not in {row["id"] for row in rows}
    assert {row["id"]: row["allowed"] for row in rows}["q501"]
    (number,) = world.targets(ANNA, None, "+8613800138000")
    assert (number["allowed"], number["id"]) == (True, "+8613800138000")
    for _ in range(20):
        world._colleagues.outside_called(ANNA, 0.0)
    (number,) = world.targets(ANNA, None, "+8613800138000")
    assert (number["allowed"], number["code"]) == (False, "rate_limited")
    world.step(Tick(at=4000.0))
    assert world.targets(ANNA, None, "+8613800138000")[0]["allowed"]
    assert world.targets(AgentId("zoe"), None) != []
