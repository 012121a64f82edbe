"""The table of transfers, walked on every path: it always ends, and with one outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pbxd.calls.record import TransferKind
from pbxd.calls.record import TransferOutcome as Outcome
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId, Uniqueid
from pbxd.orders import Target, TargetKind, TransferMode, Verb
from pbxd.transfers.machine import can, follow, order_of, signal_of, take
from pbxd.transfers.moves import actions
from pbxd.transfers.record import OpenTransfer, UnreadableError, body_of, read_body
from pbxd.transfers.rules import OnHangup, TransferRules
from pbxd.transfers.table import AWAITING, ORDERS, PUBLIC, TABLE
from pbxd.transfers.words import Input, Move, State, Step

RECORD = OpenTransfer(
    id=TransferId("t1"),
    call=CallId("pbx1:1.1"),
    node=NodeId("pbx1"),
    state=State.PLACING,
    mode=TransferMode.ATTENDED,
    kind=TransferKind.ATTENDED,
    agent=AgentId("anna"),
    agent_name="Anna",
    interface=Interface("PJSIP/1001"),
    transferer="PJSIP/1001-00000001",
    caller="PJSIP/trunk-00000000",
    caller_number="+491",
    caller_name="Ä",
    queue="sales",
    target=Target(kind=TargetKind.AGENT, id="bruno"),
    target_name="Bruno",
    target_agent=AgentId("bruno"),
    dial="PJSIP/1002",
    left=(Target(kind=TargetKind.QUEUE, id="sales"),),
    tried=(AgentId("carla"),),
    attempt=1,
    channel=Uniqueid("pbxd-t1-1-near"),
    created=1.0,
)
SIGNALS = frozenset(Input) - ORDERS - {Input.LOOK}
REPEATED = {State.RINGING, State.TALKING, State.SWAPPED}
STEPS = {
    state: [
        (input_, step)
        for (was, input_), step in TABLE.items()
        if was is state and not step.stay and not step.again
    ]
    for state in State
}
OPEN = [state for state in State if state is not State.ENDED]


def paths(path: tuple[tuple[State, Input], ...], state: State) -> Iterator[list[tuple[State, Input]]]:
    """Every way through the table that is in no state twice, in RINGING, TALKING and SWAPPED not thrice."""
    if state is State.ENDED:
        yield list(path)
        return
    seen = [*(was for was, _ in path), state]
    for input_, step in STEPS[state]:
        if seen.count(step.to) < (3 if step.to in REPEATED else 1):
            yield from paths((*path, (state, input_)), step.to)


def test_every_path_ends_with_one_outcome() -> None:
    rules = TransferRules()
    ends = set()
    walked = 0
    for path in paths((), State.PLACING):
        walked += 1
        record = RECORD
        for number, (state, input_) in enumerate(path):
            assert record.state is state
            taken = take(record, input_)
            assert taken is not None
            record = taken.record
            for move in taken.moves:
                actions(move, record, rules, line="PJSIP/1002-00000002", position=1)
            assert record.over == (number == len(path) - 1)
        assert record.outcome is not None
        ends.add(record.outcome)
    assert walked > 5_000
    assert ends >= set(Outcome) - {Outcome.BUSY, Outcome.DECLINED, Outcome.FAILED} - {Outcome.NO_ANSWER}


@pytest.mark.parametrize("state", OPEN)
def test_from_everywhere_there_is_a_way_to_the_end(state: State) -> None:
    assert next(paths((), state), None) is not None


@pytest.mark.parametrize("state", OPEN)
def test_nobody_can_leave_unnoticed(state: State) -> None:
    assert TABLE[state, Input.C_GONE].to is State.ENDED
    for gone in (Input.A_GONE, Input.A_SLIPPED, Input.B_GONE):
        assert (state, gone) in TABLE, gone


def test_the_end_has_no_way_out() -> None:
    assert not [key for key in TABLE if key[0] is State.ENDED]


@pytest.mark.parametrize("state", OPEN)
def test_a_finished_conversation_of_caller_and_target_is_always_a_completed_transfer(state: State) -> None:
    step = TABLE.get((state, Input.JOINED))
    if step is not None and not step.stay:
        assert (step.to, step.outcome) == (State.ENDED, Outcome.COMPLETED)


@pytest.mark.parametrize(("key", "step"), TABLE.items(), ids=lambda value: str(value)[:60])
def test_rows_make_sense(key: tuple[State, Input], step: Step) -> None:
    state, input_ = key
    if step.stay or step.again:
        assert (step.to, step.moves, step.event) == (state, (), "")
        assert step.again == (input_ in ORDERS)
    if Move.DIAL in step.moves:
        assert step.to is State.RINGING
    if Move.DIAL_FOR_CALLER in step.moves:
        assert step.to is State.BLONDE
    if step.to is State.RECALLING and state not in (State.RECALLING, State.RETURNING):
        assert Move.RESCUE in step.moves
    if step.to in AWAITING and input_ in ORDERS and not step.again:
        assert step.moves, "an order that waits for something must have asked for it"
    # The caller is sent to one place only.
    assert len([m for m in step.moves if m in _SENDS_CALLER]) <= 1


_SENDS_CALLER = {
    Move.PART,
    Move.TO_TRANSFERER,
    Move.TO_TARGET,
    Move.HAND_OVER,
    Move.REGROUP_TRANSFERER,
    Move.BACK_TO_TARGET,
    Move.CONFERENCE,
    Move.SAY_WHY,
    Move.TO_QUEUE,
    Move.TO_MAILBOX,
    Move.ASK_BACK,
    Move.RESCUE,
}


def test_every_word_is_used() -> None:
    assert {move for step in TABLE.values() for move in step.moves} | {Move.PART} == set(Move)
    assert {input_ for _, input_ in TABLE} | {Input.LOOK} == set(Input)
    assert set(PUBLIC) == set(State)


# ---------------------------------------------------------------- orders


@pytest.mark.parametrize("state", State)
def test_an_order_is_taken_done_already_or_refused(state: State) -> None:
    record = replace(RECORD, state=state)
    for verb in Verb:
        step = TABLE.get((state, order_of(verb, record)))
        assert (verb.value in can(record)) == (step is not None and not step.again and not step.stay)


def test_cancel_is_possible_until_it_is_decided_otherwise() -> None:
    decided = {State.COMPLETING, State.LEAVING, State.REQUEUEING, State.DEPOSITING, State.ENDED}
    assert {state for state in State if (state, Input.CANCEL) in TABLE} == set(State) - decided


def test_completing_a_call_that_waits_in_a_queue_puts_the_caller_there() -> None:
    queue = replace(RECORD, target=Target(kind=TargetKind.QUEUE, id="sales"), state=State.RINGING)
    assert order_of(Verb.COMPLETE, queue) is Input.HAND_TO_QUEUE
    assert order_of(Verb.COMPLETE, replace(queue, up=True)) is Input.COMPLETE
    taken = take(queue, Input.HAND_TO_QUEUE)
    assert taken is not None
    assert (taken.record.state, taken.record.outcome) == (State.REQUEUEING, Outcome.COMPLETED)


# ---------------------------------------------------------------- signals


def test_what_a_signal_means_depends_on_what_is_wanted() -> None:
    back = TransferRules(on_hangup=OnHangup.BACK)
    assert signal_of(Input.A_GONE, RECORD, TransferRules()) is Input.A_GONE
    assert signal_of(Input.A_GONE, RECORD, back) is Input.A_SLIPPED
    blind = replace(RECORD, mode=TransferMode.BLIND)
    assert signal_of(Input.A_GONE, blind, back) is Input.A_GONE
    assert signal_of(Input.GO, blind, back) is Input.COMPLETE
    assert signal_of(Input.B_GONE, RECORD, back) is Input.B_NEXT
    assert signal_of(Input.B_GONE, replace(RECORD, up=True), back) is Input.B_GONE
    assert signal_of(Input.B_GONE, replace(RECORD, left=()), back) is Input.B_GONE


@pytest.mark.parametrize("state", State)
def test_what_is_not_in_the_table_changes_nothing(state: State) -> None:
    record = replace(RECORD, state=state)
    for input_ in Input:
        if (state, input_) not in TABLE:
            assert take(record, input_) is None


def test_the_outcome_of_an_attempt_becomes_that_of_the_transfer() -> None:
    record = replace(RECORD, state=State.RINGING, went=Outcome.BUSY, left=())
    taken = take(record, Input.B_GONE)
    assert taken is not None
    back = take(taken.record, Input.BACK)
    assert back is not None
    assert (back.record.state, back.record.outcome) == (State.ENDED, Outcome.BUSY)


# ---------------------------------------------------------------- the record


def test_a_record_survives_being_kept() -> None:
    kept = replace(RECORD, state=State.RETURNING, outcome=Outcome.DECLINED, rang=2.5, held_since=1.0)
    assert read_body(body_of(kept)) == kept
    assert read_body(body_of(RECORD)) == RECORD


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"state": "flying"}, {"target": {"kind": "agent"}}, {"left": 7}, {"call": None}],
)
def test_a_record_that_cannot_be_read_is_said_so(change: dict[str, object]) -> None:
    body = {**body_of(RECORD), **change}
    if change == {"call": None}:
        del body["call"]
    with pytest.raises(UnreadableError):
        read_body(body)


def test_ending_without_any_word_of_how_is_a_failure_or_a_success() -> None:
    taken = follow(replace(RECORD, state=State.RECALLING, outcome=Outcome.RECALLED), Step(to=State.ENDED))
    assert taken.record.outcome is Outcome.RECALLED
