"""The figures of transfers and hand-overs."""

from __future__ import annotations

from collections.abc import Iterable

from pbxd.calls.facts import CallEnded, TransferSeen
from pbxd.calls.record import TransferKind, TransferMaker, TransferOutcome
from pbxd.effects import Count, Effect, Reply
from pbxd.figures.figure import (
    ANSWER_BUCKETS,
    NODE,
    QUEUE,
    SWIFT_BUCKETS,
    TALK_BUCKETS,
    Derived,
    Figure,
    Kind,
    Label,
)
from pbxd.ids import NodeId

KIND = Label(
    name="kind",
    meaning="attended: the transferer talked with the target first; blonde: he left while it rang; blind: he "
    "did not wait at all; threeway: all three talked",
    values=tuple(kind.value for kind in TransferKind),
)
OUTCOME = Label(
    name="outcome",
    meaning="what became of it; recalled: the transferer was rung again; requeued: he sent the caller to a "
    "queue",
    values=tuple(outcome.value for outcome in TransferOutcome),
)
BY = Label(
    name="by",
    meaning="pbxd: by an order to pbxd; phone: by a phone's own keys or menu, or by another program",
    values=tuple(maker.value for maker in TransferMaker),
)
FROM_QUEUE = Label(
    name="queue",
    meaning="the queue through which the caller came: the last in which he had waited; empty for none",
)
TO = Label(
    name="to",
    meaning="what the target is; empty where nobody knows",
    values=("agent", "skill", "queue", "outside", "voicemail"),
)
TARGET = Label(name="target", meaning="the name of the queue or skill; empty for a person or a number")
TIMES = Label(name="times", meaning="how often in this call", values=("once", "more"))
REFUSAL = Label(
    name="code",
    meaning="why, as in the reply to the order",
    values=(
        "no_call",
        "not_yours",
        "no_such_transfer",
        "already_transferring",
        "not_possible_now",
        "target_offline",
        "target_paused",
        "target_busy",
        "target_yourself",
        "no_such_target",
        "not_allowed",
        "rate_limited",
        "link_down",
        "not_prepared",
    ),
)
RESCUED_BY = Label(
    name="by",
    meaning="pbxd: it had sent him there; dialplan: it helped him by itself",
    values=("pbxd", "dialplan"),
)
_EARLY = "Transfers of calls that pbxd saw only in part may lack it."

