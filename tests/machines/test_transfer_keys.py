"""What the transferer orders by the keys of his phone."""

from __future__ import annotations

import pytest

from pbxd.ami.event_types import KeyPressed
from pbxd.orders import TransferMode, Verb
from pbxd.transfers.rules import TransferRules
from tests.machines.small_switch import NODE
from tests.machines.test_transfer_story import nothing_left
from tests.machines.transfer_lab import ANNA, BRUNO, DEVICE, TRUNK, Lab, to

KEYS = {"*1": Verb.CANCEL, "*3": Verb.MERGE, "*4": Verb.SWAP}


def begun(state: str = "", *, keys: dict[str, Verb] = KEYS) -> Lab:
    """A caller who talks with Anna, who then hands him over to Bruno, as far as this."""
    lab = Lab(TransferRules(reassure_after_s=0, keys=keys))
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    if state:
        lab.bring(state)
    return lab


def press(lab: Lab, keys: str, *, name: str = "", pause_s: float = 0.3) -> None:
    """By Anna, or by whoever has this channel."""
    for key in keys:
        lab.wait(pause_s)
        channel = lab.switch.snapshot(name or lab.phone(ANNA))
        lab.give(KeyPressed(node=NODE, at=lab.switch.now, channel=channel, key=key))
    lab.settle()


@pytest.mark.parametrize("state", ["ringing", "talking", "swapped", "merged"])
def test_cancelled_at_any_moment(state: str) -> None:
    lab = begun(state)
    press(lab, "*1")
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    assert not lab.switch.ringing()
    press(lab, "*1")
    nothing_left(lab)


def test_swapped_back_and_forth_and_merged() -> None:
    lab = begun("talking")
    states = []
    for keys in ("*4", "*4", "*3"):
        press(lab, keys)
        states.append(lab.state())
    assert states == ["swapped", "talking", "merged"]
    lab.do(Verb.LEAVE)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


@pytest.mark.parametrize(
    ("keys", "pause_s"),
    [("*", 0.3), ("1", 0.3), ("*21", 0.3), ("12", 0.3), ("*1", 2.5), ("#1", 0.3)],
)
def test_other_keys_are_none(keys: str, pause_s: float) -> None:
    lab = begun("talking")
    press(lab, keys, pause_s=pause_s)
    assert lab.state() == "talking"
    press(lab, "**1")
    assert lab.outcome() == "cancelled"
    nothing_left(lab)


@pytest.mark.parametrize("whose", ["caller", "target"])
def test_only_the_transferer_decides(whose: str) -> None:
    lab = begun("talking")
    press(lab, "*1", name=lab.caller if whose == "caller" else lab.phone(BRUNO))
    assert lab.state() == "talking"


def test_before_a_transfer_and_after_it_keys_mean_nothing() -> None:
    lab = begun()
    press(lab, "*1")
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    lab.bring("talking")
    assert lab.state() == "talking"
    lab.do(Verb.CANCEL)
    lab.settle()
    press(lab, "*4")
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    nothing_left(lab)


def test_what_makes_no_sense_now_changes_nothing_and_is_counted() -> None:
    lab = begun("ringing")
    press(lab, "*4")
    assert lab.state() == "ringing"
    refused = [count.labels for count in lab.counts if count.metric == "pbxd_transfer_refusals_total"]
    assert refused == [{"code": "not_possible_now"}]
    press(lab, "*1")
    assert lab.outcome() == "cancelled"


def test_no_keys_by_the_settings() -> None:
    lab = begun("ringing", keys={})
    press(lab, "*1")
    assert lab.state() == "ringing"
    lab.do(Verb.CANCEL)
    lab.settle()
    nothing_left(lab)


def test_a_transfer_begins_with_no_keys_pressed() -> None:
    lab = begun("talking")
    press(lab, "*")
    lab.do(Verb.CANCEL)
    lab.settle()
    assert lab.start(to(BRUNO), id_="t2", mode=TransferMode.ATTENDED).outcome == "done"
    lab.settle()
    press(lab, "1")
    assert lab.state("t2") == "ringing"
