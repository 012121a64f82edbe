"""The world as a whole: real events in, effects out, and nothing half done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest

from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import AgentCalled, AmiEvent, CallerRescued, QueueMember, QueueMemberRemoved
from pbxd.ami.inventory import Inventory
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.effects import Ask, Count, Effect, LookUp, Publish, Remember, Tell, Wake
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId, Uniqueid
from pbxd.messages import (
    AskDone,
    AskRefused,
    FlowEntered,
    FlowLeft,
    FlowStep,
    HistoryFound,
    HistoryMissing,
    LinkDown,
    LinkUp,
    PastContact,
    Tick,
)
from pbxd.orders import PageClosed, PageOpened, PauseAgent
from pbxd.world import Rules, World
from tests.captures import events_of

NODE = NodeId("pbx1")
ANNA, BRUNO = AgentId("anna"), AgentId("bruno")
E = TypeVar("E")


def staff() -> Staff:
    return Staff(
        Agent(id=AgentId(name), name=name.title(), language="en", devices=((None, Interface(device)),))
        for name, device in (("anna", "PJSIP/1001"), ("bruno", "PJSIP/1002"), ("carla", "PJSIP/1003"))
    )


def a_world() -> World:
    return World(
        Rules(
            nodes=(NODE,),
            staff=staff(),
            callers=CallerRules(default_region="CN"),
            repeat=RepeatRule(),
        )
    )


def only(kind: type[E], effects: Iterable[Effect]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def play(world: World, events: Iterable[AmiEvent]) -> list[Effect]:
    return [effect for event in events for effect in world.step(event)]


@pytest.fixture(params=["22.10.1", "16.28.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def split_at_ring(events: list[AmiEvent]) -> tuple[list[AmiEvent], list[AmiEvent]]:
    """Before the first member's phone rings, and from there on."""
    at = next(n for n, event in enumerate(events) if isinstance(event, AgentCalled))
    return events[: at + 1], events[at + 1 :]


def first_call(effects: Iterable[Effect]) -> CallId:
    return only(LookUp, effects)[0].call


def test_the_agent_concerned_and_nobody_else_gets_the_pop(version: str) -> None:
    world = a_world()
    effects = play(world, events_of(version, "queue_answered", NODE))
    pops = [tell for tell in only(Tell, effects) if tell.kind == "screenpop"]
    assert {pop.agent for pop in pops} == {ANNA}
    assert pops[0].body["queue"] == "q501"
    assert pops[0].body["caller"]["number"] == "+8613800138000"
    assert pops[0].body["history"]["state"] == "pending"
    closed = [tell for tell in only(Tell, effects) if tell.kind == "screenpop_closed"]
    assert [(tell.agent, tell.body["reason"]) for tell in closed] == [(ANNA, "ended")]


def test_the_history_is_asked_once_and_completes_the_open_pop(version: str) -> None:
    world = a_world()
    before, _ = split_at_ring(events_of(version, "queue_answered", NODE))
    effects = play(world, before)
    asked = only(LookUp, effects)
    assert [look.number for look in asked] == ["+8613800138000"]
    past = PastContact(
        call=CallId("pbx1:1.1"),
        arrived=asked[0].before - 3600,
        ended=asked[0].before - 3500,
        queue="q501",
        subject=None,
        agent=None,
        outcome="abandoned",
        talk_s=0.0,
    )
    more = world.step(HistoryFound(call=asked[0].call, at=0.0, name=None, contacts=(past,)))
    (pop,) = only(Tell, more)
    assert (pop.agent, pop.kind) == (ANNA, "screenpop")
    assert pop.body["repeat"]["text"] == "2nd call in 24 h, last one unanswered"
    assert pop.body["id"] == only(Tell, effects)[0].body["id"]
    assert world.snapshot(ANNA)["pops"] == [pop.body]
    assert world.snapshot(BRUNO)["pops"] == []


def test_a_missing_history_is_said_and_costs_nothing_else(version: str) -> None:
    world = a_world()
    before, after = split_at_ring(events_of(version, "queue_answered", NODE))
    call = first_call(play(world, before))
    (pop,) = only(Tell, world.step(HistoryMissing(call=call, at=0.0, why="the store is away")))
    assert pop.body["history"] == {"state": "missing", "why": "the store is away", "contacts": []}
    assert [r.contact.record.outcome for r in only(Remember, play(world, after))] == ["answered"]


