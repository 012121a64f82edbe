"""The screen pop: what it says, that it follows its schema, and that nothing in it can do anything."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbxd.callers.dossier import CallerRules, Dossier, open_dossier, with_flow, with_history
from pbxd.callers.repeat import RepeatRule
from pbxd.callers.shown import MAX_CONTACTS, MAX_PATH
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.messages import FlowEntered, FlowLeft, FlowStep, HistoryFound, HistoryMissing, PastContact
from pbxd.screenpop.document import build, closed, closed_schema, pop_id, schema
from tests.thorough import examples

NODE, CALL, CHANNEL = NodeId("pbx1"), CallId("pbx1:1700000000.7"), Uniqueid("1700000000.7")
NOW = 1_700_000_100.0
FOLLOWS = jsonschema.Draft202012Validator(schema())

HOSTILE = [
    "Eve\r\nAction: Originate\r\nApplication: System\r\n",
    "${SHELL(id)}",
    "\"'; DROP TABLE contacts; --",
    "a,b,c|d;e",
    "<script>alert(1)</script>",
    "x" * 10_000,
    "\udce5\udcbc\udca0",
    "\u202etxt.exe",
    "\x1b]0;pwned\x07\0",
]


def opened(number: str = "013800138000", name: str = "张三") -> Dossier:
    rules = CallerRules(default_region="CN", language="zh")
    dossier = open_dossier(
        rules, call=CALL, node=NODE, at=NOW - 60, presented=number, name=name, dialled="4001"
    )
    return with_flow(
        rules,
        dossier,
        FlowEntered(
            node=NODE,
            at=NOW - 59,
            uniqueid=CHANNEL,
            flow="main",
            number=number,
            name=name,
            dialled="4001",
            language="zh",
        ),
    )


def stepped(dossier: Dossier, label: str = "账单", digits: str = "1") -> Dossier:
    return with_flow(
        CallerRules(),
        dossier,
        FlowStep(
            node=NODE,
            at=NOW - 50,
            uniqueid=CHANNEL,
            flow="main",
            step="choice",
            kind="menu",
            label=label,
            digits=digits,
            result="chosen",
        ),
    )


def left(dossier: Dossier, subject: str | None) -> Dossier:
    return with_flow(
        CallerRules(),
        dossier,
        FlowLeft(
            node=NODE,
            at=NOW - 40,
            uniqueid=CHANNEL,
            flow="main",
            result="queue",
            queue="billing",
            subject=subject,
        ),
    )


def past(number: int, subject: str | None = "billing", outcome: str = "abandoned") -> PastContact:
    return PastContact(
        call=CallId(f"pbx1:{number}"),
        arrived=NOW - 3600 * number,
        ended=NOW - 3600 * number + 90,
        queue="billing",
        subject=subject,
        agent=AgentId("anna"),
        outcome=outcome,
        talk_s=42.5,
    )


def found(dossier: Dossier, *contacts: PastContact, name: str | None = None) -> Dossier:
    return with_history(dossier, HistoryFound(call=CALL, at=NOW, name=name, contacts=contacts))


def pop(
    dossier: Dossier, *, queue: str | None = "billing", waited_s: float = 12.3, language: str = "en"
) -> Any:
    body = build(
        dossier,
        rule=RepeatRule(),
        agent=AgentId("bob"),
        interface=Interface("PJSIP/1001"),
        at=NOW,
        queue=queue,
        waited_s=waited_s,
        language=language,
    )
    FOLLOWS.validate(body)
    return json.loads(json.dumps(body, allow_nan=False).encode("utf-8"))


def test_everything_an_agent_needs_is_in_the_pop() -> None:
    dossier = found(left(stepped(opened()), "billing"), past(1), past(5, outcome="answered"))
    assert pop(dossier) == {
        "version": 1,
        "id": "pbx1:1700000000.7/PJSIP/1001/1700000100000",
        "call": CALL,
        "node": "pbx1",
        "agent": "bob",
        "interface": "PJSIP/1001",
        "at": NOW,
        "caller": {
            "number": "+8613800138000",
            "dialled_as": "013800138000",
            "name": "张三",
            "place": "北京市",
            "country": "中国",
            "carrier": "中国移动",
        },
        "dialled": "4001",
        "queue": "billing",
        "waited_s": 12.3,
        "flow": "main",
        "path": [
            {
                "at": NOW - 50,
                "step": "choice",
                "kind": "menu",
                "label": "账单",
                "digits": "1",
                "result": "chosen",
            }
        ],
        "subject": "billing",
        "repeat": {
            "flag": True,
            "count": 3,
            "window_s": 86400.0,
            "same_subject": True,
            "last_outcome": "abandoned",
            "text": "3rd call in 24 h, same subject, last one unanswered",
        },
        "history": {
            "state": "found",
            "why": "",
            "contacts": [
                {
                    "call": f"pbx1:{number}",
                    "arrived": NOW - 3600 * number,
                    "ended": NOW - 3600 * number + 90,
                    "queue": "billing",
                    "subject": "billing",
                    "agent": "anna",
                    "outcome": outcome,
                    "talk_s": 42.5,
                }
                for number, outcome in ((1, "abandoned"), (5, "answered"))
            ],
        },
    }


def test_the_reason_is_in_the_agents_language() -> None:
    dossier = found(left(opened(), "billing"), past(1))
    assert pop(dossier, language="zh")["repeat"]["text"] == "24 小时内第 2 次来电，同一事项，上次未接通"


def test_a_pop_goes_out_before_the_history_is_there() -> None:
    body = pop(opened())
    assert body["history"] == {"state": "pending", "why": "", "contacts": []}
    assert body["repeat"]["flag"] is False


def test_a_pop_without_history_says_why() -> None:
    dossier = with_history(opened(), HistoryMissing(call=CALL, at=NOW, why="the store is away"))
    assert pop(dossier)["history"] == {"state": "missing", "why": "the store is away", "contacts": []}


def test_a_direct_call_with_a_withheld_number_makes_a_pop_too() -> None:
    body = pop(opened("anonymous", ""), queue=None, waited_s=0)
    assert body["caller"]["number"] == body["caller"]["name"] == ""
    assert body["queue"] is None
    assert body["history"] == {"state": "missing", "why": "number withheld", "contacts": []}


def test_long_histories_and_paths_are_cut_to_the_newest() -> None:
    dossier = opened()
    for number in range(MAX_PATH + 3):
        dossier = stepped(dossier, str(number))
    dossier = found(dossier, *(past(number) for number in range(1, 21)))
    body = pop(dossier)
    assert [step["label"] for step in body["path"]] == [str(n) for n in range(3, MAX_PATH + 3)]
    assert [c["call"] for c in body["history"]["contacts"]] == [
        f"pbx1:{n}" for n in range(1, MAX_CONTACTS + 1)
    ]
    assert body["repeat"]["count"] == 21, "all contacts count, also those that are not shown"


@pytest.mark.parametrize("waited_s", [-1.0, float("nan"), float("inf"), 0.0])
def test_clocks_that_disagree_give_no_impossible_wait(waited_s: float) -> None:
    assert pop(opened(), waited_s=waited_s)["waited_s"] == 0.0


def test_the_same_ring_has_the_same_id_and_another_ring_another() -> None:
    one = pop_id(CALL, Interface("PJSIP/1001"), 1.0)
    assert one == pop_id(CALL, Interface("PJSIP/1001"), 1.0)
    assert one != pop_id(CALL, Interface("PJSIP/1001"), 1.001)
    assert one != pop_id(CALL, Interface("PJSIP/1002"), 1.0)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_arrives_as_text_on_one_line(text: str) -> None:
    dossier = left(stepped(opened(text, text), text, text), text)
    dossier = found(dossier, past(1, subject=text), name=text)
    for said in strings(pop(dossier)):
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in said)
        assert not any("\ud800" <= letter <= "\udfff" or letter in "\u202e\u2066\u2028" for letter in said)
        assert len(said) <= 200


@settings(max_examples=examples(60))
@given(*(st.text(st.characters(codec=None), max_size=300) for _ in range(4)))
def test_any_text_makes_a_pop_that_follows_the_schema(
    number: str, name: str, label: str, subject: str
) -> None:
    pop(found(left(stepped(opened(number, name), label, label), subject), past(1, subject=subject)))


def test_the_schemas_are_schemas_and_strict() -> None:
    for document in (schema(), closed_schema()):
        jsonschema.Draft202012Validator.check_schema(document)
    body = pop(opened())
    for broken in (
        {**body, "version": 2},
        {**body, "extra": 1},
        {key: value for key, value in body.items() if key != "caller"},
        {**body, "dialled": "two\nlines"},
        {**body, "waited_s": -1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            FOLLOWS.validate(broken)


@pytest.mark.parametrize("reason", ["answered", "elsewhere", "no_answer", "busy", "caller_left", "ended"])
def test_a_pop_taken_back_follows_its_schema(reason: str) -> None:
    body = closed("pbx1:1.7/PJSIP/1001/1", reason)
    jsonschema.validate(body, closed_schema())
    assert body == {"version": 1, "id": "pbx1:1.7/PJSIP/1001/1", "reason": reason}
