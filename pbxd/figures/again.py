"""The figures of callers who call again, and of those for whom one call was enough."""

from __future__ import annotations

from collections.abc import Iterable

from pbxd.effects import Count
from pbxd.figures.figure import NODE, QUEUE, Derived, Figure, Kind, Label
from pbxd.ids import NodeId

DAY = 86_400.0
WINDOWS = {"24h": DAY, "7d": 7 * DAY}
WINDOW = Label(name="window", meaning="how far was looked back", values=tuple(WINDOWS))
RESOLVED = Label(name="resolved", meaning="whether one contact was enough", values=("yes", "no"))

AGAIN = (
    Figure(
        name="pbxd_repeat_judged_total",
        kind=Kind.COUNTER,
        help="Calls of which it is known whether their caller had called before.",
        labels=(NODE, QUEUE),
        unit="calls",
        formula="One for each call that ended and whose caller's history was found, under its first queue.",
        source="CallEnded, the caller's history",
        edge_cases="Without a number, or when the store did not answer in time, nobody knows: not counted.",
    ),
    Figure(
        name="pbxd_repeat_contacts_total",
        kind=Kind.COUNTER,
        help="Calls whose caller had called before, within a day or a week.",
        labels=(NODE, QUEUE, WINDOW),
        unit="calls",
        formula="Of pbxd_repeat_judged_total those with an earlier contact of the same number that arrived "
        "at most so long before, whatever it was about and however it ended.",
        source="CallEnded, the caller's history",
        edge_cases="The windows are fixed, so that figures of different houses can be compared; the rule of "
        "the settings is pbxd_repeat_calls_total. Whoever called within 24 h is in both windows. Who calls "
        "again in the very moment in which he hung up may come before that call is in the store.",
    ),
    Figure(
        name="pbxd_first_contacts_total",
        kind=Kind.COUNTER,
        help="Contacts whose time to call again is over, by whether one was enough.",
        labels=(NODE, QUEUE, RESOLVED),
        unit="contacts",
        formula="Of the contacts that a person answered and whose number is known: `no` when another contact "
        "of the same number, about the same subject, arrived after it and at most "
        "`figures.first_contact_days` after its end; else `yes`. Counted once, when these days are over "
        "and no call of them is in progress any more.",
        source="the contacts in the store, looked through every ten minutes, or each thousandth of the days",
        edge_cases="What is counted today is of calls a week ago. A subject that nobody knows counts as the "
        "same: the share is never flattered. The further contact may have ended in any way. Days that end "
        "while pbxd is down are not counted here; `pbxd report` has them. Calls of more than a day are left "
        "out.",
    ),
)

DERIVED_OF_AGAIN = (
    Derived(
        name="First contact resolution (FCR)",
        definition="contacts after which the same person did not call again about the same subject within "
        "`figures.first_contact_days` / all answered contacts.",
        promql='sum by (node, queue) (increase(pbxd_first_contacts_total{resolved="yes"}[7d])) / '
        "sum by (node, queue) (increase(pbxd_first_contacts_total[7d]))",
    ),
    Derived(
        name="Repeat-call rate, 24 h",
        definition="calls whose caller had called within the 24 h before / calls of which that is known.",
        promql='sum by (node, queue) (increase(pbxd_repeat_contacts_total{window="24h"}[24h])) / '
        "sum by (node, queue) (increase(pbxd_repeat_judged_total[24h]))",
    ),
    Derived(
        name="Repeat-call rate, 7 d",
        definition="calls whose caller had called within the 7 d before / calls of which that is known.",
        promql='sum by (node, queue) (increase(pbxd_repeat_contacts_total{window="7d"}[24h])) / '
        "sum by (node, queue) (increase(pbxd_repeat_judged_total[24h]))",
    ),
)


def called_before(node: NodeId, queue: str | None, arrived: float, earlier: Iterable[float]) -> list[Count]:
    """A call is over whose caller's history is known; ``earlier``: when his contacts before it arrived."""
    labels = {"node": str(node), "queue": queue or ""}
    ago = min((arrived - each for each in earlier if each < arrived), default=None)
    counts = [Count(metric="pbxd_repeat_judged_total", labels=labels)]
    for window, seconds in WINDOWS.items():
        if ago is not None and ago <= seconds:
            counts.append(Count(metric="pbxd_repeat_contacts_total", labels={**labels, "window": window}))
    return counts
