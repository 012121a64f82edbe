"""The figures of agents' work: how long a call takes them, and what they do all day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pbxd.calls.facts import LegEnded
from pbxd.effects import Count
from pbxd.figures.figure import AGENT, NODE, QUEUE, Derived, Figure, Kind, Label
from pbxd.figures.reading import Reading
from pbxd.ids import AgentId

PART = Label(name="part", meaning="of the handling", values=("talk", "hold", "wrap_up"))
STAFF_STATE = Label(
    name="state",
    meaning="what the agent does, over all his devices and queues; a conversation outweighs a ring, both "
    "outweigh a pause",
    values=("ready", "ringing", "talking", "paused", "wrapup"),
)
_ONCE = "Moves when the leg, or the wrap-up, ends, by all of it at once."

HANDLING = (
    Figure(
        name="pbxd_handled_legs_total",
        kind=Kind.COUNTER,
        help="Conversations of agents with callers.",
        labels=(NODE, QUEUE),
        unit="legs",
        formula="One for each leg of an agent that ended.",
        source="LegEnded, the agents of the settings",
        edge_cases="After a transfer there are two legs, one of each agent. A leg that no queue began counts "
        "under the queue in which the caller waited last, as its wrap-up does.",
    ),
    Figure(
        name="pbxd_handling_seconds_total",
        kind=Kind.COUNTER,
        help="Time agents spent on callers: talk, hold and wrap-up.",
        labels=(NODE, QUEUE, PART),
        unit="seconds",
        formula="Sum over the legs of agents; after a transfer each owns only his own part. With "
        "pbxd_handled_legs_total these are the parts of the average handling time.",
        source="LegEnded, the wrap-ups",
        edge_cases=f"{_ONCE} Legs of parties who are no agents are not part of it (pbxd_talk_seconds has "
        "them).",
    ),
    Figure(
        name="pbxd_staff",
        kind=Kind.GAUGE,
        help="Agents who are signed in, by what they do.",
        labels=(STAFF_STATE,),
        unit="agents",
        formula="Number of agents in each state at the scrape; the sum is who is signed in.",
        source="how the agents' devices stand in their queues, and the wrap-ups",
        edge_cases="An agent is signed in when a device of his that a queue has as member can be reached. "
        "While the link to a switch is down, nobody is seen there.",
    ),
    Figure(
        name="pbxd_staff_seconds_total",
        kind=Kind.COUNTER,
        help="Time agents were signed in, by what they did.",
        labels=(STAFF_STATE,),
        unit="seconds",
        formula="Sum over all agents, up to the scrape. All states together are the signed-in time; less "
        "`paused` it is what occupancy is measured by.",
        source="as pbxd_staff",
        edge_cases="`talking` holds every call of his devices, also private ones; a pause that begins in a "
        "conversation counts from its end. Times at which pbxd did not run or had no link are missing.",
    ),
    Figure(
        name="pbxd_agent_signed_in_seconds_total",
        kind=Kind.COUNTER,
        help="Time each agent was signed in.",
        labels=(AGENT,),
        unit="seconds",
        formula="All states of pbxd_staff_seconds_total, of this agent; told once a minute.",
        source="as pbxd_staff",
        edge_cases="An agent who was never seen has none.",
        opt_in=True,
    ),
    Figure(
        name="pbxd_agent_pause_seconds_total",
        kind=Kind.COUNTER,
        help="Time each agent was paused.",
        labels=(AGENT,),
        unit="seconds",
        formula="The state `paused` of pbxd_staff_seconds_total, of this agent; told once a minute.",
        source="as pbxd_staff",
        edge_cases="Wrap-ups, and pauses that pbxd makes to spare him a caller, are no pauses.",
        opt_in=True,
    ),
)

DERIVED_OF_HANDLING = (
    Derived(
        name="Average handling time (AHT)",
        definition="(talk + hold + wrap-up) / conversations, of agents: after a transfer each owns only his "
        "own part.",
        promql="sum by (node, queue) (rate(pbxd_handling_seconds_total[1h])) / "
        "sum by (node, queue) (rate(pbxd_handled_legs_total[1h]))",
    ),
    Derived(
        name="Occupancy",
        definition="(talk + hold + wrap-up) / (signed-in time - pauses), of all agents together.",
        promql="sum(rate(pbxd_handling_seconds_total[1h])) / "
        'sum(rate(pbxd_staff_seconds_total{state!="paused"}[1h]))',
    ),
)


def handled(leg: LegEnded, queue: str, agent: AgentId | None, *, named: bool) -> Iterator[Count]:
    """An agent's part in a call is over; ``named``: figures may carry agents' names."""
    if agent is None:
        return
    labels = {"node": str(leg.node), "queue": queue}
    yield Count(metric="pbxd_handled_legs_total", labels=labels)
    yield from spent(labels, "talk", leg.talk_s)
    yield from spent(labels, "hold", leg.hold_s)
    if named:
        own = {**labels, "agent": str(agent)}
        yield Count(metric="pbxd_agent_legs_total", labels=own)
        yield Count(metric="pbxd_agent_talk_seconds_total", labels=own, value=leg.talk_s)
        yield Count(metric="pbxd_agent_hold_seconds_total", labels=own, value=leg.hold_s)


def spent(labels: Mapping[str, str], part: str, seconds: float) -> Iterator[Count]:
    """An agent spent this on a caller. ``labels``: node and queue."""
    if seconds > 0:
        yield Count(metric="pbxd_handling_seconds_total", labels={**labels, "part": part}, value=seconds)


def staff_readings(states: Iterable[tuple[str, int, float]]) -> Iterator[Reading]:
    """``states``: each with how many agents are in it now, and the seconds of all agents so far."""
    for state, number, seconds in states:
        labels = {"state": state}
        yield Reading(metric="pbxd_staff", labels=labels, value=number)
        yield Reading(metric="pbxd_staff_seconds_total", labels=labels, value=seconds)


def agent_times(times: Iterable[tuple[AgentId, float, float]]) -> Iterator[Count]:
    """``times``: agents' seconds signed in, and of these paused, since they were told last."""
    for agent, signed_in, paused in times:
        labels = {"agent": str(agent)}
        yield Count(metric="pbxd_agent_signed_in_seconds_total", labels=labels, value=signed_in)
        yield Count(metric="pbxd_agent_pause_seconds_total", labels=labels, value=paused)
