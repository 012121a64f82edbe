"""How long agents were in which state, on clocks that do not agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.agents.staff import Agent, Staff
from pbxd.agents.state import AgentState
from pbxd.agents.timesheets import AHEAD_S, ROUND_S, Timesheets
from pbxd.ids import AgentId
from pbxd.journal import Journal

ANNA, BEN = AgentId("anna"), AgentId("ben")
START = 1_700_000_000.0


class Floor:
    def __init__(self) -> None:
        self.does = {ANNA: AgentState.OFFLINE, BEN: AgentState.OFFLINE}
        staff = Staff(Agent(id=id_, name=id_, language="en", devices=()) for id_ in self.does)
        self.journal = Journal()
        self.sheets = Timesheets(self.journal, staff, self.does.__getitem__)
        self.told: dict[str, tuple[float, float]] = {}
        self.sheets.tick(START)
        self.agents(0)

    def goes(self, agent: AgentId, state: AgentState, at: float, skew: float = 0.0) -> None:
        self.sheets.tick(START + at)
        self.does[agent] = state
        self.sheets.look([agent], START + at + skew)

    def seconds(self, at: float) -> dict[str, float]:
        self.sheets.tick(START + at)
        return {state: spent for state, _, spent in self.sheets.states(START + at)}

    def agents(self, at: float) -> dict[str, tuple[float, float]]:
        """All that was told of each agent until then."""
        self.sheets.tick(START + at)
        for agent, signed_in, paused in self.sheets.news(START + at):
            before = self.told.get(agent, (0.0, 0.0))
            self.told[agent] = before[0] + signed_in, before[1] + paused
        return dict(self.told)


def test_time_is_spent_in_the_state_that_lasts() -> None:
    floor = Floor()
    floor.goes(ANNA, AgentState.READY, 1)
    assert floor.seconds(11)["ready"] == 10  # nobody has to move for that
    floor.goes(ANNA, AgentState.TALKING, 21)
    floor.goes(BEN, AgentState.PAUSED, 31)
    floor.goes(ANNA, AgentState.OFFLINE, 41)
    floor.goes(BEN, AgentState.READY, 51)
    spent = floor.seconds(61)
    assert spent == pytest.approx({"ready": 30, "ringing": 0, "talking": 20, "paused": 20, "wrapup": 0})
    assert floor.agents(61) == {"anna": (40, 0), "ben": (30, 20)}
    assert [number for _, number, _ in floor.sheets.states(START + 61)] == [1, 0, 0, 0, 0]


def test_whoever_was_never_there_has_no_time() -> None:
    floor = Floor()
    floor.goes(ANNA, AgentState.OFFLINE, 5)
    assert floor.agents(50) == {}
    assert set(floor.seconds(50).values()) == {0.0}


def test_a_switch_from_tomorrow_does_not_stop_the_clock() -> None:
    floor = Floor()
    floor.goes(ANNA, AgentState.READY, 0, skew=86_400)
    assert floor.seconds(60)["ready"] == pytest.approx(60 - AHEAD_S)


def test_a_step_that_is_taken_back_leaves_no_time_behind() -> None:
    floor = Floor()
    floor.goes(ANNA, AgentState.READY, 1)
    floor.journal.commit()
    floor.goes(ANNA, AgentState.TALKING, 2)
    floor.journal.rollback()
    assert floor.seconds(11) == pytest.approx(
        {"ready": 10, "ringing": 0, "talking": 0, "paused": 0, "wrapup": 0}
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ANNA, BEN]),
            st.sampled_from(list(AgentState)),
            st.floats(-30.0, 30.0),
            st.floats(0.0, 20.0),
        ),
        max_size=30,
    )
)
def test_what_is_read_never_falls_whatever_the_clocks_say(
    moves: list[tuple[AgentId, AgentState, float, float]],
) -> None:
    floor, now = Floor(), 0.0
    states, agents = floor.seconds(0), floor.agents(0)
    for agent, state, skew, passes in moves:
        now += passes
        floor.goes(agent, state, now, skew)
        after, each = floor.seconds(now), floor.agents(now)
        assert all(after[name] >= states[name] for name in states)
        assert all(each[name][0] >= agents[name][0] and each[name][1] >= agents[name][1] for name in agents)
        assert sum(after.values()) <= 2 * (now + AHEAD_S) + 1e-3
        states, agents = after, each
    last = floor.agents(now + 2 * ROUND_S)
    after = floor.seconds(now + 2 * ROUND_S)
    assert sum(after.values()) == pytest.approx(sum(times[0] for times in last.values()), abs=1e-3)
    assert after["paused"] == pytest.approx(sum(times[1] for times in last.values()), abs=1e-3)
