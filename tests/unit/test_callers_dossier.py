"""What a call's dossier holds after each thing that can be learnt of its caller, in whatever order."""

import pytest

from pbxd.callers.dossier import (
    MAX_STEPS,
    WITHHELD,
    CallerRules,
    Dossier,
    HistoryState,
    open_dossier,
    with_flow,
    with_history,
)
from pbxd.callers.numbers import NumberKind
from pbxd.ids import CallId, NodeId, Uniqueid
from pbxd.messages import FlowEntered, FlowLeft, FlowStep, HistoryFound, HistoryMissing, PastContact

RULES = CallerRules(default_region="CN", language="zh")
NODE = NodeId("pbx1")
CALL = CallId("pbx1:1.1")


def opened(presented: str = "013800138000", name: str = "张三", dialled: str = "100") -> Dossier:
    return open_dossier(
        RULES, call=CALL, node=NODE, at=1000.0, presented=presented, name=name, dialled=dialled
    )


def entered(number: str = "", name: str = "", dialled: str = "", flow: str = "main") -> FlowEntered:
    return FlowEntered(
        node=NODE,
        at=1001.0,
        uniqueid=Uniqueid("1.1"),
        flow=flow,
        number=number,
        name=name,
        dialled=dialled,
        language="zh",
    )


def step(label: str = "账单", digits: str = "1", at: float = 1002.0) -> FlowStep:
    return FlowStep(
        node=NODE,
        at=at,
        uniqueid=Uniqueid("1.1"),
        flow="main",
        step="choice",
        kind="menu",
        label=label,
        digits=digits,
        result="chosen",
    )


def left(subject: str | None) -> FlowLeft:
    return FlowLeft(
        node=NODE,
        at=1010.0,
        uniqueid=Uniqueid("1.1"),
        flow="main",
        result="queue",
        queue="billing",
        subject=subject,
    )


def found(name: str | None = None, *calls: str) -> HistoryFound:
    contacts = tuple(
        PastContact(
            call=CallId(call),
            arrived=1.0,
            ended=2.0,
            queue=None,
            subject=None,
            agent=None,
            outcome="direct",
            talk_s=1.0,
        )
        for call in calls
    )
    return HistoryFound(call=CALL, at=1003.0, name=name, contacts=contacts)


MISSING = HistoryMissing(call=CALL, at=1003.0, why="the store took longer than 150 ms")


def test_a_new_call_knows_its_number_and_waits_for_its_history() -> None:
    dossier = opened()
    assert dossier.card.number == "+8613800138000"
    assert dossier.card.place == "北京市"
    assert (dossier.name, dossier.dialled, dossier.arrived) == ("张三", "100", 1000.0)
    assert (dossier.history, dossier.why, dossier.flow, dossier.path) == (HistoryState.PENDING, "", None, ())


def test_a_withheld_number_has_no_history_to_wait_for() -> None:
    dossier = opened("anonymous", "Anonymous")
    assert dossier.card.kind is NumberKind.WITHHELD
    assert (dossier.history, dossier.why, dossier.best_name) == (HistoryState.MISSING, WITHHELD, "")


def test_the_flow_may_know_a_number_that_the_switch_withheld() -> None:
    dossier = with_flow(RULES, opened("", ""), entered("013800138000", "Li", "200"))
    assert dossier.card.number == "+8613800138000"
    assert (dossier.history, dossier.why) == (HistoryState.PENDING, "")
    assert (dossier.name, dossier.dialled, dossier.flow, dossier.language) == ("Li", "100", "main", "zh")


def test_the_flow_does_not_overrule_what_the_switch_presented() -> None:
    dossier = with_flow(RULES, opened(), entered("02584456789", "Other", "999"))
    assert (dossier.card.number, dossier.name, dossier.dialled) == ("+8613800138000", "张三", "100")


def test_the_path_grows_step_by_step() -> None:
    dossier = with_flow(RULES, opened(), entered())
    for number, digits in enumerate(("1", "12345", "")):
        dossier = with_flow(RULES, dossier, step(f"step {number}", digits, 1002.0 + number))
    assert [(s.label, s.digits, s.at) for s in dossier.path] == [
        ("step 0", "1", 1002.0),
        ("step 1", "12345", 1003.0),
        ("step 2", "", 1004.0),
    ]


def test_a_caller_who_goes_round_for_ever_keeps_his_newest_steps() -> None:
    dossier = opened()
    for number in range(MAX_STEPS + 7):
        dossier = with_flow(RULES, dossier, step(str(number)))
    assert len(dossier.path) == MAX_STEPS
    assert dossier.path[-1].label == str(MAX_STEPS + 6)
    assert dossier.steps_dropped == 7


def test_the_subject_stays_when_a_second_flow_knows_none() -> None:
    dossier = with_flow(RULES, opened(), left("billing"))
    assert dossier.subject == "billing"
    assert with_flow(RULES, dossier, left(None)).subject == "billing"
    assert with_flow(RULES, dossier, left("tech")).subject == "tech"


def test_what_was_keyed_or_named_is_made_harmless() -> None:
    dossier = with_flow(RULES, opened(name="A\r\nB\x1b[2J"), step("x\ny" + "z" * 9999, "1\r\n2"))
    assert dossier.name == "A B [2J"
    assert dossier.path[0].label.startswith("x yzz")
    assert len(dossier.path[0].label) == 200
    assert dossier.path[0].digits == "1 2"


def test_a_found_history_brings_the_name_kept() -> None:
    dossier = with_history(opened(name=""), found("老张", "a", "b"))
    assert dossier.history is HistoryState.FOUND
    assert [contact.call for contact in dossier.contacts] == ["a", "b"]
    assert dossier.best_name == "老张"
    assert with_history(opened(), found("老张")).best_name == "张三"


def test_the_call_itself_is_no_history() -> None:
    assert [c.call for c in with_history(opened(), found(None, "a", CALL)).contacts] == ["a"]


@pytest.mark.parametrize("first", ["found", "missing"])
def test_a_late_failure_takes_nothing_back_and_a_late_success_helps(first: str) -> None:
    answers = [found(None, "a"), MISSING] if first == "found" else [MISSING, found(None, "a")]
    dossier = opened()
    for answer in answers:
        dossier = with_history(dossier, answer)
    assert (dossier.history, dossier.why, len(dossier.contacts)) == (HistoryState.FOUND, "", 1)


def test_a_missing_history_says_why() -> None:
    dossier = with_history(opened(), MISSING)
    assert (dossier.history, dossier.why) == (HistoryState.MISSING, "the store took longer than 150 ms")
