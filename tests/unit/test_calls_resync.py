"""After a gap the model equals the switch, and says what it had missed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from pbxd.ami.event_types import AgentComplete, AgentConnect, AmiEvent
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name, parse
from pbxd.ami.inventory import ChannelEntry, Inventory, QueueEntry
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.facts import CallEnded, LegStarted
from pbxd.calls.model import CallModel
from pbxd.ids import NodeId
from pbxd.journal import Journal
from tests.replay.captures import captures, name_of

NODE = NodeId("lab")


def events_of(capture: Path) -> list[AmiEvent]:
    return list(_read(capture))


@cache
def _read(capture: Path) -> tuple[AmiEvent, ...]:
    events = []
    for raw in Framer().feed(gzip.decompress(capture.read_bytes())):
        name = event_name(raw)
        if name in WANTED and (name not in NEEDLES or NEEDLES[name] in raw):
            events.append(WANTED[name](NODE, 0.0, parse(raw)))
    return tuple(events)


def inventory_of(model: CallModel, at: float) -> Inventory:
    """What the switch would answer now, if the model were the switch."""
    wiring = model.wiring
    entries = []
    for uniqueid, channel in wiring.channels.items():
        call = model.call_of(uniqueid)
        root = uniqueid if call is None else model.journeys.calls[call].roots[0]
        snapshot = ChannelSnapshot(
            uniqueid=uniqueid,
            name=channel.name,
            linkedid=root,
            state=6,
            caller=channel.caller,
            caller_name=channel.caller_name,
            exten=channel.exten,
        )
        called = uniqueid in model.journeys.dialler or channel.kind != "device"
        entries.append(
            ChannelEntry(
                channel=snapshot,
                bridge=wiring.bridge_of.get(uniqueid),
                application="AppDial" if called else "",
                created=channel.born,
            )
        )
    return Inventory(
        node=NODE,
        at=at,
        channels=tuple(entries),
        bridges=tuple((b, "holding_bridge" if b in wiring.holding else "") for b in wiring.members),
        waiting=tuple(
            QueueEntry(queue=w.queue, uniqueid=u, name="", caller="", position=None, since=w.joined)
            for u, w in model.journeys.waiting.items()
        ),
    )


def hears(model: CallModel) -> dict[str, set[str]]:
    return {
        call.subject: {t.name for t in model.journeys.open_talks(call.id) if t.since is not None}
        for call in model.journeys.calls.values()
        if call.ended is None
    }


#: The caller is a program or has left: who else is whose caller, no list tells.
NOBODY_CALLED = {
    "agent_hands_on_his_own_call",
    "caller_hands_on_by_keys",
    "caller_leaves_while_his_agent_consults",
    "caller_through_local",
    "star2_caller_leaves_while_consulting",
}


@pytest.mark.parametrize(
    "capture", [c for c in captures() if c.name.removesuffix(".ami.gz") not in NOBODY_CALLED], ids=name_of
)
def test_at_any_moment_a_new_model_learns_who_hears_whom(capture: Path) -> None:
    model = CallModel(NODE, Journal())
    for event in events_of(capture):
        model.reduce(event)
        if model.wiring.music or model.wiring.held or model.consults.attempts:
            continue  # music and hold are in no list, and what a half-made transfer means is not, either
        late = CallModel(NODE, Journal())
        late.resync(inventory_of(model, event.at), event.at)
        assert {s: h for s, h in hears(late).items() if h} == {s: h for s, h in hears(model).items() if h}


@pytest.mark.parametrize("capture", captures(), ids=name_of)
def test_a_gap_anywhere_leaves_nothing_behind(capture: Path) -> None:
    """Half of the events are missed; after the resync the rest of the call plays to its end."""
    events = events_of(capture)
    for start in range(0, len(events), max(1, len(events) // 7)):
        full, holed = CallModel(NODE, Journal()), CallModel(NODE, Journal())
        stop = min(len(events), start + len(events) // 2)
        for index, event in enumerate(events):
            full.reduce(event)
            if not start <= index < stop:
                holed.reduce(event)
            if index == stop - 1:
                holed.resync(inventory_of(full, event.at), event.at)
                assert holed.wiring.channels.keys() == full.wiring.channels.keys()
                assert dict(holed.wiring.bridge_of) == dict(full.wiring.bridge_of)
        assert not holed.wiring.channels
        assert not holed.journeys.calls


def test_what_was_missed_is_told_as_missed() -> None:
    capture = next(c for c in captures() if name_of(c) == "22.10.1/queue_answered")
    events = events_of(capture)
    full = CallModel(NODE, Journal())
    model = CallModel(NODE, Journal())
    for event in events:
        if full.reduce(event) and any(full.journeys.talks.values()):
            break
    facts = model.resync(inventory_of(full, event.at), event.at)
    assert [fact.missed for fact in facts] == [True] * len(facts)
    assert any(isinstance(fact, LegStarted) for fact in facts)
    ended = model.resync(Inventory(node=NODE, at=event.at + 9), event.at + 9)
    (last,) = [fact for fact in ended if isinstance(fact, CallEnded)]
    assert last.missed
    assert last.record.missed
    assert model.channels_open == 0


def test_who_was_answered_while_nobody_looked_came_through_the_queue_that_he_is_in() -> None:
    capture = next(c for c in captures() if name_of(c) == "22.10.1/queue_answered")
    full, model = CallModel(NODE, Journal()), CallModel(NODE, Journal())
    events = iter(events_of(capture))
    for event in events:
        if full.reduce(event) and any(full.journeys.talks.values()):
            break
    there = inventory_of(full, event.at)
    (call,) = full.journeys.calls.values()
    in_queue = tuple(
        replace(entry, application="Queue", data="q501,t,,,300")
        if entry.channel.name == call.subject
        else entry
        for entry in there.channels
    )
    model.resync(replace(there, channels=in_queue), event.at)
    facts = [
        fact
        for event in events
        if not isinstance(event, AgentConnect | AgentComplete)  # which may come too late, too
        for fact in model.reduce(event)
    ]
    (last,) = [fact for fact in facts if isinstance(fact, CallEnded)]
    assert (last.record.outcome, last.record.queue) == ("answered", "q501")


@pytest.mark.parametrize("since", [-5.0, -0.7, 0.4])
@pytest.mark.parametrize("known", [True, False])
def test_nobody_waits_in_two_queues_at_once_or_before_he_came(since: float, known: bool) -> None:
    """An inventory tells the seconds of a wait without their parts."""
    capture = next(c for c in captures() if name_of(c) == "22.10.1/queue_answered")
    full = CallModel(NODE, Journal())
    for event in events_of(capture):
        full.reduce(event)
        if full.journeys.waiting:
            break
    model, at = full if known else CallModel(NODE, Journal()), event.at + 1
    there = inventory_of(full, at)
    moved = replace(there.waiting[0], queue="other", since=event.at + since)
    model.resync(replace(there, waiting=(moved,)), at)
    (call,) = model.journeys.calls.values()
    waits = model.journeys.waits[call.id]
    assert [wait.queue for wait in waits] == (["q501", "other"] if known else ["other"])
    times = [call.arrived, *(at for wait in waits for at in (wait.joined, wait.left) if at is not None)]
    assert times == sorted(times)


@pytest.mark.parametrize("capture", captures(), ids=name_of)
def test_events_that_an_inventory_has_overtaken_do_no_harm(capture: Path) -> None:
    """The link holds events back while the lists are taken; some of them are in the lists already."""
    events = events_of(capture)
    for start in range(0, len(events), max(1, len(events) // 7)):
        stop = min(len(events), start + 12)
        full, model = CallModel(NODE, Journal()), CallModel(NODE, Journal())
        for event in events[:stop]:
            full.reduce(event)
        inventory = inventory_of(full, events[stop - 1].at)
        for event in events[:start]:
            model.reduce(event)
        model.resync(inventory, inventory.at)
        for event in events[start:]:
            model.reduce(event)
        assert not model.wiring.channels
        assert not model.journeys.calls
