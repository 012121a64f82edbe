"""What the caller is asked when the talk is over, and what he said to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep
from pbxd.survey import Survey, SurveyResult


def with_answer(survey: Survey | None, event: FlowEvent) -> Survey | None:
    """The survey after this event of its flow.

    As long as nothing else is told, the caller has hung up: his channel may be gone before his flow is.
    A call has one survey and one rating, the first.
    """
    if isinstance(event, FlowEntered):
        return survey or Survey(flow=event.flow, offered=event.at)
    if survey is None or survey.rating is not None:
        return survey
    match event:
        case FlowStep(result="rated", digits=key):
            return replace(survey, result=SurveyResult.RATED, rating=int(key))
        case FlowLeft(result="failed"):
            return replace(survey, result=SurveyResult.FAILED)
        case FlowLeft(result="hangup" | "done"):
            return replace(survey, result=SurveyResult.UNRATED)
        case _:
            return survey


def read_survey(body: Mapping[str, Any] | None) -> Survey | None:
    """A survey as ``asdict`` makes it of one; KeyError, TypeError or ValueError when it is none."""
    return None if body is None else Survey(**{**body, "result": SurveyResult(body["result"])})
