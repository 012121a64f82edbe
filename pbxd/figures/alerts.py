"""The figures of alerts: how many there were, and whether people could be told."""

from __future__ import annotations

from pbxd.effects import Count
from pbxd.figures.figure import NODE, QUEUE, Figure, Kind, Label
from pbxd.ids import NodeId

KIND = Label(
    name="kind",
    meaning="caller_waits: a caller waited longer than the queue's limit; queue_unattended: callers waited "
    "where no member could be rung",
    values=("caller_waits", "queue_unattended"),
)

ALERTS = (
    Figure(
        name="pbxd_alerts_total",
        kind=Kind.COUNTER,
        help="Alerts that pbxd raised by itself.",
        labels=(NODE, QUEUE, KIND),
        unit="alerts",
        formula="One for each alert when it is raised; repetitions and escalations do not count again.",
        source="the facts about waiting callers, how members stand, and the clock",
        edge_cases="An alert that is open through a restart of pbxd counts once, before it. A caller who is "
        "sent on to another queue keeps his alert, which counts for the queue in which it was raised.",
    ),
    Figure(
        name="pbxd_alerts_open",
        kind=Kind.GAUGE,
        help="Alerts that are open now.",
        labels=(NODE, KIND),
        unit="alerts",
        formula="Raised and not ended, at the scrape.",
        source="the watches",
        edge_cases="While the link to a switch is down nothing ends: what was open stays so.",
    ),
    Figure(
        name="pbxd_alert_deliveries_total",
        kind=Kind.COUNTER,
        help="Messages about alerts to the sinks of the settings, by what became of them.",
        labels=(
            Label(name="sink", meaning="the sink's name in the settings"),
            Label(
                name="outcome",
                meaning="delivered: taken by the other side; refused: it said no, and would again; failed: "
                "no luck in all attempts; dropped: its queue was full, this was the oldest; lost: pbxd "
                "ended first",
                values=("delivered", "refused", "failed", "dropped", "lost"),
            ),
        ),
        unit="messages",
        formula="One for each message and sink, when its fate is known.",
        source="the alert sinks",
        edge_cases="A message that was tried again counts once, by its last attempt.",
    ),
    Figure(
        name="pbxd_alert_attempts_failed_total",
        kind=Kind.COUNTER,
        help="Attempts to deliver a message about an alert that failed; each is repeated after a pause.",
        labels=(Label(name="sink", meaning="the sink's name in the settings"),),
        unit="attempts",
        formula="One for each attempt that ended with an error.",
        source="the alert sinks",
        edge_cases="Each attempt counts; the message may still get there.",
    ),
)


def alert_raised(node: NodeId, queue: str, kind: str) -> Count:
    """An alert was raised."""
    return Count(metric="pbxd_alerts_total", labels={"node": str(node), "queue": queue, "kind": kind})
