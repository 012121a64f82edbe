"""The hand-over: what the document says, that it follows its schema and its size, who gets it and when."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pbxd.agents.staff import Agent, Staff
from pbxd.callers.dossier import CallerRules, Dossier, open_dossier, with_flow, with_history
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.facts import (
    CallEnded,
    CallFolded,
    Fact,
    LegEnded,
    MemberRinging,
    MemberStoppedRinging,
    TransferSeen,
)
from pbxd.calls.record import CallRecord, Leg, Transfer, TransferKind, TransferMaker, TransferOutcome, Wait
from pbxd.effects import Count, Effect, KeepDossier, Publish, Reply, Tell
from pbxd.figures import figure
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId, Uniqueid
from pbxd.journal import Journal
from pbxd.messages import FlowEntered, FlowLeft, FlowStep, HistoryFound, PastContact
from pbxd.orders import ReportRepeat, Target, TargetKind
from pbxd.transfers.handover import MAX_BYTES, NOTE_LENGTH, closed_schema, note_text, schema
from pbxd.transfers.kept import passport_body, read_passport
from pbxd.transfers.passports import Passports
from tests.thorough import examples

NODE, CALL, OTHER = NodeId("pbx1"), CallId("pbx1:1700000000.7"), CallId("pbx1:1700000000.9")
NOW = 1_700_000_100.0
ANNA, BOB, CARL = AgentId("anna"), AgentId("bob"), AgentId("carl")
PHONE = {ANNA: Interface("PJSIP/1001"), BOB: Interface("PJSIP/1002"), CARL: Interface("PJSIP/1003")}
T1, T2, T3 = TransferId("t-1"), TransferId("t-2"), TransferId("t-3")
STAFF = Staff(
    Agent(id=agent, name=agent.title(), language="zh" if agent == CARL else "en", devices=((None, phone),))
    for agent, phone in PHONE.items()
)
RULES = CallerRules(default_region="CN")
FOLLOWS = {
    "handover": Draft202012Validator(schema()),
    "handover_closed": Draft202012Validator(closed_schema()),
}
HOSTILE = [
    "Eve\r\nAction: Originate\r\nApplication: System\r\n",
    "${SHELL(id)}",
    "\"'; DROP TABLE contacts; --",
    "<script>alert(1)</script>",
    "x" * 10_000,
    "\udce5\udcbc\udca0",
    "\u202etxt.exe",
    "\x1b]0;pwned\x07\0\n\n\n",
    "𝔘" * 3_000,
]


def dossier(call: CallId = CALL) -> Dossier:
    known = open_dossier(
        RULES, call=call, node=NODE, at=NOW - 60, presented="013800138000", name="张三", dialled="4001"
    )
    at, channel = NOW - 59, Uniqueid("1700000000.7")
    known = with_flow(
        RULES,
        known,
        FlowEntered(
            node=NODE, at=at, uniqueid=channel, flow="main", number="", name="", dialled="", language="zh"
        ),
    )
    keyed = (("2", "menu", "Invoices"), ("4711", "collect", "Customer"), ("****", "collect", "PIN"))
    for digits, kind, label in keyed:
        known = with_flow(
            RULES,
            known,
            FlowStep(
                node=NODE,
                at=at,
                uniqueid=channel,
                flow="main",
                step=label.lower(),
                kind=kind,
                label=label,
                digits=digits,
                result="entered",
            ),
        )
    left = FlowLeft(
        node=NODE, at=at, uniqueid=channel, flow="main", result="queue", queue="q", subject="invoice"
    )
    return with_flow(RULES, known, left)


def leg(agent: AgentId, talk_s: float = 30.0, ended: float | None = None) -> Leg:
    return Leg(interface=PHONE[agent], started=NOW - 30, ended=ended, talk_s=talk_s, queue="billing")


def record(*legs: Leg, transfers: Iterable[Transfer] = ()) -> CallRecord:
    return CallRecord(
        id=CALL,
        node=NODE,
        caller="013800138000",
        caller_name="张三",
        dialled="4001",
        queue="billing",
        arrived=NOW - 60,
        answered=NOW - 30,
        ended=None,
        wait_s=20,
        outcome=None,
        legs=legs,
        waits=(Wait(queue="billing", joined=NOW - 50, left=NOW - 30, outcome="answered"),),
        transfers=tuple(transfers),
    )


@dataclass
class House:
    """Passports with what they ask for, and what they have said."""

    dossiers: dict[CallId, Dossier] = field(default_factory=lambda: {CALL: dossier()})
    records: dict[CallId, CallRecord] = field(default_factory=lambda: {CALL: record(leg(ANNA))})

    def __post_init__(self) -> None:
        self.said: list[Effect] = []
        self.passports = Passports(
            Journal(),
            STAFF,
            RepeatRule(),
            dossier=self.dossiers.get,
            record=lambda call, at: self.records.get(call),
            keep=lambda call: [KeepDossier(call=call, body={})],
        )

    def begun(self, transfer: TransferId = T1, agent: AgentId = ANNA, **notes: str) -> House:
        self.passports.begin(transfer, CALL, NODE, NOW, transferer=agent, interface=PHONE[agent], **notes)
        return self

    def to(self, agent: AgentId, transfer: TransferId = T1, at: float = NOW) -> list[Effect]:
        target = Target(kind=TargetKind.AGENT, id=agent)
        return self.passports.deliver(transfer, target, agent, at, interface=PHONE[agent])

    def rings(self, agent: AgentId, *, by: AgentId | None = None, queue: str | None = None) -> list[Effect]:
        return self.passports.on_fact(
            MemberRinging(
                call=CALL,
                node=NODE,
                at=NOW,
                interface=PHONE[agent],
                member=agent,
                queue=queue,
                waited_s=0,
                transferer=None if by is None else PHONE[by],
            )
        )

    def stops(self, agent: AgentId, reason: str) -> list[Effect]:
        return self.passports.on_fact(
            MemberStoppedRinging(
                call=CALL, node=NODE, at=NOW, interface=PHONE[agent], queue=None, reason=reason
            )
        )


def told(effects: Iterable[Effect], kind: str = "handover") -> dict[AgentId, Mapping[str, Any]]:
    """What pages were told; each was published to the agent's topic, too."""
    effects = list(effects)
    pages = {e.agent: e.body for e in effects if isinstance(e, Tell) and e.kind == kind}
    topics = {e.topic: e.body for e in effects if isinstance(e, Publish) and e.topic.endswith(f"/{kind}")}
    assert topics == {f"pbx1/agent/{agent}/{kind}": body for agent, body in pages.items()}
    for body in pages.values():
        FOLLOWS[kind].validate(body)
    return pages


