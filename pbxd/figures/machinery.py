"""The figures of pbxd itself: its loop, its pages, and how fast a screen pop is."""

from __future__ import annotations

from pbxd.figures.figure import NODE, SWIFT_BUCKETS, Figure, Kind, Label

_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

STAGE = Label(
    name="stage",
    meaning="offered: from the switch's event to the web edge; delivered: from there to the page's socket; "
    "acknowledged: from there until the page says that it shows the pop",
    values=("offered", "delivered", "acknowledged"),
)
LOOP = (
    Figure(
        name="pbxd_build_info",
        kind=_GAUGE,
        help="Which pbxd this is; always 1.",
        labels=(
            Label(name="version", meaning="of pbxd"),
            Label(name="python", meaning="version of Python"),
        ),
        unit="1",
        formula="Always 1.",
        source="the package",
        edge_cases="Changes its labels at an update.",
    ),
    Figure(
        name="pbxd_loop_lag_seconds",
        kind=_HISTOGRAM,
        help="Delay with which the event loop runs what is due.",
        unit="seconds",
        formula="Four times a second: when a timer fired less when it was to fire.",
        source="the loop itself",
        edge_cases="A loop that stands still for a second shows one long observation, not four.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_inbox_messages",
        kind=_GAUGE,
        help="Messages that wait for the switchboard.",
        unit="messages",
        formula="Depth of the inbox at the scrape.",
        source="the switchboard",
        edge_cases="A moment's value: 0 most of the time, even under load.",
    ),
    Figure(
        name="pbxd_inbox_dropped_total",
        kind=_COUNTER,
        help="Events that were dropped because the inbox was full; a fresh inventory replaces them.",
        unit="messages",
        formula="One for each dropped event.",
        source="the switchboard",
        edge_cases="After each loss the picture is taken anew, so no figure stays wrong; what happened "
        "meanwhile counts as missed.",
    ),
    Figure(
        name="pbxd_steps_total",
        kind=_COUNTER,
        help="Messages that the world was stepped with.",
        unit="messages",
        formula="One for each message.",
        source="the switchboard",
        edge_cases="Ticks of the clock are among them: at least one a second.",
    ),
    Figure(
        name="pbxd_failed_steps_total",
        kind=_COUNTER,
        help="Steps that raised and were taken back: bugs of pbxd.",
        unit="messages",
        formula="One for each message whose step raised; its input is in the log.",
        source="the switchboard",
        edge_cases="Must be 0 for ever.",
    ),
    Figure(
        name="pbxd_failed_effects_total",
        kind=_COUNTER,
        help="Effects that an edge failed to take: bugs of pbxd.",
        unit="effects",
        formula="One for each effect whose outlet raised.",
        source="the switchboard",
        edge_cases="Must be 0 for ever.",
    ),
    Figure(
        name="pbxd_metrics_faults_total",
        kind=_COUNTER,
        help="Figures that could not be moved: unknown name, wrong labels, or too many series. Bugs of pbxd.",
        labels=(
            Label(
                name="kind",
                meaning="what was wrong; full: the figure has too many series, and this one was put together "
                "with others",
                values=("unknown", "labels", "value", "full"),
            ),
        ),
        unit="faults",
        formula="One for each refused movement.",
        source="the metrics edge",
        edge_cases="The log names the figure, once.",
    ),
    Figure(
        name="pbxd_metrics_beyond_total",
        kind=_COUNTER,
        help="Label values beyond those that are told apart, which count as `other`.",
        labels=(Label(name="label", meaning="the label's name"),),
        unit="movements",
        formula="One each time that a figure was moved, or a gauge left out, because of one.",
        source="the metrics edge",
        edge_cases="The sums over a label stay right for counters and histograms; gauges of what is beyond "
        "are not exported. The first values that come are told apart, until pbxd is started anew.",
    ),
)

PAGES = (
    Figure(
        name="pbxd_screenpops_total",
        kind=_COUNTER,
        help="Screen pops that were offered to an agent.",
        labels=(NODE, Label(name="shown", meaning="whether a page of his was open", values=("yes", "no"))),
        unit="pops",
        formula="One for each ring of one agent's phone. A pop sent again with more in it counts once.",
        source="Tell(screenpop)",
        edge_cases="With ringall each agent whose phone rings has one.",
    ),
    Figure(
        name="pbxd_screenpop_stage_seconds",
        kind=_HISTOGRAM,
        help="Time a screen pop took for each stage on its way to the page.",
        labels=(NODE, STAGE),
        unit="seconds",
        formula="Each stage counts from the end of the one before. The first begins at the Timestamp of the "
        "switch's event.",
        source="Tell(screenpop), the page's socket, what the page acknowledges",
        edge_cases="`offered` compares the clocks of two machines when Asterisk runs elsewhere; a negative "
        "time counts as 0. `acknowledged` holds the way there and back.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_screenpops_dropped_total",
        kind=_COUNTER,
        help="Messages dropped because a page read too slowly; it gets a fresh snapshot instead.",
        unit="messages",
        formula="One for each page and message.",
        source="the web edge",
        edge_cases="Nothing is lost to the agent but a moment.",
    ),
    Figure(
        name="pbxd_web_pages",
        kind=_GAUGE,
        help="Agents' pages that are open.",
        unit="pages",
        formula="Number of open WebSockets at the scrape.",
        source="the web edge",
        edge_cases="One agent may have several.",
    ),
    Figure(
        name="pbxd_web_signins_total",
        kind=_COUNTER,
        help="Attempts to sign in.",
        labels=(
            Label(
                name="result",
                meaning="braked: not even looked at, after too many wrong ones",
                values=("admitted", "refused", "braked"),
            ),
        ),
        unit="attempts",
        formula="One for each attempt.",
        source="the web edge",
        edge_cases="A session that goes on after a restart is no attempt.",
    ),
    Figure(
        name="pbxd_web_refused_total",
        kind=_COUNTER,
        help="Requests and messages of pages that were refused because they made no sense.",
        labels=(Label(name="kind", meaning="where it came in", values=("request", "message")),),
        unit="requests",
        formula="One for each.",
        source="the web edge",
        edge_cases="Wrong passwords are not among them.",
    ),
)

TRACES = (
    Figure(
        name="pbxd_trace_spans_total",
        kind=_COUNTER,
        help="Spans of traces on their way to the collector.",
        labels=(
            Label(
                name="result",
                meaning="offered: a call ended, and its spans were queued; sent, failed: what came of them",
                values=("offered", "sent", "failed"),
            ),
        ),
        unit="spans",
        formula="One for each span.",
        source="the edge of traces",
        edge_cases="What was offered and is neither sent nor failed after some seconds was dropped, because "
        "the queue was full. All stay 0 without the section `traces`.",
    ),
)