TRANSFERS = (
    Figure(
        name="pbxd_transfers_started_total",
        kind=Kind.COUNTER,
        help="Transfers that were begun.",
        labels=(NODE, BY),
        unit="transfers",
        formula="By pbxd: one for each order that was not refused. By phone: one when the target's phone "
        "rings for it, or when it is recognised.",
        source="StartTransfer, MemberRinging, TransferSeen",
        edge_cases="A consultation by phone that ends in no transfer counts here, and in no outcome.",
    ),
    Figure(
        name="pbxd_transfers_plain_total",
        kind=Kind.COUNTER,
        help="Transfers that were begun on a switch without the dialplan of transfers.",
        labels=(NODE,),
        unit="transfers",
        formula="One for each blind transfer that was begun while pbxd_transfers_ready was 0.",
        source="StartTransfer",
        edge_cases="0 for ever unless `transfers.unprepared` is blind. They count as all others do, too.",
    ),
    Figure(
        name="pbxd_callbacks_wanted_total",
        kind=Kind.COUNTER,
        help="Callers on hold who accepted the offer to be called back.",
        labels=(NODE, QUEUE),
        unit="callers",
        formula="One for each caller who presses the key; twice in one transfer is once.",
        source="UserEvent PbxdCallback",
        edge_cases="queue is empty for a call that came through none.",
    ),
    Figure(
        name="pbxd_callbacks_done_total",
        kind=Kind.COUNTER,
        help="Callers who wanted to be called back and were, as somebody says.",
        labels=(NODE, QUEUE),
        unit="callers",
        formula="One for each that is taken off the list.",
        source="EndCallback",
        edge_cases="Of more than 1,000 the oldest is dropped and counts here. Wanted less done are open.",
    ),
    Figure(
        name="pbxd_transfers_total",
        kind=Kind.COUNTER,
        help="Transfers that ended, by kind and outcome.",
        labels=(NODE, BY, KIND, OUTCOME),
        unit="transfers",
        formula="One for each transfer, when its outcome is known; there is exactly one final fact of each.",
        source="TransferSeen",
        edge_cases="A chain of targets tried for one order is one transfer.",
    ),
    Figure(
        name="pbxd_transfer_routes_total",
        kind=Kind.COUNTER,
        help="Transfers that ended, by where the caller came from and went to.",
        labels=(NODE, FROM_QUEUE, TO, TARGET, OUTCOME),
        unit="transfers",
        formula="As pbxd_transfers_total.",
        source="TransferSeen",
        edge_cases="Of several targets tried one after the other, the last.",
    ),
    Figure(
        name="pbxd_transfer_ring_seconds",
        kind=Kind.HISTOGRAM,
        help="Time from the order to the ringing of the target's phone.",
        labels=(NODE,),
        unit="seconds",
        formula="When the switch said that the first target's phone rings less when the order came; waiting "
        "for the acknowledgement of the hand-over is part of it.",
        source="TransferSeen of those made by pbxd",
        edge_cases="It compares the clocks of two machines when Asterisk runs elsewhere; a negative time "
        "counts as 0. One to a queue is not observed: the queue rings its own.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_transfer_answer_seconds",
        kind=Kind.HISTOGRAM,
        help="Time until the target heard the transferer or the caller.",
        labels=(NODE, BY),
        unit="seconds",
        formula="From the order, or from the transferer's dialling, to the first conversation with the "
        "target. Transfers that nobody answered are not observed.",
        source="TransferSeen",
        edge_cases="A blind one by pbxd to a queue is over when the caller waits there, and not observed; a "
        f"consultation in a queue holds the transferer's wait there. {_EARLY}",
        buckets=ANSWER_BUCKETS,
    ),
    Figure(
        name="pbxd_transfer_consult_seconds",
        kind=Kind.HISTOGRAM,
        help="Time for which transferer and target talked without the caller.",
        labels=(NODE, BY),
        unit="seconds",
        formula="Sum over one transfer; those without any are not observed.",
        source="TransferSeen",
        edge_cases=_EARLY,
        buckets=TALK_BUCKETS,
    ),
    Figure(
        name="pbxd_transfer_hold_seconds",
        kind=Kind.HISTOGRAM,
        help="Time for which the caller heard nobody because he was being transferred.",
        labels=(NODE, BY),
        unit="seconds",
        formula="Sum over one transfer; those without any are not observed.",
        source="TransferSeen",
        edge_cases="By phone it begins when the transferer dials; the beep after a transfer by keys is part "
        "of it. To a queue it lasts until somebody there answers; blind and by pbxd, until the caller waits "
        f"there. {_EARLY}",
        buckets=ANSWER_BUCKETS,
    ),
    Figure(
        name="pbxd_calls_transferred_total",
        kind=Kind.COUNTER,
        help="Journeys in which the caller was transferred.",
        labels=(NODE, QUEUE, TIMES),
        unit="calls",
        formula="One for each journey with at least one completed transfer, when it ends, under the first "
        "queue that it entered.",
        source="CallEnded",
        edge_cases="A caller who came back to the transferer was not transferred.",
    ),
    Figure(
        name="pbxd_transfer_refusals_total",
        kind=Kind.COUNTER,
        help="Orders about transfers that were refused.",
        labels=(REFUSAL,),
        unit="orders",
        formula="One for each reply that refuses. `rate_limited`: too many calls to numbers outside.",
        source="Reply",
        edge_cases="A refused order begins no transfer.",
    ),
    Figure(
        name="pbxd_transfer_surprises_total",
        kind=Kind.COUNTER,
        help="Signals of the switch that the table of transfers does not expect in that state.",
        labels=(
            Label(name="state", meaning="of the transfer, as in the diagram"),
            Label(name="signal", meaning="what the switch showed"),
        ),
        unit="signals",
        formula="One for each; it changes nothing else.",
        source="the state machine of transfers",
        edge_cases="A few are the switch's own races and do no harm.",
    ),
    Figure(
        name="pbxd_transfer_orphans_total",
        kind=Kind.COUNTER,
        help="People who were left waiting when their transfer was over. Must be 0 for ever.",
        labels=(NODE,),
        unit="channels",
        formula="One for each caller, transferer or target who three seconds after the end of his transfer "
        "waits in its place of pbxd's dialplan, with nobody, and in no other transfer.",
        source="the picture of channels and bridges",
        edge_cases="A caller is brought to the transferer's phone, else to a queue; the others are hung up.",
    ),
    Figure(
        name="pbxd_transfer_revived_total",
        kind=Kind.COUNTER,
        help="Lines that had ended and were joined with somebody all the same, who heard silence until pbxd "
        "hung them up.",
        labels=(NODE,),
        unit="lines",
        formula="One for each channel that entered a bridge after its hang-up was asked for, and still was "
        "there a second later.",
        source="HangupRequest, SoftHangupRequest, BridgeEnter",
        edge_cases="A race in Asterisk's Bridge(). Whoever was joined with it is brought to somebody else.",
    ),
    Figure(
        name="pbxd_transfer_rescues_total",
        kind=Kind.COUNTER,
        help="Callers for whom nobody was left, and for whom the dialplan had to find somebody.",
        labels=(NODE, RESCUED_BY),
        unit="callers",
        formula="One each time a caller enters `rescue` of pbxd's dialplan: the transferer's phone is rung, "
        "then a queue.",
        source="UserEvent PbxdRescue",
        edge_cases="A recall is one by pbxd. By the dialplan none is lost either, but each one asks why pbxd "
        "did not see it first; while pbxd is away they are not counted.",
    ),
    Figure(
        name="pbxd_transfer_unreadable_total",
        kind=Kind.COUNTER,
        help="Open transfers that were kept over a restart and could not be read.",
        unit="transfers",
        formula="One for each, at the start.",
        source="TransfersKept",
        edge_cases="pbxd does nothing more for them. Whoever is in them stays where he is until one of them "
        "hangs up; then the dialplan joins the others, or brings the caller to somebody.",
    ),
)

