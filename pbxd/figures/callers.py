"""The figures of calls, queues and the people who take them."""

from __future__ import annotations

from pbxd.calls.record import Outcome
from pbxd.figures.figure import AGENT, NODE, QUEUE, TALK_BUCKETS, Derived, Figure, Kind, Label

OUTCOME = Label(name="outcome", meaning="how the journey ended", values=tuple(o.value for o in Outcome))
WAIT_OUTCOME = Label(
    name="outcome",
    meaning="how the stay in the queue ended",
    values=("answered", "abandoned", "timeout", "no_agent", "left"),
)
RING_RESULT = Label(
    name="result",
    meaning="why the phone stopped ringing",
    values=("answered", "elsewhere", "no_answer", "busy", "caller_left", "failed"),
)
SUBJECT = Label(
    name="subject",
    meaning="whether the earlier calls were about the same",
    values=("same", "other", "unknown"),
)
MEMBER_STATE = Label(
    name="state",
    meaning="what the member is doing; a paused member counts as paused whatever the phone does",
    values=("ready", "ringing", "talking", "paused", "offline"),
)

CALLS = (
    Figure(
        name="pbxd_calls_arrived_total",
        kind=Kind.COUNTER,
        help="Journeys of callers that began.",
        labels=(NODE,),
        unit="calls",
        formula="One for each journey, whatever number of legs, queues and transfers it has.",
        source="CallArrived",
        edge_cases="A call that was already there when pbxd connected counts when it is first seen; one that "
        "an earlier life of pbxd has counted does not count again, unless that life was killed within a "
        "quarter of a second after the call began.",
    ),
    Figure(
        name="pbxd_calls_folded_total",
        kind=Kind.COUNTER,
        help="Arrived calls that turned out to be a consultation inside another one.",
        labels=(NODE,),
        unit="calls",
        formula="Arrived = folded + ended + in progress, over all lives of pbxd together.",
        source="CallFolded",
        edge_cases="Counted when it turns out, seconds after it was counted as arrived. What was counted "
        "of it meanwhile (a stay in a queue, a ring) stays counted.",
    ),
    Figure(
        name="pbxd_calls_total",
        kind=Kind.COUNTER,
        help="Journeys of callers that ended, by outcome.",
        labels=(NODE, QUEUE, OUTCOME),
        unit="calls",
        formula="One for each journey, when it ends, under the first queue that it entered.",
        source="CallEnded",
        edge_cases="An answered queue call counts once as answered, however many phones rang in vain before. "
        "`direct`, `unanswered` and `busy` never were in a queue.",
    ),
    Figure(
        name="pbxd_calls_in_progress",
        kind=Kind.GAUGE,
        help="Journeys of callers in progress.",
        labels=(NODE,),
        unit="calls",
        formula="Number of open journeys at the scrape.",
        source="the call model",
        edge_cases="A consultation that looks like a call of its own is one until it is folded.",
    ),
    Figure(
        name="pbxd_calls_missed_total",
        kind=Kind.COUNTER,
        help="Ended journeys of which pbxd did not see a part.",
        labels=(NODE,),
        unit="calls",
        formula="Journeys whose record is marked as missed: something of them began or ended while the link, "
        "or pbxd, was down.",
        source="CallEnded",
        edge_cases="Of what was missed the times are known to within the gap. They are part of "
        "pbxd_calls_total as well. A journey in which nothing happened during a gap is not missed.",
    ),
    Figure(
        name="pbxd_repeat_calls_total",
        kind=Kind.COUNTER,
        help="Calls that the repeat-call rule flagged.",
        labels=(NODE, QUEUE, SUBJECT),
        unit="calls",
        formula="Calls by a number that called before within a window of the settings, this call included, "
        "at least as often as the rule says.",
        source="the caller's history and the repeat-call rule",
        edge_cases="A withheld number is never a repeated one. When the store did not answer, the call "
        "is not flagged (see pbxd_store_lookups_total).",
    ),
)

QUEUES = (
    Figure(
        name="pbxd_queue_entries_total",
        kind=Kind.COUNTER,
        help="Times a caller entered a queue.",
        labels=(NODE, QUEUE),
        unit="entries",
        formula="One for each stay; a journey through two queues has two.",
        source="CallQueued",
        edge_cases="A caller who is sent back to the same queue enters it again. Whoever a full or empty "
        "queue turns away never enters it.",
    ),
    Figure(
        name="pbxd_queue_waiting",
        kind=Kind.GAUGE,
        help="Callers who wait in the queue.",
        labels=(NODE, QUEUE),
        unit="callers",
        formula="Number of callers in the queue at the scrape who talk to nobody yet.",
        source="the queue model",
        edge_cases="An agent who consults in this queue takes a place in it and counts. While the link "
        "is down it stands still.",
    ),
    Figure(
        name="pbxd_queue_longest_wait_seconds",
        kind=Kind.GAUGE,
        help="Time that the caller who waits longest has waited so far.",
        labels=(NODE, QUEUE),
        unit="seconds",
        formula="Now less the time at which the longest-waiting caller joined; 0 when nobody waits.",
        source="the queue model",
        edge_cases="Compares the clocks of two machines when Asterisk runs elsewhere; never below 0.",
    ),
    Figure(
        name="pbxd_queue_members",
        kind=Kind.GAUGE,
        help="Members of the queue, by what they do.",
        labels=(NODE, QUEUE, MEMBER_STATE),
        unit="members",
        formula="Number of members in each state at the scrape; the states add up to all members.",
        source="the queue model",
        edge_cases="A member whose device state is not known counts as ready, as app_queue rings it. An "
        "agent in three queues is a member of each.",
    ),
)

