"""The figures of the time after a call: notes, and callers whom agents declined."""

from __future__ import annotations

from pbxd.effects import Count
from pbxd.figures.figure import AGENT, NODE, QUEUE, TALK_BUCKETS, Figure, Kind, Label
from pbxd.figures.handling import spent
from pbxd.ids import AgentId, CallId, NodeId

ENDED = Label(
    name="ended",
    meaning="what ended it: the time was up, the agent was ready before, somebody resumed him elsewhere, "
    "he paused himself, or he took another call",
    values=("time", "ready", "resumed", "paused", "call"),
)

AFTER_CALLS = (
    Figure(
        name="pbxd_wrap_up_seconds",
        kind=Kind.HISTOGRAM,
        help="Time agents had for their notes after a call, in which no queue rang them.",
        labels=(NODE, QUEUE, ENDED),
        unit="seconds",
        formula="From the moment at which the agent's phone is free and no queue can ring it until he can be "
        "rung again.",
        source="the pauses that pbxd makes, and how members stand",
        buckets=(5.0, *TALK_BUCKETS[:9]),
        edge_cases="Begins at the agent's own end of the call: a transferer's when he is freed. Of one that "
        "was under way when pbxd was started anew, the beginning is the pause on the switch. One in which he "
        "is called, and whose time is not up when that call ends, ends with the beginning of that call.",
    ),
    Figure(
        name="pbxd_agent_wrap_up_seconds_total",
        kind=Kind.COUNTER,
        help="Time each agent spent in wrap-up.",
        labels=(NODE, QUEUE, AGENT),
        unit="seconds",
        formula="Sum of the lengths of his wrap-ups.",
        source="as pbxd_wrap_up_seconds",
        edge_cases="Moves when the wrap-up ends, by all of it at once.",
        opt_in=True,
    ),
    Figure(
        name="pbxd_declined_callers_total",
        kind=Kind.COUNTER,
        help="Callers whom an agent declined on his phone while it rang for a queue.",
        labels=(NODE, QUEUE),
        unit="callers",
        formula="One for each time that a ringing phone hangs up while the caller waits.",
        source="HangupRequest of a phone that rings for a queue",
        edge_cases="A phone that rings until the queue gives up does not count.",
    ),
)


def wrap_up_ended(
    node: NodeId,
    queue: str | None,
    *,
    how: str,
    lasted_s: float,
    agent: AgentId | None,
    call: CallId | None = None,
) -> list[Count]:
    """A wrap-up is over; ``agent``: only where figures carry agents' names."""
    labels = {"node": str(node), "queue": queue or ""}
    ended = {**labels, "ended": how}
    counts = [Count(metric="pbxd_wrap_up_seconds", labels=ended, value=lasted_s, call=call)]
    counts += spent(labels, "wrap_up", lasted_s)
    if agent is not None:
        named = {**labels, "agent": str(agent)}
        counts.append(Count(metric="pbxd_agent_wrap_up_seconds_total", labels=named, value=lasted_s))
    return counts


def declined_caller(node: NodeId, queue: str) -> Count:
    """An agent declined a caller of this queue."""
    return Count(metric="pbxd_declined_callers_total", labels={"node": str(node), "queue": queue})