def counted(effects: Iterable[Effect]) -> list[tuple[str, float]]:
    counts = [e for e in effects if isinstance(e, Count)]
    for count in counts:
        assert set(count.labels) == set(figure(count.metric).label_names)
    return [(count.metric, count.value) for count in counts]


# ---------------------------------------------------------------- the document


def test_it_says_all_that_the_next_agent_must_know() -> None:
    house = House().begun(reason="invoice is wrong", note="has called before\nis angry")
    body = told(house.to(BOB))[BOB]
    assert (body["id"], body["transfer"], body["call"], body["agent"]) == ("t-1/bob", T1, CALL, BOB)
    assert body["from"] == {"agent": ANNA, "name": "Anna", "interface": "PJSIP/1001"}
    assert body["to"] == {"kind": "agent", "id": BOB, "name": "Bob"}
    assert (body["reason"], body["note"]) == ("invoice is wrong", "has called before\nis angry")
    assert body["caller"]["number"] == "+8613800138000"
    assert (body["caller"]["name"], body["caller"]["language"]) == ("张三", "zh")
    assert [(step["label"], step["digits"]) for step in body["path"]] == [
        ("Invoices", "2"),
        ("Customer", "4711"),
        ("PIN", "****"),
    ]
    assert (body["subject"], body["queue"], body["dialled"]) == ("invoice", "billing", "4001")
    assert body["waits"] == [
        {"queue": "billing", "joined": NOW - 50, "waited_s": 20.0, "outcome": "answered"}
    ]
    assert [(each["agent"], each["talk_s"]) for each in body["agents"]] == [(ANNA, 30.0)]
    assert (body["transfers"], body["repeated"], body["shortened"]) == ([], [], False)
    assert body["history"]["state"] == "pending"


