"""Blind transfers on a switch that lacks the dialplan of transfers: nobody is moved before B answers."""

from __future__ import annotations

import random

import pytest

from pbxd.ids import TransferId
from pbxd.messages import DialplanSeen
from pbxd.orders import AcknowledgeHandover, Target, TargetKind, TransferMode, Verb
from pbxd.transfers.rules import Acknowledge, OnHangup, TransferRules, Unprepared
from tests.machines.small_switch import NODE, QUEUE
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to

LACKS = "its dialplan has no [pbxd-transfer]"
OURS = {"pbxd-transfer", "pbxd-transfer-queue", "pbxd-queue"}


def talking(**rules: object) -> Lab:
    lab = Lab(TransferRules(reassure_after_s=0, unprepared=Unprepared.BLIND, **rules))  # type: ignore[arg-type]
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks=LACKS))
    return lab


def begun(**rules: object) -> Lab:
    lab = talking(**rules)
    assert lab.start(to(BRUNO), to(CARLA), mode=TransferMode.BLIND).outcome == "done"
    lab.settle()
    return lab


def asked_for(lab: Lab) -> list[str]:
    """Every action that the switch was asked for; none may lead to a place that there is not."""
    actions = [effect.action for effect in lab.effects if hasattr(effect, "action")]
    assert not [action for action in actions if OURS & {action.get("Context"), action.get("ExtraContext")}]
    return [str(action["Action"]) for action in actions]


def test_the_caller_stays_until_the_target_answers() -> None:
    lab = begun()
    view = lab.world.transfer_view(TransferId("t1"))
    assert view is not None
    assert (view["profile"], view["state"], view["can"]) == ("plain", "ringing", ["cancel"])
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    lab.answer(BRUNO)
    assert lab.hears(lab.caller) == {DEVICE[BRUNO]}
    assert not [name for name in lab.switch.lines if name.startswith(DEVICE[ANNA])]
    assert (lab.outcome(), lab.events()) == ("completed", ["created", "ringing", "completed", "ended"])
    assert set(asked_for(lab)) == {"Originate"}
    assert [count.labels for count in lab.counts if count.metric == "pbxd_transfers_plain_total"] == [
        {"node": NODE}
    ]


def test_what_is_reached_by_the_dialplan_alone_is_not_offered() -> None:
    lab = talking()
    lab.serves(BRUNO)
    rows = {(row["kind"], row["id"]): row for row in lab.world.targets(ANNA, None)}
    assert rows["agent", BRUNO]["allowed"]
    queue = rows["queue", QUEUE]
    assert (queue["allowed"], queue["code"]) == (False, "not_prepared")
    assert queue["why"].startswith("a queue is no target now")
    lab.give(DialplanSeen(node=NODE, at=lab.switch.now, lacks=""))
    rows = {(row["kind"], row["id"]): row for row in lab.world.targets(ANNA, None)}
    assert rows["queue", QUEUE]["allowed"]


def test_the_next_one_is_called_when_one_declines() -> None:
    lab = begun()
    lab.switch.decline(lab.phone(BRUNO))
    lab.settle()
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    lab.answer(CARLA)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[CARLA]})
    assert "declined" in lab.events()


def test_nobody_answers() -> None:
    lab = begun(ring_timeout_s=10.0)
    lab.wait(40)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("no_answer", {DEVICE[ANNA]})
    assert not lab.switch.ringing()


def test_cancelled() -> None:
    lab = begun()
    lab.do(Verb.CANCEL)
    assert lab.do(Verb.CANCEL).outcome == "done"
    lab.wait(20)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    assert not lab.switch.ringing()


def test_the_caller_leaves() -> None:
    lab = begun()
    lab.switch.hang_up_phone(lab.caller)
    lab.wait(5)
    assert lab.outcome() == "caller_left"
    assert not lab.switch.lines


