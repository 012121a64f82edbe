"""The survey after the talk: the question, whose rating it is, and that it is nothing but a rating."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import AmiEvent, Hangup
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.callers.surveys import read_survey
from pbxd.calls.record import CallRecord, Leg, Outcome, Wait
from pbxd.edge.flow_files.load import parse_flow, read_flow
from pbxd.edge.store.rows import contact_row
from pbxd.edge.store.spool import from_json, to_json
from pbxd.effects import Count, KeepDossier, Remember, Tell
from pbxd.figures.surveys import survey_counts
from pbxd.ids import AgentId, CallId, Interface, NodeId, Uniqueid
from pbxd.ivr.walk import walk
from pbxd.messages import DossiersKept, FlowEntered, FlowEvent, FlowLeft, FlowStep
from pbxd.settings.yaml_source import SourceError
from pbxd.survey import Survey, SurveyResult
from pbxd.world import Rules, World
from tests.captures import events_of
from tests.integration.store_samples import contact
from tests.unit.test_world import NODE, first_call, only
from tests.unit.walked import ME, Walked

FLOW = read_flow(Path(__file__).parents[2] / "dialplans" / "flows" / "survey.yaml").flow
ANNA = AgentId("anna")

# ---------------------------------------------------------------- the flow


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "5"])
def test_a_rating_is_one_key(key: str) -> None:
    walked = Walked(FLOW, key)
    assert walked.steps == [("ask", key, "rated"), ("rated", "", "done")]
    assert walked.played == ["en/survey/how_was_it", "en/survey/thanks"]
    assert walked.left == ("hangup", None, None)
    assert all(event.survey for event in walked.events)


def test_it_may_be_pressed_during_the_question() -> None:
    assert Walked(FLOW, "~5").steps[0] == ("ask", "5", "rated")


@pytest.mark.parametrize("wrong", ["0", "6", "#", "*"])
def test_a_key_that_is_no_rating_is_told_and_the_question_is_asked_again(wrong: str) -> None:
    walked = Walked(FLOW, wrong, "3")
    assert [result for _, _, result in walked.steps] == ["invalid", "rated", "done"]
    assert walked.played[1] == "en/survey/not_a_rating"


def test_who_is_silent_is_asked_twice_and_hung_up() -> None:
    walked = Walked(FLOW, "", "")
    assert [result for _, _, result in walked.steps] == ["no_input", "no_input", "done"]
    assert walked.left == ("hangup", None, None)


@pytest.mark.parametrize("keys", [("x",), ("~x",), ("9", "x")])
def test_hanging_up_decides_nothing(keys: tuple[str, ...]) -> None:
    assert Walked(FLOW, *keys).decision is None


def test_whatever_breaks_the_caller_is_led_nowhere() -> None:
    walking = walk(FLOW, ME, "/prompts")
    next(walking)
    next(walking)
    walking.throw(RuntimeError("broken"))
    told = list(walking)
    assert isinstance(told[-1], FlowLeft)
    assert (told[-1].result, told[-1].queue) == ("failed", None)
    assert list(FLOW.on_failure.variables()) == [("PBXD_NEXT", "hangup")]


SURVEY = """\
languages: en
start: ask
prompts: { p: { en: How was it? } }
steps:
  ask: { type: rate, prompt: p, invalid: { next: bye }, no_input: { next: bye }, next: bye }
  bye: { type: hangup }
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("type: hangup", "type: queue, queue: q", "6:3: steps.bye: callers hear a flow"),
        ("start: ask", "start: ask\non_failure: { queue: q }", "3:13: on_failure: callers hear a flow"),
        ("next: bye }\n  bye", "next: b }\n  b: { type: rate, prompt: p, invalid: { next: bye }, no_input: "
         "{ next: bye }, next: bye }\n  bye", "6:3: steps.b: a call has one rating: ask asks for it"),
        ("type: rate, prompt: p, invalid: { next: bye }, no_input: { next: bye },", "type: play, prompt: p,",
         "on_failure: missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_survey_is_told(old: str, new: str, fault: str) -> None:
    assert parse_flow(SURVEY, "s.yaml", "s").flow.survey
    assert old in SURVEY
    with pytest.raises(SourceError) as refused:
        parse_flow(SURVEY.replace(old, new), "s.yaml", "s")
    assert any(fault in str(one) for one in refused.value.faults), refused.value.faults


# ---------------------------------------------------------------- the world


def a_world(*, agent_figures: bool = True) -> World:
    device = ((None, Interface("PJSIP/1001")),)
    return World(
        Rules(
            nodes=(NODE,),
            staff=Staff([Agent(id=ANNA, name="Anna", language="en", devices=device)]),
            callers=CallerRules(default_region="CN"),
            repeat=RepeatRule(),
            agent_figures=agent_figures,
        )
    )


def asked(call: CallId, at: float, *keys: str, left: str | None = "hangup") -> list[FlowEvent]:
    """The flow of the survey: the keys pressed, and how it was left; None: nobody knows yet."""
    here: dict[str, Any] = {
        "node": NODE,
        "at": at,
        "uniqueid": Uniqueid(call.partition(":")[2]),
        "flow": "survey",
        "survey": True,
    }
    events: list[FlowEvent] = [FlowEntered(**here, number="", name="", dialled="s", language="en")]
    for key in keys:
        result = "rated" if key in "12345" else "invalid"
        events.append(FlowStep(**here, step="ask", kind="rate", label="Ask", digits=key, result=result))
    if left is not None:
        events.append(FlowLeft(**here, result=left, queue=None, subject=None, step="ask"))
    return events


def talk_and_end(version: str) -> tuple[list[AmiEvent], list[AmiEvent]]:
    """An answered queue call up to the hang-up of its caller, and from there on."""
    events = events_of(version, "queue_answered", NODE)
    caller = Uniqueid(first_call(step_all(a_world(), events)).partition(":")[2])
    at = next(
        n for n, each in enumerate(events) if isinstance(each, Hangup) and each.channel.uniqueid == caller
    )
    return events[:at], events[at:]


def step_all(world: World, messages: Any) -> list[Any]:
    return [effect for message in messages for effect in world.step(message)]


def moved(effects: list[Any], part: str) -> dict[str, float]:
    return {
        " ".join([one.metric.removeprefix("pbxd_"), *one.labels.values()]): one.value
        for one in only(Count, effects)
        if part in one.metric
    }


@pytest.mark.parametrize("version", ["22.10.1", "16.28.0"])
def test_a_rating_is_the_journeys_the_queues_and_the_agents(version: str) -> None:
    talk, end = talk_and_end(version)
    world = a_world()
    call = first_call(step_all(world, talk))
    during = step_all(world, asked(call, talk[-1].at, "9", "4"))
    assert only(Count, during) == only(Tell, during) == []
    effects = step_all(world, end)
    (remembered,) = only(Remember, effects)
    survey = remembered.contact.survey
    assert survey == Survey(flow="survey", offered=talk[-1].at, result=SurveyResult.RATED, rating=4)
    assert remembered.contact.record.outcome is Outcome.ANSWERED
    assert remembered.contact.path == ()
    assert remembered.contact.record.visits == ()
    assert moved(effects, "survey") == {
        "surveys_total pbx1 q501 rated": 1,
        "survey_ratings_total pbx1 q501 4": 1,
        "survey_points_total pbx1 q501": 4,
        "agent_survey_ratings_total pbx1 q501 anna 4": 1,
        "agent_survey_points_total pbx1 q501 anna": 4,
    }


@pytest.mark.parametrize(
    ("keys", "left", "result"),
    [
        ("", None, "caller_left"),  # his channel was gone before his flow
        ("", "caller_left", "caller_left"),
        ("6", "hangup", "unrated"),
        ("", "failed", "failed"),
        ("2", "caller_left", "rated"),
        ("25", "failed", "rated"),  # the first one counts
    ],
)
def test_what_came_of_asking(keys: str, left: str | None, result: str) -> None:
    talk, end = talk_and_end("22.10.1")
    world = a_world(agent_figures=False)
    call = first_call(step_all(world, talk))
    step_all(world, asked(call, talk[-1].at, *keys, left=left))
    counts = moved(step_all(world, end), "survey")
    assert counts.pop(f"surveys_total pbx1 q501 {result}") == 1
    rated = {"survey_ratings_total pbx1 q501 2": 1, "survey_points_total pbx1 q501": 2}
    assert counts == (rated if result == "rated" else {})


def test_a_call_that_nobody_knows_is_asked_for_nothing() -> None:
    world = a_world()
    assert step_all(world, asked(CallId("pbx1:1.1"), 1.0, "5")) == []


def test_it_survives_the_end_of_pbxd() -> None:
    talk, _ = talk_and_end("22.10.1")
    world = a_world()
    call = first_call(step_all(world, talk))
    kept = only(KeepDossier, step_all(world, asked(call, talk[-1].at, "3", left=None)))
    body = json.loads(json.dumps(kept[-1].body))
    again = a_world()
    again.step(DossiersKept(at=talk[-1].at, bodies={call: body}))
    dossier = again._reception.dossier(call)
    assert dossier is not None
    assert dossier.survey is not None
    assert dossier.survey.rating == 3
    before = {name: value for name, value in body["dossier"].items() if name != "survey"}
    older = a_world()
    older.step(DossiersKept(at=talk[-1].at, bodies={call: {**body, "dossier": before}}))
    assert older._reception.dossier(call) == replace(dossier, survey=None)


def test_it_is_kept_as_json() -> None:
    survey = Survey(flow="survey", offered=1.5, result=SurveyResult.RATED, rating=5)
    assert read_survey(json.loads(json.dumps(asdict(survey)))) == survey
    assert read_survey(None) is None
    rated = replace(contact(1), survey=survey)
    assert from_json(json.loads(json.dumps(to_json(rated)))) == rated
    for one, columns in ((rated, ("rated", 5)), (contact(1), (None, None))):
        row = contact_row(one, one.agents)
        assert (row["survey"], row["rating"]) == columns


# ---------------------------------------------------------------- whose it is


def leg(phone: str, started: float, queue: str | None, talk_s: float = 10.0) -> Leg:
    return Leg(
        interface=Interface(phone), started=started, ended=started + talk_s, talk_s=talk_s, queue=queue
    )


@pytest.mark.parametrize(
    ("legs", "agents", "whose"),
    [
        ([leg("A", 10, "sales")], ["anna"], ("sales", "anna")),
        ([leg("A", 10, "sales"), leg("B", 30, None)], ["anna", "bruno"], ("help", "bruno")),
        ([leg("A", 10, "sales"), leg("B", 30, "tax")], ["anna", "bruno"], ("tax", "bruno")),
        # Somebody outside took over: the last agent was Anna. Who was put through and said nothing was not.
        ([leg("A", 10, "sales"), leg("X", 30, None)], ["anna", None], ("sales", "anna")),
        ([leg("A", 10, "sales"), leg("B", 30, None, 0.0)], ["anna", "bruno"], ("sales", "anna")),
        ([leg("X", 10, None)], [None], ("help", None)),
        # The transferer came back, and left last.
        ([leg("A", 10, "sales", 90.0), leg("B", 30, None)], ["anna", "bruno"], ("sales", "anna")),
    ],
)
def test_it_belongs_to_who_talked_last_and_to_the_queue_that_brought_them_together(
    legs: list[Leg], agents: list[str | None], whose: tuple[str, str | None]
) -> None:
    record = CallRecord(
        id=CallId("pbx1:1"),
        node=NodeId("pbx1"),
        caller="",
        caller_name="",
        dialled="",
        queue="sales",
        arrived=0.0,
        answered=10.0,
        ended=99.0,
        wait_s=1.0,
        outcome=Outcome.ANSWERED,
        legs=tuple(legs),
        waits=(
            Wait(queue="sales", joined=1, left=9, outcome="answered"),
            Wait(queue="help", joined=9.5, left=9.9, outcome="left"),
        ),
        transfers=(),
    )
    survey = Survey(flow="s", offered=90.0, result=SurveyResult.RATED, rating=1)
    ids = [None if agent is None else AgentId(agent) for agent in agents]
    counts = survey_counts(record, ids, survey, named=True)
    assert {one.labels["queue"] for one in counts} == {whose[0]}
    named = {one.labels["agent"] for one in counts if "agent" in one.labels}
    assert named == (set() if whose[1] is None else {whose[1]})
