"""Dashboards of what callers meet with: service, queues, call flows, calling again."""

from __future__ import annotations

from deploy.grafana.board import BARS, COUNT, HEAT, SECONDS, SHARE, STAT, TABLE, Board, Panel
from deploy.grafana.queries import RANGE, STEP, F, Q, median_and_p95

GOOD_HIGH = ((None, "red"), (0.7, "orange"), (0.8, "green"))
GOOD_LOW = ((None, "green"), (0.05, "orange"), (0.1, "red"))
WAITING = ((None, "green"), (60.0, "orange"), (300.0, "red"))


def within(window: str, by: str = "") -> str:
    """Answered within the threshold / answered."""
    waits = "pbxd_queue_waits_total"
    return (
        f'sum{by}(increase({waits}{{{Q},outcome="answered",within="yes"}}[{window}])) / '
        f'sum{by}(increase({waits}{{{Q},outcome="answered"}}[{window}]))'
    )


def within_both(window: str, by: str = "") -> str:
    """(Answered + abandoned within the threshold) / (answered + abandoned)."""
    return (
        f'sum{by}(increase(pbxd_queue_waits_total{{{Q},within="yes"}}[{window}])) / '
        f"sum{by}(increase(pbxd_queue_waits_total{{{Q}}}[{window}]))"
    )


def speed_of_answer(window: str, by: str = "") -> str:
    wait = "pbxd_queue_wait_seconds"
    return (
        f'sum{by}(increase({wait}_sum{{{Q},outcome="answered"}}[{window}])) / '
        f'sum{by}(increase({wait}_count{{{Q},outcome="answered"}}[{window}]))'
    )


def given_up(window: str, by: str = "") -> str:
    """Abandoned / all waits, both without those given up at once."""
    wait, short = (
        "pbxd_queue_wait_seconds",
        f"sum{by}(increase(pbxd_queue_short_abandons_total{{{Q}}}[{window}]))",
    )
    return (
        f'(sum{by}(increase({wait}_count{{{Q},outcome="abandoned"}}[{window}])) - {short}) / '
        f"(sum{by}(increase({wait}_count{{{Q}}}[{window}])) - {short})"
    )


def satisfaction(window: str, by: str = "") -> str:
    """Mean of the ratings."""
    return (
        f"sum{by}(increase(pbxd_survey_points_total{{{Q}}}[{window}])) / "
        f"sum{by}(increase(pbxd_survey_ratings_total{{{Q}}}[{window}]))"
    )


BY_QUEUE = " by (queue) "

