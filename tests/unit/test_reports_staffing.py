"""Occupancy: what of agents' time lies in a period, an hour, a line; and what counts once."""

from __future__ import annotations

from datetime import UTC
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.reports.journey import Neighbours
from pbxd.reports.period import Period, period_of
from pbxd.reports.report import Asked, Report, calls_behind, report
from pbxd.reports.shares import By, Rules
from pbxd.reports.shown import report_csv, report_json, report_table
from pbxd.reports.staffing import Presence, Staffing, Work, common, united

PERIOD = period_of(zone=UTC, now=0, on="2026-11-21")
NIGHT = PERIOD.start
HOUR = 3600.0
RULES = Rules(
    service_level_s=lambda queue: 20.0,
    short_abandon_s=lambda queue: 5.0,
    first_contact_days=7,
    skills={"anna": ("tax", "roof"), "ben": ("tax",)},
)


def there(agent: str, start: float, end: float, paused: bool = False) -> Presence:
    """From and to which hour of the day."""
    return Presence(agent=agent, started=NIGHT + start * HOUR, ended=NIGHT + end * HOUR, paused=paused)


def busy(agent: str, start: float, end: float) -> Work:
    return Work(agent=agent, started=NIGHT + start * HOUR, ended=NIGHT + end * HOUR)


def told(rows: list[Presence], work: list[Work], by: By = By.AGENT, period: Period = PERIOD) -> Report:
    asked = Asked(period=period, by=by, rules=RULES, now=PERIOD.end)
    return report(asked, [], Neighbours(), Staffing(rows, work))


def lines(made: Report) -> dict[str, tuple[Any, ...]]:
    """Of each line and of the total: hours signed in, hours paused, occupancy."""

    def line(row: Any) -> tuple[Any, ...]:
        hours = (row.figure(name) for name in ("signed_in_s", "paused_s"))
        return (*(None if each is None else each / HOUR for each in hours), row.figure("occupancy"))

    return {**{row.key: line(row) for row in made.rows}, "*": line(made.total)}


def test_occupancy_is_work_by_signed_in_time_less_pauses() -> None:
    rows = [there("anna", 8, 11), there("anna", 11, 12, paused=True), there("anna", 12, 13)]
    assert lines(told(rows, [busy("anna", 8, 9), busy("anna", 12.5, 13)])) == {
        "anna": (5, 1, 0.375),
        "*": (5, 1, 0.375),
    }


def test_a_period_cuts_at_both_ends() -> None:
    rows = [there("anna", -2, 3), there("anna", 22, 30, paused=True)]
    made = told(rows, [busy("anna", -1, 1), busy("anna", 2.5, 4), busy("anna", -9, -8)])
    assert lines(made)["anna"] == (5, 2, 0.5)  # 1 h + 0.5 h of 3 h: what she did unseen is not part of it


def test_what_is_told_twice_counts_once() -> None:
    rows = [there("anna", 8, 10), there("anna", 9, 12), there("anna", 9, 10)]
    work = [busy("anna", 8, 9), busy("anna", 8.5, 9.5), busy("anna", 9, 9.5)]
    assert lines(told(rows, work))["anna"] == (4, 0, 0.375)


def test_all_agents_together_weigh_by_their_time() -> None:
    rows = [there("anna", 8, 9), there("ben", 8, 11)]
    made = lines(told(rows, [busy("anna", 8, 9), busy("ben", 8, 9)]))
    assert (made["anna"][2], made["ben"][2], made["*"][2]) == (1.0, round(1 / 3, 6), 0.5)


def test_who_only_waited_has_an_occupancy_of_nothing_and_who_only_paused_has_none() -> None:
    made = lines(told([there("anna", 8, 9), there("ben", 8, 9, paused=True)], []))
    assert made == {"anna": (1, 0, 0.0), "ben": (1, 1, None), "*": (2, 1, 0.0)}


def test_nobody_is_occupied_in_a_pause_or_while_he_was_not_seen() -> None:
    rows = [there("anna", 8, 9), there("anna", 9, 10, paused=True)]
    assert lines(told(rows, [busy("anna", 8.5, 12), busy("ben", 8, 9)])) == {
        "anna": (2, 1, 0.5),
        "*": (2, 1, 0.5),
    }


