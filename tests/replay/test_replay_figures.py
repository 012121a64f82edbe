"""Every capture again: the figures of waits, talks and handling add up to the records of the calls."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pbxd.agents.staff import Agent, Staff
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.record import CallRecord
from pbxd.effects import Count, Remember
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.world import Rules, World
from tests.captures import TRACES, events_of

NODE = NodeId("pbx1")
AGENTS = {f"PJSIP/{number}": AgentId(f"agent{number}") for number in range(1001, 1010)}
WITHIN_S = 20.0

Sums = Counter[tuple[str, ...]]


def a_world() -> World:
    staff = Staff(
        Agent(id=id_, name=id_, language="en", devices=((None, Interface(device)),))
        for device, id_ in AGENTS.items()
    )
    return World(Rules(nodes=(NODE,), staff=staff, callers=CallerRules(), repeat=RepeatRule()))


def played(capture: Path) -> tuple[list[Count], list[CallRecord]]:
    """What this capture counts, and the records of its calls."""
    world = a_world()
    name = capture.name.removesuffix(".ami.gz")
    effects = [effect for event in events_of(capture.parent.name, name, NODE) for effect in world.step(event)]
    records = [effect.contact.record for effect in effects if isinstance(effect, Remember)]
    return [effect for effect in effects if isinstance(effect, Count)], records


def counted(counts: list[Count]) -> Sums:
    """How many waits ended how, in time or not, and how many milliseconds of talk there were."""
    sums: Sums = Counter()
    for count in counts:
        match count.metric:
            case "pbxd_queue_wait_seconds":
                sums["wait", count.labels["queue"], count.labels["outcome"]] += 1
            case "pbxd_queue_waits_total":
                sums["in time", count.labels["outcome"], count.labels["within"]] += 1
            case "pbxd_talk_seconds":
                sums["legs",] += 1
                sums["talk",] += round(count.value * 1000)
            case "pbxd_handled_legs_total":
                sums["handled",] += 1
            case "pbxd_handling_seconds_total" if count.labels["part"] != "wrap_up":
                sums["handling",] += round(count.value * 1000)
    return +sums


def recorded(records: list[CallRecord]) -> Sums:
    """The same, from the records."""
    sums: Sums = Counter()
    for record in records:
        for wait in record.waits:
            assert wait.left is not None
            assert wait.outcome is not None
            sums["wait", wait.queue, wait.outcome] += 1
            if wait.outcome in ("answered", "abandoned"):
                within = "yes" if wait.left - wait.joined <= WITHIN_S else "no"
                sums["in time", wait.outcome, within] += 1
        for leg in record.legs:
            sums["legs",] += 1
            sums["talk",] += round(leg.talk_s * 1000)
            if leg.interface in AGENTS or leg.member in AGENTS:
                sums["handled",] += 1
                sums["handling",] += round(leg.talk_s * 1000) + round(leg.hold_s * 1000)
    return +sums


@pytest.mark.parametrize("version", ["22.10.1", "16.28.0"])
def test_the_figures_add_up_to_the_records(version: str) -> None:
    captures = sorted((TRACES / version).glob("*.ami.gz"))
    assert captures
    wrong = {}
    for capture in captures:
        counts, records = played(capture)
        if (was := counted(counts)) != (wanted := recorded(records)):
            wrong[capture.name] = {
                key: (was[key], wanted[key]) for key in was | wanted if was[key] != wanted[key]
            }
    assert not wrong
