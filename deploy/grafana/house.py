"""Dashboards of those who serve callers: agents, transfers, and pbxd itself."""

from __future__ import annotations

from deploy.grafana.board import (
    BARS,
    BYTES,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    STAT,
    TABLE,
    YES_NO,
    Board,
    Panel,
)
from deploy.grafana.queries import RANGE, STEP, N, Q, quantiles

ZERO_IS_GOOD = ((None, "green"), (1.0, "red"))
UP_IS_GOOD = ((None, "red"), (1.0, "green"))


AGENTS = Board(
    uid="pbxd-agents",
    title="pbxd: agents",
    description="What agents do, and how long a call takes them. Each agent by name: `metrics.per_agent`.",
    choices=("node", "queue", "agent"),
    panels=(
        Panel(
            title="Signed in now",
            description="Agents with a device that can be reached and that a queue has as member.",
            unit=COUNT,
            kind=STAT,
            queries=(("sum(pbxd_staff)", "signed in"),),
        ),
        Panel(
            title="Occupancy",
            description="(Talk + hold + wrap-up) / (signed-in time - pauses), of all agents together.",
            unit=SHARE,
            kind=STAT,
            colours=((None, "green"), (0.85, "orange"), (0.95, "red")),
            queries=(
                (
                    f"sum(increase(pbxd_handling_seconds_total[{RANGE}])) / "
                    f'sum(increase(pbxd_staff_seconds_total{{state!="paused"}}[{RANGE}]))',
                    "occupancy",
                ),
            ),
        ),
        Panel(
            title="Handling time (AHT)",
            description="(Talk + hold + wrap-up) / conversations; after a transfer each agent owns only his "
            "own part.",
            unit=SECONDS,
            kind=STAT,
            queries=(
                (
                    f"sum(increase(pbxd_handling_seconds_total{{{Q}}}[{RANGE}])) / "
                    f"sum(increase(pbxd_handled_legs_total{{{Q}}}[{RANGE}]))",
                    "AHT",
                ),
            ),
        ),
        Panel(
            title="Agents by state",
            description="What the agents who are signed in do.",
            unit=COUNT,
            stacked=True,
            queries=(("sum by (state) (pbxd_staff)", "{{state}}"),),
        ),
        Panel(
            title="Parts of the handling time",
            description="Mean talk, hold and wrap-up of a conversation.",
            unit=SECONDS,
            stacked=True,
            queries=(
                (
                    f"sum by (part) (increase(pbxd_handling_seconds_total{{{Q}}}[1h])) / on () group_left () "
                    f"sum(increase(pbxd_handled_legs_total{{{Q}}}[1h]))",
                    "{{part}}",
                ),
            ),
        ),
        Panel(
            title="Ends of wrap-ups",
            description="What ended the time for notes: it was up, or the agent was ready before.",
            unit=COUNT,
            stacked=True,
            queries=((f"sum by (ended) (increase(pbxd_wrap_up_seconds_count{{{Q}}}[{STEP}]))", "{{ended}}"),),
        ),
        Panel(
            title="Each agent",
            description="Signed-in time, pauses, talk and conversations of each agent; needs "
            "`metrics.per_agent`.",
            unit=SECONDS,
            units={"calls": COUNT},
            kind=TABLE,
            queries=(
                (
                    "sum by (agent) "
                    f'(increase(pbxd_agent_signed_in_seconds_total{{agent=~"$agent"}}[{RANGE}]))',
                    "signed in",
                ),
                (
                    f'sum by (agent) (increase(pbxd_agent_pause_seconds_total{{agent=~"$agent"}}[{RANGE}]))',
                    "paused",
                ),
                (
                    "sum by (agent) "
                    f'(increase(pbxd_agent_talk_seconds_total{{{Q},agent=~"$agent"}}[{RANGE}]))',
                    "talk",
                ),
                (
                    f'sum by (agent) (increase(pbxd_agent_legs_total{{{Q},agent=~"$agent"}}[{RANGE}]))',
                    "calls",
                ),
            ),
        ),
    ),
)

