"""Wrap-ups as rows of the ledger: which call, where they stand among its rows, and from when to when."""

from __future__ import annotations

from pbxd.calls.facts import LegEnded
from pbxd.calls.record import CallRecord, Leg, Outcome, Ring, RingOutcome, Span, Wait
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.journal import Journal
from pbxd.ledger.rows import rows_of, stretches_of
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.ledger.wrapups import UNKNOWN, WrapUpRows

NODE = NodeId("pbx1")
CALL = CallId("pbx1:1.1")
ANNA, BRUNO = AgentId("anna"), AgentId("bruno")
PHONES = {ANNA: Interface("PJSIP/1001"), BRUNO: Interface("PJSIP/1002")}


def whose(node: NodeId, interface: Interface) -> AgentId | None:
    return next((agent for agent, phone in PHONES.items() if phone == interface), None)


def record() -> CallRecord:
    """Anna handed the caller over to Bruno."""
    return CallRecord(
        id=CALL,
        node=NODE,
        caller="+1",
        caller_name="",
        dialled="",
        queue="billing",
        arrived=0.0,
        answered=10.0,
        ended=60.0,
        wait_s=10.0,
        outcome=Outcome.ANSWERED,
        legs=(
            Leg(
                interface=PHONES[ANNA],
                started=10.0,
                ended=40.0,
                talk_s=20.0,
                hold_s=10.0,
                queue="billing",
                stints=(Span(started=10.0, ended=30.0),),
                holds=(Span(started=30.0, ended=40.0),),
            ),
            Leg(
                interface=PHONES[BRUNO],
                started=40.0,
                ended=60.0,
                talk_s=20.0,
                stints=(Span(started=40.0, ended=60.0),),
            ),
        ),
        waits=(Wait(queue="billing", joined=0.0, left=10.0, outcome="answered"),),
        transfers=(),
        rings=(
            Ring(
                channel=Uniqueid("1.2"),
                interface=PHONES[ANNA],
                member=Interface("Local/1001@from-queue"),
                queue="billing",
                started=1.0,
                ended=10.0,
                outcome=RingOutcome.ANSWERED,
            ),
        ),
    )


def leg_ended(agent: AgentId, at: float) -> LegEnded:
    return LegEnded(
        call=CALL, node=NODE, at=at, interface=PHONES[agent], queue="billing", talk_s=20, hold_s=0
    )


def over(rows: WrapUpRows, agent: AgentId, since: float, lasted_s: float) -> list[Stretch]:
    return rows.over(agent, CALL, NODE, since=since, queue="billing", lasted_s=lasted_s)


def test_the_rows_of_a_journey_stand_in_order() -> None:
    rows = stretches_of(record(), whose)
    assert [(row.position, str(row.stage), row.agent, row.seconds) for row in rows] == [
        (0, "wait", None, 10.0),
        (1, "ring", "anna", 9.0),
        (2, "talk", "anna", 20.0),
        (3, "hold", "anna", 10.0),
        (4, "talk", "bruno", 20.0),
    ]
    assert rows_of(record()) == len(rows)


def test_the_queues_name_of_a_member_tells_whose_phone_rang() -> None:
    def only_local(node: NodeId, interface: Interface) -> AgentId | None:
        return ANNA if interface == "Local/1001@from-queue" else None

    (ring,) = [row for row in stretches_of(record(), only_local) if row.stage is Stage.RING]
    assert (ring.agent, ring.interface) == (ANNA, PHONES[ANNA])


def test_a_wrap_up_that_ends_after_the_journey_is_told_at_once() -> None:
    rows = WrapUpRows(Journal())
    rows.left(ANNA, leg_ended(ANNA, 40.0))
    rows.left(BRUNO, leg_ended(BRUNO, 60.0))
    assert rows.ended(record()) == []
    rows.tidy(CALL, {CALL})
    # pbxd's clock is an hour off
    (bruno,) = over(rows, BRUNO, 3660.02, 15.0)
    (anna,) = over(rows, ANNA, 3640.02, 25.0)
    assert (bruno.position, bruno.started, bruno.ended) == (5, 60.0, 75.0)
    assert (anna.position, anna.started, anna.ended) == (6, 40.0, 65.0)
    assert (anna.stage, anna.agent, anna.interface, anna.queue) == (
        Stage.WRAP_UP,
        ANNA,
        PHONES[ANNA],
        "billing",
    )


def test_a_transferers_wrap_up_that_is_over_earlier_waits_for_the_journeys_end() -> None:
    rows = WrapUpRows(Journal())
    rows.left(ANNA, leg_ended(ANNA, 40.0))
    assert over(rows, ANNA, 40.0, 5.0) == []
    rows.left(BRUNO, leg_ended(BRUNO, 60.0))
    (anna,) = rows.ended(record())
    (bruno,) = over(rows, BRUNO, 60.0, 5.0)
    assert [(row.agent, row.position) for row in (anna, bruno)] == [(ANNA, 5), (BRUNO, 6)]
    rows.tidy(CALL, ())
    assert over(rows, BRUNO, 60.0, 5.0)[0].position == UNKNOWN  # nothing is kept of it any more


def test_a_wrap_up_of_which_nobody_saw_the_call_is_not_lost() -> None:
    rows = WrapUpRows(Journal())
    (row,) = over(rows, ANNA, 100.0, 5.0)
    assert (row.position, row.started, row.ended, row.interface) == (UNKNOWN, 100.0, 105.0, None)