def test_it_grows_leg_by_leg() -> None:
    """Anna to Bob, Bob to Carl, Carl back to Anna: she knows what happened in between."""
    house = House().begun(T1, ANNA, reason="invoice")
    house.to(BOB, T1)
    house.passports.annotate(T1, NOW + 5, disposition="open")
    house.passports.ended(T1, "completed", NOW + 10, "attended")
    house.records[CALL] = record(leg(ANNA, ended=NOW), leg(BOB))
    house.begun(T2, BOB, reason="contract").to(CARL, T2)
    house.passports.ended(T2, "completed", NOW + 20, "blind")
    house.records[CALL] = record(leg(ANNA, ended=NOW), leg(BOB, ended=NOW), leg(CARL))
    house.begun(T3, CARL, reason="back to you")
    body = told(house.to(ANNA, T3, NOW + 30))[ANNA]
    before = [
        (e["from"]["agent"], e["to"]["id"], e["reason"], e["kind"], e["outcome"]) for e in body["transfers"]
    ]
    assert before == [
        (ANNA, BOB, "invoice", "attended", "completed"),
        (BOB, CARL, "contract", "blind", "completed"),
    ]
    assert body["transfers"][0]["disposition"] == "open"
    assert body["reason"] == "back to you"
    assert [each["agent"] for each in body["agents"]] == [ANNA, BOB, CARL]


