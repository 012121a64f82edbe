"""What was before a kill is in the contact, no call goes without one, nothing is told or counted twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pbxd.agents.pausing import WRAP_UP
from pbxd.agents.wrapup import WrapUpRules
from pbxd.ami.event_types import (
    AgentCalled,
    AmiEvent,
    BridgeEnter,
    HangupRequest,
    QueueCallerJoin,
    QueueMember,
)
from pbxd.ami.inventory import Inventory
from pbxd.calls.facts import CallFolded, Fact
from pbxd.effects import Append, Count, Effect, KeepJourney, Remember, Tell
from pbxd.figures import figure
from pbxd.ids import CallId
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import JourneysKept, LinkUp, Tick
from pbxd.world import World
from tests.captures import events_of
from tests.replay.test_replay_restarts import inventory_now
from tests.unit.test_aftercall import RULES, carried_out, still_paused
from tests.unit.test_aftercall import a_world as with_wrap_ups
from tests.unit.test_world import ANNA, NODE, only

VERSIONS = ["22.10.1", "16.28.0"]


class Pbxd:
    """A world, and what it has kept of journeys."""

    def __init__(self, rules: WrapUpRules = RULES) -> None:
        self.rules = rules
        self.world: World = with_wrap_ups(rules)
        self.kept: dict[CallId, Mapping[str, Any]] = {}
        self.effects: list[Effect] = []
        self.now = 0.0

    def step(self, *messages: Any) -> list[Effect]:
        effects = [effect for message in messages for effect in self.world.step(message)]
        for keep in only(KeepJourney, effects):
            body = self.world.journey(keep.call)
            if body is None:
                self.kept.pop(keep.call, None)
            else:
                self.kept[keep.call] = json.loads(json.dumps(body, allow_nan=False))
        self.effects += effects
        self.now = max([self.now, *(m.at for m in messages if not isinstance(m, Tick))])
        return effects

    def inventory(self) -> Inventory:
        node = self.world.nodes[NODE]
        members = [member for queue in node.queues.names for member in node.queues.members(queue)]
        return replace(inventory_now(node.calls, self.now, members), node=NODE)

    def killed(self, *, stored: Iterable[CallId] = ()) -> Pbxd:
        after = Pbxd(self.rules)
        after.kept = dict(self.kept)
        after.step(JourneysKept(at=self.now, bodies=self.kept, stored=frozenset(stored)))
        return after

    def linked(self, inventory: Inventory, at: float) -> list[Effect]:
        return self.step(LinkUp(node=NODE, at=at, inventory=replace(inventory, at=at)))

    @property
    def remembered(self) -> list[Remember]:
        return only(Remember, self.effects)


def until(
    version: str, event: type[AmiEvent], name: str = "queue_answered", times: int = 1
) -> tuple[Pbxd, list[AmiEvent]]:
    """A capture has come to this event, the so manieth of its kind."""
    events = events_of(version, name, NODE)
    stops = [n for n, each in enumerate(events) if isinstance(each, event)]
    pbxd = Pbxd()
    pbxd.step(*events[: stops[times - 1] + 1])
    return pbxd, events[stops[times - 1] + 1 :]


def whole(version: str, name: str = "queue_answered") -> Pbxd:
    pbxd = Pbxd()
    pbxd.step(*events_of(version, name, NODE))
    return pbxd


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_over_a_kill_has_the_contact_that_it_would_have(version: str) -> None:
    pbxd, rest = until(version, BridgeEnter, times=2)
    after = pbxd.killed()
    effects = after.linked(pbxd.inventory(), pbxd.now)
    assert [tell.agent for tell in only(Tell, effects) if tell.kind == "screenpop"] == [ANNA]
    assert not [count for count in only(Count, effects) if "resync" in count.metric]
    after.step(*rest)
    assert after.remembered == whole(version).remembered
    assert after.kept.keys() <= {after.remembered[0].contact.record.id}  # only Anna's notes are open


@pytest.mark.parametrize("version", VERSIONS)
def test_a_phone_that_rings_shows_the_caller_again(version: str) -> None:
    pbxd, _ = until(version, AgentCalled)
    (before,) = [tell for tell in only(Tell, pbxd.effects) if tell.kind == "screenpop"]
    after = pbxd.killed()
    (again,) = [
        tell for tell in only(Tell, after.linked(pbxd.inventory(), pbxd.now)) if tell.kind == "screenpop"
    ]
    assert (again.agent, again.body["id"]) == (before.agent, before.body["id"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_that_ended_meanwhile_has_its_contact(version: str) -> None:
    pbxd, _ = until(version, BridgeEnter, times=2)
    after = pbxd.killed()
    at = pbxd.now + 30
    effects = after.linked(Inventory(node=NODE, at=at), at)
    (remember,) = only(Remember, effects)
    (normal,) = whole(version).remembered
    contact, expected = remember.contact, normal.contact
    assert (contact.record.missed, contact.record.ended) == (True, at)
    assert (contact.number, contact.agents) == (expected.number, expected.agents)
    rows = {row.stage: row for row in contact.stretches}
    for row in expected.stretches:
        if row.stage is not Stage.TALK:
            assert rows[row.stage] == row
    talk = next(row for row in expected.stretches if row.stage is Stage.TALK)
    assert rows[Stage.TALK] == replace(talk, ended=at, missed=True)
    assert not [tell for tell in only(Tell, effects) if tell.kind == "screenpop"]
    (told,) = [count for count in only(Count, effects) if count.metric == "pbxd_talk_seconds"]
    assert told.value == pytest.approx(at - talk.started)
    assert after.kept == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_who_gave_up_meanwhile_has_waited(version: str) -> None:
    pbxd, _ = until(version, QueueCallerJoin)
    (call,) = pbxd.kept
    after = pbxd.killed()
    at = pbxd.now + 30
    (remember,) = only(Remember, after.linked(Inventory(node=NODE, at=at), at))
    (wait,) = remember.contact.record.waits
    assert (remember.contact.record.id, wait.outcome, wait.left, wait.missed) == (call, "abandoned", at, True)
    assert wait.joined == pbxd.now


@pytest.mark.parametrize("version", VERSIONS)
def test_who_was_answered_meanwhile_came_through_the_queue_that_is_named_at_the_end(
    version: str,
) -> None:
    events = events_of(version, "queue_answered", NODE)
    joins = next(n for n, event in enumerate(events) if isinstance(event, QueueCallerJoin))
    pbxd = Pbxd()
    pbxd.step(*events[:joins])
    switch, rest = until(version, BridgeEnter, times=2)
    after = pbxd.killed()
    after.linked(switch.inventory(), switch.now)
    after.step(*rest)
    (remember,) = after.remembered
    record = remember.contact.record
    assert (record.outcome, record.queue, record.missed) == ("answered", "q501", True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_contact_that_is_stored_is_not_made_again(version: str) -> None:
    """The life before had stored it, and was killed before it could forget the journey."""
    pbxd, rest = until(version, BridgeEnter, times=2)
    (call,) = pbxd.kept
    after = pbxd.killed(stored=[call])
    after.linked(pbxd.inventory(), pbxd.now)
    after.step(*rest)
    assert after.remembered == []
    assert only(Count, after.effects) == []
    assert after.kept == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_contact_that_was_not_stored_is_made_again(version: str) -> None:
    """The call was over, and pbxd was killed before the database had it."""
    events = events_of(version, "direct_answered", NODE)
    pbxd = Pbxd()
    while not pbxd.remembered:
        pbxd.step(events.pop(0))
    (call,) = pbxd.kept
    after = pbxd.killed()
    assert after.remembered == pbxd.remembered
    after.linked(pbxd.inventory(), pbxd.now)
    after.step(*events)
    assert after.remembered == pbxd.remembered
    assert after.remembered[0].contact.record.id == call
    assert not [count for count in only(Count, after.effects) if count.metric == "pbxd_calls_total"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_consultation_that_was_folded_stays_so(version: str) -> None:
    name = "pickup"
    events = events_of(version, name, NODE)
    pbxd, model, facts = Pbxd(), with_wrap_ups().nodes[NODE], list[Fact]()
    while not any(isinstance(fact, CallFolded) for fact in facts):
        event = events.pop(0)
        pbxd.step(event)
        facts, _ = model.on_event(event)
    after = pbxd.killed()
    after.linked(pbxd.inventory(), pbxd.now)
    after.step(*events)
    assert after.remembered == whole(version, name).remembered


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    "change",
    [
        {"journey": None, "more": 1},
        {"journey": {}},
        {"journey": []},
        {"journey": {"version": 99}},
        {"after": {"version": 99}},
        {"uncertain": None},
        {"uncertain": [{"at": 1}]},
    ],
)
def test_what_cannot_be_read_is_counted_and_forgotten_and_the_call_goes_on_as_new(
    change: dict[str, Any],
) -> None:
    pbxd, rest = until("22.10.1", BridgeEnter, times=2)
    (call,) = pbxd.kept
    inventory, now = pbxd.inventory(), pbxd.now
    pbxd.kept[call] = {**pbxd.kept[call], **change}
    after = pbxd.killed()
    (count,) = only(Count, after.effects)
    assert (count.metric, count.labels) == ("pbxd_store_faults_total", {"kind": "other"})
    assert set(count.labels) == set(figure(count.metric).label_names)
    assert after.kept == {}
    after.linked(inventory, now)
    after.step(*rest)
    (remember,) = after.remembered
    assert (remember.contact.record.id, remember.contact.record.missed) == (call, True)


def test_what_was_kept_under_another_name_is_refused() -> None:
    pbxd, _ = until("22.10.1", BridgeEnter, times=2)
    (body,) = pbxd.kept.values()
    other = CallId(f"{NODE}:1.1")
    effects = Pbxd().step(JourneysKept(at=0.0, bodies={other: body}))
    assert only(KeepJourney, effects) == [KeepJourney(call=other)]
    assert len(only(Count, effects)) == 1


def test_a_switch_that_is_no_longer_ours_is_forgotten() -> None:
    pbxd, _ = until("22.10.1", BridgeEnter, times=2)
    (body,) = pbxd.kept.values()
    old = CallId("old:1.1")
    assert Pbxd().step(JourneysKept(at=0.0, bodies={old: body})) == [KeepJourney(call=old)]


# ---------------------------------------------------------------- wrap-ups


def in_wrap_up(version: str) -> tuple[Pbxd, Stretch]:
    """Anna's call is over, she is paused and her clock runs from 100 on. Also: the row that it would have."""
    pbxd = Pbxd()
    for event in events_of(version, "queue_answered", NODE):
        effects = pbxd.step(still_paused(pbxd.world, event))
        if isinstance(event, HangupRequest):
            carried_out(pbxd.world, effects)
    pbxd.step(Tick(at=100.0))
    other = Pbxd()
    for event in events_of(version, "queue_answered", NODE):
        effects = other.step(still_paused(other.world, event))
        if isinstance(event, HangupRequest):
            carried_out(other.world, effects)
    other.step(Tick(at=100.0))
    (row,) = [append.stretch for append in only(Append, other.step(Tick(at=121.0)))]
    return pbxd, row


