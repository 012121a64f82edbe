"""A caller on hold for too long: asked whether he wants to be called back, and what becomes of that."""

from __future__ import annotations

from typing import Any

import pytest

from pbxd.effects import KeepCallback, Publish, Reply, Tell
from pbxd.ids import AgentId, TransferId
from pbxd.messages import CallbacksKept
from pbxd.orders import EndCallback, Verb
from pbxd.transfers.rules import GuardThen, OnHangup, TransferRules
from tests.machines.transfer_lab import ANNA, BRUNO, CARLA, DEVICE, DORA, TRUNK, Lab, to


def held(state: str, **rules: Any) -> Lab:
    """Anna's caller has been on hold for too long, and hears the offer."""
    more = {"guard_after_s": 10.0, "guard_then": GuardThen.OFFER, "reassure_after_s": 0, **rules}
    lab = Lab(TransferRules(**more))
    lab.caller, _ = lab.switch.call(TRUNK, DEVICE[ANNA])
    lab.settle()
    lab.start(to(BRUNO))
    lab.settle()
    if state == "talking":
        lab.answer(BRUNO)
    elif state == "blonde":
        lab.do(Verb.COMPLETE)
    lab.wait(10.5)
    assert lab.switch.seats[lab.caller].exten == "offer"
    assert lab.outcome() is None
    return lab


def wishes(lab: Lab, agent: AgentId | None = None) -> list[str]:
    return [str(view["id"]) for view in lab.world.callbacks(agent)]


STATES = pytest.mark.parametrize("state", ["ringing", "talking", "blonde"])


@STATES
def test_he_says_yes(state: str) -> None:
    lab = held(state)
    lab.switch.press(lab.caller)
    lab.wait(5)
    assert lab.outcome() == "caller_left"
    (view,) = lab.world.callbacks(None)
    assert view["caller"]["number"]
    assert (view["id"], view["agent"]) == ("t1", ANNA)
    assert lab.caller not in lab.switch.lines
    assert not lab.switch.ringing()
    lab.wait(30)
    assert not [count for count in lab.counts if "orphan" in count.metric]


@STATES
def test_he_says_nothing(state: str) -> None:
    lab = held(state)
    lab.wait(8)
    if state == "blonde":  # Anna has gone: her phone rings for him
        lab.answer(ANNA)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert lab.outcome() == (
        "cancelled" if state == "talking" else "no_answer" if state == "ringing" else "recalled"
    )
    assert wishes(lab) == []
    lab.wait(30)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}
    assert not [count for count in lab.counts if "orphan" in count.metric]


@pytest.mark.parametrize("on_hangup", OnHangup)
def test_the_transferer_hangs_up_meanwhile(on_hangup: OnHangup) -> None:
    lab = held("ringing", on_hangup=on_hangup)
    lab.switch.hang_up_phone(lab.phone(ANNA))
    lab.wait(12)
    lab.answer(ANNA)
    assert lab.hears(lab.caller) == {DEVICE[ANNA]}


@pytest.mark.parametrize("pressed", [False, True])
def test_pbxd_is_killed_meanwhile(pressed: bool) -> None:
    lab = held("talking")
    if pressed:
        lab.switch.press(lab.caller)
        lab.settle()
    lab.killed()
    lab.born()
    lab.wait(20)
    if pressed:
        assert lab.caller not in lab.switch.lines or lab.hears(lab.caller) == {DEVICE[ANNA]}
    else:
        assert lab.hears(lab.caller) == {DEVICE[ANNA]}


def ended(lab: Lab, agent: AgentId | None) -> tuple[str, list[Any]]:
    order = EndCallback(order=f"e{agent}", agent=agent, at=lab.switch.now, callback=TransferId("t1"))
    effects = lab.give(order)
    (reply,) = [effect for effect in effects if isinstance(effect, Reply)]
    return reply.code or reply.outcome, effects


def test_somebody_works_it_off() -> None:
    lab = held("ringing")
    lab.serves(CARLA)
    lab.switch.press(lab.caller)
    lab.wait(5)
    assert wishes(lab, ANNA) == wishes(lab, CARLA) == ["t1"]
    assert wishes(lab, DORA) == []
    assert [p.topic.rpartition("/")[2] for p in lab.published if "/callback/" in p.topic] == ["wanted"]
    assert {tell.agent for tell in lab.told if tell.kind == "callbacks"} == {ANNA, CARLA}
    assert ended(lab, DORA)[0] == "no_such_callback"
    code, effects = ended(lab, CARLA)
    assert code == "done"
    assert [e for e in effects if isinstance(e, KeepCallback)] == [
        KeepCallback(callback=TransferId("t1"), body=None)
    ]
    assert [e.body["by"] for e in effects if isinstance(e, Publish)] == [CARLA]
    assert {e.agent: e.body["callbacks"] for e in effects if isinstance(e, Tell)} == {ANNA: [], CARLA: []}
    assert ended(lab, CARLA)[0] == "no_such_callback"
    assert wishes(lab) == []


def test_a_wish_survives_a_restart_and_nonsense_does_not() -> None:
    lab = held("ringing")
    lab.switch.press(lab.caller)
    lab.wait(5)
    (kept,) = [e for e in lab.effects if isinstance(e, KeepCallback)]
    assert kept.body is not None
    lab.born()
    bodies = {kept.callback: kept.body, TransferId("t9"): {"version": 7}}
    effects = lab.give(CallbacksKept(at=lab.switch.now, bodies=bodies))
    assert effects == [KeepCallback(callback=TransferId("t9"), body=None)]
    assert lab.world.callbacks(None) == [kept.body]