def test_his_page_shows_it_first() -> None:
    lab = talking(acknowledge=Acknowledge.WAIT, acknowledge_up_to_s=2.0)
    lab.start(to(BRUNO), mode=TransferMode.BLIND)
    lab.settle()
    assert lab.state() == "created"
    assert not lab.switch.ringing()
    for _ in range(2):
        lab.give(AcknowledgeHandover(agent=BRUNO, at=lab.switch.now, transfer=TransferId("t1")))
        lab.settle()
    assert len(lab.switch.ringing()) == 1
    lab.wait(5)
    assert len(lab.switch.ringing()) == 1
    lab.answer(BRUNO)
    assert lab.outcome() == "completed"


@pytest.mark.parametrize(
    ("target", "mode", "code"),
    [
        (to(BRUNO), TransferMode.ATTENDED, "not_prepared"),
        (Target(kind=TargetKind.QUEUE, id=QUEUE), TransferMode.BLIND, "not_prepared"),
    ],
)
def test_what_cannot_be_done_is_refused(target: Target, mode: TransferMode, code: str) -> None:
    lab = talking()
    lab.serves(CARLA)
    reply = lab.start(target, mode=mode)
    assert (reply.outcome, reply.code) == ("refused", code)
    assert "not prepared" in reply.text
    assert asked_for(lab) == []


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.CANCEL])
def test_only_cancelling_is_possible(verb: Verb) -> None:
    lab = begun()
    assert lab.do(verb).code == "not_possible_now"
    assert set(asked_for(lab)) == {"Originate"}


@pytest.mark.parametrize("answered", [False, True])
def test_pbxd_is_killed(answered: bool) -> None:
    lab = begun()
    lab.killed()
    if answered:
        lab.switch.answer(lab.phone(BRUNO))
    lab.give_back()
    lab.wait(1)
    if not answered:
        assert lab.state() == "ringing"
        lab.answer(BRUNO)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})


@pytest.mark.parametrize("week", range(4))
def test_random_days(week: int) -> None:
    for day in range(week * 50, week * 50 + 50):
        try:
            a_day(random.Random(day))
        except Exception as fault:
            raise AssertionError(f"day {day}") from fault


def a_day(chance: random.Random) -> None:
    lab = talking(
        acknowledge=chance.choice(list(Acknowledge)),
        on_hangup=chance.choice(list(OnHangup)),
        ring_timeout_s=15.0,
    )
    gone = False
    targets = [to(who) for who in chance.sample((BRUNO, CARLA, DORA), chance.randint(1, 3))]
    lab.start(*targets, mode=TransferMode.BLIND)
    for _ in range(25):
        match chance.randrange(9):
            case 0 if chance.random() < 0.3:
                # In the very moment of the answer it would end the talk of the target with the caller.
                lab.settle()
                lab.do(Verb.CANCEL)
                lab.settle()
            case 1 if lab.switch.ringing():
                lab.switch.answer(chance.choice(lab.switch.ringing()))
            case 2 if lab.switch.ringing():
                lab.switch.decline(chance.choice(lab.switch.ringing()))
            case 3 if chance.random() < 0.2 and lab.caller in lab.switch.lines:
                talking_ = [n for n, line in lab.switch.lines.items() if line.snapshot.state == 6]
                lab.switch.hang_up_phone(chance.choice(talking_))
                gone = True
            case 4 if lab.linked and chance.random() < 0.2:
                lab.killed() if chance.random() < 0.5 else lab.lost()
                lab.give_back()
            case 5 | 6:
                lab.wait(chance.choice([0.5, 2.0, 8.0]))
            case 7 if lab.switch.news:
                lab.hear_one()
            case 8:
                lab.settle()
    lab.wait(60)
    assert lab.events().count("ended") == 1
    assert gone or lab.hears(lab.caller), "nobody hung up, and the caller is with nobody"
    assert not lab.switch.ringing()
    asked_for(lab)
    assert not [count for count in lab.counts if "orphan" in count.metric]
