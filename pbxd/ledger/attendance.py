"""One row of who was there: an agent was signed in, paused or not, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.ids import AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """Times are epoch seconds, pbxd's own. An agent has one row at a time, over all his devices, queues and
    switches: what he does in two queues counts once."""

    agent: AgentId
    started: float  #: with ``agent`` it names the row for ever
    ended: float
    paused: bool
    reason: str = ""  #: of the pause, as it was given first
