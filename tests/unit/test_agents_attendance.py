"""Who was signed in, as rows for the history: what is written, what is kept, and what a kill leaves."""

from __future__ import annotations

from typing import Any

import pytest

from pbxd.agents.attendance import LONGEST_S, MOST, SEEN_EVERY_S, AttendanceBook
from pbxd.agents.state import AgentState
from pbxd.effects import Attended, Effect, KeepAttendance
from pbxd.ids import AgentId
from pbxd.journal import Journal
from pbxd.messages import AttendanceKept

ANNA, BEN = AgentId("anna"), AgentId("ben")
START = 1_700_000_000.0


class Day:
    """A book, and the store that its effects make. All times are seconds from the start."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.book = AttendanceBook(self.journal)
        self.rows: list[tuple[str, float, float, bool, str]] = []
        self.kept: dict[AgentId | None, Any] = {}

    def goes(self, agent: AgentId, state: AgentState, at: float, reason: str = "") -> None:
        self.book.note(agent, state, reason, START + at)
        self.journal.commit()

    def tick(self, at: float) -> list[Effect]:
        return self.write(self.book.tick(START + at))

    def write(self, effects: list[Effect]) -> list[Effect]:
        self.journal.commit()
        for effect in effects:
            if isinstance(effect, Attended):
                row = effect.row
                self.rows.append((row.agent, row.started - START, row.ended - START, row.paused, row.reason))
            elif isinstance(effect, KeepAttendance) and effect.body is None:
                self.kept.pop(effect.agent, None)
            elif isinstance(effect, KeepAttendance):
                self.kept[effect.agent] = effect.body
        return effects

    def after_a_kill(self) -> Day:
        """What another pbxd makes of what is kept."""
        again = Day()
        bodies = {agent: body for agent, body in self.kept.items() if agent is not None}
        seen = self.kept.get(None, {}).get("seen")
        again.rows, again.kept = self.rows, self.kept
        again.write(again.book.restore(AttendanceKept(at=START + 9e5, seen=seen, bodies=bodies)))
        return again


def test_a_day_with_a_pause_is_three_rows() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 0)
    for at, state in ((10, AgentState.RINGING), (15, AgentState.TALKING), (99, AgentState.WRAPUP)):
        day.goes(ANNA, state, at)
        assert not any(isinstance(effect, Attended) for effect in day.tick(at)), "all of this is work"
    day.goes(ANNA, AgentState.PAUSED, 100, "lunch")
    day.goes(ANNA, AgentState.READY, 160)
    day.goes(ANNA, AgentState.OFFLINE, 200)
    day.tick(201)
    assert day.rows == [
        ("anna", 0, 100, False, ""),
        ("anna", 100, 160, True, "lunch"),
        ("anna", 160, 200, False, ""),
    ]
    assert ANNA not in day.kept


def test_a_row_of_no_time_is_no_row() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 5)
    day.goes(ANNA, AgentState.PAUSED, 5)
    day.goes(ANNA, AgentState.OFFLINE, 9)
    day.goes(BEN, AgentState.OFFLINE, 9)
    day.tick(10)
    assert day.rows == [("anna", 5, 9, True, "")]


def test_after_a_kill_nobody_has_time_that_no_pbxd_saw() -> None:
    day = Day()
    day.tick(0)
    day.goes(ANNA, AgentState.READY, 1)
    day.goes(BEN, AgentState.PAUSED, 2, "training")
    for second in range(2, 200):
        day.tick(second)
    again = day.after_a_kill()  # at 199, and seen last at some moment of the minute before
    assert {row[0] for row in again.rows} == {"anna", "ben"}
    for agent, started, ended, paused, reason in again.rows:
        assert (started, paused, reason) == ((1, False, "") if agent == "anna" else (2, True, "training"))
        assert 199 - SEEN_EVERY_S <= ended <= 199
    assert set(again.kept) == {None}
    again.goes(ANNA, AgentState.READY, 500)
    again.goes(ANNA, AgentState.OFFLINE, 510)
    again.tick(511)
    assert again.rows[-1] == ("anna", 500, 510, False, "")


def test_an_orderly_end_is_seen_to_the_last() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 1)
    day.tick(2)
    day.goes(BEN, AgentState.READY, 30)
    day.write(day.book.stop(START + 33.5))
    assert sorted(day.after_a_kill().rows) == [("anna", 1, 33.5, False, ""), ("ben", 30, 33.5, False, "")]


def test_who_came_after_the_last_look_has_no_time_yet() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 1)
    day.tick(2)
    day.goes(BEN, AgentState.READY, 20)
    day.tick(21)
    assert day.after_a_kill().rows == [("anna", 1, 2, False, "")]


def test_a_step_that_is_taken_back_writes_nothing() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 0)
    day.goes(ANNA, AgentState.OFFLINE, 10)
    day.book.tick(START + 11)
    day.journal.rollback()
    day.tick(12)
    assert day.rows == [("anna", 0, 10, False, "")]


def test_a_thousand_who_come_at_once_are_kept_in_turns() -> None:
    day = Day()
    for number in range(1200):
        day.goes(AgentId(f"agent{number}"), AgentState.READY, 0)
    assert all(len(day.tick(second)) <= MOST + 1 for second in range(1, 4))
    assert len(day.kept) == 1201


def test_a_phone_that_is_always_there_makes_a_row_a_day() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 0)
    for minute in range(3 * 24 * 60):
        day.tick(60.0 * minute)
    lengths = [ended - started for _, started, ended, *_ in day.rows]
    assert len(lengths) == 2
    assert max(lengths) < LONGEST_S + 2 * SEEN_EVERY_S
    assert day.rows[0][2] == day.rows[1][1]


def test_a_clock_that_is_set_back_is_still_kept() -> None:
    day = Day()
    day.goes(ANNA, AgentState.READY, 0)
    day.tick(5000)
    day.tick(10)
    assert day.kept[None] == {"seen": START + 10}


@pytest.mark.parametrize(
    "body", [{}, {"started": "now", "paused": False, "reason": ""}, {"started": START, "paused": 1}]
)
def test_what_nobody_can_read_is_forgotten(body: dict[str, Any]) -> None:
    day = Day()
    day.kept = {ANNA: body, None: {"seen": START + 9}}
    assert day.after_a_kill().rows == []
    assert set(day.kept) == {None}
