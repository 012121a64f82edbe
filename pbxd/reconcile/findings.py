"""What a comparison finds: differences that are known faults of Asterisk's books, and those that nobody can
explain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mismatch(StrEnum):
    """A difference without an explanation: pbxd or the switch is wrong, or somebody changed a book."""

    STAY_MISSING_HERE = "stay_missing_here"  #: the queue_log has a caller in a queue, pbxd has not
    STAY_MISSING_THERE = "stay_missing_there"
    OUTCOME = "outcome"  #: the stay ended otherwise
    ENTERED = "entered"  #: at another time
    WAITED = "waited"  #: lasted longer or shorter
    TALKED = "talked"
    TRANSFER = "transfer"  #: the queue_log has a transfer, pbxd has not
    CALL_MISSING_HERE = "call_missing_here"  #: there is a call detail record of a call that pbxd has not
    CALL_MISSING_THERE = "call_missing_there"
    CALL_TIMES = "call_times"  #: it began or ended at another time
    CALL_ANSWERED = "call_answered"  #: one says that somebody talked with the caller, the other does not
    UNREADABLE = "unreadable"  #: lines of a book that cannot be read


class Known(StrEnum):
    """A known property of Asterisk's books, or of the period. ``REASONS`` says more."""

    MOVED_OUT = "moved_out"
    LEFT_AT_ANSWER = "left_at_answer"
    CONSULT_IN_QUEUE = "consult_in_queue"
    TALK_AFTER_TRANSFER = "talk_after_transfer"
    TRANSFER_NOT_LOGGED = "transfer_not_logged"
    UNFINISHED = "unfinished"
    IN_PROGRESS = "in_progress"
    NOT_COVERED = "not_covered"
    WATCHED_IN_PART = "watched_in_part"
    OTHER_SIDE = "other_side"
    CONSULTATION = "consultation"
    ORIGINATED = "originated"
    SPLIT = "split"


REASONS: dict[Known, str] = {
    Known.MOVED_OUT: "app_queue writes ABANDON for everybody who leaves it before an answer other than by "
    "time-out, key or emptiness: a caller who was moved out by a redirection is still on the line.",
    Known.LEFT_AT_ANSWER: "The caller hung up while the member was being connected: app_queue writes ABANDON "
    "although the member had answered.",
    Known.CONSULT_IN_QUEUE: "An agent who hands a caller over to a queue enters it himself, by a channel of "
    "his own and with his own number: a second caller in the queue_log, a consultation in truth.",
    Known.TALK_AFTER_TRANSFER: "app_queue's talk time runs until one of its first two channels hangs up, or "
    "a transfer is reported: it holds consultations, holds and what came after a redirection.",
    Known.TRANSFER_NOT_LOGGED: "app_queue reports only transfers of its own bridge: none by redirection, "
    "none that became a conference, only the first one of a call.",
    Known.UNFINISHED: "Asterisk was stopped, or the book ends, before the stay or the conversation did.",
    Known.IN_PROGRESS: "The books tell of each part of a call when that part ends, the history of the whole "
    "call when it is over: this one goes on.",
    Known.NOT_COVERED: "The book begins after this time.",
    Known.WATCHED_IN_PART: "pbxd did not see all of the call (marked in the history): its times are the best "
    "that is known.",
    Known.OTHER_SIDE: "The record of a phone that was called, or of one half of a Local channel: a part of a "
    "call that has a record of its own.",
    Known.CONSULTATION: "A record of an agent's own phone at the time of a call that he took part in: his "
    "call to the one to whom he hands the caller over, or his phone itself after a redirection.",
    Known.ORIGINATED: "A channel that the switch made itself (originated), for pbxd or for another "
    "program: no caller came in.",
    Known.SPLIT: "Call detail records are split at each bridge and follow channels, not callers: after a "
    "transfer the caller's journey goes on in other records.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference."""

    kind: Mismatch | Known
    at: float
    call: str  #: pbxd's, or '' when it knows of none
    uniqueid: str
    queue: str
    here: str  #: what pbxd's history says
    there: str  #: what Asterisk's book says

    @property
    def explained(self) -> bool:
        return isinstance(self.kind, Known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    stays: int  #: that both books were compared in
    calls: int
    findings: tuple[Finding, ...]
    silent: tuple[str, ...] = ()  #: books that tell nothing of the period, although there were calls

    @property
    def mismatches(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.explained]

    def counts(self, *, explained: bool) -> Counter[str]:
        return Counter(f.kind.value for f in self.findings if f.explained is explained)

    def together(self, other: Comparison) -> Comparison:
        return Comparison(
            stays=self.stays + other.stays,
            calls=self.calls + other.calls,
            findings=self.findings + other.findings,
            silent=self.silent + other.silent,
        )


def silent_book(name: str, compared: int, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The book's name, if it begins after all that was to be compared."""
    blind = not compared and any(finding.kind is Known.NOT_COVERED for finding in findings)
    return (name,) if blind else ()


def as_json(comparison: Comparison, findings: Iterable[Finding] | None = None) -> dict[str, Any]:
    told = comparison.findings if findings is None else findings
    return {
        "stays": comparison.stays,
        "calls": comparison.calls,
        "silent": list(comparison.silent),
        "mismatches": dict(comparison.counts(explained=False)),
        "explained": dict(comparison.counts(explained=True)),
        "findings": [
            {
                "kind": f.kind.value,
                "explained": REASONS[f.kind] if isinstance(f.kind, Known) else None,
                "at": f.at,
                "call": f.call,
                "uniqueid": f.uniqueid,
                "queue": f.queue,
                "here": f.here,
                "there": f.there,
            }
            for f in told
        ],
    }