def test_the_way_through_the_flow_is_on_the_pop_and_in_the_contact(version: str) -> None:
    world = a_world()
    events = events_of(version, "queue_answered", NODE)
    before, after = split_at_ring(events)
    # FastAGI is on another connection: its first word may come before AMI's.
    uniqueid = Uniqueid(first_call(play(a_world(), before)).partition(":")[2])
    at = events[0].at
    about = {"node": NODE, "uniqueid": uniqueid, "flow": "main"}
    world.step(
        FlowEntered(**about, at=at, number="+8613800138000", name="张三丰", dialled="4001", language="en")
    )
    play(world, before[:-1])
    step = FlowStep(
        **about, at=at + 1, step="choose", kind="menu", label="Technical help", digits="2", result="chosen"
    )
    world.step(step)
    left = world.step(FlowLeft(**about, at=at + 2, result="queue", queue="q501", subject="technical"))
    assert [count.metric for count in only(Count, left)] == ["pbxd_flow_results_total"]

    (pop,) = only(Tell, world.step(before[-1]))
    assert [(s["label"], s["digits"]) for s in pop.body["path"]] == [("Technical help", "2")]
    assert pop.body["subject"] == "technical"
    (remembered,) = only(Remember, play(world, after))
    assert remembered.contact.subject == "technical"
    assert [s.digits for s in remembered.contact.path] == ["2"]
    assert remembered.contact.agents == (ANNA,)


def test_a_caller_who_gives_up_is_remembered_as_abandoned(version: str) -> None:
    effects = play(a_world(), events_of(version, "queue_a_gives_up", NODE))
    (remembered,) = only(Remember, effects)
    assert remembered.contact.record.outcome == "abandoned"
    assert remembered.contact.agents == ()
    outcomes = [c.labels["outcome"] for c in only(Count, effects) if c.metric == "pbxd_calls_total"]
    assert outcomes == ["abandoned"]


def test_everybody_whose_phone_rings_gets_a_pop_and_the_losers_lose_it(version: str) -> None:
    world = a_world()
    effects = play(world, events_of(version, "queue_ringall_bruno_wins", NODE))
    pops = [tell.agent for tell in only(Tell, effects) if tell.kind == "screenpop"]
    closed = {t.agent: t.body["reason"] for t in only(Tell, effects) if t.kind == "screenpop_closed"}
    assert sorted(set(pops)) == ["anna", "bruno", "carla"]
    assert sorted(closed.values()) == ["elsewhere", "elsewhere", "ended"]


def test_the_page_of_who_answered_is_told_and_shows_it_again(version: str) -> None:
    world = a_world()
    before, after = split_at_ring(events_of(version, "queue_ringall_bruno_wins", NODE))
    call = first_call(play(world, before))
    effects: list[Effect] = []
    for event in after:
        effects += world.step(event)
        if any(tell.kind == "screenpop_answered" for tell in only(Tell, effects)):
            break
    (told,) = [tell for tell in only(Tell, effects) if tell.kind == "screenpop_answered"]
    assert told.agent == BRUNO
    (pop,) = world.snapshot(BRUNO)["pops"]
    assert (pop["id"], pop["answered"]) == (told.body["id"], told.body["at"])
    assert all("answered" not in pop for pop in world.snapshot(ANNA)["pops"])
    more = world.step(HistoryMissing(call=call, at=0.0, why="the store is away"))
    sent = {tell.agent: tell.body for tell in only(Tell, more) if tell.kind == "screenpop"}
    assert sent[BRUNO]["answered"] == told.body["at"]
    published = [each.body for each in only(Publish, more) if each.topic.endswith("/screenpop")]
    assert published
    assert all("answered" not in body for body in published)


def test_a_repeat_call_is_counted_once_when_it_ends(version: str) -> None:
    world = a_world()
    before, after = split_at_ring(events_of(version, "queue_answered", NODE))
    (asked,) = only(LookUp, play(world, before))
    past = PastContact(
        call=CallId("pbx1:1.1"),
        arrived=asked.before - 60,
        ended=asked.before - 50,
        queue=None,
        subject=None,
        agent=None,
        outcome="answered",
        talk_s=1.0,
    )
    counts = only(
        Count, world.step(HistoryFound(call=asked.call, at=0.0, name=None, contacts=(past,)))
    ) + only(Count, play(world, after))
    assert [count.metric for count in counts].count("pbxd_repeat_calls_total") == 1


# ---------------------------------------------------------------- states and orders


def member_events(version: str) -> list[AmiEvent]:
    return [e for e in events_of(version, "queue_answered", NODE) if isinstance(e, QueueMember)]