SERVICE = Board(
    uid="pbxd-service",
    title="pbxd: service today",
    description="How callers are served now and in the chosen time. Definitions: docs/metrics.md.",
    choices=("node", "queue"),
    since="now/d",
    panels=(
        Panel(
            title="Service level (SL)",
            description="Answered within the queue's threshold / answered. Who gave up does not count.",
            unit=SHARE,
            kind=STAT,
            most=1,
            colours=GOOD_HIGH,
            queries=((within(RANGE), "SL"),),
        ),
        Panel(
            title="Service level with abandoned (SL2)",
            description="(Answered within + abandoned within the threshold) / (answered + abandoned).",
            unit=SHARE,
            kind=STAT,
            most=1,
            colours=GOOD_HIGH,
            queries=((within_both(RANGE), "SL2"),),
        ),
        Panel(
            title="Speed of answer (ASA)",
            description="Mean wait of the callers who were answered.",
            unit=SECONDS,
            kind=STAT,
            queries=((speed_of_answer(RANGE), "ASA"),),
        ),
        Panel(
            title="Abandoned",
            description="Share of the waits that the caller gave up; who gave up at once is left out.",
            unit=SHARE,
            kind=STAT,
            most=1,
            colours=GOOD_LOW,
            queries=((given_up(RANGE), "abandoned"),),
        ),
        Panel(
            title="Waiting now",
            description="Callers who wait in the chosen queues at this moment.",
            unit=COUNT,
            kind=STAT,
            queries=((f"sum(pbxd_queue_waiting{{{Q}}})", "waiting"),),
        ),
        Panel(
            title="Longest wait now",
            description="How long the caller who waits longest has waited so far.",
            unit=SECONDS,
            kind=STAT,
            colours=WAITING,
            queries=((f"max(pbxd_queue_longest_wait_seconds{{{Q}}})", "longest"),),
        ),
        Panel(
            title="Waiting now, by queue",
            description="Callers who wait in each queue.",
            unit=COUNT,
            queries=((f"sum by (queue) (pbxd_queue_waiting{{{Q}}})", "{{queue}}"),),
        ),
        Panel(
            title="Service level over time",
            description="Both definitions, over a quarter of an hour.",
            unit=SHARE,
            most=1,
            queries=((within("15m"), "SL"), (within_both("15m"), "SL2")),
        ),
        Panel(
            title="How waits ended",
            description="Waits that ended, by outcome, in each step of the picture.",
            unit=COUNT,
            stacked=True,
            queries=(
                (f"sum by (outcome) (increase(pbxd_queue_wait_seconds_count{{{Q}}}[{STEP}]))", "{{outcome}}"),
            ),
        ),
        Panel(
            title="Waits of those who were answered",
            description="Half of the answered callers waited at most the median, 95 of 100 at most p95.",
            unit=SECONDS,
            queries=median_and_p95("pbxd_queue_wait_seconds", f'{Q},outcome="answered"', "15m"),
        ),
        Panel(
            title="Queues in the chosen time",
            description="Service level, speed of answer and abandonment of each queue.",
            unit=SHARE,
            units={"ASA": SECONDS},
            kind=TABLE,
            queries=(
                (within(RANGE, BY_QUEUE), "SL"),
                (speed_of_answer(RANGE, BY_QUEUE), "ASA"),
                (given_up(RANGE, BY_QUEUE), "abandoned"),
            ),
        ),
        Panel(
            title="Journeys by outcome",
            description="Calls that ended, by how; a call counts once, whatever queues and agents it met.",
            unit=COUNT,
            kind=BARS,
            queries=((f"sum by (outcome) (increase(pbxd_calls_total{{{Q}}}[{RANGE}]))", "{{outcome}}"),),
        ),
        Panel(
            title="Satisfaction (CSAT)",
            description="Mean of the ratings, 1 to 5, that callers gave after the talk.",
            unit=COUNT,
            kind=STAT,
            most=5,
            colours=((None, "red"), (3.5, "orange"), (4.0, "green")),
            queries=((satisfaction(RANGE), "CSAT"),),
        ),
        Panel(
            title="Survey answered",
            description="Callers who gave a rating / callers who were asked after the talk how it was.",
            unit=SHARE,
            kind=STAT,
            most=1,
            queries=(
                (
                    f'sum(increase(pbxd_surveys_total{{{Q},result="rated"}}[{RANGE}])) / '
                    f"sum(increase(pbxd_surveys_total{{{Q}}}[{RANGE}]))",
                    "answered",
                ),
            ),
        ),
        Panel(
            title="Ratings",
            description="How many callers gave which rating after the talk; 5 is best.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (f"sum by (rating) (increase(pbxd_survey_ratings_total{{{Q}}}[{RANGE}]))", "{{rating}}"),
            ),
        ),
    ),
)

