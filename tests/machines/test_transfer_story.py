"""Transfers from beginning to end on a small switch: who hears whom, what is told, what is left."""

from __future__ import annotations

import pytest

from pbxd.orders import TransferMode, Verb
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    return lab


def consulting(lab: Lab) -> None:
    assert lab.start(to(BRUNO)).outcome == "done"
    lab.settle()
    lab.answer(BRUNO)
    assert lab.state() == "talking"


def nothing_left(lab: Lab) -> None:
    """Everybody goes home, and then there is nobody."""
    lab.wait(10)
    for name in list(lab.switch.lines):
        if name in lab.switch.lines:
            lab.switch.hang_up_phone(name)
    lab.wait(200)
    assert not lab.switch.lines
    assert all(body["state"] == "ended" for body in lab.kept.values())
    assert [count for count in lab.counts if "orphan" in count.metric or "surprise" in count.metric] == []


def test_start_ringing_talking_complete(lab: Lab) -> None:
    reply = lab.start(to(BRUNO))
    assert (reply.outcome, reply.body["state"]) == ("done", "created")
    lab.settle()
    assert lab.state() == "ringing"
    assert lab.hears(lab.caller) == set()
    lab.answer(BRUNO)
    assert lab.state() == "talking"
    assert lab.hears(lab.phone(ANNA)) == {DEVICE[BRUNO]}
    assert lab.do(Verb.COMPLETE).outcome == "done"
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}
    assert lab.outcome() == "completed"
    assert not [name for name in lab.switch.lines if name.startswith(DEVICE[ANNA])]
    assert lab.events() == ["created", "ringing", "answered", "completed", "ended"]
    nothing_left(lab)


