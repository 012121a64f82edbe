"""The figures of hand-overs: whether the next agent knew, and whether the caller had to say things again."""

from __future__ import annotations

from pbxd.figures.figure import NODE, QUEUE, SWIFT_BUCKETS, Figure, Kind, Label
from pbxd.figures.transfers import BY

AFTER = Label(
    name="after",
    meaning="how the caller had come to the agent who reports it; none: he had not been transferred",
    values=(*BY.values, "none"),
)
HANDOVER_STAGE = Label(
    name="stage",
    meaning="offered: from the order or the switch's event to the web edge; delivered: from there to the "
    "page's socket",
    values=("offered", "delivered"),
)

HANDOVERS = (
    Figure(
        name="pbxd_handovers_total",
        kind=Kind.COUNTER,
        help="Hand-overs that were sent to an agent.",
        labels=(NODE, BY),
        unit="hand-overs",
        formula="One for each transfer and agent who was to take it. Sent again with more in it, or "
        "after a restart of pbxd, it counts once.",
        source="Tell(handover)",
        edge_cases="An agent who is tried in vain had one, too.",
    ),
    Figure(
        name="pbxd_handover_stage_seconds",
        kind=Kind.HISTOGRAM,
        help="Time a hand-over took for each stage on its way to the page.",
        labels=(NODE, HANDOVER_STAGE),
        unit="seconds",
        formula="Each stage counts from the end of the one before; the first begins with the order, or with "
        "the switch's event that the target's phone rings.",
        source="Tell(handover), the page's socket",
        edge_cases="A negative time (clocks of two machines) counts as 0.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_handover_ack_seconds",
        kind=Kind.HISTOGRAM,
        help="Time until the target's page said that it shows the hand-over.",
        labels=(NODE,),
        unit="seconds",
        formula="From sending it to the first acknowledgement; pbxd_handovers_total less its count were "
        "never acknowledged.",
        source="AcknowledgeHandover",
        edge_cases="Without an open page there is no acknowledgement.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_caller_repeats_total",
        kind=Kind.COUNTER,
        help="Agents' reports that a caller had to say things again.",
        labels=(NODE, QUEUE, AFTER),
        unit="reports",
        formula="One for each call and agent who reports it, under the first queue that the call entered.",
        source="ReportRepeat",
        edge_cases="Only as good as the reports of agents, who can report it while the call lasts.",
    ),
)
