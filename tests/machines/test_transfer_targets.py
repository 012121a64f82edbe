"""To whom callers are handed over, when the target's phone may ring, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pbxd.agents.outside import OutsideRules
from pbxd.effects import Ask, Tell
from pbxd.ids import AgentId, CallId, TransferId
from pbxd.orders import AcknowledgeHandover, AnnotateTransfer, Target, TargetKind, TransferMode, Verb
from pbxd.transfers.rules import Acknowledge, OnHangup, QueueRules, TransferRules
from tests.machines.small_switch import QUEUE
from tests.machines.test_transfer_story import nothing_left
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to
from tests.machines.transfer_switch import Seat

SUPPORT = Target(kind=TargetKind.QUEUE, id=QUEUE)
TAX = Target(kind=TargetKind.SKILL, id="tax")


def called(*, local: bool = False, **rules: Any) -> Lab:
    lab = Lab(TransferRules(reassure_after_s=0, **rules), local=local)
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    return lab


def dialled(lab: Lab) -> list[str]:
    return [
        str(effect.action["Channel"])
        for effect in lab.effects
        if isinstance(effect, Ask) and effect.action["Action"] == "Originate"
    ]


# ---------------------------------------------------------------- behind Local channels


@pytest.mark.parametrize("rings_first", [False, True])
def test_a_phone_behind_a_local_channel_is_known_to_ring(rings_first: bool) -> None:
    lab = called(local=True)
    lab.switch.rings_first = rings_first
    lab.start(to(CARLA))
    lab.settle()
    assert (lab.state(), lab.events()) == ("ringing", ["created", "ringing"])


@pytest.mark.parametrize("verb", [Verb.COMPLETE, Verb.CANCEL, Verb.SWAP, Verb.MERGE, Verb.REQUEUE])
def test_a_target_behind_a_local_channel(verb: Verb) -> None:
    lab = called(local=True)
    lab.start(to(CARLA))
    lab.settle()
    assert lab.state() == "ringing"
    lab.switch.answer(lab.phone(CARLA))
    lab.settle()
    assert lab.state() == "talking"
    assert lab.do(verb).outcome == "done"
    lab.settle()
    expected = {
        Verb.COMPLETE: "completed",
        Verb.CANCEL: "cancelled",
        Verb.SWAP: None,
        Verb.MERGE: None,
        Verb.REQUEUE: "requeued",
    }
    assert lab.outcome() == expected[verb]
    nothing_left(lab)


def test_a_phone_behind_a_local_channel_declines() -> None:
    lab = called(local=True)
    lab.start(to(CARLA))
    lab.settle()
    lab.switch.decline(lab.phone(CARLA))
    lab.wait(3)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("declined", {DEVICE[ANNA]})
    nothing_left(lab)


# ---------------------------------------------------------------- skills, queues, numbers


def test_a_skill_is_tried_from_the_best_on() -> None:
    """Carla, then Dora (whose phone is not there), then Bruno."""
    lab = called()
    lab.start(TAX)
    lab.settle()
    lab.switch.decline(lab.phone(CARLA))
    lab.wait(1)
    assert dialled(lab) == [DEVICE[CARLA], DEVICE[DORA], DEVICE[BRUNO]]
    lab.answer(BRUNO)
    lab.do(Verb.COMPLETE)
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {DEVICE[BRUNO]})
    nothing_left(lab)


def test_whose_phone_is_not_there_could_not_be_reached() -> None:
    lab = called()
    lab.start(to(DORA))
    lab.wait(5)
    view = lab.world.transfer_view(TransferId("t1"))
    assert view is not None
    assert (view["outcome"], view["why"]) == ("failed", "Dora could not be reached")
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    nothing_left(lab)


def test_whoever_declined_is_not_called_again() -> None:
    lab = called()
    lab.start(to(CARLA), to(CARLA), TAX)
    lab.settle()
    lab.switch.decline(lab.phone(CARLA))
    lab.wait(1)
    assert dialled(lab) == [DEVICE[CARLA], DEVICE[DORA], DEVICE[BRUNO]]


def test_the_pages_are_told_what_happens_in_the_words_of_the_broker() -> None:
    """Also who declined before the next one is called: no view says that any more."""
    lab = called()
    lab.start(to(BRUNO), to(CARLA))
    lab.settle()
    lab.switch.decline(lab.phone(BRUNO))
    lab.settle()
    lab.switch.answer(lab.phone(CARLA))
    lab.settle()
    lab.do(Verb.COMPLETE)
    lab.settle()
    moments = [e for e in lab.effects if isinstance(e, Tell) and e.kind == "transfer_event"]
    of = {agent: [e.body["event"] for e in moments if e.agent == agent] for agent in (ANNA, BRUNO, CARLA)}
    assert of[ANNA] == lab.events()
    assert of[ANNA] == ["created", "ringing", "declined", "ringing", "answered", "completed", "ended"]
    assert of[BRUNO] == ["ringing", "declined"]
    assert of[CARLA] == ["ringing", "answered", "completed", "ended"]
    told = next(e.body for e in moments if e.body["event"] == "declined")
    assert told["transfer"]["why"] == "Bruno declined"


@pytest.mark.parametrize("how", ["declined", "slip"])
def test_a_recall_is_told_once_and_when_it_begins(how: str) -> None:
    lab = called(on_hangup=OnHangup.BACK)
    if how == "declined":
        lab.start(to(BRUNO), mode=TransferMode.BLIND)
        lab.settle()
        lab.switch.decline(lab.phone(BRUNO))
    else:
        lab.bring("talking")
        lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.settle()
    assert (lab.state(), lab.events()[-1]) == ("recalling", "recalled")
    lab.switch.answer(lab.phone(ANNA))
    lab.settle()
    assert lab.outcome() == "recalled"
    assert lab.events()[-2:] == ["recalled", "ended"]
    assert lab.events().count("recalled") == 1


def test_a_queue_answers() -> None:
    lab = called()
    lab.serves(BRUNO)
    lab.start(SUPPORT)
    lab.settle()
    handed = [e for e in lab.effects if isinstance(e, Tell) and e.kind == "handover"]
    assert {tell.agent for tell in handed} == {BRUNO}
    lab.switch.answer(lab.phone(BRUNO))
    lab.settle()
    assert lab.state() == "talking"
    assert lab.do(Verb.COMPLETE).outcome == "done"
    lab.settle()
    assert (lab.outcome(), lab.hears(lab.caller)) == ("completed", {f"Local/{QUEUE}@pbxd-transfer-queue"})
    nothing_left(lab)


@pytest.mark.parametrize("mode", TransferMode)
def test_completed_into_a_queue_the_caller_waits_himself(mode: TransferMode) -> None:
    lab = called()
    lab.serves(BRUNO)
    lab.start(SUPPORT, mode=mode)
    lab.settle()
    if mode is TransferMode.ATTENDED:
        lab.wait(4)
        assert lab.do(Verb.COMPLETE).outcome == "done"
        lab.settle()
    assert (lab.outcome(), lab.switch.queued) == ("completed", [lab.caller])
    assert set(lab.switch.lines) == {lab.caller}
    nothing_left(lab)


def test_a_number_outside_counts_for_its_agent() -> None:
    rules = OutsideRules(allow=("+1",), dial="PJSIP/1003", per_agent_per_hour=1)
    lab = called(outside=rules)
    number = Target(kind=TargetKind.OUTSIDE, id="+12125550100")
    assert lab.start(number).outcome == "done"
    lab.settle()
    lab.do(Verb.CANCEL)
    lab.settle()
    assert lab.start(number, id_="t2").code == "rate_limited"
    assert lab.start(Target(kind=TargetKind.OUTSIDE, id="+4930123456"), id_="t3").code == "not_allowed"


def test_of_several_phones_of_a_queue_the_one_that_is_answered_is_the_target() -> None:
    lab = called()
    lab.serves(BRUNO)
    lab.serves(CARLA)
    lab.start(SUPPORT)
    lab.settle()
    far = next(name for name in lab.switch.lines if name.endswith(";2"))
    second = lab.switch.line(DEVICE[CARLA], lab.switch.linkedid(far), 0)
    lab.switch.seats[second] = Seat(app="Behind", peer=far)
    lab.switch.call_member(far, second, DEVICE[CARLA])
    lab.switch.state(second, 5)
    lab.settle()
    lab.switch.unanswered(lab.phone(BRUNO), "CANCEL", 16)
    lab.switch.answer(second)
    lab.settle()
    view = lab.world.transfer_view(TransferId("t1"))
    assert view is not None
    assert (view["target"]["agent"], lab.state()) == (CARLA, "talking")
    assert lab.kept[TransferId("t1")]["target_agent"] == CARLA
    # Whoever's phone rang first was told that he is not meant.
    told = [e.body for e in lab.effects if isinstance(e, Tell) and (e.agent, e.kind) == (BRUNO, "transfer")]
    assert told[-1]["target"]["agent"] == CARLA


def test_a_caller_keeps_his_waiting_time_and_gets_a_priority() -> None:
    lab = called(queues={QUEUE: QueueRules(priority=5)})
    lab.serves(BRUNO)
    lab.start(SUPPORT)
    lab.settle()
    asked = [e.action for e in lab.effects if isinstance(e, Ask) and e.action["Action"] == "Originate"]
    assert {"QUEUE_PRIO=5", "PBXD_QUEUE_POSITION=1"} <= set(asked[0]["Variable"])
    lab.do(Verb.REQUEUE)
    lab.settle()
    said = {
        e.action["Variable"]: e.action["Value"]
        for e in lab.effects
        if isinstance(e, Ask) and e.action["Action"] == "Setvar"
    }
    assert (said["QUEUE_PRIO"], said["PBXD_QUEUE_POSITION"], said["PBXD_QUEUE"]) == ("5", "1", QUEUE)


# ---------------------------------------------------------------- the target knows before it rings


def test_the_phone_waits_for_the_page() -> None:
    lab = called(acknowledge=Acknowledge.WAIT)
    lab.start(to(BRUNO))
    lab.settle()
    assert dialled(lab) == []
    assert [e.agent for e in lab.effects if isinstance(e, Tell) and e.kind == "handover"] == [BRUNO]
    lab.give(AcknowledgeHandover(agent=BRUNO, at=lab.switch.now, transfer=TransferId("t1")))
    lab.settle()
    assert dialled(lab) == [DEVICE[BRUNO]]
    assert lab.state() == "ringing"


def test_the_page_is_not_waited_for_without_an_end() -> None:
    lab = called(acknowledge=Acknowledge.WAIT, acknowledge_up_to_s=0.3)
    lab.start(to(BRUNO), to(CARLA))
    lab.wait(0.2)
    assert dialled(lab) == []
    lab.wait(0.2)
    assert dialled(lab) == [DEVICE[BRUNO]]
    lab.switch.decline(lab.phone(BRUNO))
    lab.settle()
    assert dialled(lab) == [DEVICE[BRUNO]]
    lab.wait(0.4)
    assert dialled(lab) == [DEVICE[BRUNO], DEVICE[CARLA]]


@pytest.mark.parametrize("policy", Acknowledge)
def test_everybody_who_is_called_has_the_handover_before(policy: Acknowledge) -> None:
    lab = called(acknowledge=policy)
    lab.start(to(BRUNO), TAX)
    lab.wait(1)
    for agent in (BRUNO, CARLA):
        lab.switch.decline(lab.phone(agent))
        lab.wait(1)
    told: set[AgentId] = set()
    for effect in lab.effects:
        if isinstance(effect, Tell) and effect.kind == "handover":
            told.add(effect.agent)
        if isinstance(effect, Ask) and effect.action["Action"] == "Originate":
            assert next(a for a, d in DEVICE.items() if d == effect.action["Channel"]) in told
    assert told == {BRUNO, CARLA, DORA}


def test_what_the_transferer_writes_is_in_the_view_and_with_the_target() -> None:
    lab = called()
    lab.start(to(BRUNO))
    lab.settle()
    lab.give(
        AnnotateTransfer(
            order="note", agent=ANNA, at=lab.switch.now, transfer=TransferId("t1"), note="needs form 7"
        )
    )
    assert lab.replies[-1].body["note"] == "needs form 7"
    documents = [e.body for e in lab.effects if isinstance(e, Tell) and e.kind == "handover"]
    assert documents[-1]["note"] == "needs form 7"


# ---------------------------------------------------------------- policies


def test_a_caller_on_hold_for_too_long_goes_back() -> None:
    lab = called(guard_after_s=40.0)
    lab.start(to(BRUNO))
    lab.settle()
    lab.answer(BRUNO)
    lab.wait(41)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("cancelled", {DEVICE[ANNA]})
    nothing_left(lab)


def test_the_guard_does_not_count_the_time_with_somebody() -> None:
    lab = called(guard_after_s=40.0)
    lab.start(to(BRUNO))
    lab.settle()
    lab.answer(BRUNO)
    lab.wait(30)
    lab.do(Verb.SWAP)
    lab.wait(30)
    lab.do(Verb.SWAP)
    lab.wait(30)
    assert lab.state() == "talking"


@pytest.mark.parametrize("when", ["ringing", "talking", "swapped"])
def test_a_hang_up_can_be_a_slip(when: str) -> None:
    lab = called(on_hangup=OnHangup.BACK)
    lab.bring(when)
    lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.wait(1)
    lab.answer(ANNA)
    lab.wait(1)
    assert (lab.outcome(), lab.hears(lab.caller)) == ("recalled", {DEVICE[ANNA]})
    assert not [name for name in lab.switch.lines if name.startswith(DEVICE[BRUNO])]
    nothing_left(lab)


# ---------------------------------------------------------------- refusals


def test_orders_that_make_no_sense() -> None:
    lab = Lab()
    assert lab.start(to(BRUNO)).code == "no_call"
    assert lab.do(Verb.CANCEL).code == "no_such_transfer"
    lab = called()
    assert lab.start(to(ANNA)).code == "target_yourself"
    assert lab.start(Target(kind=TargetKind.AGENT, id="nobody")).code == "no_such_target"
    assert lab.start(to(CARLA), by=BRUNO).code == "no_call"
    call = CallId(next(iter(lab.world.nodes["lab"].calls.journeys.calls)))  # type: ignore[index]
    assert lab.start(to(CARLA), by=BRUNO, call=call).code == "not_yours"
    assert lab.start(to(BRUNO), call=call).outcome == "done"
    assert lab.start(to(CARLA), id_="t2").code == "already_transferring"
    assert lab.start(to(CARLA)).body["target"]["id"] == "bruno"  # the same id is the same order
    assert lab.do(Verb.CANCEL, by=BRUNO).code == "no_such_transfer"
    refused = lab.do(Verb.MERGE)
    assert (refused.code, refused.text) == (
        "not_possible_now",
        "merge makes no sense while the transfer is created",
    )
    assert lab.do(Verb.REQUEUE, queue="nowhere").code == "no_such_target"
    assert lab.do(Verb.CANCEL, by=None).outcome == "done"
    lab.settle()
    assert lab.outcome() == "cancelled"


def test_a_switch_that_cannot_be_reached() -> None:
    lab = called()
    lab.start(to(BRUNO))
    lab.settle()
    lab.lost()
    assert lab.do(Verb.CANCEL).code == "link_down"
    assert lab.start(to(BRUNO), id_="t2").code in ("link_down", "already_transferring")


def test_a_target_who_talks_is_skipped() -> None:
    lab = called()
    lab.switch.call(TRUNK, DEVICE[BRUNO])
    lab.settle()
    assert lab.start(to(BRUNO)).code == "target_busy"
    lab.start(to(BRUNO), to(CARLA))
    lab.settle()
    assert dialled(lab) == [DEVICE[CARLA]]


def test_every_order_gets_one_reply() -> None:
    lab = called()
    lab.start(to(BRUNO))
    for verb in Verb:
        lab.do(verb)
        lab.settle()
    orders = [reply.order for reply in lab.replies]
    assert len(orders) == len(set(orders)) == len(Verb) + 1
