"""What transfers by pbxd are in a caller's journey: one journey, each one's own time, every transfer once."""

from __future__ import annotations

import pytest

from pbxd.calls.facts import CallFolded
from pbxd.calls.record import CallRecord, TransferKind, TransferMaker, TransferOutcome
from pbxd.effects import KeepTransfer, Remember
from pbxd.ids import CallId
from pbxd.orders import TransferMode, Verb
from tests.machines.small_switch import NODE
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, TRUNK, Lab, to
from tests.machines.transfer_switch import Seat


def called() -> Lab:
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    return lab


def record(lab: Lab) -> CallRecord:
    """Everybody hangs up; the account of the one journey that there was."""
    lab.wait(5)
    for name in list(lab.switch.lines):
        if name in lab.switch.lines:
            lab.switch.hang_up_phone(name)
    lab.wait(200)
    (contact,) = [effect.contact for effect in lab.effects if isinstance(effect, Remember)]
    record: CallRecord = contact.record
    return record


def consult(lab: Lab, who: object = BRUNO, by: object = ANNA, id_: str = "t1") -> None:
    assert lab.start(to(who), by=by, id_=id_).outcome == "done"  # type: ignore[arg-type]
    lab.wait(4)
    lab.answer(who)  # type: ignore[arg-type]
    lab.wait(10)


def legs(record: CallRecord) -> list[tuple[str, float, float]]:
    return [(leg.interface, round(leg.talk_s, 3), round(leg.hold_s, 3)) for leg in record.legs]


def test_each_agent_owns_his_own_part() -> None:
    lab = called()
    lab.wait(30)
    consult(lab)
    lab.do(Verb.COMPLETE)
    lab.wait(60)
    done = record(lab)
    # The transferer: 30 s with the caller, who was on hold for the 14 s of ringing and consulting.
    assert legs(done) == [(DEVICE[ANNA], 30.0, 14.0), (DEVICE[BRUNO], 65.0, 0.0)]
    (transfer,) = done.transfers
    assert (transfer.kind, transfer.outcome, transfer.by) == (
        TransferKind.ATTENDED,
        TransferOutcome.COMPLETED,
        TransferMaker.PBXD,
    )
    assert (transfer.from_, transfer.to, transfer.to_kind) == (DEVICE[ANNA], DEVICE[BRUNO], "agent")
    assert (round(transfer.consult_s, 3), round(transfer.hold_s, 3)) == (10.0, 14.0)
    assert transfer.began is not None
    assert transfer.answered is not None
    assert round(transfer.answered - transfer.began, 3) == 4.0
    assert done.queue == "support"


def test_a_chain_is_one_journey() -> None:
    lab = called()
    for number, (by, who) in enumerate([(ANNA, BRUNO), (BRUNO, CARLA), (CARLA, ANNA)]):
        lab.wait(20)
        consult(lab, who, by, f"t{number}")
        lab.do(Verb.COMPLETE, by=by, id_=f"t{number}")
        lab.settle()
        assert lab.outcome(f"t{number}") == "completed"
        assert lab.hears(lab.caller) == {DEVICE[who]}
    done = record(lab)
    assert [leg.interface for leg in done.legs] == [DEVICE[who] for who in (ANNA, BRUNO, CARLA, ANNA)]
    assert [transfer.outcome.value for transfer in done.transfers] == ["completed"] * 3
    assert len({transfer.id for transfer in done.transfers}) == 3


def test_blonde_blind_and_three_are_told_apart() -> None:
    lab = called()
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.settle()
    lab.answer(BRUNO)
    lab.start(to(CARLA), by=BRUNO, id_="t2", mode=TransferMode.BLIND)
    lab.settle()
    lab.answer(CARLA)
    consult(lab, ANNA, CARLA, "t3")
    lab.do(Verb.MERGE, by=CARLA, id_="t3")
    lab.settle()
    lab.do(Verb.LEAVE, by=CARLA, id_="t3")
    lab.settle()
    kinds = [transfer.kind for transfer in record(lab).transfers]
    assert kinds == [TransferKind.BLONDE, TransferKind.BLIND, TransferKind.THREEWAY]


def test_a_swap_is_hold_and_talk_again() -> None:
    lab = called()
    lab.wait(10)
    consult(lab)
    lab.do(Verb.SWAP)
    lab.wait(7)
    lab.do(Verb.SWAP)
    lab.wait(3)
    lab.do(Verb.CANCEL)
    lab.wait(5)
    done = record(lab)
    assert legs(done) == [(DEVICE[ANNA], 10.0 + 7.0 + 5.0 + 5.0, 14.0 + 3.0)]
    assert [transfer.outcome for transfer in done.transfers] == [TransferOutcome.CANCELLED]
    assert round(done.transfers[0].consult_s, 3) == 13.0