TRANSFERS = Board(
    uid="pbxd-transfers",
    title="pbxd: transfers and hand-overs",
    description="How callers are handed on, and whether the next agent knew about them.",
    choices=("node", "queue"),
    since="now-24h",
    panels=(
        Panel(
            title="Transfer rate",
            description="Calls with at least one completed transfer / calls that somebody answered.",
            unit=SHARE,
            kind=STAT,
            most=1,
            queries=(
                (
                    f"sum(increase(pbxd_calls_transferred_total{{{Q}}}[{RANGE}])) / "
                    f'sum(increase(pbxd_calls_total{{{Q},outcome=~"answered|direct"}}[{RANGE}]))',
                    "transferred",
                ),
            ),
        ),
        Panel(
            title="Re-transfer rate",
            description="Calls with two or more completed transfers / calls with at least one.",
            unit=SHARE,
            kind=STAT,
            most=1,
            queries=(
                (
                    f'sum(increase(pbxd_calls_transferred_total{{{Q},times="more"}}[{RANGE}])) / '
                    f"sum(increase(pbxd_calls_transferred_total{{{Q}}}[{RANGE}]))",
                    "again",
                ),
            ),
        ),
        Panel(
            title="Caller had to repeat",
            description="Reports of agents to whom a caller was transferred / completed transfers.",
            unit=SHARE,
            kind=STAT,
            most=1,
            queries=(
                (
                    f'sum(increase(pbxd_caller_repeats_total{{{N},after!="none"}}[{RANGE}])) / '
                    f'sum(increase(pbxd_transfers_total{{{N},outcome="completed"}}[{RANGE}]))',
                    "repeated",
                ),
            ),
        ),
        Panel(
            title="Nobody responsible",
            description="People who were left waiting when their transfer was over. Must be 0.",
            unit=COUNT,
            kind=STAT,
            colours=ZERO_IS_GOOD,
            queries=((f"sum(increase(pbxd_transfer_orphans_total{{{N}}}[{RANGE}]))", "orphans"),),
        ),
        Panel(
            title="Transfers by outcome",
            description="Transfers that ended, in each step of the picture.",
            unit=COUNT,
            stacked=True,
            queries=((f"sum by (outcome) (increase(pbxd_transfers_total{{{N}}}[{STEP}]))", "{{outcome}}"),),
        ),
        Panel(
            title="Transfers by kind",
            description="How they were made: by an order to pbxd or by a phone's own keys, and in which way.",
            unit=COUNT,
            kind=BARS,
            queries=(
                (f"sum by (by, kind) (increase(pbxd_transfers_total{{{N}}}[{RANGE}]))", "{{by}}: {{kind}}"),
            ),
        ),
        Panel(
            title="Time on hold in a transfer",
            description="For how long callers heard nobody because they were being transferred.",
            unit=SECONDS,
            queries=quantiles("pbxd_transfer_hold_seconds", N, "by", 0.5, 0.95),
        ),
        Panel(
            title="Time until the target answered",
            description="From the order, or from the transferer's dialling, to the first conversation.",
            unit=SECONDS,
            queries=quantiles("pbxd_transfer_answer_seconds", N, "by", 0.5, 0.95),
        ),
        Panel(
            title="Time of consultations",
            description="For how long transferer and target talked without the caller.",
            unit=SECONDS,
            queries=quantiles("pbxd_transfer_consult_seconds", N, "by", 0.5, 0.95),
        ),
        Panel(
            title="From where to where",
            description="Transfers that ended, by the queue the caller came from and what he was handed to.",
            unit=COUNT,
            kind=TABLE,
            queries=(
                (
                    "sum by (queue, to, target, outcome) "
                    f"(increase(pbxd_transfer_routes_total{{{Q}}}[{RANGE}]))",
                    "transfers",
                ),
            ),
        ),
        Panel(
            title="Hand-over on the page",
            description="95 of 100 targets' pages showed the hand-over within this time after it was sent.",
            unit=SECONDS,
            queries=quantiles("pbxd_handover_ack_seconds", N, "", 0.5, 0.95),
        ),
        Panel(
            title="Refused orders",
            description="Orders about transfers that were refused, by the code of the reply.",
            unit=COUNT,
            kind=BARS,
            queries=((f"sum by (code) (increase(pbxd_transfer_refusals_total[{RANGE}]))", "{{code}}"),),
        ),
    ),
)