def test_cancel_while_ringing(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.settle()
    assert lab.do(Verb.CANCEL).outcome == "done"
    assert lab.do(Verb.CANCEL).outcome == "done"
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert (lab.outcome(), lab.switch.ringing()) == ("cancelled", [])
    assert lab.do(Verb.CANCEL).outcome == "done"
    assert lab.do(Verb.COMPLETE).code == "not_possible_now"
    nothing_left(lab)


def test_cancel_before_anything_happened(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.do(Verb.CANCEL)
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert (lab.outcome(), lab.switch.ringing()) == ("cancelled", [])
    nothing_left(lab)


def test_cancel_while_talking(lab: Lab) -> None:
    consulting(lab)
    lab.do(Verb.CANCEL)
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert lab.outcome() == "cancelled"
    nothing_left(lab)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_swap_as_often_as_wanted(lab: Lab, times: int) -> None:
    consulting(lab)
    for number in range(times):
        assert lab.do(Verb.SWAP).outcome == "done"
        lab.settle()
        assert lab.state() == ("talking" if number % 2 else "swapped")
        partner = BRUNO if number % 2 else None
        assert lab.hears(lab.phone(ANNA)) == {DEVICE[partner] if partner else TRUNK}
    lab.do(Verb.COMPLETE)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


@pytest.mark.parametrize("swapped", [False, True])
def test_merge_then_leave(lab: Lab, swapped: bool) -> None:
    consulting(lab)
    if swapped:
        lab.do(Verb.SWAP)
        lab.settle()
    lab.do(Verb.MERGE)
    lab.settle()
    assert lab.state() == "merged"
    assert lab.hears(lab.caller) == {DEVICE[ANNA], DEVICE[BRUNO]}
    lab.do(Verb.LEAVE)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


def test_merge_then_cancel(lab: Lab) -> None:
    consulting(lab)
    lab.do(Verb.MERGE)
    lab.settle()
    lab.do(Verb.CANCEL)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    nothing_left(lab)


def test_declined_and_back(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.settle()
    lab.switch.decline(lab.phone(BRUNO))
    lab.settle()
    assert lab.state() == "returning"
    lab.wait(3)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("declined", {DEVICE[ANNA]})
    assert "declined" in lab.events()
    nothing_left(lab)


def test_no_answer_goes_to_the_next(lab: Lab) -> None:
    lab.start(to(BRUNO), to(CARLA))
    lab.wait(26)
    assert (lab.state(), lab.phone(CARLA) in lab.switch.ringing()) == ("ringing", True)
    lab.answer(CARLA)
    lab.do(Verb.COMPLETE)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[CARLA]})
    assert lab.events() == ["created", "ringing", "timeout", "ringing", "answered", "completed", "ended"]
    nothing_left(lab)


def test_a_phone_that_is_not_there(lab: Lab) -> None:
    lab.start(to(DORA))
    lab.wait(8)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("failed", {DEVICE[ANNA]})
    nothing_left(lab)


def test_blonde_and_answered(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.settle()
    assert (lab.state(), lab.hears(lab.caller)) == ("completing", set())
    lab.answer(BRUNO)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


def test_blonde_without_an_answer_comes_back(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.wait(26)
    assert (lab.state(), lab.phone(ANNA) in lab.switch.ringing()) == ("recalling", True)
    lab.answer(ANNA)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("recalled", {DEVICE[ANNA]})
    nothing_left(lab)


def test_blonde_and_nobody_at_all_ends_in_a_queue(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.wait(50)
    assert (lab.outcome(), lab.switch.queued) == ("requeued", [lab.caller])
    nothing_left(lab)


def test_blind(lab: Lab) -> None:
    lab.start(to(BRUNO), mode=TransferMode.BLIND)
    lab.settle()
    assert not [name for name in lab.switch.lines if name.startswith(DEVICE[ANNA])]
    lab.answer(BRUNO)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


@pytest.mark.parametrize("when", ["ringing", "talking", "swapped", "merged"])
def test_the_transferer_hangs_up(lab: Lab, when: str) -> None:
    lab.bring(when)
    lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.settle()
    if when == "ringing":
        lab.answer(BRUNO)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


@pytest.mark.parametrize("when", ["ringing", "talking", "swapped", "merged"])
def test_the_caller_hangs_up(lab: Lab, when: str) -> None:
    lab.bring(when)
    lab.switch.hang_up_phone(lab.caller)
    lab.settle()
    assert lab.outcome() == "caller_left"
    if when == "ringing":
        assert not lab.switch.lines
    else:
        assert lab.hears(lab.phone(ANNA)) == {DEVICE[BRUNO]}
    nothing_left(lab)


@pytest.mark.parametrize("when", ["talking", "swapped", "merged"])
def test_the_target_hangs_up(lab: Lab, when: str) -> None:
    lab.bring(when)
    lab.switch.hang_up_phone(lab.phone(BRUNO))
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    nothing_left(lab)


@pytest.mark.parametrize("when", ["ringing", "talking", "swapped", "merged"])
def test_requeue(lab: Lab, when: str) -> None:
    lab.bring(when)
    assert lab.do(Verb.REQUEUE).outcome == "done"
    lab.settle()
    assert (lab.outcome(), lab.switch.queued) == ("requeued", [lab.caller])
    assert set(lab.switch.lines) == {lab.caller}
    nothing_left(lab)


@pytest.mark.parametrize("when", ["talking", "swapped", "merged"])
def test_whom_the_transferer_leaves_is_not_the_reason(lab: Lab, when: str) -> None:
    """Bruno's hang-up is heard before Anna and the caller are together."""
    lab.bring(when)
    lab.do(Verb.CANCEL)
    lab.settle()
    assert (lab.outcome(), lab.why()) == ("cancelled", None)


@pytest.mark.parametrize("when", ["ringing", "talking"])
def test_who_waits_in_a_queue_is_told_as_that(lab: Lab, when: str) -> None:
    lab.bring(when)
    lab.do(Verb.REQUEUE)
    lab.settle()
    assert lab.why() == "the caller waits in a queue"


def test_why_the_hold_guard_ended_it(lab: Lab) -> None:
    lab.bring("talking")
    lab.wait(181)
    assert lab.why() == "the caller was on hold for too long"


@pytest.mark.parametrize("when", ["talking", "swapped"])
def test_the_target_who_hangs_up_is_the_reason(lab: Lab, when: str) -> None:
    lab.bring(when)
    lab.switch.hang_up_phone(lab.phone(BRUNO))
    lab.settle()
    assert lab.why() == "Bruno hung up"