QUEUE = Board(
    uid="pbxd-queue",
    title="pbxd: queue in detail",
    description="Everything about the chosen queues.",
    choices=("node", "queue"),
    panels=(
        Panel(
            title="Threshold of the service level",
            description="Within which time an answer is in time, as the settings say for each queue.",
            unit=SECONDS,
            kind=STAT,
            queries=((f"max by (queue) (pbxd_queue_service_level_threshold_seconds{{{Q}}})", "{{queue}}"),),
        ),
        Panel(
            title="Given up at once",
            description="Waits that the caller gave up within the short-abandon threshold.",
            unit=COUNT,
            kind=STAT,
            queries=((f"sum(increase(pbxd_queue_short_abandons_total{{{Q}}}[{RANGE}]))", "short"),),
        ),
        Panel(
            title="Declined by agents",
            description="Callers whom an agent declined on his phone while it rang.",
            unit=COUNT,
            kind=STAT,
            queries=((f"sum(increase(pbxd_declined_callers_total{{{Q}}}[{RANGE}]))", "declined"),),
        ),
        Panel(
            title="Members by state",
            description="What the members of the chosen queues do; a paused member counts as paused.",
            unit=COUNT,
            stacked=True,
            queries=((f"sum by (state) (pbxd_queue_members{{{Q}}})", "{{state}}"),),
        ),
        Panel(
            title="Entries and answers",
            description="Callers who entered, and who were answered, in each step of the picture.",
            unit=COUNT,
            queries=(
                (f"sum(increase(pbxd_queue_entries_total{{{Q}}}[{STEP}]))", "entered"),
                (f'sum(increase(pbxd_queue_waits_total{{{Q},outcome="answered"}}[{STEP}]))', "answered"),
            ),
        ),
        Panel(
            title="Waits, all outcomes",
            description="How many waits fell into each span; the darker, the more.",
            unit=COUNT,
            kind=HEAT,
            queries=((f"sum by (le) (increase(pbxd_queue_wait_seconds_bucket{{{Q}}}[{STEP}]))", "{{le}}"),),
        ),
        Panel(
            title="When callers give up",
            description="Median and 95th percentile of the waits of those who gave up.",
            unit=SECONDS,
            queries=median_and_p95("pbxd_queue_wait_seconds", f'{Q},outcome="abandoned"', "1h"),
        ),
        Panel(
            title="Why phones stopped ringing",
            description="Rings of members' phones that ended, by reason.",
            unit=COUNT,
            stacked=True,
            queries=(
                (f"sum by (result) (increase(pbxd_member_ring_results_total{{{Q}}}[{STEP}]))", "{{result}}"),
            ),
        ),
        Panel(
            title="Conversations",
            description="Median and 95th percentile of the time in which a party and the caller could talk.",
            unit=SECONDS,
            queries=median_and_p95("pbxd_talk_seconds", Q, "1h"),
        ),
        Panel(
            title="Overflow",
            description="Callers who left a queue unserved and then waited in another one.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (
                    f"sum by (queue, to) (increase(pbxd_queue_overflows_total{{{Q}}}[{RANGE}])) or vector(0)",
                    "{{queue}} → {{to}}",
                ),
            ),
        ),
    ),
)

FLOWS = Board(
    uid="pbxd-ivr",
    title="pbxd: call flows (IVR)",
    description="What callers choose in the menus, where they hesitate, and where they hang up.",
    choices=("node", "flow"),
    panels=(
        Panel(
            title="Callers in flows",
            description="Callers who came to the chosen flows.",
            unit=COUNT,
            kind=STAT,
            queries=((f"sum(increase(pbxd_flow_entries_total{{{F}}}[{RANGE}]))", "entries"),),
        ),
        Panel(
            title="Contained",
            description="Callers whom the flow served to its own end / all who left it.",
            unit=SHARE,
            kind=STAT,
            most=1,
            queries=(
                (
                    f'sum(increase(pbxd_flow_results_total{{{F},result="hangup"}}[{RANGE}])) / '
                    f"sum(increase(pbxd_flow_results_total{{{F}}}[{RANGE}]))",
                    "contained",
                ),
            ),
        ),
        Panel(
            title="Pressed 0",
            description="Times a caller pressed 0 in a menu, whether that is an option there or not.",
            unit=COUNT,
            kind=STAT,
            queries=((f"sum(increase(pbxd_flow_zero_outs_total{{{F}}}[{RANGE}]))", "0"),),
        ),
        Panel(
            title="How callers left",
            description="Ways out of the flows, in each step of the picture.",
            unit=COUNT,
            stacked=True,
            queries=((f"sum by (result) (increase(pbxd_flow_results_total{{{F}}}[{STEP}]))", "{{result}}"),),
        ),
        Panel(
            title="Choices",
            description="Options that callers chose, by step and key.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (
                    f"sum by (flow, step, option, label) (increase(pbxd_flow_choices_total{{{F}}}[{RANGE}]))",
                    "{{step}} {{option}}: {{label}}",
                ),
            ),
        ),
        Panel(
            title="Time to choose",
            description="95 of 100 callers chose, or had entered what was asked for, within this time.",
            unit=SECONDS,
            queries=(
                (
                    "histogram_quantile(0.95, sum by (le, flow, step) "
                    f"(rate(pbxd_flow_choice_seconds_bucket{{{F}}}[1h])))",
                    "{{flow}} {{step}}",
                ),
            ),
        ),
        Panel(
            title="Wrong keys and none",
            description="Tries that came to nothing, by step: the prompt may be hard to understand.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (
                    f"sum by (flow, step, result) (increase(pbxd_flow_wrong_keys_total{{{F}}}[{RANGE}]))",
                    "{{step}}: {{result}}",
                ),
            ),
        ),
        Panel(
            title="Hang-ups by step",
            description="Callers who hung up in a flow, by the step that they had come to.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (f"sum by (flow, step) (increase(pbxd_flow_hangups_total{{{F}}}[{RANGE}]))", "{{step}}"),
            ),
        ),
    ),
)