HEALTH = Board(
    uid="pbxd-health",
    title="pbxd: its own health",
    description="Whether pbxd hears the switches, keeps up, and reaches store, broker and pages.",
    panels=(
        Panel(
            title="Link to the switch",
            description="Whether the AMI link is up and its inventory taken.",
            unit=YES_NO,
            kind=STAT,
            colours=UP_IS_GOOD,
            queries=((f"pbxd_ami_connected{{{N}}}", "{{node}}"),),
        ),
        Panel(
            title="Reconnects",
            description="Links to a switch that were up and were lost; each is followed by a new login.",
            unit=COUNT,
            kind=STAT,
            colours=ZERO_IS_GOOD,
            queries=((f"sum by (node) (increase(pbxd_ami_losses_total{{{N}}}[{RANGE}]))", "{{node}}"),),
        ),
        Panel(
            title="Found out later",
            description="Facts that had been missed and that an inventory brought to light.",
            unit=COUNT,
            kind=STAT,
            queries=(
                (f"sum by (node) (increase(pbxd_resync_corrections_total{{{N}}}[{RANGE}]))", "{{node}}"),
            ),
        ),
        Panel(
            title="Bugs of pbxd",
            description="Steps that were taken back, effects that failed, figures that could not be moved. "
            "Must be 0.",
            unit=COUNT,
            kind=STAT,
            colours=ZERO_IS_GOOD,
            queries=(
                (
                    f"sum(increase(pbxd_failed_steps_total[{RANGE}])) + "
                    f"sum(increase(pbxd_failed_effects_total[{RANGE}])) + "
                    f"sum(increase(pbxd_metrics_faults_total[{RANGE}]))",
                    "bugs",
                ),
            ),
        ),
        Panel(
            title="Contacts lost",
            description="Contacts that could not be kept although everything was tried. Must be 0.",
            unit=COUNT,
            kind=STAT,
            colours=ZERO_IS_GOOD,
            queries=((f'sum(increase(pbxd_store_contacts_total{{result="lost"}}[{RANGE}]))', "lost"),),
        ),
        Panel(
            title="Books that disagree",
            description="Differences between the history and Asterisk's own books that no known fault of "
            "theirs explains; see `pbxd reconcile`.",
            unit=COUNT,
            kind=STAT,
            colours=ZERO_IS_GOOD,
            queries=((f"sum(increase(pbxd_reconcile_mismatch_total{{{N}}}[{RANGE}]))", "mismatches"),),
        ),
        Panel(
            title="Compared with the books",
            description="Stays in queues and calls that the nightly comparison found in the history and in "
            "Asterisk's own books: what the mismatches are out of.",
            unit=COUNT,
            kind=STAT,
            queries=(
                (f"sum by (what) (increase(pbxd_reconcile_compared_total{{{N}}}[{RANGE}]))", "{{what}}"),
            ),
        ),
        Panel(
            title="Pages open",
            description="Agents' pages and wallboards that are open.",
            unit=COUNT,
            kind=STAT,
            queries=(("sum(pbxd_web_pages)", "pages"),),
        ),
        Panel(
            title="Screen pops, stage by stage",
            description="95 of 100 screen pops took at most so long for each stage, from the switch's event "
            "to the page that shows it.",
            unit=SECONDS,
            queries=quantiles("pbxd_screenpop_stage_seconds", N, "stage", 0.95),
        ),
        Panel(
            title="Lag of the loop",
            description="How late the event loop runs what is due.",
            unit=SECONDS,
            queries=quantiles("pbxd_loop_lag_seconds", "", "", 0.5, 0.99),
        ),
        Panel(
            title="Inbox",
            description="Messages that wait for the switchboard.",
            unit=COUNT,
            queries=(("sum(pbxd_inbox_messages)", "waiting"),),
        ),
        Panel(
            title="Messages from the switches",
            description="What comes over AMI, wanted or not.",
            unit=PER_SECOND,
            queries=((f"sum by (node) (rate(pbxd_ami_messages_total{{{N}}}[{STEP}]))", "{{node}}"),),
        ),
        Panel(
            title="Store",
            description="Time of look-ups and commits, 95 of 100.",
            unit=SECONDS,
            queries=tuple(
                (f"histogram_quantile(0.95, sum by (le) (rate(pbxd_store_{what}_seconds_bucket[15m])))", name)
                for what, name in (("lookup", "look-up"), ("commit", "commit"))
            ),
        ),
        Panel(
            title="Faults",
            description="What went wrong at the links to switches, store and broker, and was survived.",
            unit=COUNT,
            stacked=True,
            queries=(
                (f"sum by (kind) (increase(pbxd_ami_faults_total{{{N}}}[{STEP}]))", "switch: {{kind}}"),
                (f"sum by (kind) (increase(pbxd_store_faults_total[{STEP}]))", "store: {{kind}}"),
                (f"sum by (reason) (increase(pbxd_mqtt_faults_total[{STEP}]))", "broker: {{reason}}"),
            ),
        ),
        Panel(
            title="Broker",
            description="Time from making a message to the broker's acknowledgement; empty without a broker.",
            unit=SECONDS,
            queries=quantiles("pbxd_mqtt_delivery_seconds", "", "", 0.5, 0.95),
        ),
        Panel(
            title="Memory",
            description="Resident memory of pbxd.",
            unit=BYTES,
            queries=(("process_resident_memory_bytes and on (instance) pbxd_build_info", "{{instance}}"),),
        ),
    ),
)