def test_what_changed_is_told_at_the_next_tick_to_pages_that_are_open(version: str) -> None:
    world = a_world()
    world.step(PageOpened(agent=ANNA, at=0.0))
    effects = play(world, member_events(version))
    assert len(only(Wake, effects)) == 1, "one wake-up for a burst of changes"
    assert only(Tell, effects) == []
    pushed = world.step(Tick(at=0.3))
    assert {(tell.agent, tell.kind) for tell in only(Tell, pushed)} == {(ANNA, "state")}
    topics = {publish.topic for publish in only(Publish, pushed)}
    assert {"pbx1/queue/q501/state", "agent/anna/state"} <= topics
    assert all(publish.retain for publish in only(Publish, pushed))
    assert world.step(Tick(at=0.6)) == []


def test_a_pause_goes_to_each_device_once_and_its_result_comes_back(version: str) -> None:
    world = a_world()
    play(world, member_events(version))
    (ask,) = only(Ask, world.step(PauseAgent(order="o1", agent=ANNA, at=0.0, paused=True, reason="lunch")))
    assert ask.action == {
        "Action": "QueuePause",
        "Interface": "PJSIP/1001",
        "Paused": "true",
        "Reason": "lunch",
    }
    (told,) = only(Tell, world.step(AskRefused(ask=ask.ask, at=0.0, text="Interface not found")))
    assert (told.agent, told.kind) == (ANNA, "order")
    assert told.body == {"id": "o1", "outcome": "refused", "text": "Interface not found"}
    assert world.step(AskDone(ask=ask.ask, at=0.0, response={})) == [], "an answer counts once"


def test_who_serves_no_queue_cannot_pause() -> None:
    (told,) = only(Tell, a_world().step(PauseAgent(order="o1", agent=BRUNO, at=0.0, paused=True)))
    assert told.body["outcome"] == "refused"


