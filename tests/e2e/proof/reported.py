"""Every difference between the book of a test and what ``/api/reports`` says of the same day, by queue."""

from __future__ import annotations

from tests.e2e.proof.book import Book, Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.house import SERVICE_LEVEL_S, SHORT_S

Values = dict[str, list[float]]
SHARES = ("repeat_24h", "repeat_7d")


def compare_report(compared: Compared, report: Json) -> None:
    """``/api/reports`` by queue: each row, and the total."""
    rows = {row["key"]: row for row in report["rows"]}
    for key, row in [*rows.items(), (None, report["total"])]:
        counts, sums, means = _of_report(compared.book, key)
        mine = [each for each in compared.book.journeys if each.wraps_up and key in (None, each.queue)]
        notes = [compared.book.wrap_up(each) for each in mine]
        for figure, count in counts.items():
            compared.same(f"report {key} {figure}", count, row[figure])
        for figure, values in sums.items():
            late = sum(more for _, more in notes) if figure == "wrap_up_s" else 0.0
            compared.close(f"report {key} {figure}", sum(values), row[figure], len(values) + 1, up_to=late)
        for figure, values in means.items():
            mean = sum(values) / len(values) if values else None
            if mean is None or row[figure] is None:
                compared.same(f"report {key} {figure}", mean, row[figure])
            elif figure in SHARES:
                compared.same(f"report {key} {figure}", round(mean, 3), round(row[figure], 3))
            else:
                compared.close(f"report {key} {figure}", mean, row[figure])
    entries = sum(row["entries"] for row in rows.values())
    compared.same("report entries", report["total"]["entries"], entries)


def _of_report(book: Book, key: str | None) -> tuple[dict[str, int], Values, Values]:
    """Of this queue, or of all: numbers, sums, and what means are made of."""
    waits = [wait for each in book.journeys for wait in book.waits(each) if key in (None, wait[0])]
    legs = [leg for each in book.journeys for leg in book.legs(each) if key in (None, leg.queue)]
    came = [each for each in book.journeys if key in (None, each.queue)]
    spans = [(outcome, left - joined) for _, outcome, joined, left in waits]
    answered = [waited for outcome, waited in spans if outcome == "answered"]
    abandoned = [waited for outcome, waited in spans if outcome == "abandoned"]
    transfers = [
        transfer for each in book.journeys for transfer in each.transfers if key in (None, transfer.queue)
    ]
    outcomes = [outcome for outcome, _ in spans]
    counts = {
        "entries": len(waits),
        "answered": len(answered),
        "answered_within": sum(waited <= SERVICE_LEVEL_S for waited in answered),
        "short_abandoned": sum(waited <= SHORT_S for waited in abandoned),
        "timed_out": outcomes.count("timeout"),
        "left": outcomes.count("left"),
        "handled": len(legs),
        "transfers": len(transfers),
        "transfers_completed": sum(transfer.outcome == "completed" for transfer in transfers),
        "fcr_judged": 0,  # that takes days
    }
    if key is None:
        counts["calls"] = len(book.journeys)
    sums = {
        "talk_s": [leg.talk_s for leg in legs],
        "wrap_up_s": [book.wrap_up(each)[0] for each in came if each.wraps_up],
    }
    again = [float(book.called_before(each)) for each in came]
    return counts, sums, {"asa_s": answered, "repeat_24h": again, "repeat_7d": again}
