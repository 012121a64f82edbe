"""Nobody has to say things twice: what callers entered, and what was written of them, survives pbxd's end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from pbxd.ami.event_types import AgentCalled, AmiEvent, BridgeEnter, Hangup
from pbxd.ami.inventory import Inventory
from pbxd.effects import Count, Effect, KeepDossier, LookUp, Remember, Tell
from pbxd.figures import figure
from pbxd.ids import CallId, Interface, TransferId, Uniqueid
from pbxd.messages import DossiersKept, FlowEntered, FlowEvent, FlowLeft, FlowStep, LinkUp, TransfersKept
from pbxd.orders import Target, TargetKind
from pbxd.world import World
from tests.captures import events_of
from tests.unit.test_calls_resync import inventory_of
from tests.unit.test_world import ANNA, BRUNO, NODE, a_world, only

E = TypeVar("E")
VERSIONS = ["22.10.1", "16.28.0"]


def flow(call: CallId, at: float) -> list[FlowEvent]:
    channel = Uniqueid(call.partition(":")[2])
    entered = FlowEntered(
        node=NODE, at=at, uniqueid=channel, flow="main", number="", name="", dialled="400", language="zh"
    )
    step = FlowStep(
        node=NODE,
        at=at,
        uniqueid=channel,
        flow="main",
        step="customer",
        kind="collect",
        label="Customer",
        digits="4711",
        result="entered",
    )
    left = FlowLeft(
        node=NODE, at=at, uniqueid=channel, flow="main", result="queue", queue="q501", subject="invoice"
    )
    return [entered, step, left]


class Pbxd:
    """A world, with what it wants kept."""

    def __init__(self) -> None:
        self.world: World = a_world()
        self.kept: dict[CallId, Mapping[str, Any]] = {}
        self.effects: list[Effect] = []

    def step(self, *messages: Any) -> list[Effect]:
        effects = [effect for message in messages for effect in self.world.step(message)]
        for keep in only(KeepDossier, effects):
            if keep.body is None:
                del self.kept[keep.call]  # forgotten once, and only what was kept
            else:
                self.kept[keep.call] = json.loads(json.dumps(keep.body, allow_nan=False))
        self.effects += effects
        return effects

    def killed(self, at: float) -> Pbxd:
        """What comes after it, with what it had kept; nothing of the switch is known yet."""
        after = Pbxd()
        after.kept = dict(self.kept)
        after.step(TransfersKept(at=at, bodies={}), DossiersKept(at=at, bodies=self.kept))
        return after

    def linked(self, inventory: Inventory, at: float) -> list[Effect]:
        return self.step(LinkUp(node=NODE, at=at, inventory=replace(inventory, node=NODE)))

    @property
    def inventory(self) -> Inventory:
        return inventory_of(self.world.nodes[NODE].calls, self.now)

    now = 0.0


def began(
    version: str, until: type[AmiEvent], name: str = "queue_answered"
) -> tuple[Pbxd, CallId, list[AmiEvent]]:
    """A caller has been through the flow and the capture has come to this event."""
    events = events_of(version, "queue_answered", NODE)
    stop = next(n for n, event in enumerate(events) if isinstance(event, until))
    pbxd = Pbxd()
    pbxd.step(events[0])
    call = only(LookUp, pbxd.effects)[0].call
    pbxd.step(*flow(call, events[0].at), *events[1 : stop + 1])
    pbxd.now = events[stop].at
    return pbxd, call, events[stop + 1 :]


def pops(effects: Iterable[Effect]) -> list[Tell]:
    return [tell for tell in only(Tell, effects) if tell.kind == "screenpop"]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_caller_entered_is_on_the_pop_after_a_restart(version: str) -> None:
    pbxd, call, rest = began(version, AgentCalled)
    before = pops(pbxd.effects)[0].body
    ring = rest  # the ring itself was the last that the first one saw
    after = pbxd.killed(pbxd.now)
    assert [look.number for look in only(LookUp, after.effects)] == ["+8613800138000"]
    shown = pops(after.linked(pbxd.inventory, pbxd.now))
    shown += pops(after.step(*ring))
    assert shown, "an agent took the call and was shown nothing"
    body = shown[-1].body
    assert [(step["label"], step["digits"]) for step in body["path"]] == [("Customer", "4711")]
    assert (body["subject"], body["caller"], body["flow"]) == ("invoice", before["caller"], "main")
    (remember,) = only(Remember, after.effects)
    assert (remember.contact.subject, remember.contact.record.id) == ("invoice", call)
    assert after.kept == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_whoever_talks_with_the_caller_sees_him_again_after_a_restart(version: str) -> None:
    pbxd, call, rest = began(version, BridgeEnter)
    both = next(n for n, event in enumerate(rest) if isinstance(event, BridgeEnter))
    pbxd.step(*rest[: both + 1])
    pbxd.now = rest[both].at
    after = pbxd.killed(pbxd.now)
    (pop,) = pops(after.linked(pbxd.inventory, pbxd.now))
    assert (pop.agent, pop.body["call"], pop.body["subject"]) == (ANNA, call, "invoice")
    assert [body["id"] for body in after.world.snapshot(ANNA)["pops"]] == [pop.body["id"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_that_ended_meanwhile_is_forgotten_and_costs_nobody_a_pop(version: str) -> None:
    pbxd, call, _ = began(version, AgentCalled)
    after = pbxd.killed(pbxd.now)
    assert after.kept.keys() == {call}
    effects = after.linked(Inventory(node=NODE, at=pbxd.now), pbxd.now)
    assert (pops(effects), after.kept) == ([], {})
    assert after.world._reception.dossier(call) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hand_over_goes_on_after_a_restart(version: str) -> None:
    pbxd, call, _ = began(version, BridgeEnter)
    passports = pbxd.world._reception.passports
    transfer, phone = TransferId("t-1"), Interface("PJSIP/1002")
    at = pbxd.now
    keeps = passports.begin(
        transfer, call, NODE, at, transferer=ANNA, interface=Interface("PJSIP/1001"), note="customer 4711"
    )
    keeps += passports.deliver(
        transfer, Target(kind=TargetKind.AGENT, id="bruno"), BRUNO, at, interface=phone
    )
    keeps += passports.annotate(transfer, at, reason="invoice")
    pbxd.kept[call] = json.loads(json.dumps(only(KeepDossier, keeps)[-1].body))
    after = pbxd.killed(at)
    assert after.world.snapshot(BRUNO)["handovers"] == []
    effects = after.linked(pbxd.inventory, at)
    (told,) = [tell for tell in only(Tell, effects) if tell.kind == "handover"]
    assert (told.agent, told.body["note"], told.body["reason"]) == (BRUNO, "customer 4711", "invoice")
    assert after.world._reception.passports.notes(transfer).note == "customer 4711"
    assert [body["transfer"] for body in after.world.snapshot(BRUNO)["handovers"]] == ["t-1"]


def test_only_what_is_worth_it_is_kept_and_the_call_s_end_forgets_it() -> None:
    events = events_of("22.10.1", "queue_answered", NODE)
    pbxd = Pbxd()
    pbxd.step(*events)
    assert only(KeepDossier, pbxd.effects) == []  # no menu, no transfer: the switch tells it all again
    pbxd, call, rest = began("22.10.1", AgentCalled)
    assert pbxd.kept.keys() == {call}
    assert any(isinstance(event, Hangup) for event in rest)
    pbxd.step(*rest)
    assert pbxd.kept == {}


def test_what_was_entered_is_kept_before_the_flow_ends() -> None:
    events = events_of("22.10.1", "queue_answered", NODE)
    pbxd = Pbxd()
    pbxd.step(events[0])
    call = only(LookUp, pbxd.effects)[0].call
    entered, step, _ = flow(call, events[0].at)
    pbxd.step(entered)
    assert pbxd.kept == {}
    pbxd.step(step)
    assert pbxd.kept[call]["dossier"]["path"][0]["digits"] == "4711"


@pytest.mark.parametrize(
    "change",
    [
        {"dossier": None},
        {"dossier": {}},
        {"passport": {"call": 1}},
        {"passport": []},
        {"dossier": {"version": 99}},
    ],
)
def test_what_cannot_be_read_is_counted_forgotten_and_harms_no_other(
    change: dict[str, Any],
) -> None:
    pbxd, call, _ = began("22.10.1", AgentCalled)
    bad, good = CallId("pbx1:1.1"), pbxd.kept[call]
    effects = a_world().step(DossiersKept(at=0.0, bodies={bad: {**good, **change}, call: good}))
    assert [(keep.call, keep.body) for keep in only(KeepDossier, effects)] == [(bad, None)]
    (count,) = only(Count, effects)
    assert (count.metric, count.labels) == ("pbxd_store_faults_total", {"kind": "other"})
    assert set(count.labels) == set(figure(count.metric).label_names)
    assert [look.call for look in only(LookUp, effects)] == [call]


def test_a_switch_that_is_no_longer_ours_is_forgotten() -> None:
    pbxd, call, _ = began("22.10.1", AgentCalled)
    body = {**pbxd.kept[call], "dossier": {**pbxd.kept[call]["dossier"], "node": "old", "call": "old:1.1"}}
    effects = a_world().step(DossiersKept(at=0.0, bodies={CallId("old:1.1"): body}))
    assert [(keep.call, keep.body) for keep in only(KeepDossier, effects)] == [("old:1.1", None)]
    assert only(LookUp, effects) == []