def test_a_step_that_fails_leaves_no_trace(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    before, after = split_at_ring(events_of(version, "queue_answered", NODE))
    play(world, before[:-1])
    snapshot = world.snapshot(ANNA)

    def broken(*_: object) -> list[Count]:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("pbxd.figures.counting.Figures.of", broken)
        with pytest.raises(ZeroDivisionError):
            world.step(before[-1])
    assert world.snapshot(ANNA) == snapshot
    # The same event again, now that the bug is gone: everything happens as if for the first time.
    assert [t.kind for t in only(Tell, world.step(before[-1]))] == ["screenpop"]
    assert len(only(Remember, play(world, after))) == 1


def test_who_is_taken_out_of_his_queue_is_told(version: str) -> None:
    world = a_world()
    world.step(PageOpened(agent=ANNA, at=0.0))
    events = member_events(version)
    play(world, events)
    world.step(Tick(at=0.3))
    queues = [queue["name"] for queue in world.snapshot(ANNA)["queues"]]
    assert queues
    at = events[-1].at
    for queue in queues:
        world.step(QueueMemberRemoved(node=NODE, at=at, queue=queue, interface=Interface("PJSIP/1001")))
    (told,) = only(Tell, world.step(Tick(at=0.6)))
    assert (told.agent, told.body["queues"], told.body["agent"]["state"]) == (ANNA, [], "offline")


# ---------------------------------------------------------------- switches that cannot be heard

OTHER = NodeId("pbx2")
NEVER_UP = {"up": False, "since": None, "reason": "not connected yet", "transfers": "all"}


def two_switches() -> World:
    """Anna has a phone of the same name on both; Bruno has one on the other switch only."""
    devices = {ANNA: (None, Interface("PJSIP/1001")), BRUNO: (OTHER, Interface("PJSIP/1002"))}
    return World(
        Rules(
            nodes=(NODE, OTHER),
            staff=Staff(Agent(id=a, name=a, language="en", devices=(d,)) for a, d in devices.items()),
            callers=CallerRules(default_region="CN"),
            repeat=RepeatRule(),
        )
    )


def link_up(node: NodeId, at: float) -> LinkUp:
    return LinkUp(node=node, at=at, inventory=Inventory.of(node, at, channels=[], bridges=[], queues=[]))


def told_links(effects: Iterable[Effect]) -> dict[str, object]:
    """What each agent is told of the switches."""
    return {tell.agent: tell.body["links"] for tell in only(Tell, effects) if tell.kind == "state"}


def test_a_switch_that_was_never_heard_is_told_as_such_to_those_with_a_phone_there() -> None:
    world = two_switches()
    (anna,) = only(Tell, world.step(PageOpened(agent=ANNA, at=0.0)))
    assert anna.body["links"] == [{"node": "pbx1", **NEVER_UP}, {"node": "pbx2", **NEVER_UP}]
    assert world.snapshot(BRUNO)["links"] == [{"node": "pbx2", **NEVER_UP}]
    assert world.snapshot(AgentId("nobody"))["links"] == []


def test_a_lost_link_is_told_and_published_at_once_and_so_is_its_return() -> None:
    world = two_switches()
    for agent in (ANNA, BRUNO):
        world.step(PageOpened(agent=agent, at=0.0))
    for node in (NODE, OTHER):
        world.step(link_up(node, 10.0))
    up = {"node": "pbx1", "up": True, "since": 10.0, "reason": "", "transfers": "all"}
    lost = {**up, "up": False, "since": 20.0, "reason": "nothing was heard for 5.0 s"}

    effects = world.step(LinkDown(node=NODE, at=20.0, reason="nothing was heard for 5.0 s"))
    assert told_links(effects) == {ANNA: [lost, {**up, "node": "pbx2"}]}, "Bruno has no phone there"
    assert only(Publish, effects) == [Publish(topic="pbx1/link/state", body=lost, retain=True)]

    effects = world.step(link_up(NODE, 30.0))
    assert told_links(effects) == {ANNA: [{**up, "since": 30.0}, {**up, "node": "pbx2"}]}
    assert Publish(topic="pbx1/link/state", body={**up, "since": 30.0}, retain=True) in effects


def test_a_link_is_down_since_it_was_lost_and_not_since_the_last_attempt() -> None:
    world = two_switches()
    world.step(PageOpened(agent=BRUNO, at=0.0))
    world.step(LinkDown(node=OTHER, at=20.0, reason="the switch hung up"))
    effects = world.step(LinkDown(node=OTHER, at=25.0, reason="Authentication failed", fatal=True))
    lost = {
        "node": "pbx2",
        "up": False,
        "since": 20.0,
        "reason": "the switch refuses our login: Authentication failed",
        "transfers": "all",
    }
    assert told_links(effects) == {BRUNO: [lost]}
    assert world.step(LinkDown(node=OTHER, at=26.0, reason="Authentication failed", fatal=True)) == []


def test_a_fresh_inventory_of_a_link_that_was_up_all_the_time_is_no_news_of_the_link() -> None:
    world = two_switches()
    world.step(PageOpened(agent=ANNA, at=0.0))
    world.step(link_up(NODE, 10.0))
    assert told_links(world.step(link_up(NODE, 20.0))) == {}
    assert world.snapshot(ANNA)["links"][0]["since"] == 10.0


def test_a_page_that_is_closed_is_told_nothing_of_links() -> None:
    world = two_switches()
    world.step(PageOpened(agent=ANNA, at=0.0))
    world.step(PageClosed(agent=ANNA, at=1.0))
    assert told_links(world.step(LinkDown(node=NODE, at=20.0, reason="gone"))) == {}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ConnectionRefusedError: [Errno 111] Connect call failed ('10.0.0.1', 5038)", "Connection refused"),
        (
            "OSError: Multiple exceptions: [Errno 111] Connect call failed ('::1', 5038, 0, 0), "
            "[Errno 111] Connect call failed ('127.0.0.1', 5038)",
            "Connection refused",
        ),
        ("gaierror: [Errno -2] Name or service not known", "Name or service not known"),
        ("NoAnswerError: no manager interface answers there", "no manager interface answers there"),
        (
            "SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "certificate has expired (_ssl.c:1006)",
            "certificate verify failed: certificate has expired",
        ),
        ("TimeoutError", "no answer in time"),
        ("the switch closed the connection", "the switch closed the connection"),
    ],
)
def test_agents_are_told_the_reason_in_words(reason: str, words: str) -> None:
    world = two_switches()
    world.step(LinkDown(node=NODE, at=20.0, reason=reason))
    assert world.snapshot(ANNA)["links"][0]["reason"] == words


@pytest.mark.parametrize(
    ("view", "by"), [(None, "dialplan"), ({"state": "talking"}, "dialplan"), ({"state": "recalling"}, "pbxd")]
)
def test_a_caller_for_whom_nobody_was_left_is_counted(
    view: dict[str, str] | None, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = a_world()
    monkeypatch.setattr(world._transferring, "view", lambda transfer: view)
    channel = ChannelSnapshot(
        uniqueid=Uniqueid("1.1"),
        name="PJSIP/trunk-1",
        linkedid="1.1",
        state=6,
        caller="",
        caller_name="",
        exten="rescue",
    )
    event = CallerRescued(node=NODE, at=1.0, channel=channel, transfer=TransferId("t-1"))
    (count,) = only(Count, world.step(event))
    assert (count.metric, count.labels) == ("pbxd_transfer_rescues_total", {"node": NODE, "by": by})
