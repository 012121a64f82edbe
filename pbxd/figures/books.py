"""The figures of the comparison with Asterisk's own books."""

from __future__ import annotations

from pbxd.figures.figure import NODE, Figure, Kind, Label

MISMATCH = Label(
    name="kind",
    meaning="what differs: a stay or a call that one side has not, how or when it ended, how long it was, …",
    values=(
        "stay_missing_here",
        "stay_missing_there",
        "outcome",
        "entered",
        "waited",
        "talked",
        "transfer",
        "call_missing_here",
        "call_missing_there",
        "call_times",
        "call_answered",
        "unreadable",
    ),
)
EXPLAINED = Label(
    name="kind",
    meaning="which known property of Asterisk's books it is; docs/reconcile.md explains each",
    values=(
        "moved_out",
        "left_at_answer",
        "consult_in_queue",
        "talk_after_transfer",
        "transfer_not_logged",
        "unfinished",
        "in_progress",
        "not_covered",
        "watched_in_part",
        "other_side",
        "consultation",
        "originated",
        "split",
    ),
)

BOOKS = (
    Figure(
        name="pbxd_reconcile_compared_total",
        kind=Kind.COUNTER,
        help="Stays and calls that were found both in the history and in Asterisk's books.",
        labels=(
            NODE,
            Label(
                name="what",
                meaning="stays: in queues, with the queue_log; calls: with the call detail records",
                values=("stays", "calls"),
            ),
        ),
        unit="stays or calls",
        formula="One for each that a nightly comparison found in both books.",
        source="the history, queue_log and the call detail records",
        edge_cases="Mismatches are worth as much as this number; what only one of them has is not in it.",
    ),
    Figure(
        name="pbxd_reconcile_mismatch_total",
        kind=Kind.COUNTER,
        help="Differences between the history and Asterisk's books that nothing explains.",
        labels=(NODE, MISMATCH),
        unit="differences",
        formula="One for each difference that a nightly comparison found.",
        source="the history, queue_log and the call detail records",
        edge_cases="Moves once a night, only with the section `reconcile`; one wrong call can differ in "
        "several ways, and `pbxd reconcile` by hand counts nothing.",
    ),
    Figure(
        name="pbxd_reconcile_explained_total",
        kind=Kind.COUNTER,
        help="Differences that are known properties of Asterisk's books.",
        labels=(NODE, EXPLAINED),
        unit="differences",
        formula="One for each.",
        source="the history, queue_log and the call detail records",
        edge_cases="Many transfers make many of them: they are no fault of anybody's. `watched_in_part` and "
        "`not_covered` tell what could not be proved.",
    ),
    Figure(
        name="pbxd_reconcile_runs_total",
        kind=Kind.COUNTER,
        help="Nightly comparisons with Asterisk's books, by result.",
        labels=(
            NODE,
            Label(
                name="result",
                meaning="clean: nothing unexplained; mismatches; failed: a book or the history was not read, "
                "or a book tells nothing of a day with calls",
                values=("clean", "mismatches", "failed"),
            ),
        ),
        unit="runs",
        formula="One for each night.",
        source="the nightly comparison",
        edge_cases="A night in which pbxd does not run is not made up for; `pbxd reconcile` does it by hand.",
    ),
    Figure(
        name="pbxd_reconcile_last_success_timestamp_seconds",
        kind=Kind.GAUGE,
        help="When the last nightly comparison came to its end, whatever it found.",
        labels=(NODE,),
        unit="seconds since the epoch",
        formula="Time at the end of the last run that did not fail.",
        source="the nightly comparison",
        edge_cases="Not there without the section `reconcile`; the time of the start until the first run, so "
        "that an alert on its age waits a day after a restart.",
    ),
)