def test_nothing_known_of_the_caller_is_no_reason_to_hand_over_nothing() -> None:
    house = House(dossiers={}, records={}).begun(note="ask for the number")
    body = told(house.to(BOB))[BOB]
    assert (body["note"], body["caller"]["number"], body["repeat"], body["arrived"]) == (
        "ask for the number",
        "",
        None,
        None,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    house = House().begun(reason=text, note=text)
    house.dossiers[CALL] = open_dossier(
        RULES, call=CALL, node=NODE, at=NOW, presented=text, name=text, dialled=text
    )
    house.passports.annotate(T1, NOW, disposition=text)
    body = told(house.to(BOB))[BOB]
    encoded = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert len(encoded) <= MAX_BYTES
    assert json.loads(encoded) == body


@given(st.text(max_size=3 * NOTE_LENGTH))
@settings(max_examples=examples(50))
def test_a_note_is_short_printable_lines_and_clean_already(text: str) -> None:
    note = note_text(text)
    assert len(note) <= NOTE_LENGTH
    controls = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert controls.isdisjoint(unicodedata.category(letter) for letter in note if letter != "\n")
    assert note_text(note) == note


def test_however_much_there_is_it_stays_below_its_size() -> None:
    house = House()
    wide = "𝔘" * 400
    for number in range(40):
        transfer = TransferId(f"t-{number}")
        house.begun(transfer, ANNA, reason=wide, note=wide * 10)
        house.passports.annotate(transfer, NOW, disposition=wide)
        house.to(BOB, transfer)
        house.passports.ended(transfer, "completed", NOW)
    known = house.dossiers[CALL]
    house.dossiers[CALL] = replace(
        known, path=tuple(replace(known.path[0], label=wide[:200], digits=wide[:80]) for _ in range(120))
    )
    last = TransferId("last")
    body = told(house.begun(last, ANNA, note=wide * 10).to(BOB, last))[BOB]
    assert len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_BYTES
    assert body["shortened"]
    assert body["transfers"][-1]["transfer"] == "t-39"  # the newest stay
    assert body["path_dropped"] + len(body["path"]) == 120
    assert len(body["note"]) == NOTE_LENGTH


# ---------------------------------------------------------------- who gets it, and when


def test_a_note_is_told_live_and_what_says_nothing_new_is_not() -> None:
    house = House().begun()
    first = told(house.to(BOB))[BOB]
    again = told(house.passports.annotate(T1, NOW + 3, note="is in a hurry"))[BOB]
    assert (again["id"], again["revision"], again["note"]) == (first["id"], 2, "is in a hurry")
    assert (again["at"], again["changed"]) == (NOW, NOW + 3)
    assert house.passports.annotate(T1, NOW + 4, note="is in a hurry") == []
    assert house.passports.annotate(T1, NOW + 5, reason=None) == []


def test_the_history_is_told_when_it_comes() -> None:
    house = House().begun()
    house.to(BOB)
    past = PastContact(
        call=CallId("pbx1:1"),
        arrived=NOW - 3600,
        ended=NOW - 3500,
        queue="billing",
        subject="invoice",
        agent=ANNA,
        outcome="abandoned",
        talk_s=0,
    )
    house.dossiers[CALL] = with_history(
        house.dossiers[CALL], HistoryFound(call=CALL, at=NOW, name=None, contacts=(past,))
    )
    body = told(house.passports.learns(CALL, NOW + 1))[BOB]
    assert body["repeat"]["text"] == "2nd call in 24 h, same subject, last one unanswered"
    assert [contact["outcome"] for contact in body["history"]["contacts"]] == ["abandoned"]
    assert house.passports.learns(CALL, NOW + 2) == []


def test_a_fallback_takes_it_back_from_the_one_before() -> None:
    house = House().begun()
    house.to(BOB)
    effects = house.to(CARL)
    assert told(effects, "handover_closed")[BOB]["reason"] == "elsewhere"
    assert told(effects)[CARL]["to"]["id"] == CARL
    assert house.passports.shown_to(BOB) == []
    assert [body["agent"] for body in house.passports.shown_to(CARL)] == [CARL]


@pytest.mark.parametrize("outcome", ["cancelled", "declined", "no_answer", "busy", "caller_left", "failed"])
def test_a_transfer_that_came_to_nothing_takes_it_back(outcome: str) -> None:
    house = House().begun()
    house.to(BOB)
    closed = told(house.passports.ended(T1, outcome, NOW), "handover_closed")
    assert closed[BOB]["reason"] == outcome
    assert house.passports.ended(T1, outcome, NOW) == []


def test_whoever_took_the_call_keeps_it_until_his_conversation_ends() -> None:
    house = House().begun()
    house.to(BOB)
    assert told(house.passports.ended(T1, "completed", NOW), "handover_closed") == {}
    gone = LegEnded(call=CALL, node=NODE, at=NOW, interface=PHONE[ANNA], queue=None, talk_s=1, hold_s=0)
    assert house.passports.on_fact(gone) == []
    assert (
        told(house.passports.on_fact(replace(gone, interface=PHONE[BOB])), "handover_closed")[BOB]["reason"]
        == "ended"
    )


def test_of_a_queue_whoever_is_rung_gets_it_and_loses_it_when_he_does_not_answer() -> None:
    house = House().begun()
    target = Target(kind=TargetKind.QUEUE, id="sales")
    assert told(house.passports.deliver(T1, target, None, NOW)) == {}
    to = told(house.rings(BOB, queue="sales"))[BOB]["to"]
    assert to == {"kind": "queue", "id": "sales", "name": "sales"}
    assert CARL in told(house.rings(CARL, queue="sales"))
    assert told(house.stops(BOB, "no_answer"), "handover_closed")[BOB]["reason"] == "no_answer"
    assert house.stops(CARL, "answered") == []
    assert house.passports.shown_to(BOB) == []
    assert len(house.passports.shown_to(CARL)) == 1


def test_the_chosen_agent_is_told_once_however_often_his_phone_rings() -> None:
    house = House().begun()
    house.to(BOB)
    assert house.rings(BOB) == []
    assert house.stops(BOB, "no_answer") == []  # the transfer decides, not the phone
    assert house.rings(ANNA) == []  # called back: she wrote it


def test_a_caller_sent_back_to_a_queue_says_nothing_twice() -> None:
    house = House().begun(note="customer 4711")
    house.to(BOB)
    house.passports.ended(T1, "requeued", NOW)
    assert told(house.rings(CARL, queue="billing"))[CARL]["note"] == "customer 4711"


def test_the_acknowledgement_is_counted_once() -> None:
    house = House().begun()
    effects = house.to(BOB)
    assert counted(effects) == [("pbxd_handovers_total", 1.0)]
    assert house.passports.acknowledged_s(T1) is None
    assert house.passports.acknowledged(CARL, T1, NOW + 1) == []
    ((metric, value),) = counted(house.passports.acknowledged(BOB, T1, NOW + 0.25))
    assert metric == "pbxd_handover_ack_seconds"
    assert value == pytest.approx(0.25)
    assert house.passports.acknowledged(BOB, T1, NOW + 9) == []
    assert house.passports.acknowledged_s(T1) == pytest.approx(0.25)


# ---------------------------------------------------------------- made by phone


def seen(outcome: TransferOutcome, to: str = "PJSIP/1002") -> Fact:
    transfer = Transfer(
        kind=TransferKind.ATTENDED, at=NOW + 9, from_=PHONE[ANNA], to=to, outcome=outcome, began=NOW
    )
    return TransferSeen(call=CALL, node=NODE, at=NOW + 9, transfer=transfer)


def test_a_consultation_by_phone_hands_over_as_soon_as_it_rings() -> None:
    house = House()
    effects = house.rings(BOB, by=ANNA)
    body = told(effects)[BOB]
    assert counted(effects) == [("pbxd_transfers_started_total", 1.0), ("pbxd_handovers_total", 1.0)]
    assert (body["by"], body["from"]["agent"], body["to"]["id"]) == ("phone", ANNA, BOB)
    assert len(body["transfer"]) <= 40
    ((metric, _),) = counted(house.passports.acknowledged(BOB, TransferId(body["transfer"]), NOW + 1))
    assert metric == "pbxd_handover_ack_seconds"
    assert told(house.passports.on_fact(seen(TransferOutcome.COMPLETED)), "handover_closed") == {}
    assert [note.outcome for note in house.passports.history(CALL)] == ["completed"]
    house.records[CALL] = record(leg(ANNA), leg(BOB))
    again = told(house.rings(CARL, by=BOB))[CARL]
    assert [each["by"] for each in again["transfers"]] == ["phone"]
    assert again["transfer"] != body["transfer"]


def test_a_consultation_that_was_none_is_handed_over_when_the_two_are_joined() -> None:
    house = House()
    effects = house.passports.on_fact(seen(TransferOutcome.COMPLETED))
    assert told(effects)[BOB]["from"]["agent"] == ANNA
    assert [note.outcome for note in house.passports.history(CALL)] == ["completed"]


def test_one_that_failed_takes_it_back() -> None:
    house = House()
    house.rings(BOB, by=ANNA)
    assert told(house.stops(BOB, "busy"), "handover_closed")[BOB]["reason"] == "busy"
    house.passports.on_fact(seen(TransferOutcome.BUSY))
    assert [note.outcome for note in house.passports.history(CALL)] == ["busy"]


def test_a_consultation_that_folds_takes_its_passport_along() -> None:
    house = House()
    house.records[OTHER] = replace(record(leg(BOB)), id=OTHER)
    house.passports.begin(T1, OTHER, NODE, NOW, transferer=BOB, interface=PHONE[BOB], note="x")
    house.passports.on_fact(CallFolded(call=OTHER, node=NODE, at=NOW, into=CALL))
    assert [note.note for note in house.passports.history(CALL)] == ["x"]
    assert CARL in told(house.to(CARL, T1))


# ---------------------------------------------------------------- the caller had to repeat himself


def report(agent: AgentId = BOB, call: CallId = CALL) -> ReportRepeat:
    return ReportRepeat(order="o1", agent=agent, at=NOW + 20, call=call)


def reply(effects: Iterable[Effect]) -> Reply:
    (found,) = (e for e in effects if isinstance(e, Reply))
    return found


def test_a_caller_who_had_to_repeat_himself_is_counted_and_the_next_agent_knows() -> None:
    house = House().begun()
    house.to(BOB)
    house.passports.ended(T1, "completed", NOW)
    made = Transfer(
        kind=TransferKind.ATTENDED,
        at=NOW,
        from_=PHONE[ANNA],
        to=PHONE[BOB],
        outcome=TransferOutcome.COMPLETED,
        by=TransferMaker.PBXD,
    )
    house.records[CALL] = record(leg(ANNA), leg(BOB), transfers=(made,))
    effects = house.passports.repeat(report())
    assert reply(effects).outcome == "done"
    (count,) = (e for e in effects if isinstance(e, Count))
    assert (count.metric, count.labels["after"]) == ("pbxd_caller_repeats_total", "pbxd")
    assert told(effects)[BOB]["repeated"] == [{"at": NOW + 20, "agent": BOB, "name": "Bob"}]
    twice = house.passports.repeat(report())
    assert (reply(twice).outcome, counted(twice)) == ("done", [])
    assert house.passports.repeated(CALL) == 1


def test_only_who_talked_with_the_caller_can_say_so() -> None:
    house = House()
    refused = reply(house.passports.repeat(report(CARL)))
    assert (refused.outcome, refused.code) == ("refused", "not_yours")
    gone = reply(house.passports.repeat(report(ANNA, OTHER)))
    assert (gone.outcome, gone.code) == ("refused", "no_call")


# ---------------------------------------------------------------- the end, and over a restart


def test_all_is_forgotten_with_the_call() -> None:
    house = House().begun()
    house.to(BOB)
    ended = replace(house.records[CALL], ended=NOW)
    effects = house.passports.on_fact(CallEnded(call=CALL, node=NODE, at=NOW, record=ended))
    assert told(effects, "handover_closed")[BOB]["reason"] == "ended"
    assert house.passports.history(CALL) == ()
    assert house.to(BOB) == house.passports.annotate(T1, NOW, note="late") == []
    assert house.passports.shown_to(BOB) == []


def test_a_passport_is_the_same_after_a_restart() -> None:
    house = House().begun(reason="invoice", note="two\nlines")
    house.to(BOB)
    house.passports.repeat(report(ANNA))
    passport = house.passports.passport(CALL)
    assert passport is not None
    again = House()
    again.passports.restore(read_passport(json.loads(json.dumps(passport_body(passport)))))
    assert again.passports.passport(CALL) == passport
    assert told(again.to(BOB))[BOB]["note"] == "two\nlines"


def test_what_was_handed_over_counts_once_however_often_pbxd_is_killed() -> None:
    house = House().begun()
    house.to(BOB)
    for acknowledges, expected in ((False, []), (True, ["pbxd_handover_ack_seconds"]), (True, [])):
        passport = house.passports.passport(CALL)
        assert passport is not None
        house = House()
        house.passports.restore(read_passport(json.loads(json.dumps(passport_body(passport)))))
        effects = house.passports.resume(CALL, NOW + 5)
        assert BOB in told(effects), "his page has lost it"
        assert counted(effects) == []
        if acknowledges:
            effects = house.passports.acknowledged(BOB, T1, NOW + 6)
        assert [metric for metric, _ in counted(effects)] == expected


def test_a_passport_of_an_older_pbxd_is_read() -> None:
    house = House().begun()
    house.to(BOB)
    passport = house.passports.passport(CALL)
    assert passport is not None
    body = json.loads(json.dumps(passport_body(passport)))
    for handing in body["handings"]:
        del handing["given"], handing["shown"]
    assert read_passport(body).handings[0].told == BOB


@pytest.mark.parametrize(
    "body", [{}, {"call": 1}, {"call": "x", "node": "y", "handings": [{}], "repeated": []}]
)
def test_what_is_no_passport_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_passport(body)


def test_a_step_that_fails_takes_the_passport_back() -> None:
    journal = Journal()
    passports = Passports(
        journal, STAFF, RepeatRule(), dossier=lambda call: None, record=lambda call, at: None
    )
    passports.begin(T1, CALL, NODE, NOW, transferer=ANNA, interface=PHONE[ANNA])
    journal.commit()
    passports.deliver(T1, Target(kind=TargetKind.AGENT, id=BOB), BOB, NOW)
    journal.rollback()
    assert passports.shown_to(BOB) == []
    assert passports.history(CALL)[0].transfer == T1
