"""The figures of the survey after the call: who was asked, who answered, and how satisfied callers were."""

from __future__ import annotations

from collections.abc import Sequence

from pbxd.calls.record import CallRecord, Leg
from pbxd.effects import Count
from pbxd.figures.figure import AGENT, NODE, QUEUE, Derived, Figure, Kind, Label
from pbxd.ids import AgentId
from pbxd.survey import RATINGS, Survey, SurveyResult, last_talked

RESULT = Label(
    name="result",
    meaning="rated: he pressed a key from 1 to 5; unrated: no such key; caller_left: he hung up before he "
    "had; failed: the survey broke",
    values=tuple(result.value for result in SurveyResult),
)
RATING = Label(name="rating", meaning="the key, 5 is best", values=tuple(map(str, RATINGS)))

_WHOSE = (
    "The queue is the one that had brought the caller to the agent who talked with him last; after a "
    "transfer without a queue it is the one in which he had waited last."
)

SURVEYS = (
    Figure(
        name="pbxd_surveys_total",
        kind=Kind.COUNTER,
        help="Callers who were asked after the talk how it was, by what came of it.",
        labels=(NODE, QUEUE, RESULT),
        unit="surveys",
        formula="One for each call whose survey began, when the call is over; all results together are the "
        "surveys offered.",
        source="the flow of the survey, CallEnded",
        edge_cases="Who hangs up together with the agent is offered none, nor is anybody who was not "
        f"answered, or while pbxd is away. {_WHOSE}",
    ),
    Figure(
        name="pbxd_survey_ratings_total",
        kind=Kind.COUNTER,
        help="Ratings that callers gave after the talk.",
        labels=(NODE, QUEUE, RATING),
        unit="ratings",
        formula="One for each rating, when the call is over; all together are pbxd_surveys_total of result "
        "rated.",
        source="FlowStep(rated), CallEnded",
        edge_cases="A call has one rating, for all of it, whomever the caller was handed to. " + _WHOSE,
    ),
    Figure(
        name="pbxd_survey_points_total",
        kind=Kind.COUNTER,
        help="Sum of the ratings that callers gave after the talk.",
        labels=(NODE, QUEUE),
        unit="points",
        formula="The ratings added up, 1 to 5 each: divided by their number it is their mean.",
        source="FlowStep(rated), CallEnded",
        edge_cases="Means nothing without the number of ratings.",
    ),
    Figure(
        name="pbxd_agent_survey_ratings_total",
        kind=Kind.COUNTER,
        help="Ratings of calls, by the agent who talked with the caller last.",
        labels=(NODE, QUEUE, AGENT, RATING),
        unit="ratings",
        formula="As pbxd_survey_ratings_total.",
        source="FlowStep(rated), CallEnded",
        edge_cases="The rating is of the whole call: after a transfer it is not his alone. Of a call without "
        "an agent of the settings it counts for nobody.",
        opt_in=True,
    ),
    Figure(
        name="pbxd_agent_survey_points_total",
        kind=Kind.COUNTER,
        help="Sum of the ratings of calls, by the agent who talked with the caller last.",
        labels=(NODE, QUEUE, AGENT),
        unit="points",
        formula="As pbxd_survey_points_total.",
        source="FlowStep(rated), CallEnded",
        edge_cases="Means nothing without the number of ratings.",
        opt_in=True,
    ),
)

DERIVED_OF_SURVEYS = (
    Derived(
        name="Survey, answered share",
        definition="callers who gave a rating / callers who were asked.",
        promql='sum by (node, queue) (increase(pbxd_surveys_total{result="rated"}[24h])) / '
        "sum by (node, queue) (increase(pbxd_surveys_total[24h]))",
    ),
    Derived(
        name="Customer satisfaction (CSAT), mean",
        definition="sum of the ratings / number of ratings, between 1 and 5.",
        promql="sum by (node, queue) (increase(pbxd_survey_points_total[24h])) / "
        "sum by (node, queue) (increase(pbxd_survey_ratings_total[24h]))",
    ),
    Derived(
        name="Customer satisfaction (CSAT), satisfied",
        definition="ratings of 4 and 5 / all ratings.",
        promql='sum by (node, queue) (increase(pbxd_survey_ratings_total{rating=~"4|5"}[24h])) / '
        "sum by (node, queue) (increase(pbxd_survey_ratings_total[24h]))",
    ),
)


def survey_counts(
    record: CallRecord, agents: Sequence[AgentId | None], survey: Survey, *, named: bool
) -> list[Count]:
    """A call with a survey is over. ``agents``: whose each leg was; ``named``: figures may name them."""
    legs = [(leg, agent) for leg, agent in zip(record.legs, agents, strict=True) if agent is not None]
    leg, agent = last_talked(legs, lambda each: each[0]) or (None, None)
    labels = {"node": str(record.node), "queue": _queue(record, leg)}
    counts = [Count(metric="pbxd_surveys_total", labels={**labels, "result": survey.result.value})]
    if survey.rating is None:
        return counts
    rating = {"rating": str(survey.rating)}
    counts.append(Count(metric="pbxd_survey_ratings_total", labels={**labels, **rating}))
    counts.append(Count(metric="pbxd_survey_points_total", labels=labels, value=survey.rating))
    if named and agent is not None:
        own = {**labels, "agent": str(agent)}
        counts.append(Count(metric="pbxd_agent_survey_ratings_total", labels={**own, **rating}))
        counts.append(Count(metric="pbxd_agent_survey_points_total", labels=own, value=survey.rating))
    return counts


def _queue(record: CallRecord, leg: Leg | None) -> str:
    if leg is not None and leg.queue:
        return leg.queue
    waits = [wait for wait in record.waits if leg is None or wait.joined <= leg.started]
    return max(waits, key=lambda wait: wait.joined).queue if waits else record.queue or ""
