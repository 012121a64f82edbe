"""A phone hangs up, and Asterisk revives its channel by joining it with somebody: nobody is left with it.

It is the moment between two questions of the dialplan, too short to be hit on a real switch at will; here the
channel of who has hung up simply stays.
"""

from __future__ import annotations

import pytest

from pbxd.orders import Verb
from pbxd.transfers.rules import OnHangup, TransferRules
from tests.machines.transfer_lab import ANNA, BRUNO, DEVICE, TRUNK, Lab


def brought(state: str, rules: TransferRules | None = None) -> Lab:
    lab = Lab(rules)
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.bring(state)
    return lab


def revived(lab: Lab) -> int:
    return sum(count.metric == "pbxd_transfer_revived_total" for count in lab.counts)


def phones_ringing(lab: Lab) -> set[str]:
    return {name.rpartition("-")[0] for name in lab.switch.ringing()}


def test_both_hang_up_and_the_target_comes_back() -> None:
    """The target is joined with the caller when he has hung up: the caller comes back to the transferer."""
    lab = brought("talking")
    dead, anna = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(dead)
    lab.switch.hang_up_phone(anna)
    lab.settle()
    assert lab.switch.company(lab.caller) == {dead}, "the fault that this is about"
    lab.wait(2)
    assert dead not in lab.switch.lines
    assert phones_ringing(lab) == {DEVICE[ANNA]}
    assert revived(lab) == 1
    lab.answer(ANNA)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    lab.wait(1)
    assert lab.outcome() == "recalled"
    lab.wait(20)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert revived(lab) == 1


def test_both_hang_up_and_the_transferer_comes_back() -> None:
    lab = brought("talking")
    bruno, dead = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(dead)
    lab.switch.hang_up_phone(bruno)
    lab.settle()
    assert lab.switch.company(lab.caller) == {dead}
    lab.wait(2)
    assert dead not in lab.switch.lines
    assert phones_ringing(lab) == {DEVICE[ANNA]}
    assert revived(lab) == 1


@pytest.mark.parametrize("verb", [Verb.COMPLETE, Verb.SWAP, Verb.CANCEL])
@pytest.mark.parametrize("who", [ANNA, BRUNO])
def test_an_order_while_somebody_hangs_up(verb: Verb, who: str) -> None:
    """Whoever is still there gets the caller; else the transferer's phone rings."""
    lab = brought("talking")
    dead = lab.phone(ANNA if who == ANNA else BRUNO)
    lab.switch.request_hangup(dead)
    lab.do(verb)
    lab.wait(4)
    alive = DEVICE[BRUNO if who == ANNA else ANNA]
    assert lab.hears(lab.caller) == {alive} or DEVICE[ANNA] in phones_ringing(lab), lab.switch.lines
    assert dead not in lab.switch.company(lab.caller)
    if revived(lab):
        assert dead not in lab.switch.lines


def test_a_caller_who_comes_back_has_left() -> None:
    lab = brought("talking")
    anna, bruno = lab.phone(ANNA), lab.phone(BRUNO)
    lab.switch.request_hangup(lab.caller)
    lab.switch.hang_up_phone(anna)
    lab.wait(2)
    assert lab.outcome() == "caller_left"
    assert lab.caller not in lab.switch.lines
    assert bruno not in lab.switch.lines


def test_who_only_passes_through_is_left_alone() -> None:
    """He hung up and is gone a moment after he was joined: the dialplan knows what to do."""
    lab = brought("talking")
    bruno, anna = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(bruno)
    lab.switch.hang_up_phone(anna)
    lab.settle()
    lab.switch.end(bruno)
    lab.wait(5)
    assert revived(lab) == 0


def test_it_happened_while_the_link_was_lost() -> None:
    lab = brought("talking")
    dead, anna = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(dead)
    lab.settle()
    lab.lost()
    lab.switch.hang_up_phone(anna)
    lab.link()
    lab.wait(2)
    assert dead not in lab.switch.lines
    assert phones_ringing(lab) == {DEVICE[ANNA]}


def test_the_link_is_lost_before_it_can_be_mended() -> None:
    lab = brought("talking")
    dead, anna = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(dead)
    lab.switch.hang_up_phone(anna)
    lab.settle()
    lab.lost()
    lab.wait(30)
    assert lab.switch.company(lab.caller) == {dead}
    lab.link()
    lab.wait(3)
    assert dead not in lab.switch.lines
    assert phones_ringing(lab) == {DEVICE[ANNA]}


def test_where_a_hang_up_is_a_slip() -> None:
    lab = brought("talking", TransferRules(reassure_after_s=0, on_hangup=OnHangup.BACK))
    dead, anna = lab.phone(BRUNO), lab.phone(ANNA)
    lab.switch.request_hangup(dead)
    lab.switch.hang_up_phone(anna)
    lab.wait(3)
    assert dead not in lab.switch.company(lab.caller)
    assert phones_ringing(lab) == {DEVICE[ANNA]}