def test_a_requeued_caller_waits_again_in_the_same_journey() -> None:
    lab = called()
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.REQUEUE)
    lab.wait(8)
    done = record(lab)
    assert [wait.queue for wait in done.waits] == ["support", "support"]
    assert [transfer.outcome for transfer in done.transfers] == [TransferOutcome.REQUEUED]


def test_who_was_handed_on_still_came_through_his_queue() -> None:
    lab = called()
    consult(lab)
    lab.do(Verb.COMPLETE)
    lab.wait(10)
    consult(lab, CARLA, by=BRUNO, id_="t2")
    assert lab.do(Verb.REQUEUE, by=BRUNO, id_="t2").outcome == "done"
    lab.wait(8)
    done = record(lab)
    assert [wait.queue for wait in done.waits] == ["support", "support"]
    assert [(each.queue, each.outcome) for each in done.transfers] == [
        ("support", TransferOutcome.COMPLETED),
        ("support", TransferOutcome.REQUEUED),
    ]


def test_a_recalled_transferer_is_a_leg_of_his_own() -> None:
    lab = called()
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.wait(27)
    lab.answer(ANNA)
    done = record(lab)
    assert [leg.interface for leg in done.legs] == [DEVICE[ANNA], DEVICE[ANNA]]
    assert [transfer.outcome for transfer in done.transfers] == [TransferOutcome.RECALLED]


def test_an_agent_who_called_somebody_hands_him_on() -> None:
    """The journey is the agent's own until he leaves; then it is the other's."""
    lab = Lab()
    agent = lab.switch.line(DEVICE[ANNA], None, 4, "0123")
    other = lab.switch.line(TRUNK, lab.switch.linkedid(agent), 0)
    lab.switch.seats[agent] = Seat(app="Dial", peer=other)
    lab.switch.seats[other] = Seat(app="AppDial", peer=agent)
    lab.switch.dial(agent, other)
    lab.switch.state(other, 6)
    lab.switch.dialled(agent, other, "ANSWER")
    lab.switch.together(agent, other)
    lab.wait(20)
    consult(lab)
    lab.do(Verb.COMPLETE)
    lab.wait(10)
    assert (lab.outcome(), lab.hears(other)) == ("completed", {DEVICE[BRUNO]})
    done = record(lab)
    assert [transfer.outcome for transfer in done.transfers] == [TransferOutcome.COMPLETED]
    assert DEVICE[BRUNO] in [leg.interface for leg in done.legs]


@pytest.mark.parametrize("talking", [False, True])
def test_a_caller_who_leaves_in_a_transfer(talking: bool) -> None:
    """It is in the account of his call, although that ends with him."""
    lab = called()
    lab.start(to(BRUNO))
    lab.wait(4)
    if talking:
        lab.answer(BRUNO)
        lab.wait(6)
    lab.switch.hang_up_phone(lab.caller)
    done = record(lab)
    (transfer,) = done.transfers
    assert transfer.outcome is TransferOutcome.CALLER_LEFT
    assert (transfer.consult_s, transfer.hold_s) == ((6.0, 10.0) if talking else (0.0, 4.0))


def test_each_transfer_is_one_fact() -> None:
    lab = called()
    consult(lab)
    lab.do(Verb.CANCEL)
    lab.settle()
    consult(lab, id_="t2")
    lab.killed()
    lab.switch.hang_up_phone(lab.caller)
    lab.born()
    lab.wait(3)
    counted = [c.labels["outcome"] for c in lab.counts if c.metric == "pbxd_transfers_total"]
    assert counted == ["cancelled", "caller_left"]


def test_a_call_that_is_folded_into_another_takes_its_transfer_along() -> None:
    lab = called()
    consult(lab)
    call = CallId(next(iter(lab.world.transfers(None)))["call"])
    room = lab.world._transferring
    (kept,) = room.on_fact(CallFolded(call=call, node=NODE, at=1.0, into=CallId("lab:other")))
    assert isinstance(kept, KeepTransfer)
    assert kept.body is not None
    assert kept.body["call"] == "lab:other"
    assert room.on_fact(CallFolded(call=call, node=NODE, at=1.0, into=CallId("lab:other"))) == []
