"""Figures: what each one means, which facts move it, and that nothing private becomes a label."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections import defaultdict
from pathlib import Path

import pytest

import pbxd
from pbxd.calls.facts import (
    CallArrived,
    CallEnded,
    CallFolded,
    CallQueued,
    ConsultEnded,
    Fact,
    LegEnded,
    LegStarted,
    MemberRinging,
    MemberStoppedRinging,
    QueueLeft,
    TransferSeen,
)
from pbxd.calls.record import CallRecord, Outcome, Transfer, TransferKind, TransferOutcome
from pbxd.effects import Count
from pbxd.figures import (
    CATALOGUE,
    Figure,
    Figures,
    Kind,
    figure,
    flow_counts,
    queue_readings,
    repeat_call,
)
from pbxd.figures.document import document
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.messages import FlowLeft

NODE, CALL = NodeId("pbx1"), CallId("pbx1:1700000000.1")
PHONE, MEMBER = Interface("PJSIP/1001"), Interface("Local/1001@agents/n")
PACKAGE = Path(pbxd.__file__).parent


def record(**changes: object) -> CallRecord:
    plain = CallRecord(
        id=CALL,
        node=NODE,
        caller="+8613800138000",
        caller_name="张三丰",
        dialled="400",
        queue="billing",
        arrived=1.0,
        answered=None,
        ended=9.0,
        wait_s=8.0,
        outcome=Outcome.ABANDONED,
        legs=(),
        waits=(),
        transfers=(),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


TRANSFER = Transfer(
    kind=TransferKind.BLIND,
    at=5.0,
    from_=PHONE,
    to="sales",
    outcome=TransferOutcome.COMPLETED,
    began=1.0,
    answered=3.0,
    consult_s=7.0,
    hold_s=3.0,
    to_kind="queue",
    queue="billing",
)
COMMON = {"call": CALL, "node": NODE, "at": 10.0}
FACTS: dict[type, Fact] = {
    CallArrived: CallArrived(
        **COMMON, caller="+8613800138000", caller_name="张三丰", dialled="400", channel=Uniqueid("1.1")
    ),
    CallQueued: CallQueued(**COMMON, queue="billing", position=1),
    ConsultEnded: ConsultEnded(**COMMON, transferer=PHONE, target=MEMBER),
    MemberRinging: MemberRinging(**COMMON, interface=PHONE, member="Anna", queue="billing", waited_s=3.0),
    MemberStoppedRinging: MemberStoppedRinging(
        **COMMON, interface=PHONE, queue="billing", reason="no_answer"
    ),
    LegStarted: LegStarted(**COMMON, interface=PHONE, queue="billing", waited_s=3.0),
    LegEnded: LegEnded(**COMMON, interface=PHONE, queue="billing", talk_s=42.0, hold_s=5.0),
    QueueLeft: QueueLeft(**COMMON, queue="billing", outcome="abandoned", waited_s=12.5),
    TransferSeen: TransferSeen(**COMMON, transfer=TRANSFER),
    CallFolded: CallFolded(**COMMON, into=CallId("pbx1:other")),
    CallEnded: CallEnded(**COMMON, record=record()),
}


def moved(counts: list[Count]) -> list[tuple[str, tuple[str, ...], float]]:
    return [
        (c.metric, tuple(c.labels[name] for name in figure(c.metric).label_names), c.value) for c in counts
    ]


def test_every_kind_of_fact_is_known_here() -> None:
    assert set(FACTS) == set(Fact.__args__)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (CallArrived, [("pbxd_calls_arrived_total", ("pbx1",), 1)]),
        (CallQueued, [("pbxd_queue_entries_total", ("pbx1", "billing"), 1)]),
        (MemberRinging, [("pbxd_member_rings_total", ("pbx1", "billing"), 1)]),
        (
            MemberStoppedRinging,
            [("pbxd_member_ring_results_total", ("pbx1", "billing", "no_answer"), 1)],
        ),
        (LegStarted, []),
        (ConsultEnded, []),
        (
            LegEnded,
            [
                ("pbxd_talk_seconds", ("pbx1", "billing"), 42.0),
                ("pbxd_hold_seconds", ("pbx1", "billing"), 5.0),
            ],
        ),
        (
            QueueLeft,
            [
                ("pbxd_queue_wait_seconds", ("pbx1", "billing", "abandoned"), 12.5),
                ("pbxd_queue_waits_total", ("pbx1", "billing", "abandoned", "yes"), 1),
            ],
        ),
        (
            TransferSeen,
            [
                ("pbxd_transfers_total", ("pbx1", "phone", "blind", "completed"), 1),
                ("pbxd_transfer_routes_total", ("pbx1", "billing", "queue", "sales", "completed"), 1),
                ("pbxd_transfer_answer_seconds", ("pbx1", "phone"), 2.0),
                ("pbxd_transfer_consult_seconds", ("pbx1", "phone"), 7.0),
                ("pbxd_transfer_hold_seconds", ("pbx1", "phone"), 3.0),
            ],
        ),
        (CallFolded, [("pbxd_calls_folded_total", ("pbx1",), 1)]),
        (CallEnded, [("pbxd_calls_total", ("pbx1", "billing", "abandoned"), 1)]),
    ],
)
def test_a_fact_moves_these_figures(kind: type, expected: list[object]) -> None:
    assert moved(Figures(Journal()).of(FACTS[kind])) == expected


@pytest.mark.parametrize("kind", FACTS)
def test_a_fact_that_an_inventory_brought_to_light_counts_as_a_correction(kind: type) -> None:
    counts = Figures(Journal()).of(dataclasses.replace(FACTS[kind], missed=True))
    assert ("pbxd_resync_corrections_total", ("pbx1",), 1) in moved(counts)


def test_a_record_with_a_part_that_nobody_saw_is_counted_as_such() -> None:
    counts = Figures(Journal()).of(CallEnded(**COMMON, record=record(missed=True, queue=None)))
    assert moved(counts) == [
        ("pbxd_calls_total", ("pbx1", "", "abandoned"), 1),
        ("pbxd_calls_missed_total", ("pbx1",), 1),
    ]


def test_agents_are_named_only_where_that_is_switched_on() -> None:
    people = {PHONE: AgentId("anna"), MEMBER: AgentId("liwei")}
    leg = FACTS[LegEnded]
    assert isinstance(leg, LegEnded)
    assert all("agent" not in count.labels for count in Figures(Journal()).of(leg))

    def named(leg: LegEnded) -> set[str]:
        whose = Figures(Journal(), whose=lambda node, interface: people.get(interface), named=True)
        counts = whose.of(leg)
        return {count.labels["agent"] for count in counts if "agent" in count.labels}

    assert named(leg) == {"anna"}
    assert named(dataclasses.replace(leg, interface=Interface("PJSIP/9"), member=MEMBER)) == {"liwei"}
    assert named(dataclasses.replace(leg, interface=Interface("PJSIP/9"))) == set()


def test_repeat_calls_and_flows_are_counted_by_what_they_are() -> None:
    assert moved([repeat_call(NODE, "billing", same_subject=None)]) == [
        ("pbxd_repeat_calls_total", ("pbx1", "billing", "unknown"), 1)
    ]
    left = FlowLeft(
        node=NODE, at=1.0, uniqueid=Uniqueid("1"), flow="main", result="queue", queue="billing", subject=None
    )
    assert moved(flow_counts(left)) == [("pbxd_flow_results_total", ("pbx1", "main", "queue"), 1)]


def test_whatever_happens_no_number_name_or_call_becomes_a_label() -> None:
    for fact in FACTS.values():
        for count in Figures(Journal(), whose=lambda node, interface: AgentId("anna"), named=True).of(fact):
            for value in count.labels.values():
                assert value in {"pbx1", "billing", "sales", "anna", *known_values(figure(count.metric))}


def known_values(one: Figure) -> set[str]:
    return {value for label in one.labels for value in label.values}


def test_what_is_counted_has_labels_that_the_catalogue_knows() -> None:
    for fact in FACTS.values():
        for count in Figures(Journal()).of(fact):
            one = figure(count.metric)
            assert set(count.labels) == set(one.label_names)
            for label in one.labels:
                assert not label.values or count.labels[label.name] in label.values


def test_queue_gauges_are_read_from_the_state() -> None:
    members = [("ready", False), ("ready", True), ("talking", True), ("talking", False), ("odd", False)]
    readings = queue_readings("pbx1", "billing", joined=[90.0, 70.0], members=members, now=100.0)
    values = {(r.metric, r.labels.get("state", "")): r.value for r in readings}
    assert values["pbxd_queue_waiting", ""] == 2
    assert values["pbxd_queue_longest_wait_seconds", ""] == 30.0
    states = {state: value for (metric, state), value in values.items() if metric == "pbxd_queue_members"}
    assert states == {"ready": 1, "ringing": 0, "talking": 1, "paused": 2, "offline": 1}
    empty = queue_readings("pbx1", "billing", joined=[], members=[], now=100.0)
    assert all(reading.value == 0 for reading in empty)
    ahead = queue_readings("pbx1", "billing", joined=[200.0], members=[], now=100.0)
    assert all(reading.value >= 0 for reading in ahead)


# ---------------------------------------------------------------- the catalogue


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_each_figure_is_named_and_explained_as_promised(one: Figure) -> None:
    assert one.name.startswith("pbxd_")
    assert (one.kind is Kind.COUNTER) == one.name.endswith("_total")
    assert (one.kind is Kind.HISTOGRAM) == bool(one.buckets)
    assert list(one.buckets) == sorted(set(one.buckets))
    assert one.help.endswith(".")
    assert "\n" not in one.help
    assert one.formula.endswith(".")
    assert one.source
    assert one.edge_cases.endswith(".")
    assert one.unit
    assert one.opt_in == ("agent" in one.label_names)
    assert not {"number", "caller", "call", "name", "uniqueid"} & set(one.label_names)
    if "seconds" in one.unit:
        assert "_seconds" in one.name


def test_names_are_unique_also_without_their_ending() -> None:
    """OpenMetrics names a counter's family without _total."""
    assert len({one.name.removesuffix("_total") for one in CATALOGUE}) == len(CATALOGUE)


def test_the_documentation_is_current() -> None:
    path = PACKAGE.parent / "docs" / "metrics.md"
    assert path.read_text("utf-8") == document(), "run: python -m pbxd.figures > docs/metrics.md"


def names_in_the_code() -> dict[str, set[Path]]:
    """Every figure's name that stands in a string of the code, outside of the catalogue."""
    used: dict[str, set[Path]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "figures" and path.name in {"callers.py", "links.py", "machinery.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in re.findall(r"^pbxd_[a-z_]*[a-z]$", node.value):
                    used[name].add(path.relative_to(PACKAGE))
    return used


def test_every_figure_that_the_code_moves_is_in_the_catalogue() -> None:
    known = {one.name for one in CATALOGUE} | {"pbxd_session"}
    unknown = {name: places for name, places in names_in_the_code().items() if name not in known}
    assert not unknown


def test_every_figure_of_the_catalogue_is_moved_somewhere() -> None:
    unmoved = {one.name for one in CATALOGUE} - names_in_the_code().keys()
    assert not unmoved
