"""Reports: each figure by a handful of calls counted by hand, and that every number leads to its calls."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.reports.columns import BY_NAME, COLUMNS, Kind
from pbxd.reports.journey import Journey, Leg, Neighbours, Transfer, Wait, WrapUp
from pbxd.reports.period import Period, PeriodError, Span, period_of
from pbxd.reports.report import Asked, calls_behind, masked, report
from pbxd.reports.shares import By, Rules
from pbxd.reports.shown import call_json, calls_csv, calls_table, cell, report_csv, report_json, report_table

DAY = 86_400.0
MORNING = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).timestamp()
PERIOD = period_of(zone=UTC, now=MORNING, on="2026-11-21")
RULES = Rules(
    service_level_s=lambda queue: 10.0 if queue == "sales" else 20.0,
    short_abandon_s=lambda queue: 5.0,
    first_contact_days=7,
    skills={"anna": ("tax", "roof"), "bruno": ("tax",)},
)


def leg(agent: str | None, started: float, talk_s: float, hold_s: float = 0.0, phone: str = "") -> Leg:
    return Leg(
        interface=phone or f"PJSIP/{agent}",
        agent=agent,
        started=started,
        ended=started + talk_s + hold_s,
        talk_s=talk_s,
        hold_s=hold_s,
    )


def stay(queue: str, joined: float, waited_s: float, outcome: str) -> Wait:
    return Wait(queue=queue, joined=joined, left=joined + waited_s, outcome=outcome)


def call(name: str, *, at: float = MORNING, number: str = "+4930111", **more: Any) -> Journey:
    given: dict[str, Any] = {
        "call": name,
        "number": number,
        "subject": None,
        "queue": more["waits"][0].queue if more.get("waits") else None,
        "agent": more["legs"][-1].agent if more.get("legs") else None,
        "arrived": at,
        "ended": at + 600,
        "outcome": "answered",
    }
    return Journey(**{**given, **more})


def answered(name: str, queue: str, waited_s: float, agent: str, talk_s: float, **more: Any) -> Journey:
    at = more.pop("at", MORNING)
    waits = (stay(queue, at + 1, waited_s, "answered"),)
    legs = (leg(agent, at + 1 + waited_s, talk_s, more.pop("hold_s", 0.0)),)
    return call(name, at=at, waits=waits, legs=legs, **more)


def gave_up(name: str, queue: str, waited_s: float, **more: Any) -> Journey:
    waits = (stay(queue, MORNING + 1, waited_s, "abandoned"),)
    return call(name, waits=waits, outcome="abandoned", **more)


def known(journeys: list[Journey]) -> Neighbours:
    rows = sorted((j.number, j.arrived, j.subject) for j in journeys if j.number)
    return Neighbours.of(sorted(rows, key=lambda row: row[1]))


def asked(by: By = By.QUEUE, now: float = MORNING + DAY, period: Period = PERIOD) -> Asked:
    return Asked(period=period, by=by, rules=RULES, now=now)


def figures(journeys: list[Journey], by: By = By.QUEUE, **more: Any) -> dict[str, dict[str, Any]]:
    made = report(asked(by, **more), journeys, known(journeys))
    return {**{row.key: row.figures for row in made.rows}, "*": made.total.figures}


# ---------------------------------------------------------------- stays in queues


def test_both_service_levels_by_the_threshold_of_each_queue() -> None:
    told = figures(
        [
            answered("a", "sales", 10.0, "anna", 60),
            answered("b", "sales", 10.1, "anna", 60),
            gave_up("c", "sales", 8.0),
            gave_up("d", "sales", 30.0),
            gave_up("e", "sales", 5.0),
            answered("f", "help", 19.0, "bruno", 60),
        ]
    )
    sales = told["sales"]
    assert (sales["answered"], sales["answered_within"]) == (2, 1)
    assert (sales["abandoned"], sales["abandoned_within"], sales["short_abandoned"]) == (3, 2, 1)
    assert sales["service_level"] == 0.5
    assert sales["service_level_2"] == 0.6
    assert sales["abandon_rate"] == 0.5
    assert sales["asa_s"] == 10.05
    assert told["help"]["service_level"] == 1.0
    assert told["*"]["service_level"] == round(2 / 3, 6)


def test_an_overflow_is_one_call_with_two_stays() -> None:
    waits = (stay("sales", MORNING, 30, "timeout"), stay("help", MORNING + 30, 4, "answered"))
    told = figures([call("a", waits=waits, legs=(leg("bruno", MORNING + 34, 100),))])
    assert told["*"]["calls"] == 1
    assert told["*"]["entries"] == 2
    assert (told["sales"]["calls"], told["sales"]["timed_out"], told["sales"]["answered"]) == (1, 1, 0)
    assert (told["help"]["calls"], told["help"]["answered"], told["help"]["asa_s"]) == (1, 1, 4)
    assert told["sales"]["talk_s"] == 0
    assert told["help"]["talk_s"] == 100


def test_every_stay_ends_in_one_way() -> None:
    outcomes = ["answered", "abandoned", "timeout", "no_agent", "left", "answered"]
    journeys = [
        call(f"c{n}", waits=(stay("sales", MORNING, 7.0, outcome),)) for n, outcome in enumerate(outcomes)
    ]
    told = figures(journeys)["sales"]
    ways = ("answered", "abandoned", "timed_out", "no_agent", "left")
    assert told["entries"] == sum(told[way] for way in ways) == len(outcomes)
    assert told["abandon_rate"] == round(1 / 6, 6)


def test_where_nothing_is_there_is_no_number() -> None:
    told = figures([gave_up("a", "sales", 2.0)])["sales"]
    for name in ("service_level", "asa_s", "aht_s", "fcr", "abandon_rate", "occupancy"):
        assert told[name] is None
    assert figures([])["*"]["calls"] == 0


def test_a_rating_belongs_to_who_talked_last() -> None:
    journeys = [
        replace(handed_over(), call="a", survey="rated", rating=2),
        replace(answered("b", "sales", 1.0, "anna", 60), survey="rated", rating=5),
        replace(answered("c", "sales", 1.0, "anna", 60), survey="caller_left"),
        answered("d", "sales", 1.0, "anna", 60),
        call("e", waits=(stay("help", MORNING, 5, "answered"),), survey="rated", rating=4),
    ]
    told = figures(journeys, By.AGENT)
    assert (told["anna"]["surveys"], told["anna"]["rated"], told["anna"]["survey_share"]) == (2, 1, 0.5)
    assert (told["anna"]["rating"], told["anna"]["rated_5"], told["anna"]["rated_2"]) == (5, 1, 0)
    assert (told["bruno"]["surveys"], told["bruno"]["rating"]) == (1, 2)
    assert (told["*"]["surveys"], told["*"]["rated"], told["*"]["rating"]) == (4, 3, 3.667)
    by_queue = figures(journeys)
    assert (by_queue["sales"]["surveys"], by_queue["sales"]["rating"]) == (3, 3.5)
    assert by_queue["help"]["rating"] == 4
    (behind,) = calls_behind(asked(By.AGENT), "bruno", "rating", journeys, known(journeys))
    assert (behind.journey.call, behind.sum) == ("a", 2)
    assert figures([answered("d", "sales", 1.0, "anna", 60)])["*"]["rating"] is None


# ---------------------------------------------------------------- people


def handed_over() -> Journey:
    """Anna talks 60 s and holds 20 s, hands over to Bruno, who talks 300 s; both write notes."""
    return call(
        "a",
        waits=(stay("sales", MORNING, 5, "answered"),),
        legs=(leg("anna", MORNING + 5, 60, 20), leg("bruno", MORNING + 90, 300)),
        transfers=(
            Transfer(
                kind="attended",
                at=MORNING + 88,
                from_interface="PJSIP/anna",
                outcome="completed",
                queue="sales",
            ),
        ),
        wrap_ups=(
            WrapUp(interface="PJSIP/anna", agent="anna", started=MORNING + 90, ended=MORNING + 100),
            WrapUp(interface="PJSIP/bruno", agent="bruno", started=MORNING + 390, ended=MORNING + 420),
            WrapUp(interface="PJSIP/bruno", agent="bruno", started=MORNING + 420, ended=None),
        ),
    )


def test_after_a_transfer_each_agent_owns_only_his_own_part() -> None:
    told = figures([handed_over()], By.AGENT)
    assert (told["anna"]["talk_s"], told["anna"]["hold_s"], told["anna"]["wrap_up_s"]) == (60, 20, 10)
    assert told["anna"]["aht_s"] == 90
    assert told["bruno"]["aht_s"] == 330
    assert told["*"]["aht_s"] == 210
    assert (told["anna"]["answered"], told["bruno"]["answered"]) == (1, 0)
    assert (told["anna"]["transfers_completed"], told["bruno"]["transfers_completed"]) == (1, 0)
    assert (told["anna"]["transfer_rate"], told["bruno"]["transfer_rate"]) == (1.0, 0.0)


def test_a_leg_after_a_transfer_counts_for_the_queue_in_which_the_caller_waited_last() -> None:
    told = figures([handed_over()])
    assert told["sales"]["handled"] == 2
    assert told["sales"]["aht_s"] == 210


def test_a_leg_counts_for_the_queue_that_brought_it_about() -> None:
    anna, bruno = handed_over().legs
    through = replace(handed_over(), legs=(anna, replace(bruno, queue="help")))
    told = figures([through])
    assert (told["sales"]["handled"], told["help"]["handled"]) == (1, 1)
    assert (told["help"]["aht_s"], told["help"]["entries"]) == (330, 0)


def test_an_agent_counts_for_each_of_his_skills() -> None:
    journeys = [answered("a", "sales", 1, "anna", 60), answered("b", "sales", 1, "zoe", 30)]
    told = figures(journeys, By.SKILL)
    assert (told["tax"]["talk_s"], told["roof"]["talk_s"], told[""]["talk_s"]) == (60, 60, 30)
    assert told["*"]["talk_s"] == 90


def test_phones_of_nobody_are_no_agents() -> None:
    journey = call("a", legs=(leg(None, MORNING, 60, phone="PJSIP/trunk"),), outcome="direct")
    assert figures([journey])["*"]["handled"] == 0
    assert figures([journey], By.AGENT).keys() == {"*"}


def test_re_transfers_belong_to_whoever_was_not_the_first() -> None:
    first, legs = handed_over().transfers[0], handed_over().legs
    second = Transfer(
        kind="blind", at=MORNING + 380, from_interface="PJSIP/bruno", outcome="completed", queue=None
    )
    third = replace(second, at=MORNING + 385, outcome="failed")
    journey = call("a", waits=handed_over().waits, legs=legs, transfers=(first, second, third))
    told = figures([journey], By.AGENT)
    assert (told["anna"]["re_transfers"], told["bruno"]["re_transfers"]) == (0, 1)
    assert (told["*"]["re_transfers"], told["*"]["transfers"], told["*"]["transfers_completed"]) == (1, 3, 2)


# ---------------------------------------------------------------- those who come again


def test_first_contact_resolution_is_judged_when_its_days_are_over() -> None:
    withheld = answered("b", "sales", 1, "anna", 9, number="")
    calls = [answered("a", "sales", 1, "anna", 60, subject="tax"), withheld]
    soon = figures(calls, now=MORNING + 7 * DAY)
    assert (soon["*"]["fcr_judged"], soon["*"]["fcr"]) == (0, None)
    late = figures(calls, now=MORNING + 7 * DAY + 600)
    assert (late["*"]["fcr_judged"], late["*"]["fcr"]) == (1, 1.0)


@pytest.mark.parametrize(
    ("after_s", "subject", "resolved"),
    [
        (3600, "tax", 0.0),
        (3600, None, 0.0),
        (3600, "roof", 1.0),
        (600 + 7 * DAY, "tax", 0.0),
        (601 + 7 * DAY, "tax", 1.0),
        (-3600, "tax", 1.0),
    ],
)
def test_who_calls_again_about_the_same_was_not_helped(
    after_s: float, subject: str | None, resolved: float
) -> None:
    first = answered("a", "sales", 1, "anna", 60, subject="tax")
    again = gave_up("b", "sales", 9, at=MORNING + after_s, subject=subject)
    made = report(asked(now=MORNING + 30 * DAY), [first], known([first, again]))
    assert made.total.figure("fcr") == resolved


def test_repeat_calls_look_back_a_day_and_a_week() -> None:
    first = gave_up("a", "sales", 9, at=MORNING - 3 * DAY)
    second = answered("b", "sales", 1, "anna", 60)
    withheld = answered("c", "sales", 1, "anna", 60, number="")
    made = report(asked(), [second, withheld], known([first, second]))
    assert made.total.figure("repeat_24h") == 0.0
    assert made.total.figure("repeat_7d") == 1.0
    assert made.total.cells["repeat_7d"].of == 1


# ---------------------------------------------------------------- down to the calls

_STAYS = st.lists(
    st.builds(
        stay,
        st.sampled_from(["sales", "help"]),
        st.floats(MORNING, MORNING + 100),
        st.floats(0, 100),
        st.sampled_from(["answered", "abandoned", "timeout", "no_agent", "left"]),
    ),
    max_size=3,
).map(tuple)
_LEGS = st.lists(
    st.builds(
        leg,
        st.sampled_from(["anna", "bruno", None]),
        st.floats(MORNING, MORNING + 200),
        st.floats(0, 100),
        st.floats(0, 9),
    ),
    max_size=3,
).map(tuple)
_TRANSFERS = st.lists(
    st.builds(
        Transfer,
        kind=st.just("blind"),
        at=st.floats(MORNING, MORNING + 300),
        from_interface=st.sampled_from(["PJSIP/anna", "PJSIP/bruno"]),
        outcome=st.sampled_from(["completed", "failed"]),
        queue=st.sampled_from([None, "sales"]),
    ),
    max_size=3,
).map(tuple)
_CALLS = st.lists(st.tuples(_STAYS, _LEGS, _TRANSFERS, st.sampled_from(["", "+1", "+2"])), max_size=6).map(
    lambda all_: [
        call(
            f"c{n}",
            at=MORNING + n * 3000,
            waits=w,
            legs=lg,
            transfers=t,
            number=number,
            survey=(None, "rated", "unrated")[n % 3],
            rating=n if n % 3 == 1 else None,
        )
        for n, (w, lg, t, number) in enumerate(all_)
    ]
)


@given(_CALLS, st.sampled_from(list(By)))
def test_every_number_is_made_of_the_calls_behind_it(journeys: list[Journey], by: By) -> None:
    question, callers = asked(by, now=MORNING + 30 * DAY), known(journeys)
    made = report(question, journeys, callers)
    for row in (made.total, *made.rows):
        for column in COLUMNS:
            if column.kind is Kind.TIME:
                continue  # of agents: no call stands behind it
            key = None if row is made.total else row.key
            behind = calls_behind(question, key, column.name, journeys, callers)
            told = sum(each.sum for each in behind)
            if column.kind in (Kind.MEAN, Kind.SHARE, Kind.RATING):
                of = sum(each.of for each in behind)
                assert row.figure(column.name) == (pytest.approx(told / of, abs=2e-3) if of else None)
            else:
                assert row.figure(column.name) == pytest.approx(told, abs=2e-3)
            assert len({each.journey.call for each in behind}) == len(behind)


@given(_CALLS, st.sampled_from([By.QUEUE, By.HOUR, By.DAY]))
def test_rows_of_stays_add_up_to_the_total(journeys: list[Journey], by: By) -> None:
    made = report(asked(by), journeys, known(journeys))
    for name in ("entries", "answered", "abandoned", "handled", "talk_s", "transfers"):
        assert sum(row.cells[name].sum for row in made.rows) == pytest.approx(made.total.cells[name].sum)
    assert made.total.figure("calls") == len(journeys)


def test_top_five_with_their_longest_calls() -> None:
    journeys = [
        answered(f"{agent}{n}", "sales", 1, agent, 10.0 * n + place, at=MORNING + 1000 * n)
        for place, agent in enumerate("abcdefg")
        for n in range(1, 8)
    ]
    made = report(asked(By.AGENT), sorted(journeys, key=lambda j: j.arrived), known(journeys))
    assert [top.key for top in made.top] == ["g", "f", "e", "d", "c"]
    assert [each.journey.call for each in made.top[0].calls] == ["g7", "g6", "g5", "g4", "g3"]
    assert made.top[0].handling_s == sum(10.0 * n + 6 for n in range(1, 8))


# ---------------------------------------------------------------- periods

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_day_has_as_many_hours_as_it_has() -> None:
    def hours(on: str) -> float:
        period = period_of(zone=BERLIN, now=0, on=on)
        return (period.end - period.start) / 3600

    assert [hours(day) for day in ("2026-10-25", "2026-03-29", "2026-11-21")] == [25, 23, 24]


def test_no_hour_comes_twice() -> None:
    period = period_of(zone=BERLIN, now=0, on="2026-10-25")
    hours = [period.hour(period.start + 3600 * n) for n in range(25)]
    assert len(set(hours)) == 25
    assert hours[2:4] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


def test_a_week_begins_on_monday_and_today_is_the_default() -> None:
    now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC).timestamp()  # a Sunday; in Berlin it is Monday
    assert period_of(zone=UTC, now=now, span=Span.WEEK).local(period_of(zone=UTC, now=now).start) != ""
    assert period_of(zone=BERLIN, now=now, span=Span.WEEK).text.startswith("2026-11-23T00:00+01:00")
    assert period_of(zone=UTC, now=now, span=Span.WEEK).text.startswith("2026-11-16T00:00")
    assert period_of(zone=BERLIN, now=now).text.startswith("2026-11-23T00:00+01:00")


def test_the_last_date_is_part_of_a_period_the_last_moment_is_not() -> None:
    dates = period_of(zone=UTC, now=0, start="2026-11-01", end="2026-11-02")
    assert dates.end - dates.start == 2 * DAY
    moments = period_of(zone=UTC, now=0, start="2026-11-01T08:00", end="2026-11-01T09:30+01:00")
    assert moments.end - moments.start == timedelta(minutes=30).total_seconds()


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"on": "21.11.2026"}, "date"),
        ({"on": "0001-01-01"}, "date"),
        ({"end": "2026-11-02"}, "from"),
        ({"start": "x"}, "from"),
        ({"start": "2026-11-01T25:00"}, "from"),
        ({"start": "2026-11-02", "end": "2026-11-01"}, "to"),
        ({"start": "2020-11-02", "end": "2026-11-01"}, "to"),
        ({"start": "2026-11-02", "on": "2026-11-01"}, "date"),
    ],
)
def test_a_period_that_makes_no_sense_names_the_place(wrong: dict[str, str], place: str) -> None:
    with pytest.raises(PeriodError, match=f"^{place}: "):
        period_of(zone=UTC, now=MORNING, **wrong)


# ---------------------------------------------------------------- what people and spreadsheets get

EVIL = ["=1+1", "+49301", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("text", EVIL)
def test_no_text_is_a_formula(text: str) -> None:
    assert cell(text).startswith("'")
    journey = answered("a", text, 1, text, 60, subject=text, number="+4930123456")
    made = report(asked(), [journey], known([journey]))
    behind = calls_behind(asked(), None, "calls", [journey], known([journey]))
    calls = [call_json(each, "now", show_numbers=True) for each in behind]
    for written in (report_csv(made), calls_csv(calls)):
        for line in csv.reader(io.StringIO(written, newline="")):
            assert not [field for field in line if field.lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠"))]


def test_numbers_stay_numbers_in_a_sheet() -> None:
    journeys = [answered("a", "sales", 10.25, "anna", 60), gave_up("b", "sales", 30)]
    sheet = list(csv.DictReader(io.StringIO(report_csv(report(asked(), journeys, known(journeys))))))
    assert [(line["row"], line["queue"]) for line in sheet] == [("row", "sales"), ("total", "")]
    assert sheet[0]["asa_s"] == "10.25"
    assert sheet[0]["abandon_rate"] == "0.5"
    assert sheet[0]["occupancy"] == ""


def test_numbers_of_callers_are_masked_unless_that_is_allowed() -> None:
    assert [masked(n, show=False) for n in ("+4930123456", "1001", "")] == ["***456", "***", ""]
    assert masked("+4930123456", show=True) == "+4930123456"


def test_json_and_table_tell_the_same() -> None:
    journeys = [handed_over(), gave_up("b", "help", 30)]
    made = report(asked(), journeys, known(journeys))
    told = report_json(made, show_numbers=False)
    assert told["by"] == "queue"
    assert told["from"] == "2026-11-21T00:00+00:00"
    assert [row["key"] for row in told["rows"]] == ["help", "sales"]
    assert told["rows"][1].keys() == {"key", *BY_NAME}
    assert told["total"]["calls"] == 2
    assert told["top"][0]["calls"][0]["number"] == "***111"
    only = report_json(made, show_numbers=False, keys=["help"])
    assert ([row["key"] for row in only["rows"]], only["total"], only["top"]) == (["help"], None, [])
    table = report_table(made)
    assert "sales" in table
    assert "100.0 %" in table
    behind = calls_behind(asked(), "sales", "talk_s", journeys, known(journeys))
    listed = calls_table([call_json(each, "now", show_numbers=False) for each in behind])
    assert "360" in listed
    assert listed.endswith("1 call\n")
