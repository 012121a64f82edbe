"""A mailbox as the last target: the caller leaves a message when nobody takes him."""

from __future__ import annotations

import pytest

from pbxd.messages import DialplanSeen
from pbxd.orders import Target, TargetKind, TransferMode, Verb
from pbxd.transfers.prepared import no_voicemail
from tests.machines.small_switch import NODE
from tests.machines.transfer_lab import ANNA, BRUNO, DEVICE, TRUNK, Lab, to

BOX = Target(kind=TargetKind.VOICEMAIL, id="1002@default")


def talking(lacks: str = "") -> Lab:
    lab = Lab()
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks="", no_voicemail=lacks))
    return lab


def in_mailbox(lab: Lab) -> bool:
    seat = lab.switch.seats[lab.caller]
    return (seat.app, seat.vars.get("PBXD_MAILBOX")) == ("VoiceMail", "1002@default")


@pytest.mark.parametrize("mode", TransferMode)
def test_after_a_colleague_who_declines(mode: TransferMode) -> None:
    lab = talking()
    lab.start(to(BRUNO), BOX, mode=mode)
    lab.settle()
    lab.switch.decline(lab.phone(BRUNO))
    lab.wait(1)
    assert in_mailbox(lab)
    assert lab.outcome() == "completed"
    assert not [name for name in lab.switch.lines if name.startswith(DEVICE[ANNA])], "she is free"
    assert "declined" in lab.events()
    lab.wait(30)
    assert in_mailbox(lab), "nobody takes him out of it"
    assert not [count for count in lab.counts if "orphan" in count.metric]
    lab.switch.hang_up_phone(lab.caller)
    lab.wait(5)
    assert not lab.switch.lines


@pytest.mark.parametrize("mode", TransferMode)
@pytest.mark.parametrize("slow", [False, True])
def test_at_once(mode: TransferMode, slow: bool) -> None:
    lab = talking()
    lab.switch.slow = slow
    lab.start(BOX, mode=mode)
    lab.wait(1)
    lab.switch.heed()
    lab.wait(3)
    assert in_mailbox(lab)
    assert lab.outcome() == "completed"
    assert len(lab.switch.lines) == 1


def test_after_a_blonde_transfer() -> None:
    lab = talking()
    lab.start(to(BRUNO), BOX)
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.settle()
    lab.switch.decline(lab.phone(BRUNO))
    lab.wait(1)
    assert in_mailbox(lab)
    assert lab.outcome() == "completed"


def test_pbxd_is_killed_on_the_way() -> None:
    lab = talking()
    lab.start(BOX)
    lab.obey_one()
    lab.killed()
    lab.born()
    lab.wait(20)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]} or in_mailbox(lab)


@pytest.mark.parametrize(
    ("lacks", "box", "code"),
    [
        ("it has not loaded app_voicemail", BOX.id, "not_prepared"),
        ("", "1002", "no_such_target"),
        ("", "1002,s@default", "no_such_target"),
    ],
)
def test_refused(lacks: str, box: str, code: str) -> None:
    lab = talking(lacks)
    reply = lab.start(Target(kind=TargetKind.VOICEMAIL, id=box))
    assert (reply.outcome, reply.code) == ("refused", code)
    assert not lacks or lacks in reply.text
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}


def test_whether_there_is_an_app_voicemail_is_read_off_its_own_complaint() -> None:
    unknown = (
        "Invalid/unknown command: VoicemailUserStatus. Use Action: ListCommands to show available commands."
    )
    assert no_voicemail({"Response": "Error", "Message": unknown}) == "it has not loaded app_voicemail"
    assert no_voicemail({"Response": "Error", "Message": "Permission denied"})
    assert no_voicemail({"Response": "Error", "Message": "Need 'Context' parameter."}) == ""
    assert no_voicemail({"Response": "Success"}) == ""
