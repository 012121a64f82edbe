"""The figures of the service level: who was answered in time, who gave up, and who was sent on.

Two definitions of the service level are in use; neither is better, so pbxd exports the parts of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pbxd.calls.facts import CallEnded, CallFolded, Fact, QueueLeft
from pbxd.calls.record import CallRecord, Wait
from pbxd.effects import Count
from pbxd.figures.callers import WAIT_OUTCOME
from pbxd.figures.figure import ANSWER_BUCKETS, NODE, QUEUE, Derived, Figure, Kind, Label
from pbxd.figures.reading import Reading
from pbxd.figures.thresholds import Thresholds
from pbxd.ids import CallId, NodeId
from pbxd.journal import Journal, Table

WITHIN = Label(
    name="within",
    meaning="whether it took no longer than the queue's threshold "
    "(pbxd_queue_service_level_threshold_seconds)",
    values=("yes", "no"),
)
HOW = Label(name="outcome", meaning="how the stay in the queue ended", values=("answered", "abandoned"))
ONWARD = Label(name="to", meaning="the queue that he entered next", most=QUEUE.most)

SERVICE = (
    Figure(
        name="pbxd_queue_wait_seconds",
        kind=Kind.HISTOGRAM,
        help="Time callers waited in the queue, by how the wait ended.",
        labels=(NODE, QUEUE, WAIT_OUTCOME),
        unit="seconds",
        formula="From joining the queue to hearing a person (answered) or to leaving (all others). "
        "Menus and announcements before the queue are not part of it.",
        source="QueueLeft, and what the switch says of it after that",
        edge_cases="Each stay counts by itself: a caller passed on to a second queue waits anew there. A "
        "caller who gives up counts at once; how any other wait ended, and when a person was heard, is "
        "certain, and counted, when the caller's next step is seen. Overflow is no outcome of its own: the "
        "stay timed out, found no agent or was left, and pbxd_queue_overflows_total tells where the caller "
        "went. Who leaves for a menu, a mailbox or a call-back has left; he did not give up.",
        buckets=ANSWER_BUCKETS,
    ),
    Figure(
        name="pbxd_queue_waits_total",
        kind=Kind.COUNTER,
        help="Waits that ended with an answer or with the caller giving up, by whether that was in time.",
        labels=(NODE, QUEUE, HOW, WITHIN),
        unit="waits",
        formula="Of the waits of pbxd_queue_wait_seconds those that were answered or abandoned; within: "
        "waited ≤ threshold, exactly. The four parts of both service levels: answered within, answered, "
        "abandoned within, abandoned.",
        source="QueueLeft, `figures.service_level`",
        edge_cases="A wait of exactly the threshold is within. Waits that ended otherwise (timeout, "
        "no_agent, left) are in neither definition. When the threshold is changed, the past stays as it was "
        "counted.",
    ),
    Figure(
        name="pbxd_queue_short_abandons_total",
        kind=Kind.COUNTER,
        help="Waits that the caller gave up so soon that he hardly waited.",
        labels=(NODE, QUEUE),
        unit="waits",
        formula="Of the abandoned waits those of at most pbxd_queue_short_abandon_threshold_seconds.",
        source="QueueLeft, `figures.short_abandon`",
        edge_cases="They are part of the abandoned ones everywhere else: subtract them to leave them out.",
    ),
    Figure(
        name="pbxd_queue_service_level_threshold_seconds",
        kind=Kind.GAUGE,
        help="Within which time an answer is in time.",
        labels=(NODE, QUEUE),
        unit="seconds",
        formula="As the settings say for this queue.",
        source="`figures.service_level`",
        edge_cases="Exists for the queues that the switch has.",
    ),
    Figure(
        name="pbxd_queue_short_abandon_threshold_seconds",
        kind=Kind.GAUGE,
        help="Within which time a caller who gives up hardly waited.",
        labels=(NODE, QUEUE),
        unit="seconds",
        formula="As the settings say for this queue.",
        source="`figures.short_abandon`",
        edge_cases="Exists for the queues that the switch has.",
    ),
    Figure(
        name="pbxd_queue_overflows_total",
        kind=Kind.COUNTER,
        help="Times a caller left a queue unserved and then waited in another one.",
        labels=(NODE, QUEUE, ONWARD),
        unit="callers",
        formula="One for each pair of stays of one journey that follow each other, of which the first was "
        "neither answered nor abandoned, and between which nobody talked with the caller; when the journey "
        "ends.",
        source="CallEnded",
        edge_cases="To the same queue again counts, too. A caller whom an agent transferred to a queue is "
        "not among them.",
    ),
)

_WAITS = "pbxd_queue_waits_total"
_SHORT = "pbxd_queue_short_abandons_total"
_WAIT = "pbxd_queue_wait_seconds"

DERIVED_OF_SERVICE = (
    Derived(
        name="Service level (SL)",
        definition="answered within the threshold / answered. Callers who gave up do not count.",
        promql=f'sum by (node, queue) (rate({_WAITS}{{outcome="answered",within="yes"}}[15m])) / '
        f'sum by (node, queue) (rate({_WAITS}{{outcome="answered"}}[15m]))',
    ),
    Derived(
        name="Service level with abandoned callers (SL2)",
        definition="(answered within + abandoned within the threshold) / (answered + abandoned).",
        promql=f'sum by (node, queue) (rate({_WAITS}{{within="yes"}}[15m])) / '
        f"sum by (node, queue) (rate({_WAITS}[15m]))",
    ),
    Derived(
        name="Average speed of answer (ASA)",
        definition="sum of the waits that ended with an answer / their number.",
        promql=f'sum by (node, queue) (rate({_WAIT}_sum{{outcome="answered"}}[15m])) / '
        f'sum by (node, queue) (rate({_WAIT}_count{{outcome="answered"}}[15m]))',
    ),
    Derived(
        name="Abandonment, without short ones",
        definition="(abandoned - abandoned at once) / (all waits - abandoned at once).",
        promql=f'(sum by (node, queue) (rate({_WAIT}_count{{outcome="abandoned"}}[1h])) - '
        f"sum by (node, queue) (rate({_SHORT}[1h]))) / "
        f"(sum by (node, queue) (rate({_WAIT}_count[1h])) - sum by (node, queue) (rate({_SHORT}[1h])))",
    ),
)

#: These are in the definitions of the service level.
_IN_LEVEL = frozenset({"answered", "abandoned"})

_SAME_S = 0.001  #: nobody joins one queue twice in it

Waits = Callable[[NodeId, CallId], Sequence[Wait]]
"""The stays of a journey so far, as they are known now."""


class Service:
    """Counts how waits ended, each once, and by its final outcome.

    The switch says why a caller was sent out of a queue (its time was up, nobody serves it) just after it
    says that he left; and who was answered hears somebody a moment later, or when the agent has heard an
    announcement. So such a wait counts with the next fact of its journey.
    """

    def __init__(self, journal: Journal, thresholds: Thresholds, waits: Waits) -> None:
        self._thresholds = thresholds
        self._waits = waits
        self.pending: Table[CallId, tuple[QueueLeft, ...]] = Table(journal)  #: how they ended is uncertain

    def of(self, fact: Fact) -> list[Count]:
        """What this fact says about waits."""
        counts: list[Count] = []
        if fact.call in self.pending:
            counts += self._late(fact)
        if isinstance(fact, QueueLeft):
            if fact.outcome == "abandoned":
                counts += self._counted(fact, fact.outcome, fact.waited_s)
            else:
                self.pending[fact.call] = (*self.pending.get(fact.call, ()), fact)
        elif isinstance(fact, CallEnded):
            counts += _overflows(fact.record)
        return counts

    def _late(self, fact: Fact) -> Iterator[Count]:
        """Those of this journey that were uncertain. A folded journey has no stays any more."""
        waits = () if isinstance(fact, CallFolded) else self._known(fact)
        for left in self.pending.pop(fact.call):
            outcome, waited = left.outcome, left.waited_s
            for wait in waits:
                same = wait.queue == left.queue and abs(wait.joined - (left.at - left.waited_s)) < _SAME_S
                if same and wait.outcome is not None and wait.left is not None:
                    outcome, waited = wait.outcome, max(0.0, wait.left - wait.joined)
            yield from self._counted(left, outcome, waited)

    def _known(self, fact: Fact) -> Sequence[Wait]:
        return fact.record.waits if isinstance(fact, CallEnded) else self._waits(fact.node, fact.call)

    def _counted(self, left: QueueLeft, outcome: str, waited: float) -> list[Count]:
        queue = left.queue
        labels = {"node": str(left.node), "queue": queue}
        waiting = {**labels, "outcome": outcome}
        counts = [Count(metric="pbxd_queue_wait_seconds", labels=waiting, value=waited, call=left.call)]
        if outcome in _IN_LEVEL:
            within = "yes" if waited <= self._thresholds.service_level_s(queue) else "no"
            counts.append(Count(metric="pbxd_queue_waits_total", labels={**waiting, "within": within}))
        if outcome == "abandoned" and waited <= self._thresholds.short_abandon_s(queue):
            counts.append(Count(metric="pbxd_queue_short_abandons_total", labels=labels))
        return counts


def _overflows(record: CallRecord) -> list[Count]:
    node = str(record.node)
    return [
        Count(
            metric="pbxd_queue_overflows_total",
            labels={"node": node, "queue": before.queue, "to": after.queue},
        )
        for before, after in zip(record.waits, record.waits[1:], strict=False)
        if before.left is not None and before.outcome not in _IN_LEVEL
        if not any(before.left <= leg.started < after.joined for leg in record.legs)
    ]


def threshold_readings(node: str, queue: str, thresholds: Thresholds) -> list[Reading]:
    """What the settings say of one queue."""
    labels = {"node": node, "queue": queue}
    return [
        Reading(
            metric="pbxd_queue_service_level_threshold_seconds",
            labels=labels,
            value=thresholds.service_level_s(queue),
        ),
        Reading(
            metric="pbxd_queue_short_abandon_threshold_seconds",
            labels=labels,
            value=thresholds.short_abandon_s(queue),
        ),
    ]