DERIVED_OF_TRANSFERS = (
    Derived(
        name="Transfer rate",
        definition="calls with at least one completed transfer / calls that somebody answered.",
        promql="sum by (node, queue) (increase(pbxd_calls_transferred_total[24h])) / "
        'sum by (node, queue) (increase(pbxd_calls_total{outcome=~"answered|direct"}[24h]))',
    ),
    Derived(
        name="Re-transfer rate",
        definition="calls with two or more completed transfers / calls with at least one.",
        promql='sum by (node, queue) (increase(pbxd_calls_transferred_total{times="more"}[24h])) / '
        "sum by (node, queue) (increase(pbxd_calls_transferred_total[24h]))",
    ),
    Derived(
        name="Transfers that succeed",
        definition="completed / all that ended but those that the transferer cancelled himself.",
        promql='sum by (node) (increase(pbxd_transfers_total{outcome="completed"}[24h])) / '
        'sum by (node) (increase(pbxd_transfers_total{outcome!="cancelled"}[24h]))',
    ),
    Derived(
        name="Caller had to repeat",
        definition="reports of agents to whom a caller was transferred / completed transfers.",
        promql='sum by (node) (increase(pbxd_caller_repeats_total{after!="none"}[24h])) / '
        'sum by (node) (increase(pbxd_transfers_total{outcome="completed"}[24h]))',
    ),
    Derived(
        name="Hand-over acknowledged, p95",
        definition="95th percentile of the time until the target's page shows the hand-over.",
        promql="histogram_quantile(0.95, sum by (le) (rate(pbxd_handover_ack_seconds_bucket[15m])))",
    ),
)


def transfer_counts(fact: TransferSeen) -> list[Count]:
    """What a transfer that is over adds to which figures."""
    transfer, node = fact.transfer, str(fact.node)
    by, outcome = transfer.by.value, transfer.outcome.value
    named = transfer.to_kind in ("queue", "skill")
    route = {
        "node": node,
        "queue": transfer.queue or "",
        "to": transfer.to_kind or "",
        "target": transfer.to if named else "",
        "outcome": outcome,
    }
    counts = [
        Count(
            metric="pbxd_transfers_total",
            labels={"node": node, "by": by, "kind": transfer.kind.value, "outcome": outcome},
        ),
        Count(metric="pbxd_transfer_routes_total", labels=route),
    ]
    # Of a queue in which the transferer waits himself, the ring tells how long that wait was.
    if transfer.began is not None and transfer.rang is not None and transfer.to_kind != "queue":
        rang = max(0.0, transfer.rang - transfer.began)
        counts.append(
            Count(metric="pbxd_transfer_ring_seconds", labels={"node": node}, value=rang, call=fact.call)
        )
    if transfer.began is not None and transfer.answered is not None:
        answered = max(0.0, transfer.answered - transfer.began)
        counts.append(_observed("pbxd_transfer_answer_seconds", fact, answered))
    if transfer.consult_s > 0:
        counts.append(_observed("pbxd_transfer_consult_seconds", fact, transfer.consult_s))
    if transfer.hold_s > 0:
        counts.append(_observed("pbxd_transfer_hold_seconds", fact, transfer.hold_s))
    return counts


def calls_transferred(fact: CallEnded) -> list[Count]:
    """Was the caller transferred in this journey, and more than once?"""
    done = sum(t.outcome is TransferOutcome.COMPLETED for t in fact.record.transfers)
    if not done:
        return []
    labels = {
        "node": str(fact.node),
        "queue": fact.record.queue or "",
        "times": "once" if done == 1 else "more",
    }
    return [Count(metric="pbxd_calls_transferred_total", labels=labels)]


def caller_rescued(node: NodeId, *, by_pbxd: bool) -> Count:
    """Nobody was left for a caller."""
    labels = {"node": node, "by": "pbxd" if by_pbxd else "dialplan"}
    return Count(metric="pbxd_transfer_rescues_total", labels=labels)


def refused(code: str) -> Count:
    """An order about a transfer was refused."""
    return Count(metric="pbxd_transfer_refusals_total", labels={"code": code})


def refusals(effects: Iterable[Effect]) -> list[Count]:
    """The refusals among the effects of an order about a transfer."""
    return [
        refused(effect.code)
        for effect in effects
        if isinstance(effect, Reply) and effect.outcome == "refused"
    ]


def _observed(metric: str, fact: TransferSeen, value: float) -> Count:
    labels = {"node": str(fact.node), "by": fact.transfer.by.value}
    return Count(metric=metric, labels=labels, value=value, call=fact.call)
