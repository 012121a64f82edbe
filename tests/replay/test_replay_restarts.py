"""Every capture, with pbxd killed at any moment of it: the account of each call is as if it never was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pbxd.ami.event_types import AmiEvent, QueueMember, QueueMemberRemoved
from pbxd.ami.inventory import Inventory
from pbxd.ami.snapshots import ChannelState, MemberSnapshot
from pbxd.calls.facts import CallEnded, CallFolded, Fact
from pbxd.calls.kept import journey_body, read_journey
from pbxd.calls.model import CallModel
from pbxd.calls.record import CallRecord
from pbxd.effects import Count, KeepDossier, KeepJourney, Remember
from pbxd.ids import CallId
from pbxd.journal import Journal
from pbxd.messages import Contact, DossiersKept, JourneysKept, LinkUp, Message
from tests.captures import events_of as events_for
from tests.replay.captures import captures, name_of
from tests.replay.test_replay_figures import NODE as PBX1
from tests.replay.test_replay_figures import a_world
from tests.unit.test_calls_resync import NODE, events_of, inventory_of

CUTS = 6  #: in each capture
NOT_WHOLE = {
    # A channel serves nobody yet: why it is there no list tells.
    "click_to_dial",
    "click_to_dial_through_local",
    "star2_blonde_recalled",
    # The inventory comes between two events that belong together: what they end has ended some µs earlier.
    "agent_blind_transfers_his_own_call",
    "caller_through_local",
    # … or a consultation is seen to be over that the events do not end.
    "agent_hands_on_his_own_call",
    "caller_hands_on_by_keys",
}
TORN = [capture for capture in captures() if capture.name.partition(".")[0] not in NOT_WHOLE]
NOT_COMPARED = {"pbxd_resync_corrections_total"}


class Life:
    """A pbxd that may be killed; what is on its disk is always up to date."""

    def __init__(self) -> None:
        self.records: dict[CallId, CallRecord] = {}
        self.facts: list[Fact] = []
        self.disk: dict[CallId, str] = {}
        self._members: dict[tuple[str, str], MemberSnapshot] = {}
        self._begin()

    def _begin(self) -> None:
        self.journal = Journal()
        self.model = CallModel(NODE, self.journal)

    def take(self, events: Iterable[AmiEvent]) -> None:
        for event in events:
            if isinstance(event, QueueMember):
                self._members[event.member.queue, event.member.interface] = event.member
            elif isinstance(event, QueueMemberRemoved):
                self._members.pop((event.queue, event.interface), None)
            self._heard(self.model.reduce(event))

    def _heard(self, facts: list[Fact]) -> None:
        tables = self.model.kept_tables
        touched = {
            key if tables[id(table)] else self.model.call_of(key)
            for table, key, _ in self.journal.written
            if id(table) in tables
        }
        for call in touched - {None}:
            kept = self.model.kept(call)
            if kept is None:
                self.disk.pop(call, None)
            else:
                self.disk[call] = json.dumps(journey_body(kept), allow_nan=False)
        self.journal.commit()
        self.facts += facts
        for fact in facts:
            if isinstance(fact, CallEnded):
                assert fact.call not in self.records, "ended twice"
                self.records[fact.call] = fact.record
            elif isinstance(fact, CallFolded):
                self.records.pop(fact.call, None)

    def killed(self, at: float) -> None:
        """Nothing of the switch has changed when the next life connects."""
        inventory = inventory_now(self.model, at, self._members.values())
        self._begin()
        for body in self.disk.values():
            self.model.restore(read_journey(json.loads(body)))
        self.journal.commit()
        self._heard(self.model.resync(inventory, at))


def inventory_now(model: CallModel, at: float, members: Iterable[MemberSnapshot]) -> Inventory:
    """With what rings, and who is in a call flow."""
    inventory = inventory_of(model, at)
    journeys = model.journeys
    ringing = {uid for uid in model.wiring.channels if journeys.rung_for(uid) is not None}
    in_flows = {
        model.wiring.by_name.get(journeys.calls[call].subject)
        for call, visits in journeys.visits.items()
        if visits[-1].left is None
    }
    return replace(
        inventory,
        members=tuple(members),
        queues=tuple({member.queue for member in members}),
        channels=tuple(
            replace(
                entry,
                channel=replace(
                    entry.channel,
                    state=ChannelState.RINGING if entry.channel.uniqueid in ringing else ChannelState.UP,
                ),
                application="AGI" if entry.channel.uniqueid in in_flows else entry.application,
            )
            for entry in inventory.channels
        ),
    )


def lived(events: list[AmiEvent], *, killed_after: Iterable[int]) -> Life:
    life = Life()
    kills = set(killed_after)
    for index, event in enumerate(events):
        life.take([event])
        if index in kills:
            life.killed(event.at)
    return life


@pytest.mark.parametrize("capture", TORN[::7], ids=name_of)
def test_killed_once(capture: Path) -> None:
    events = events_of(capture)
    whole = lived(events, killed_after=()).records
    for cut in range(0, len(events), max(1, len(events) // CUTS)):
        assert lived(events, killed_after=[cut]).records == whole, (cut, events[cut])


@pytest.mark.parametrize("capture", TORN[::2], ids=name_of)
def test_killed_after_each_event(capture: Path) -> None:
    events = events_of(capture)
    whole = lived(events, killed_after=())
    torn = lived(events, killed_after=range(len(events)))
    assert torn.records == whole.records
    assert not torn.disk
    assert [fact for fact in torn.facts if not fact.again] == whole.facts


@pytest.mark.parametrize("name", ["caller_hands_on_by_keys", "agent_hands_on_his_own_call"])
def test_a_journey_that_was_passed_on_keeps_its_name(name: str) -> None:
    """Whose journey it is now no list tells: the one who called has gone."""
    for capture in captures():
        if capture.name.partition(".")[0] != name:
            continue
        events = events_of(capture)
        whole = lived(events, killed_after=()).records
        torn = lived(events, killed_after=range(len(events))).records
        assert torn.keys() == whole.keys()
        for call, record in torn.items():
            assert replace(record, consults=whole[call].consults) == whole[call]


class Pbxd:
    """A whole one, and what its lives have counted and remembered."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Any, ...]] = Counter()
        self.contacts: list[Contact] = []
        self.disk: dict[CallId, Mapping[str, Any]] = {}
        self.dossiers: dict[CallId, Mapping[str, Any]] = {}
        self.world = a_world()

    def step(self, message: Message) -> None:
        for effect in self.world.step(message):
            match effect:
                case KeepJourney(call=call):
                    body = self.world.journey(call)
                    if body is None:
                        self.disk.pop(call, None)
                    else:
                        self.disk[call] = json.loads(json.dumps(body, allow_nan=False))
                case KeepDossier(call=call, body=None):
                    self.dossiers.pop(call, None)
                case KeepDossier(call=call, body=body) if body is not None:
                    self.dossiers[call] = json.loads(json.dumps(body))
                case Count() if effect.metric not in NOT_COMPARED:
                    key = effect.metric, *sorted(effect.labels.items())
                    self.counts[*key, "times"] += 1
                    self.counts[*key, "ms"] += round(effect.value * 1000)
                case Remember(contact=contact):
                    self.contacts.append(contact)

    def killed(self, at: float) -> None:
        node = self.world.nodes[PBX1]
        members = [member for queue in node.queues.names for member in node.queues.members(queue)]
        inventory = replace(inventory_now(node.calls, at, members), node=PBX1)
        self.world = a_world()
        self.step(DossiersKept(at=at, bodies=dict(self.dossiers)))
        stored = frozenset(contact.record.id for contact in self.contacts)
        self.step(JourneysKept(at=at, bodies=dict(self.disk), stored=stored))
        self.step(LinkUp(node=PBX1, at=at, inventory=inventory))


def served(events: list[AmiEvent], *, killed_after: Iterable[int]) -> Pbxd:
    pbxd, kills = Pbxd(), set(killed_after)
    for index, event in enumerate(events):
        pbxd.step(event)
        if index in kills:
            pbxd.killed(event.at)
    return pbxd


@pytest.mark.parametrize("capture", TORN[::5], ids=name_of)
def test_contacts_and_figures_of_many_lives_are_those_of_one(capture: Path) -> None:
    events = events_for(capture.parent.name, capture.name.removesuffix(".ami.gz"), PBX1)
    whole = served(events, killed_after=())
    torn = served(events, killed_after=range(len(events)))
    assert torn.contacts == whole.contacts
    assert torn.counts == whole.counts
    assert not torn.disk
    assert not torn.dossiers
