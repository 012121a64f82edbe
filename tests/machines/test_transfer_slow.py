"""Channels that take their time to go where they were sent, and refuse every other place meanwhile."""

from __future__ import annotations

from collections import deque

import pytest

from pbxd.ami.event_types import OriginateFailed
from pbxd.effects import Ask
from pbxd.ids import Uniqueid
from pbxd.messages import AskDone
from pbxd.orders import Verb
from tests.machines.small_switch import NODE
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, TRUNK, Lab, to


def started(seconds: float) -> Lab:
    """Anna's transfer to Bruno, and neither she nor her caller has moved yet."""
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.switch.slow = True
    lab.start(to(BRUNO))
    lab.wait(seconds)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    return lab


@pytest.mark.parametrize("seconds", [0.0, 0.6, 1.5, 3.0])
def test_cancelled_before_they_have_parted(seconds: float) -> None:
    lab = started(0)
    lab.do(Verb.CANCEL)
    lab.wait(seconds)
    assert lab.outcome() is None, "whoever is still to go is not back"
    lab.switch.heed()
    while lab.outcome() is None:
        lab.wait(0.1)
    assert lab.outcome() == "cancelled"
    assert lab.start(to(BRUNO), id_="t2").outcome == "done"
    lab.do(Verb.CANCEL, id_="t2")
    lab.wait(20)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert not [count for count in lab.counts if "orphan" in count.metric]


@pytest.mark.parametrize("seconds", [0.0, 0.6, 3.0])
def test_handed_over_before_they_have_parted(seconds: float) -> None:
    lab = started(0)
    lab.do(Verb.COMPLETE)
    lab.wait(seconds)
    assert lab.outcome() is None
    lab.switch.heed()
    lab.wait(2)
    lab.answer(BRUNO)
    lab.wait(10)
    assert lab.outcome() == "completed"
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}
    assert not [count for count in lab.counts if "orphan" in count.metric]


def test_a_rearrangement_just_before_they_part_is_no_return() -> None:
    """Asterisk still puts Anna in the place of the Local channel by which she was reached."""
    lab = started(0)
    anna = next(name for name in lab.switch.lines if name.startswith(DEVICE[ANNA]))
    bridge = lab.switch.lines[anna].bridge
    assert bridge is not None
    lab.switch.leave(anna)
    lab.settle()
    lab.switch.enter(anna, bridge)
    lab.settle()
    assert lab.outcome() is None
    lab.switch.heed()
    lab.settle()
    lab.answer(BRUNO)
    assert lab.state() == "talking"
    lab.do(Verb.CANCEL)
    lab.wait(2)
    assert lab.outcome() == "cancelled"
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}


def test_who_never_parts_is_together_again() -> None:
    """The order was lost: not waited for without an end."""
    lab = started(0)
    lab.do(Verb.CANCEL)
    lab.switch.unheeded.clear()
    lab.wait(12)
    assert lab.outcome() == "cancelled"
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}


def unanswered() -> tuple[Lab, deque[Ask]]:
    """A transfer was ordered six seconds ago, and the switch has not answered what it was told: that, too."""
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.start(to(BRUNO))
    told, lab.asks = lab.asks, deque()
    lab.wait(6)
    return lab, told


def test_a_busy_switch_is_waited_for() -> None:
    """It has been told, and has not answered yet: nobody is given up, and nothing is said twice."""
    lab, told = unanswered()
    assert lab.outcome() is None
    assert not lab.asks
    lab.asks = told
    lab.settle()
    lab.answer(BRUNO)
    lab.do(Verb.COMPLETE)
    lab.wait(2)
    assert lab.outcome() == "completed"
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}


def test_a_channel_may_take_its_time_after_the_answer() -> None:
    """The switch has taken the order late, and is still too busy to call."""
    lab, told = unanswered()
    for ask in told:
        if ask.action["Action"] != "Originate":
            lab.switch.obey(ask.action)
        lab.give(AskDone(ask=ask.ask, at=lab.switch.now, response={}))
    lab.wait(4)
    assert lab.outcome() is None
    (call,) = [ask.action for ask in told if ask.action["Action"] == "Originate"]
    lab.switch.obey(call)
    lab.settle()
    lab.answer(BRUNO)
    assert lab.state() == "talking"


@pytest.mark.parametrize("comes", [True, False])
def test_that_originate_failed_may_overtake_what_is_told_of_the_channel(comes: bool) -> None:
    """Bruno declines in the moment in which he is called; or there is no phone of his at all."""
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    switch, held = lab.switch, []
    originate, switch.originate = switch.originate, held.append  # type: ignore[method-assign]
    lab.start(to(BRUNO), to(CARLA))
    lab.settle()
    (action,) = held
    uniqueid = Uniqueid(action["ChannelId"])
    switch.originate = originate  # type: ignore[method-assign]
    switch.tell(OriginateFailed(node=NODE, at=switch.now, uniqueid=uniqueid, no_answer=False))
    lab.settle()
    if comes:
        switch.originate(action)
        switch.decline(lab.phone(BRUNO))
    lab.wait(1)
    assert lab.phone(CARLA) in switch.ringing()
    first = ["ringing", "declined"] if comes else ["timeout"]
    assert lab.events() == ["created", *first, "ringing"]