PEOPLE = (
    Figure(
        name="pbxd_talk_seconds",
        kind=Kind.HISTOGRAM,
        help="Time in which one party and the caller could hear each other.",
        labels=(NODE, QUEUE),
        unit="seconds",
        formula="Per leg: time in one bridge with the caller, less hold. After a transfer each party owns "
        "only his own part.",
        source="LegEnded",
        edge_cases="Never taken from app_queue's TalkTime, which is wrong after transfers.",
        buckets=TALK_BUCKETS,
    ),
    Figure(
        name="pbxd_hold_seconds",
        kind=Kind.HISTOGRAM,
        help="Time for which one party had the caller on hold, of the legs that had a hold.",
        labels=(NODE, QUEUE),
        unit="seconds",
        formula="Per leg: sum of its holds. Legs without hold are not observed.",
        source="LegEnded",
        edge_cases="The part of whoever put the caller on hold, also when he asks somebody meanwhile. "
        "Less than 50 ms, in which the switch rearranges things, is no hold.",
        buckets=TALK_BUCKETS,
    ),
    Figure(
        name="pbxd_member_rings_total",
        kind=Kind.COUNTER,
        help="Times the phone of a queue member, or of somebody dialled directly, rang.",
        labels=(NODE, QUEUE),
        unit="rings",
        formula="One for each phone and attempt.",
        source="MemberRinging",
        edge_cases="With ringall each phone counts. A phone that began to ring while pbxd did not look, and "
        "is found ringing, is in the ledger alone.",
    ),
    Figure(
        name="pbxd_member_ring_results_total",
        kind=Kind.COUNTER,
        help="Times a phone stopped ringing, by reason.",
        labels=(NODE, QUEUE, RING_RESULT),
        unit="rings",
        formula="One for each phone and attempt, when it ends.",
        source="MemberStoppedRinging",
        edge_cases="With ringall, one call has one `answered` and an `elsewhere` for each other phone.",
    ),
    Figure(
        name="pbxd_agent_talk_seconds_total",
        kind=Kind.COUNTER,
        help="Time each agent talked with callers.",
        labels=(NODE, QUEUE, AGENT),
        unit="seconds",
        formula="Sum of the talk time of the agent's legs.",
        source="LegEnded",
        edge_cases="Moves when the leg ends, by all of it at once: over less than an hour, look at the "
        "sum of many.",
        opt_in=True,
    ),
    Figure(
        name="pbxd_agent_hold_seconds_total",
        kind=Kind.COUNTER,
        help="Time for which each agent had callers on hold.",
        labels=(NODE, QUEUE, AGENT),
        unit="seconds",
        formula="Sum of the hold time of the agent's legs.",
        source="LegEnded",
        edge_cases="Moves when the leg ends, by all of it at once.",
        opt_in=True,
    ),
    Figure(
        name="pbxd_agent_legs_total",
        kind=Kind.COUNTER,
        help="Conversations each agent had with callers.",
        labels=(NODE, QUEUE, AGENT),
        unit="legs",
        formula="One for each leg that ended.",
        source="LegEnded",
        edge_cases="Phones that belong to no agent of the settings count for nobody.",
        opt_in=True,
    ),
)

DERIVED_OF_CALLS = (
    Derived(
        name="Mean talk time",
        definition="sum of talk time / number of legs.",
        promql="sum by (node, queue) (rate(pbxd_talk_seconds_sum[1h])) / "
        "sum by (node, queue) (rate(pbxd_talk_seconds_count[1h]))",
    ),
    Derived(
        name="Repeat-call share",
        definition="calls flagged by the repeat-call rule / calls that ended, in queues.",
        promql="sum by (node, queue) (increase(pbxd_repeat_calls_total[24h])) / "
        'sum by (node, queue) (increase(pbxd_calls_total{queue!=""}[24h]))',
    ),
    Derived(
        name="Screen-pop time, p95",
        definition="95th percentile of the time from the switch's event to the page, stage by stage.",
        promql="histogram_quantile(0.95, "
        "sum by (le, stage) (rate(pbxd_screenpop_stage_seconds_bucket[15m])))",
    ),
)
