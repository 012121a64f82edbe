"""pbxd is killed, or the link is lost, in every state: within three seconds everything is in order again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pbxd.effects import Ask
from pbxd.ids import TransferId
from pbxd.messages import LinkUp, TransfersKept
from pbxd.orders import Verb
from tests.machines.small_switch import NODE
from tests.machines.transfer_lab import ANNA, BRUNO, DEVICE, TRUNK, Lab, to

STATES = ["ringing", "talking", "swapped", "merged", "blonde"]
BREAKS = ["killed", "lost"]


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    return lab


def broken(lab: Lab, how: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    lab.killed() if how == "killed" else lab.lost()
    meanwhile()
    lab.born() if how == "killed" else lab.link()
    lab.wait(3)


def home(lab: Lab) -> None:
    for name in list(lab.switch.lines):
        if name in lab.switch.lines:
            lab.switch.hang_up_phone(name)
    lab.wait(200)
    assert not lab.switch.lines
    assert all(body["state"] == "ended" for body in lab.kept.values())
    assert lab.events().count("ended") == 1
    assert [count for count in lab.counts if "orphan" in count.metric] == []


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("state", STATES)
def test_nothing_happened_meanwhile_and_it_goes_on(lab: Lab, state: str, how: str) -> None:
    lab.bring(state)
    before = lab.state()
    asked = len([effect for effect in lab.effects if isinstance(effect, Ask)])
    broken(lab, how)
    assert lab.state() == before
    again = [e.action for e in lab.effects if isinstance(e, Ask)][asked:]
    # Who is called for the caller is told so once more; else nothing is said to the switch.
    assert {str(action["Action"]) for action in again} <= ({"Setvar"} if state == "blonde" else set())
    if state in ("ringing", "blonde"):
        lab.answer(BRUNO)
    if state != "blonde":
        assert lab.do(Verb.COMPLETE).outcome == "done"
        lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("state", STATES)
def test_the_caller_left_meanwhile(lab: Lab, state: str, how: str) -> None:
    lab.bring(state)
    broken(lab, how, lambda: lab.switch.hang_up_phone(lab.caller))
    assert lab.outcome() == "caller_left"
    (contact,) = lab.remembered
    assert [transfer.outcome for transfer in contact.record.transfers] == ["caller_left"]
    assert lab.switch.ringing() == []
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("first", ["caller", "target"])
def test_the_caller_left_and_the_target_answered_meanwhile(lab: Lab, first: str, how: str) -> None:
    """Transferer and target talk on, as they would have if pbxd had seen it."""
    lab.bring("ringing")

    def both() -> None:
        for who in ("caller", "target") if first == "caller" else ("target", "caller"):
            lab.switch.hang_up_phone(lab.caller) if who == "caller" else lab.switch.answer(lab.phone(BRUNO))

    broken(lab, how, both)
    assert lab.outcome() == "caller_left"
    assert lab.hears(lab.phone(ANNA)) == {DEVICE[BRUNO]}
    lab.wait(30)
    assert lab.hears(lab.phone(ANNA)) == {DEVICE[BRUNO]}
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("first", ["caller", "target", "transferer"])
def test_the_target_answered_and_the_others_left_meanwhile(lab: Lab, first: str, how: str) -> None:
    """Nobody is left for him, and nobody else either."""
    lab.bring("ringing")
    acts = {
        "caller": lambda: lab.switch.hang_up_phone(lab.caller),
        "target": lambda: lab.switch.answer(lab.phone(BRUNO)),
        "transferer": lambda: lab.switch.hang_up_phone(lab.phone(ANNA)),
    }

    def all_three() -> None:
        for who in sorted(acts, key=lambda who: who != first):
            if who != "caller" or lab.caller in lab.switch.lines:
                acts[who]()

    broken(lab, how, all_three)
    assert lab.outcome() is not None
    lab.wait(10)
    assert not lab.switch.lines
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("state", ["ringing", "talking", "swapped", "merged"])
def test_the_transferer_left_meanwhile(lab: Lab, state: str, how: str) -> None:
    lab.bring(state)
    broken(lab, how, lambda: lab.switch.hang_up_phone(lab.phone(ANNA)))
    if state == "ringing":
        lab.answer(BRUNO)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("state", ["ringing", "talking", "swapped", "merged"])
def test_the_target_left_meanwhile(lab: Lab, state: str, how: str) -> None:
    lab.bring(state)
    phone = lab.phone(BRUNO)
    gone = lab.switch.decline if state == "ringing" else lab.switch.hang_up_phone
    broken(lab, how, lambda: gone(phone))
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert lab.outcome() in ("cancelled", "failed")
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("state", STATES)
def test_an_order_of_which_nobody_knows_whether_it_was_done(
    lab: Lab, state: str, verb: Verb, how: str
) -> None:
    """The order was taken and not one of its actions was sent."""
    lab.bring(state)
    taken = lab.do(verb).outcome == "done"
    broken(lab, how)
    wanted = lab.outcome()
    if taken and verb is Verb.CANCEL and state != "blonde":
        assert (wanted, lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    if taken and verb is Verb.REQUEUE:
        assert (wanted, lab.switch.queued) == ("requeued", [lab.caller])
    if taken and verb is Verb.COMPLETE and state in ("talking", "swapped"):
        # Completed; or, if that cannot be, the caller is with the transferer as before.
        assert lab.hears(lab.caller) in ({DEVICE[BRUNO]}, {DEVICE[ANNA]})
    lab.wait(10)
    assert lab.hears(lab.caller) or lab.caller in lab.switch.queued or lab.outcome() is None
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
def test_the_phone_began_to_ring_while_nobody_looked(lab: Lab, how: str) -> None:
    lab.start(to(BRUNO))
    while lab.asks:
        lab.obey_one()
    assert (lab.state(), len(lab.switch.ringing())) == ("created", 1)
    broken(lab, how)
    assert lab.state() == "ringing"
    assert lab.events().count("ringing") == 1
    lab.answer(BRUNO)
    lab.settle()
    assert lab.state() == "talking"
    home(lab)


def test_everybody_left_meanwhile_and_the_caller_is_brought_back(lab: Lab) -> None:
    lab.bring("talking")
    lab.killed()
    for name in (lab.phone(BRUNO), lab.phone(ANNA)):
        lab.switch.hang_up_phone(name)
    lab.born()
    lab.wait(3)
    if lab.caller in lab.switch.lines:
        assert lab.switch.ringing() or lab.hears(lab.caller) or lab.switch.queued
    home(lab)


def test_what_cannot_be_read_is_forgotten_and_counted(lab: Lab) -> None:
    lab.bring("talking")
    lab.killed()
    lab.kept[TransferId("t1")] = {"version": 99}
    lab.kept[TransferId("t9")] = {**lab.kept[TransferId("t1")], "version": 1}
    lab.born()
    assert lab.kept == {}
    assert [c.metric for c in lab.counts if "unreadable" in c.metric] == [
        "pbxd_transfer_unreadable_total"
    ] * 2
    # The people talk on, and the dialplan ends it for them.
    lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.wait(1)
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}


def test_a_second_inventory_changes_nothing(lab: Lab) -> None:
    lab.bring("talking")
    lab.give(LinkUp(node=NODE, at=lab.switch.now, inventory=lab.switch.inventory()))
    lab.give(TransfersKept(at=lab.switch.now, bodies=dict(lab.kept)))
    lab.wait(3)
    assert lab.state() == "talking"
    lab.do(Verb.COMPLETE)
    lab.settle()
    assert lab.outcome() == "completed"
    home(lab)


@pytest.mark.parametrize("how", BREAKS)
def test_the_hold_guard_runs_on(lab: Lab, how: str) -> None:
    lab.bring("talking")
    broken(lab, how)
    lab.wait(181)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    home(lab)


@pytest.mark.parametrize("killed", [True, False])
def test_the_same_id_is_no_new_transfer_for_a_day(lab: Lab, killed: bool) -> None:
    lab.bring("talking")
    lab.do(Verb.CANCEL)
    lab.wait(600)
    assert lab.world.transfers(None) == []
    if killed:
        broken(lab, "killed")
    assert lab.start(to(BRUNO)).body["outcome"] == "cancelled"
    assert lab.world.transfers(None) == []
    lab.wait(90_000)
    assert lab.kept == {}
    assert lab.world.transfer_view(TransferId("t1")) is None


def test_a_target_that_only_comes_to_be_when_all_is_over(lab: Lab) -> None:
    lab.start(to(BRUNO))
    lab.do(Verb.CANCEL)
    while lab.outcome() is None or lab.asks:  # the cancelling is done before the calling is told
        originate = [ask for ask in lab.asks if ask.action["Action"] == "Originate"]
        if lab.asks and lab.asks[0] in originate:
            lab.asks.rotate(-1)
            if len(lab.asks) == len(originate):
                break
        elif lab.asks:
            lab.obey_one()
        else:
            lab.hear_one()
    while lab.switch.news:
        lab.hear_one()
    assert lab.outcome() == "cancelled"
    lab.settle()
    assert (lab.switch.ringing(), lab.hears(lab.caller)) == ([], {DEVICE[ANNA]})
    home(lab)


def test_what_the_switch_refuses_is_told_with_its_words(lab: Lab) -> None:
    """The agent's line is gone at the very moment: neither can be put aside."""
    lab.start(to(BRUNO))
    lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.wait(3)
    view = lab.world.transfer_view(TransferId("t1"))
    assert view is not None
    assert view["why"]
    home(lab)


def test_whoever_is_parked_after_the_end_is_left_there(lab: Lab) -> None:
    lab.bring("talking")
    lab.do(Verb.CANCEL)
    lab.wait(1)
    lab.switch.leave_all(lab.caller)
    lot = lab.switch.bridge("holding_bridge")
    lab.switch.enter(lab.caller, lot)
    lab.wait(10)
    assert lab.switch.lines[lab.caller].bridge == lot
    home(lab)
