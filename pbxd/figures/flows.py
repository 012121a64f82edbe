"""The figures of call flows: what callers choose, where they hesitate, and where they give up."""

from __future__ import annotations

from pbxd.effects import Count
from pbxd.figures.figure import NODE, Derived, Figure, Kind, Label
from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep

FLOW = Label(name="flow", meaning="the flow's name")
STEP = Label(name="step", meaning="the step's name in the flow's file", most=1000)
RESULT = Label(
    name="result",
    meaning="queue: sent to a queue; hangup: the flow ended the call; done: the dialplan goes on; "
    "caller_left: he hung up in the flow; failed: the flow broke, and its way out was taken",
    values=("queue", "hangup", "done", "caller_left", "failed"),
)
OPTION = Label(name="option", meaning="the key")
OPTION_LABEL = Label(name="label", meaning="what the flow calls this option", most=1000)
WRONG = Label(name="result", meaning="what was wrong", values=("invalid", "no_input"))
OFFERED = Label(name="offered", meaning="whether this menu has an option 0", values=("yes", "no"))

#: Bounds of how long people take to choose: prompts are heard first.
CHOICE_BUCKETS = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0)

FLOWS = (
    Figure(
        name="pbxd_flow_entries_total",
        kind=Kind.COUNTER,
        help="Callers who came to a call flow.",
        labels=(NODE, FLOW),
        unit="calls",
        formula="One each time that the dialplan hands a caller to the flow.",
        source="FlowEntered",
        edge_cases="A caller whom the dialplan sends through a flow twice enters twice.",
    ),
    Figure(
        name="pbxd_flow_results_total",
        kind=Kind.COUNTER,
        help="Ways callers left the call flows.",
        labels=(NODE, FLOW, RESULT),
        unit="calls",
        formula="One for each caller who leaves a flow.",
        source="FlowLeft",
        edge_cases="A caller whose connection from Asterisk breaks leaves no result: entries less results "
        "are those in progress, and these.",
    ),
    Figure(
        name="pbxd_flow_choices_total",
        kind=Kind.COUNTER,
        help="Options that callers chose in menus.",
        labels=(NODE, FLOW, STEP, OPTION, OPTION_LABEL),
        unit="choices",
        formula="One each time that a caller presses the key of an option.",
        source="FlowStep(chosen)",
        edge_cases="A caller who comes back to a menu chooses again. When a flow's file gives an option "
        "another label, a new series begins.",
    ),
    Figure(
        name="pbxd_flow_choice_seconds",
        kind=Kind.HISTOGRAM,
        help="Time callers took to choose in a menu, or to enter what was asked for.",
        labels=(NODE, FLOW, STEP),
        unit="seconds",
        formula="From coming to the step to the choice or the complete entry; prompts and wrong tries are "
        "part of it. Callers who never chose are not observed.",
        source="FlowStep(chosen, entered)",
        edge_cases="A key that was pressed ahead counts as nearly 0.",
        buckets=CHOICE_BUCKETS,
    ),
    Figure(
        name="pbxd_flow_wrong_keys_total",
        kind=Kind.COUNTER,
        help="Tries in menus and entries that came to nothing.",
        labels=(NODE, FLOW, STEP, WRONG),
        unit="tries",
        formula="One for each key that is no option or entry that is too short or too long (invalid), and "
        "for each time that nothing was pressed (no_input).",
        source="FlowStep(invalid, no_input)",
        edge_cases="One caller may have several at one step, as many as the step allows.",
    ),
    Figure(
        name="pbxd_flow_zero_outs_total",
        kind=Kind.COUNTER,
        help="Times a caller pressed 0 in a menu: he wants a person.",
        labels=(NODE, FLOW, STEP, OFFERED),
        unit="callers",
        formula="One for each 0 that was pressed at a menu, whether it is an option there or not.",
        source="FlowStep(chosen, invalid) of menus",
        edge_cases="Also counted as a choice, or as an invalid key. Where 0 means something else, ignore it.",
    ),
    Figure(
        name="pbxd_flow_hangups_total",
        kind=Kind.COUNTER,
        help="Callers who hung up in a call flow, by the step at which they did.",
        labels=(NODE, FLOW, STEP),
        unit="callers",
        formula="One for each caller who leaves a flow by hanging up, at the step that he had come to.",
        source="FlowLeft(caller_left)",
        edge_cases="Noticed at the next command to Asterisk, so one who hangs up while the last prompt of a "
        "step plays is still at this step.",
    ),
)

DERIVED_OF_FLOWS = (
    Derived(
        name="Containment",
        definition="callers whom the flow served to its own end / all who left it. Who hung up in the middle "
        "was not served, as far as anybody knows.",
        promql='sum by (node, flow) (increase(pbxd_flow_results_total{result="hangup"}[24h])) / '
        "sum by (node, flow) (increase(pbxd_flow_results_total[24h]))",
    ),
    Derived(
        name="Hang-ups per step",
        definition="callers who hung up at a step / callers who came to the flow.",
        promql="sum by (node, flow, step) (increase(pbxd_flow_hangups_total[24h])) / on (node, flow) "
        "group_left () sum by (node, flow) (increase(pbxd_flow_entries_total[24h]))",
    ),
)


def flow_counts(event: FlowEvent) -> list[Count]:
    """What this event of a call flow adds to which figures; that of a survey is counted with its call."""
    if event.survey:
        return []
    flow = {"node": str(event.node), "flow": event.flow}
    match event:
        case FlowEntered():
            return [Count(metric="pbxd_flow_entries_total", labels=flow)]
        case FlowStep():
            return _step_counts(event, {**flow, "step": event.step})
        case FlowLeft():
            counts = [Count(metric="pbxd_flow_results_total", labels={**flow, "result": event.result})]
            if event.result == "caller_left":
                counts.append(Count(metric="pbxd_flow_hangups_total", labels={**flow, "step": event.step}))
            return counts


def _step_counts(event: FlowStep, step: dict[str, str]) -> list[Count]:
    counts: list[Count] = []
    if event.result in ("chosen", "entered"):
        counts.append(Count(metric="pbxd_flow_choice_seconds", labels=step, value=event.took_s))
    if event.result == "chosen":
        chosen = {**step, "option": event.digits, "label": event.label}
        counts.append(Count(metric="pbxd_flow_choices_total", labels=chosen))
    if event.result in WRONG.values:
        counts.append(Count(metric="pbxd_flow_wrong_keys_total", labels={**step, "result": event.result}))
    if event.kind == "menu" and event.digits == "0":
        offered = "yes" if event.result == "chosen" else "no"
        counts.append(Count(metric="pbxd_flow_zero_outs_total", labels={**step, "offered": offered}))
    return counts
