"""How long each agent was in which state: what occupancy is measured by.

All times are put on one clock that never goes back, so that what is read of it only ever rises, whatever
the switches' clocks say: an event that is told late counts from when the clock stood already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from pbxd.agents.attendance import AttendanceBook
from pbxd.agents.staff import Staff
from pbxd.agents.state import AgentState
from pbxd.calls.changed import changed
from pbxd.ids import AgentId
from pbxd.journal import Journal, Table

AHEAD_S = 2.0
"""A switch's clock is believed so far beyond pbxd's own, which ticks every second."""

SIGNED_IN = (
    AgentState.READY,
    AgentState.RINGING,
    AgentState.TALKING,
    AgentState.PAUSED,
    AgentState.WRAPUP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """One agent's. Seconds."""

    state: AgentState
    since: float
    signed_in: float = 0.0  #: before ``since``
    paused: float = 0.0  #: the same
    told: tuple[float, float] = (0.0, 0.0)  #: of both, what was told by ``news``


ROUND_S = 60.0
"""In which every agent's times are told once."""


class Timesheets:
    """``state_of`` tells what an agent does now, ``why`` for what reason he is paused."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        state_of: Callable[[AgentId], AgentState],
        why: Callable[[AgentId], str] = lambda agent: "",
    ) -> None:
        self._staff = staff
        self._state_of = state_of
        self._why = why
        self.attendance = AttendanceBook(journal)
        self._sheets: Table[AgentId, _Sheet] = Table(journal)
        self._spent: Table[AgentState, float] = Table(journal)
        self._number: Table[AgentState, int] = Table(journal)
        #: per state, the sum of when its agents came to it, from the first moment on
        self._since: Table[AgentState, float] = Table(journal)
        self._began: float | None = None
        self._now = 0.0
        self._tick: float | None = None
        self._told: dict[AgentState, float] = {}
        self._turn = 0  #: of the agent who is told of next
        self._told_at: float | None = None

    # ------------------------------------------------------------ stepping

    def tick(self, at: float) -> None:
        """pbxd's own clock."""
        self._tick = at
        self._clock(at)

    def look(self, agents: Iterable[AgentId], at: float) -> None:
        """These agents may be in another state since ``at`` (epoch seconds)."""
        now = self._clock(at)
        for agent in agents:
            state, sheet = self._state_of(agent), self._sheets.get(agent)
            if sheet is None:
                if state is not AgentState.OFFLINE:
                    self._sheets[agent] = _Sheet(state=state, since=now)
                    self._enter(state, now)
                    self._note(agent, state)
            elif state is not sheet.state:
                self._leave(sheet.state, sheet.since, now)
                self._enter(state, now)
                self._sheets[agent] = _Sheet(
                    state=state,
                    since=now,
                    signed_in=sheet.signed_in + _spent(sheet, SIGNED_IN, now),
                    paused=sheet.paused + _spent(sheet, (AgentState.PAUSED,), now),
                    told=sheet.told,
                )
                self._note(agent, state)

    def look_at_all(self, at: float) -> None:
        """A switch has come or gone: everybody may be in another state."""
        self.look(self._staff.agents, at)

    def _clock(self, at: float) -> float:
        if self._tick is not None:
            at = min(at, self._tick + AHEAD_S)
        self._now = max(self._now, at)
        if self._began is None:
            self._began = self._now
        return self._now - self._began

    def _note(self, agent: AgentId, state: AgentState) -> None:
        why = self._why(agent) if state is AgentState.PAUSED else ""
        self.attendance.note(agent, state, why, self._now)

    def _enter(self, state: AgentState, now: float) -> None:
        self._number[state] = self._number.get(state, 0) + 1
        self._since[state] = self._since.get(state, 0.0) + now

    def _leave(self, state: AgentState, since: float, now: float) -> None:
        self._number[state] = self._number[state] - 1
        self._since[state] = self._since[state] - since
        self._spent[state] = self._spent.get(state, 0.0) + now - since

    # ------------------------------------------------------------ reading

    def states(self, at: float) -> Iterator[tuple[str, int, float]]:
        """Each state of those who are signed in: how many agents are in it, and the seconds of all so far."""
        now = self._clock(at)
        for state in SIGNED_IN:
            number = self._number.get(state, 0)
            seconds = self._spent.get(state, 0.0) + number * now - self._since.get(state, 0.0)
            # Sums of large numbers may differ in their last digit; whoever reads this must never see it fall.
            self._told[state] = seconds = max(seconds, self._told.get(state, 0.0))
            yield state.value, number, seconds

    def news(self, at: float) -> Iterator[tuple[AgentId, float, float]]:
        """Some agents' seconds signed in, and of these paused, since they were told last.

        To be asked at every tick. Ten thousand agents at once would hold the loop: they come in turns.
        """
        now = self._clock(at)
        since, self._told_at = self._told_at, now
        if since is None:
            return
        agents = tuple(self._sheets)
        for _ in range(min(len(agents), ceil(len(agents) * (now - since) / ROUND_S))):
            self._turn = (self._turn + 1) % len(agents)
            agent = agents[self._turn]
            sheet = self._sheets[agent]
            signed_in = sheet.signed_in + _spent(sheet, SIGNED_IN, now)
            paused = sheet.paused + _spent(sheet, (AgentState.PAUSED,), now)
            if signed_in > sheet.told[0]:
                self._sheets[agent] = changed(sheet, told=(signed_in, paused))
                yield agent, signed_in - sheet.told[0], paused - sheet.told[1]


def _spent(sheet: _Sheet, states: tuple[AgentState, ...], now: float) -> float:
    """Seconds of the state that lasts, if it is one of these."""
    return now - sheet.since if sheet.state in states else 0.0
