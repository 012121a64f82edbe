"""The figures of a report and what each of them means. docs/reports.md holds the same table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.survey import RATINGS


class Kind(StrEnum):
    """How a figure is made of what single calls contribute to it."""

    COUNT = "count"  #: their sum
    SECONDS = "seconds"  #: their sum, in seconds
    MEAN = "mean"  #: their mean, in seconds
    SHARE = "share"  #: the mean of zeros and ones
    RATING = "rating"  #: the mean of ratings, 1 to 5
    TIME = "time"  #: agents' time in seconds, which no call contributes to; none where nobody was signed in


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    kind: Kind
    title: str  #: over the column of a table
    means: str  #: exactly


def _count(name: str, title: str, means: str) -> Column:
    return Column(name=name, kind=Kind.COUNT, title=title, means=means)


def _seconds(name: str, title: str, means: str) -> Column:
    return Column(name=name, kind=Kind.SECONDS, title=title, means=means)


def _mean(name: str, title: str, means: str) -> Column:
    return Column(name=name, kind=Kind.MEAN, title=title, means=means)


def _share(name: str, title: str, means: str) -> Column:
    return Column(name=name, kind=Kind.SHARE, title=title, means=means)


def _time(name: str, title: str, means: str) -> Column:
    return Column(name=name, kind=Kind.TIME, title=title, means=means)


COLUMNS: tuple[Column, ...] = (
    _count("calls", "calls", "Journeys of callers. One call is one, however often it was transferred."),
    _count("entries", "offered", "Stays in queues. A call that overflows, or comes back, has several."),
    _count("answered", "answ", "Stays that ended with an agent."),
    _count("abandoned", "aband", "Stays in which the caller gave up."),
    _count(
        "short_abandoned", "short", "Of `abandoned`: within `short_abandon`, which nobody could have served."
    ),
    _count("timed_out", "t/out", "Stays that ended because the queue's time ran out."),
    _count("no_agent", "no agt", "Stays that ended because nobody was there to answer."),
    _count("left", "left", "Stays that ended by a key, or because the caller was sent on."),
    _count("answered_within", "in SL", "Of `answered`: within `service_level` of that queue."),
    _count("abandoned_within", "ab in SL", "Of `abandoned`: within `service_level` of that queue."),
    _share("service_level", "SL", "answered_within / answered"),
    _share("service_level_2", "SL2", "(answered_within + abandoned_within) / (answered + abandoned)"),
    _share("abandon_rate", "ab rate", "(abandoned - short_abandoned) / (entries - short_abandoned)"),
    _mean("asa_s", "ASA", "Average speed of answer: mean length of the stays that were answered."),
    _count("handled", "handled", "Agents' legs: conversations of one agent with a caller."),
    _seconds("talk_s", "talk", "Time in which agent and caller heard each other."),
    _seconds("hold_s", "hold", "Time in which the caller was on that agent's hold."),
    _seconds("wrap_up_s", "wrap-up", "Time for notes after it."),
    _mean("aht_s", "AHT", "(talk_s + hold_s + wrap_up_s) / handled; each agent owns only his own part."),
    _time("signed_in_s", "signed in", "Time in which agents were signed in, pauses included."),
    _time("paused_s", "paused", "Of `signed_in_s`: in pauses."),
    _share(
        "occupancy",
        "occup",
        "Time in which agents talked, had a caller on hold or wrote notes / (signed_in_s - paused_s).",
    ),
    _count("transfers", "transf", "Attempts to hand a caller over, whatever became of them."),
    _count("transfers_completed", "compl", "Of these: the caller reached somebody else."),
    _share("transfer_rate", "tr rate", "Handled calls with a completed transfer / handled calls"),
    _count("re_transfers", "re-tr", "Calls that were handed over twice or more."),
    _count("fcr_judged", "judged", "Answered calls of known numbers, `first_contact_days` after their end."),
    _share("fcr", "FCR", "Of `fcr_judged`: no further contact on the same subject in these days."),
    _share("repeat_24h", "rep 24h", "Calls of known numbers that had called in the 24 hours before."),
    _share("repeat_7d", "rep 7d", "Calls of known numbers that had called in the 7 days before."),
    _count("surveys", "asked", "Calls whose caller was asked after the talk how it was."),
    _count("rated", "rated", "Of `surveys`: he gave a rating, 1 to 5."),
    _share("survey_share", "answ %", "rated / surveys"),
    Column(name="rating", kind=Kind.RATING, title="CSAT", means="Mean of the ratings."),
    *(_count(f"rated_{key}", str(key), f"Of `rated`: the rating was {key}.") for key in RATINGS),
)

BY_NAME = {column.name: column for column in COLUMNS}
HANDLING = frozenset({"talk_s", "hold_s", "wrap_up_s"})
