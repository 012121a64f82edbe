"""The parts of service level, handling time, call flows and repeated calls: what a fact adds to each."""

from __future__ import annotations

import dataclasses

import pytest

from pbxd.calls.facts import (
    CallEnded,
    CallFolded,
    CallQueued,
    Fact,
    LegEnded,
    LegStarted,
    QueueLeft,
    TransferSeen,
)
from pbxd.calls.record import (
    CallRecord,
    Leg,
    Outcome,
    Transfer,
    TransferKind,
    TransferMaker,
    TransferOutcome,
    Wait,
)
from pbxd.effects import Count
from pbxd.figures import Figures, Thresholds, called_before, flow_counts
from pbxd.figures.again import DAY
from pbxd.figures.thresholds import QueueThresholds
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.messages import FlowEntered, FlowLeft, FlowStep

NODE, CALL = NodeId("pbx1"), CallId("pbx1:1.1")
COMMON = {"call": CALL, "node": NODE, "at": 30.0}
RULES = Thresholds(
    default_service_level_s=20.0, queues={"vip": QueueThresholds(service_level_s=5.0, short_abandon_s=1.0)}
)


def figures(waits: tuple[Wait, ...] = ()) -> Figures:
    return Figures(
        Journal(),
        whose=lambda node, interface: AgentId("anna") if interface == "PJSIP/1001" else None,
        thresholds=RULES,
        waits=lambda node, call: waits,
        queue_of=lambda call: "last",
    )


def told(counts: list[Count]) -> list[tuple[str, dict[str, str], float]]:
    short = [(c.metric.removeprefix("pbxd_"), {**c.labels}, c.value) for c in counts]
    for _, labels, _ in short:
        labels.pop("node")
    return short


def left(outcome: str, waited: float, queue: str = "sales") -> QueueLeft:
    return QueueLeft(**COMMON, queue=queue, outcome=outcome, waited_s=waited)


HEARD = LegStarted(**COMMON, interface=Interface("PJSIP/1001"), queue="sales", waited_s=0.0)


@pytest.mark.parametrize(
    ("queue", "outcome", "waited", "within", "short"),
    [
        ("sales", "answered", 20.0, "yes", False),
        ("sales", "answered", 20.001, "no", False),
        ("sales", "abandoned", 5.0, "yes", True),
        ("sales", "abandoned", 5.001, "yes", False),
        ("vip", "answered", 5.001, "no", False),
        ("vip", "abandoned", 1.0, "yes", True),
        ("vip", "abandoned", 5.0, "yes", False),
    ],
)
def test_a_wait_is_within_its_queues_threshold_or_not(
    queue: str, outcome: str, waited: float, within: str, short: bool
) -> None:
    of = {"queue": queue, "outcome": outcome}
    expected = [("queue_wait_seconds", of, waited), ("queue_waits_total", {**of, "within": within}, 1)]
    if short:
        expected.append(("queue_short_abandons_total", {"queue": queue}, 1))
    counting = figures()
    counts = counting.of(left(outcome, waited, queue)) + counting.of(HEARD)
    assert told(counts) == expected


def test_who_is_answered_waits_until_he_hears_somebody() -> None:
    """The agent hears an announcement first; the threshold passes meanwhile."""
    counting = figures(waits=(Wait(queue="sales", joined=11.0, left=33.0, outcome="answered"),))
    assert counting.of(left("answered", 19.0)) == []
    of = {"queue": "sales", "outcome": "answered"}
    assert told(counting.of(HEARD)) == [
        ("queue_wait_seconds", of, 22.0),
        ("queue_waits_total", {**of, "within": "no"}, 1),
    ]
    assert counting.of(HEARD) == []


def record(*waits: Wait, legs: tuple[Leg, ...] = ()) -> CallRecord:
    return CallRecord(
        id=CALL,
        node=NODE,
        caller="",
        caller_name="",
        dialled="",
        queue=waits[0].queue if waits else None,
        arrived=0.0,
        answered=None,
        ended=60.0,
        wait_s=0.0,
        outcome=Outcome.LEFT,
        legs=legs,
        waits=waits,
        transfers=(),
    )


SALES = Wait(queue="sales", joined=0.0, left=30.0, outcome="no_agent")
HELP = Wait(queue="help", joined=31.0, left=60.0, outcome="answered")


@pytest.mark.parametrize(
    "later",
    [CallQueued(**COMMON, queue="help", position=1), CallEnded(**COMMON, record=record(SALES))],
    ids=["next step", "end"],
)
def test_a_wait_whose_end_is_uncertain_counts_once_with_its_last_outcome(later: Fact) -> None:
    counting = figures(waits=(SALES,))
    assert counting.of(left("timeout", 30.0)) == []
    waits = [count for count in told(counting.of(later)) if count[0] == "queue_wait_seconds"]
    assert waits == [("queue_wait_seconds", {"queue": "sales", "outcome": "no_agent"}, 30.0)]
    again = told(counting.of(CallEnded(**COMMON, record=record(SALES))))
    assert "queue_wait_seconds" not in [name for name, _, _ in again]


def test_the_wait_of_a_folded_journey_counts_as_it_was_told() -> None:
    counting = figures()
    counting.of(left("left", 3.0))
    folded = told(counting.of(CallFolded(**COMMON, into=CallId("pbx1:2.2"))))
    assert folded[0] == ("queue_wait_seconds", {"queue": "sales", "outcome": "left"}, 3.0)


def overflows(*waits: Wait, legs: tuple[Leg, ...] = ()) -> list[dict[str, str]]:
    counts = told(figures().of(CallEnded(**COMMON, record=record(*waits, legs=legs))))
    return [labels for name, labels, _ in counts if name == "queue_overflows_total"]