AGAIN = Board(
    uid="pbxd-again",
    title="pbxd: callers who call again",
    description="Whether one contact was enough, and who had to call again. First contact resolution is of "
    "calls whose days to call again are over.",
    choices=("node", "queue"),
    since="now-7d",
    panels=(
        Panel(
            title="First contact resolution (FCR)",
            description="Answered contacts after which the same person did not call again about the same / "
            "all answered contacts whose days are over.",
            unit=SHARE,
            kind=STAT,
            most=1,
            colours=GOOD_HIGH,
            queries=(
                (
                    f'sum(increase(pbxd_first_contacts_total{{{Q},resolved="yes"}}[{RANGE}])) / '
                    f"sum(increase(pbxd_first_contacts_total{{{Q}}}[{RANGE}]))",
                    "FCR",
                ),
            ),
        ),
        *(
            Panel(
                title=f"Called before within {words}",
                description=f"Calls whose caller had called within the {words} before / calls of which "
                "that is known.",
                unit=SHARE,
                kind=STAT,
                most=1,
                colours=((None, "green"), (0.15, "orange"), (0.3, "red")),
                queries=(
                    (
                        f'sum(increase(pbxd_repeat_contacts_total{{{Q},window="{window}"}}[{RANGE}])) / '
                        f"sum(increase(pbxd_repeat_judged_total{{{Q}}}[{RANGE}]))",
                        window,
                    ),
                ),
            )
            for window, words in (("24h", "24 hours"), ("7d", "7 days"))
        ),
        Panel(
            title="Flagged by the rule of the settings",
            description="Calls that the repeat-call rule flagged, by whether they were about the same.",
            unit=COUNT,
            stacked=True,
            queries=(
                (f"sum by (subject) (increase(pbxd_repeat_calls_total{{{Q}}}[{STEP}]))", "{{subject}}"),
            ),
        ),
        Panel(
            title="Called before, by queue",
            description="Share of the calls of each queue whose caller had called within a day or a week.",
            unit=SHARE,
            most=1,
            queries=(
                (
                    f"sum by (queue, window) (increase(pbxd_repeat_contacts_total{{{Q}}}[1d])) / on (queue) "
                    f"group_left () sum by (queue) (increase(pbxd_repeat_judged_total{{{Q}}}[1d]))",
                    "{{queue}} {{window}}",
                ),
            ),
        ),
        Panel(
            title="Enough or not, by queue",
            description="Contacts whose days to call again are over, by whether one was enough.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (
                    f"sum by (queue, resolved) (increase(pbxd_first_contacts_total{{{Q}}}[{RANGE}]))",
                    "{{queue}}: {{resolved}}",
                ),
            ),
        ),
    ),
)
