"""All that the proof compares, by name, and what it does not, with the reason.

A figure without a place in here fails tests/unit/test_proof_covers_figures.py: none comes without proof.
"""

from __future__ import annotations

# ---------------------------------------------------------------- reports

REPORT = ("version", "by", "from", "to", "time_zone", "rows", "total", "top")
TOP = ("key", "handling_s", "calls")
CALL = ("call", "arrived", "number", "queue", "agent", "subject", "outcome", "value", "of")
COUNTS = (
    "calls",
    "entries",
    "answered",
    "abandoned",
    "short_abandoned",
    "timed_out",
    "no_agent",
    "left",
    "answered_within",
    "abandoned_within",
    "handled",
    "transfers",
    "transfers_completed",
    "re_transfers",
    "fcr_judged",
    "surveys",
    "rated",
    *(f"rated_{key}" for key in range(1, 6)),
)
SECONDS = ("talk_s", "hold_s", "wrap_up_s")
MEANS = ("asa_s", "aht_s")
SHARES = (
    "service_level",
    "service_level_2",
    "abandon_rate",
    "transfer_rate",
    "fcr",
    "repeat_24h",
    "repeat_7d",
    "survey_share",
    "rating",
)
TIMES = ("signed_in_s", "paused_s", "occupancy")  #: no call stands behind these

# ---------------------------------------------------------------- /metrics

#: These are compared series by series: what the book lacks must not be there, but as 0.
COUNTERS = (
    "pbxd_calls_arrived_total",
    "pbxd_calls_folded_total",
    "pbxd_calls_total",
    "pbxd_calls_missed_total",
    "pbxd_repeat_calls_total",
    "pbxd_queue_entries_total",
    "pbxd_queue_waits_total",
    "pbxd_queue_short_abandons_total",
    "pbxd_queue_overflows_total",
    "pbxd_member_rings_total",
    "pbxd_member_ring_results_total",
    "pbxd_declined_callers_total",
    "pbxd_handled_legs_total",
    "pbxd_agent_legs_total",
    "pbxd_transfers_started_total",
    "pbxd_transfers_plain_total",
    "pbxd_transfers_total",
    "pbxd_transfer_routes_total",
    "pbxd_transfer_refusals_total",
    "pbxd_transfer_orphans_total",
    "pbxd_transfer_revived_total",
    "pbxd_transfer_rescues_total",
    "pbxd_transfer_unreadable_total",
    "pbxd_calls_transferred_total",
    "pbxd_callbacks_wanted_total",
    "pbxd_callbacks_done_total",
    "pbxd_handovers_total",
    "pbxd_caller_repeats_total",
    "pbxd_repeat_judged_total",
    "pbxd_repeat_contacts_total",
    "pbxd_flow_entries_total",
    "pbxd_flow_choices_total",
    "pbxd_flow_wrong_keys_total",
    "pbxd_flow_zero_outs_total",
    "pbxd_flow_hangups_total",
    "pbxd_flow_results_total",
    "pbxd_surveys_total",
    "pbxd_survey_ratings_total",
    "pbxd_survey_points_total",
    "pbxd_agent_survey_ratings_total",
    "pbxd_agent_survey_points_total",
    "pbxd_resync_corrections_total",
    "pbxd_failed_steps_total",
    "pbxd_failed_effects_total",
    "pbxd_metrics_faults_total",
)
#: Sums of durations.
SUMS = (
    "pbxd_handling_seconds_total",
    "pbxd_agent_talk_seconds_total",
    "pbxd_agent_hold_seconds_total",
    "pbxd_agent_wrap_up_seconds_total",
)
HISTOGRAMS = (
    "pbxd_queue_wait_seconds",
    "pbxd_talk_seconds",
    "pbxd_hold_seconds",
    "pbxd_wrap_up_seconds",
    "pbxd_transfer_ring_seconds",
    "pbxd_transfer_answer_seconds",
    "pbxd_transfer_consult_seconds",
    "pbxd_transfer_hold_seconds",
    "pbxd_flow_choice_seconds",
)
#: 0 when everything is over.
EMPTY = (
    "pbxd_calls_in_progress",
    "pbxd_queue_waiting",
    "pbxd_queue_longest_wait_seconds",
    "pbxd_agi_sessions",
    "pbxd_inbox_messages",
)
#: As the settings, and the queues' own list of members, say.
GAUGES = (
    "pbxd_queue_members",
    "pbxd_queue_service_level_threshold_seconds",
    "pbxd_queue_short_abandon_threshold_seconds",
    "pbxd_staff",
)
STAFF = ("pbxd_staff_seconds_total",)
#: When the days after the last call are over.
LATER = ("pbxd_first_contacts_total",)

NOT_COMPARED = {
    "pbxd_agent_signed_in_seconds_total": "told once a minute; to the moment it is in the reports by agent",
    "pbxd_agent_pause_seconds_total": "told once a minute; to the moment it is in the reports by agent",
    "pbxd_transfer_surprises_total": "the switch's own races: how many there are is chance",
    "pbxd_handover_stage_seconds": "between pbxd and a page: the switch knows nothing of it",
    "pbxd_handover_ack_seconds": "between pbxd and a page: the switch knows nothing of it",
}
#: Chapters of docs/metrics.md that are about no journey, transfer, agent or queue.
OTHER_CHAPTERS = {
    "Alerts": "nobody waits here for minutes; tests of their own",
    "Screen pops and pages": "between pbxd and a page",
    "Links to Asterisk": "of pbxd itself",
    "Store and broker": "of pbxd itself",
    "Asterisk's own books": "the proof runs the comparison itself",
    "Traces": "of pbxd itself",
    "pbxd itself": "of pbxd itself",
}
COMPARED = frozenset({*COUNTERS, *SUMS, *HISTOGRAMS, *EMPTY, *GAUGES, *STAFF, *LATER})