def test_who_leaves_one_queue_unserved_and_waits_in_another_has_overflown() -> None:
    assert overflows(SALES, HELP) == [{"queue": "sales", "to": "help"}]
    assert overflows(dataclasses.replace(SALES, outcome="answered"), HELP) == []
    operator = Leg(interface=Interface("PJSIP/9"), started=30.2, ended=30.9, talk_s=0.7)
    assert overflows(SALES, HELP, legs=(operator,)) == []


def test_each_agent_owns_his_own_part_of_the_handling_time() -> None:
    leg = LegEnded(**COMMON, interface=Interface("PJSIP/1001"), queue=None, talk_s=42.0, hold_s=5.0)
    queue = {"queue": "last"}
    assert told(figures().of(leg)) == [
        ("talk_seconds", queue, 42.0),
        ("hold_seconds", queue, 5.0),
        ("handled_legs_total", queue, 1),
        ("handling_seconds_total", {**queue, "part": "talk"}, 42.0),
        ("handling_seconds_total", {**queue, "part": "hold"}, 5.0),
    ]
    outside = dataclasses.replace(leg, interface=Interface("PJSIP/trunk"))
    assert [name for name, _, _ in told(figures().of(outside))] == ["talk_seconds", "hold_seconds"]


def test_observations_of_callers_name_the_call_as_their_example() -> None:
    facts = [
        left("abandoned", 3.0),
        LegEnded(**COMMON, interface=Interface("PJSIP/1001"), queue="sales", talk_s=1.0, hold_s=1.0),
    ]
    histograms = [c for fact in facts for c in figures().of(fact) if not c.metric.endswith("_total")]
    assert {count.metric: count.call for count in histograms} == {
        "pbxd_queue_wait_seconds": CALL,
        "pbxd_talk_seconds": CALL,
        "pbxd_hold_seconds": CALL,
    }


@pytest.mark.parametrize(("to_kind", "observed"), [("agent", True), ("skill", True), ("queue", False)])
def test_how_long_a_queue_takes_to_ring_its_members_is_no_time_of_a_transfer(
    to_kind: str, observed: bool
) -> None:
    """The transferer may wait there himself: that is a wait, not how quick pbxd was."""
    done = Transfer(
        kind=TransferKind.ATTENDED,
        at=29.0,
        from_=Interface("PJSIP/1001"),
        to="billing",
        outcome=TransferOutcome.COMPLETED,
        by=TransferMaker.PBXD,
        began=10.0,
        rang=22.5,
        answered=25.0,
        to_kind=to_kind,
    )
    counts = figures().of(TransferSeen(**COMMON, transfer=done))
    assert ("transfer_ring_seconds" in [name for name, _, _ in told(counts)]) is observed
    assert ("transfer_answer_seconds", {"by": "pbxd"}, 15.0) in told(counts)


# ---------------------------------------------------------------- call flows

HERE = {"node": NODE, "at": 1.0, "uniqueid": Uniqueid("1.1"), "flow": "main"}


def step(
    kind: str, result: str, digits: str = "", took: float = 2.5
) -> list[tuple[str, dict[str, str], float]]:
    event = FlowStep(
        **HERE, step="pick", kind=kind, label="Billing", digits=digits, result=result, took_s=took
    )
    counts = told(flow_counts(event))
    for _, labels, _ in counts:
        assert (labels.pop("flow"), labels.pop("step")) == ("main", "pick")
    return counts


def test_what_callers_do_in_a_flow_is_counted_where_they_do_it() -> None:
    chosen = ("flow_choices_total", {"option": "1", "label": "Billing"}, 1)
    assert step("menu", "chosen", "1") == [("flow_choice_seconds", {}, 2.5), chosen]
    assert step("collect", "entered", "****") == [("flow_choice_seconds", {}, 2.5)]
    assert step("menu", "invalid", "7") == [("flow_wrong_keys_total", {"result": "invalid"}, 1)]
    assert step("collect", "no_input") == [("flow_wrong_keys_total", {"result": "no_input"}, 1)]
    assert step("play", "played") == []


def test_whoever_presses_0_wants_a_person_whether_that_is_offered_or_not() -> None:
    for result, offered in (("chosen", "yes"), ("invalid", "no")):
        assert ("flow_zero_outs_total", {"offered": offered}, 1) in step("menu", result, "0")
    assert all(name != "flow_zero_outs_total" for name, _, _ in step("collect", "entered", "0"))


def test_entries_results_and_where_callers_hang_up() -> None:
    entered = FlowEntered(**HERE, number="", name="", dialled="", language="en")
    assert told(flow_counts(entered)) == [("flow_entries_total", {"flow": "main"}, 1)]
    gone = FlowLeft(**HERE, result="caller_left", queue=None, subject=None, step="pick")
    assert told(flow_counts(gone)) == [
        ("flow_results_total", {"flow": "main", "result": "caller_left"}, 1),
        ("flow_hangups_total", {"flow": "main", "step": "pick"}, 1),
    ]


# ---------------------------------------------------------------- callers who call again


@pytest.mark.parametrize(
    ("ago", "windows"),
    [
        ([], []),
        ([DAY], ["24h", "7d"]),
        ([DAY + 1], ["7d"]),
        ([7 * DAY + 1], []),
        ([30 * DAY, 60.0], ["24h", "7d"]),
    ],
)
def test_who_called_before_is_counted_in_every_window_that_it_is_in(
    ago: list[float], windows: list[str]
) -> None:
    now = 100 * DAY
    counts = told(called_before(NODE, "sales", now, [now - each for each in ago]))
    assert counts == [
        ("repeat_judged_total", {"queue": "sales"}, 1),
        *(("repeat_contacts_total", {"queue": "sales", "window": window}, 1) for window in windows),
    ]
