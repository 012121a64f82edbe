"""A transfer for which the switch, or the link to it, is not ready: nobody is torn out of his call."""

from __future__ import annotations

import pytest

from pbxd.messages import AskRefused, DialplanSeen
from pbxd.orders import TransferMode, Verb
from tests.machines.small_switch import NODE
from tests.machines.transfer_lab import ANNA, BRUNO, DEVICE, TRUNK, Lab, to


def talking() -> Lab:
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    return lab


@pytest.mark.parametrize("mode", list(TransferMode))
@pytest.mark.parametrize("room", [0, 1, 15, 20])
def test_a_start_for_which_the_link_has_no_room_is_not_begun(room: int, mode: TransferMode) -> None:
    lab = talking()
    lab.room = room
    lab.start(to(BRUNO), mode=mode)
    assert not [ask for ask in lab.asks if ask.action["Action"] in ("Setvar", "Redirect", "Originate")]
    lab.room = 10_000
    lab.wait(60)
    assert (lab.state(), lab.outcome()) == ("ended", "failed")
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert not lab.switch.ringing()


def test_a_start_that_the_switch_refuses_leaves_them_together() -> None:
    """The actions are with the switch already: it refuses the redirection, and calls the target."""
    lab = talking()
    lab.start(to(BRUNO))
    while (ask := lab.asks.popleft()).action["Action"] != "Redirect":
        lab.give(AskRefused(ask=ask.ask, at=lab.switch.now, text="No such channel"))
    lab.give(AskRefused(ask=ask.ask, at=lab.switch.now, text="Channel does not exist"))
    assert lab.outcome() == "failed"
    lab.wait(60)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert not lab.switch.ringing()


def test_a_start_that_the_switch_carries_out_by_half_goes_on() -> None:
    """It has sent the caller away, and could not send the transferer, who is about to hang up."""
    lab = talking()
    lab.start(to(BRUNO))
    while (ask := lab.asks.popleft()).action["Action"] != "Redirect":
        assert lab.switch.obey(ask.action) is None
    lab.give(AskRefused(ask=ask.ask, at=lab.switch.now, text="Secondary redirect failed"))
    lab.switch.obey({key: value for key, value in ask.action.items() if not key.startswith("Extra")})
    lab.settle()
    lab.answer(BRUNO)
    lab.wait(20)
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}
    assert lab.outcome() == "completed"


def test_a_switch_without_the_dialplan_is_asked_for_no_transfer() -> None:
    lab = talking()
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks="its dialplan has no [pbxd-transfer]"))
    reply = lab.start(to(BRUNO))
    assert (reply.outcome, reply.code) == ("refused", "not_prepared")
    assert reply.text == "the switch lab is not prepared for transfers: its dialplan has no [pbxd-transfer]"
    assert not lab.asks
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}

    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks=""))
    assert lab.start(to(BRUNO)).outcome == "done"


def test_every_target_says_why_it_is_refused() -> None:
    lab = talking()
    lab.serves(BRUNO)
    before = {(row["kind"], row["id"]) for row in lab.world.targets(ANNA, None)}
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks="its dialplan has no [pbxd-transfer]"))
    rows = lab.world.targets(ANNA, None)
    assert {(row["kind"], row["id"]) for row in rows} == before
    assert {"agent", "queue"} <= {row["kind"] for row in rows}
    assert {(row["allowed"], row["code"], row["why"]) for row in rows} == {
        (
            False,
            "not_prepared",
            "the switch lab is not prepared for transfers: its dialplan has no [pbxd-transfer]",
        )
    }
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks=""))
    assert any(row["allowed"] for row in lab.world.targets(ANNA, None))


def test_a_transfer_goes_on_when_the_dialplan_is_lost() -> None:
    """It may be back in a moment, and nothing else would help its caller."""
    lab = talking()
    lab.start(to(BRUNO))
    lab.settle()
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks="its dialplan has no [pbxd-transfer]"))
    lab.answer(BRUNO)
    assert lab.do(Verb.COMPLETE).outcome == "done"
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}