def with_pause(inventory: Inventory, *, paused: bool) -> Inventory:
    members = (
        replace(m, paused=paused, paused_reason=WRAP_UP if paused else "")
        if m.interface == "PJSIP/1001"
        else m
        for m in inventory.members
    )
    return replace(inventory, members=tuple(members))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrap_up_over_a_kill_has_its_row(version: str) -> None:
    pbxd, row = in_wrap_up(version)
    (call,) = pbxd.kept
    after = pbxd.killed(stored=[call])
    after.linked(with_pause(pbxd.inventory(), paused=True), 105.0)
    assert only(Append, after.step(Tick(at=110.0))) == []
    effects = after.step(Tick(at=121.0))
    assert [append.stretch for append in only(Append, effects)] == [row]
    assert (row.call, row.stage, row.agent, row.seconds) == (call, Stage.WRAP_UP, ANNA, 21.0)
    assert after.kept == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrap_up_that_ended_meanwhile_has_its_row_too(version: str) -> None:
    pbxd, row = in_wrap_up(version)
    (call,) = pbxd.kept
    after = pbxd.killed(stored=[call])
    effects = after.linked(with_pause(pbxd.inventory(), paused=False), 110.0)
    (append,) = only(Append, effects)
    assert append.stretch == replace(row, ended=row.started + 10.0, missed=True)
    assert after.kept == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_members_stand_as_they_do(version: str) -> None:
    """A journey that is restored says nothing of members: the inventory does."""
    pbxd, _ = until(version, QueueMember)
    after = pbxd.killed()
    after.linked(pbxd.inventory(), pbxd.now)
    assert after.world.nodes[NODE].queues.names == pbxd.world.nodes[NODE].queues.names