def test_hours_are_those_of_the_place() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5 h 45 min ahead
    period = Period(start=NIGHT + 2 * HOUR, end=NIGHT + 4 * HOUR, zone=kathmandu)
    made = lines(told([there("anna", 0, 9)], [busy("anna", 3, 3.125)], By.HOUR, period))
    assert made == {
        "2026-11-21T07:00+05:45": (0.25, 0, 0.0),
        "2026-11-21T08:00+05:45": (1, 0, 0.125),
        "2026-11-21T09:00+05:45": (0.75, 0, 0.0),
        "*": (2, 0, 0.0625),
    }


def test_the_hours_and_days_of_a_period_have_no_gap() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for on in ("2026-10-25", "2026-03-29", "2026-11-21"):
        period = period_of(zone=berlin, now=0, on=on)
        for slots in (list(period.hours()), list(period.days())):
            assert slots[0][1] == period.start
            assert slots[-1][2] == period.end
            assert all(one[2] == after[1] for one, after in pairwise(slots))
            assert len({key for key, *_ in slots}) == len(slots)


def test_an_agent_counts_for_each_of_his_skills_and_for_no_queue() -> None:
    rows = [there("anna", 8, 9), there("ben", 8, 9), there("zoe", 8, 9)]
    made = lines(told(rows, [busy("anna", 8, 9)], By.SKILL))
    assert (made["tax"], made["roof"], made[""]) == ((2, 0, 0.5), (1, 0, 1.0), (1, 0, 0.0))
    assert lines(told(rows, [busy("anna", 8, 9)], By.QUEUE)) == {"*": (3, 0, round(1 / 3, 6))}


def test_where_nobody_was_seen_there_is_no_number() -> None:
    made = told([], [busy("anna", 8, 9)])
    assert lines(made) == {"*": (None, None, None)}
    assert report_json(made, show_numbers=False)["total"]["signed_in_s"] is None


def test_it_is_in_tables_and_sheets_and_behind_it_stands_no_call() -> None:
    made = told([there("anna", 8, 12)], [busy("anna", 8, 9)])
    assert "25.0 %" in report_table(made)
    assert ",14400.0,0,0.25," in report_csv(made)
    asked = Asked(period=PERIOD, by=By.AGENT, rules=RULES, now=PERIOD.end)
    assert calls_behind(asked, "anna", "occupancy", [], Neighbours()) == []


_SPANS = st.lists(
    st.tuples(st.integers(-5, 40), st.integers(0, 9)).map(lambda span: (span[0], span[0] + span[1])),
    max_size=8,
)


@given(_SPANS, _SPANS, _SPANS, st.sampled_from([By.AGENT, By.HOUR, By.DAY, By.SKILL]))
def test_it_is_what_counting_every_minute_gives(
    signed_in: list[tuple[int, int]], paused: list[tuple[int, int]], work: list[tuple[int, int]], by: By
) -> None:
    """Quarters of an hour here; a pause is part of the time signed in."""
    rows = [there("anna", a / 4, b / 4) for a, b in signed_in]
    rows += [there("anna", a / 4, b / 4, paused=True) for a, b in paused]
    made = told(rows, [busy("anna", a / 4, b / 4) for a, b in work], by).total

    def quarters(spans: list[tuple[int, int]]) -> set[int]:
        return {quarter for a, b in spans for quarter in range(a, b) if 0 <= quarter < 96}

    there_at, paused_at = quarters([*signed_in, *paused]), quarters(paused)
    free = there_at - paused_at
    if not there_at:
        assert made.figure("occupancy") is None
        return
    assert made.figure("signed_in_s") == 900 * len(there_at)
    assert made.figure("paused_s") == 900 * len(paused_at)
    share = len(quarters(work) & free) / len(free) if free else None
    assert made.figure("occupancy") == (None if share is None else pytest.approx(share, abs=1e-6))


@given(_SPANS, _SPANS)
def test_spans_are_united_and_cut_as_sets_are(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    def moments(spans: Any) -> set[int]:
        return {moment for a, b in spans for moment in range(int(a), int(b))}

    assert moments(united(one)) == moments(one)
    assert all(a[1] < b[0] for a, b in pairwise(united(one)))
    assert moments(common(united(one), united(other))) == moments(one) & moments(other)
