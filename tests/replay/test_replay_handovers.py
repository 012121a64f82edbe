"""Transfers that people make by their phones, as captured on both versions of Asterisk: whoever is to take
the caller is shown the caller and what is known of him when his phone rings, not whoever rings him."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pbxd.agents.staff import Agent, Staff
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.record import TransferOutcome
from pbxd.effects import Count, Effect, Remember, Tell
from pbxd.figures import figure
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.messages import Contact
from pbxd.transfers.handover import schema
from pbxd.world import Rules, World
from tests.captures import TRACES, events_of

NODE = NodeId("pbx1")
CALLER = "+8613800138000"
#: Made once: whether the schema is one is asked by tests/unit/test_docs_handover.py.
FOLLOWS = Draft202012Validator(schema())
STAFF = Staff(
    Agent(
        id=AgentId(f"a{number}"),
        name=f"Agent {number}",
        language="en",
        devices=((None, Interface(f"PJSIP/{number}")), (None, Interface(f"Local/{number}@from-queue/n"))),
    )
    for number in range(1001, 1008)
)
VERSIONS = sorted(folder.name for folder in TRACES.iterdir() if folder.is_dir())


@dataclass
class Played:
    """What came of one capture: who was told what, in order; the contacts; the counts."""

    told: list[Tell] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, effect: Effect) -> None:
        if isinstance(effect, Tell):
            self.told.append(effect)
        elif isinstance(effect, Remember):
            self.contacts.append(effect.contact)
        elif isinstance(effect, Count):
            assert set(effect.labels) == set(figure(effect.metric).label_names)
            self.counts[effect.metric] += 1

    def bodies(self, kind: str, agent: str | None = None) -> list[Any]:
        return [tell.body for tell in self.told if tell.kind == kind and agent in (None, tell.agent)]


def play(version: str, name: str) -> tuple[Played, World]:
    world = World(Rules(nodes=(NODE,), staff=STAFF, callers=CallerRules(), repeat=RepeatRule()))
    played = Played()
    for event in events_of(version, name, NODE):
        for effect in world.step(event):
            played.take(effect)
    return played, world


def scenarios(version: str) -> list[str]:
    names = (path.name.removesuffix(".ami.gz") for path in (TRACES / version).glob("*.ami.gz"))
    return sorted(names)


EVERY = [
    pytest.param(version, name, id=f"{version}-{name}") for version in VERSIONS for name in scenarios(version)
]


@pytest.mark.parametrize(("version", "name"), EVERY)
def test_whoever_takes_a_caller_over_has_his_pop_and_his_hand_over(version: str, name: str) -> None:
    played, world = play(version, name)
    for body in played.bodies("handover"):
        FOLLOWS.validate(body)
    for contact in played.contacts:
        completed = [
            transfer for transfer in contact.record.transfers if transfer.outcome is TransferOutcome.COMPLETED
        ]
        for transfer in completed:
            agent = STAFF.id_of(NODE, Interface(transfer.to))
            if agent is None:
                continue
            handed = [body for body in played.bodies("handover", agent) if body["call"] == contact.record.id]
            shown = [body for body in played.bodies("screenpop", agent) if body["call"] == contact.record.id]
            assert handed, f"{agent} was not told what {transfer.from_} knows"
            assert shown, f"{agent} was not shown who it is"
            # An agent who had called somebody hands on whom he called, not himself.
            called = contact.number == "1004"
            who = contact.record.dialled if called else contact.number
            assert {body["caller"]["number"] for body in (*handed, *shown)} == {who}
        # Every transfer has its entry in the history, and each entry its outcome.
        outcomes = [transfer.outcome.value for transfer in contact.record.transfers]
        assert [note.outcome for note in contact.handovers if note.outcome] == outcomes
    assert played.counts["pbxd_transfers_total"] <= played.counts["pbxd_transfers_started_total"]
    for agent in STAFF.agents:
        open_now = world.snapshot(agent)["handovers"]
        assert open_now == [] or world.nodes[NODE].calls_in_progress, "nothing is left behind"


#: captures in which the first agent (1001) hands the caller to the second: by what means, and to what
HANDED = {
    "attended_refer_to_phone": ("agent", "a1002"),
    "attended_refer_to_queue": ("queue", "q502"),
    "blind_refer_to_phone": ("agent", "a1002"),
    "blind_refer_from_hold": ("agent", "a1002"),
    "blind_refer_to_queue": ("queue", "q502"),
    "star2_completed": ("agent", "a1002"),
    "star2_completed_by_key": ("agent", "a1002"),
    "star2_swapped": ("agent", "a1002"),
    "star2_threeway": ("agent", "a1002"),
    "star2_blonde": ("agent", "a1002"),
    "star2_to_queue": ("queue", "q502"),
    "hash_blind": ("agent", "a1002"),
    "ami_atxfer": ("agent", "a1002"),
    "conference_of_three": ("agent", "a1002"),
    "freepbx_attended_refer": ("agent", "a1002"),
    "freepbx_star2_completed": ("agent", "a1002"),
    "freepbx_star2_to_queue": ("queue", "q507"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", HANDED)
def test_the_second_agent_knows_before_he_answers(version: str, name: str) -> None:
    played, _ = play(version, name)
    told = [(tell.kind, tell.agent) for tell in played.told]
    shown = told.index(("screenpop", AgentId("a1002")))
    handed = told.index(("handover", AgentId("a1002")))
    assert handed == shown + 1, "both come with the same ring"
    assert ("handover_closed", AgentId("a1002")) in told[handed:], "and go with the conversation"
    (pop,) = played.bodies("screenpop", "a1002")
    document = played.bodies("handover", "a1002")[0]
    kind, target = HANDED[name]
    assert pop["caller"]["number"] == document["caller"]["number"] == CALLER
    assert (document["by"], document["from"]["agent"]) == ("phone", "a1001")
    assert (document["to"]["kind"], document["to"]["id"]) == (kind, target)
    assert [leg["agent"] for leg in document["agents"]] == ["a1001"]
    (contact,) = played.contacts
    (note,) = contact.handovers
    assert (note.outcome, note.by, note.from_agent) == ("completed", "phone", "a1001")
    (transfer,) = contact.record.transfers
    assert transfer.to_kind == kind
    assert transfer.began is not None
    assert transfer.answered is not None
    assert 0 <= transfer.began - contact.record.arrived <= transfer.answered - contact.record.arrived
    assert transfer.answered <= transfer.at
    for metric in (
        "pbxd_transfers_started_total",
        "pbxd_transfers_total",
        "pbxd_transfer_routes_total",
        "pbxd_transfer_answer_seconds",
        "pbxd_handovers_total",
        "pbxd_calls_transferred_total",
    ):
        assert played.counts[metric] == 1, metric


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["attended_refer_chain", "star2_chain"])
def test_the_third_agent_knows_what_was_between_the_first_two(version: str, name: str) -> None:
    played, _ = play(version, name)
    document = played.bodies("handover", "a1003")[0]
    assert document["from"]["agent"] == "a1002"
    assert [leg["agent"] for leg in document["agents"]] == ["a1001", "a1002"]
    assert [(each["from"]["agent"], each["to"]["id"], each["outcome"]) for each in document["transfers"]] == [
        ("a1001", "a1002", "completed")
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("attended_refer_given_up", "ended"),
        ("consulted_colleague_is_busy", "busy"),
        ("star2_aborted", "cancelled"),
        ("star2_target_hangs_up", "cancelled"),
        ("star2_caller_leaves_while_consulting", "caller_left"),
        ("blind_refer_rejected", "busy"),
    ],
)
def test_a_colleague_who_did_not_take_the_caller_over_keeps_nothing_of_him(
    version: str, name: str, reason: str
) -> None:
    played, _ = play(version, name)
    (closed,) = played.bodies("handover_closed", "a1002")
    assert closed["reason"] == reason
    assert len(played.bodies("screenpop_closed", "a1002")) == 1
    told = [(tell.kind, tell.agent) for tell in played.told]
    first = told.index(("screenpop_closed", AgentId("a1002")))
    last = max(index for index, tell in enumerate(told) if tell == ("screenpop_closed", AgentId("a1001")))
    if name != "blind_refer_rejected":
        assert first < last, "long before the call itself is over"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["attended_refer_given_up", "consulted_colleague_is_busy"])
def test_a_question_to_a_colleague_is_no_transfer(version: str, name: str) -> None:
    played, _ = play(version, name)
    (contact,) = played.contacts
    assert (contact.handovers, contact.record.transfers) == ((), ())
    assert played.counts["pbxd_transfers_total"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_time_is_told_for_what_it_is(version: str) -> None:
    """The agent goes back to the caller in between: that is neither consultation nor hold."""
    played, _ = play(version, "star2_swapped")
    (transfer,) = played.contacts[0].record.transfers
    assert transfer.began is not None
    lasted = transfer.at - transfer.began
    assert 0 < transfer.consult_s <= transfer.hold_s < lasted - 1.5


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["agent_hands_on_his_own_call", "agent_blind_transfers_his_own_call"])
def test_who_was_called_by_an_agent_is_shown_when_he_is_handed_on(version: str, name: str) -> None:
    """1004 had called 1001, and hands him over to 1002."""
    played, _ = play(version, name)
    (pop,) = played.bodies("screenpop", "a1002")
    document = played.bodies("handover", "a1002")[0]
    for body in (pop, document):
        assert (body["caller"]["number"], body["caller"]["name"]) == ("1001", "Agent 1001")
        assert body["history"]["why"] == "an agent made this call"
    assert document["from"]["agent"] == "a1004"
    assert played.contacts[0].number == "1004"
