"""Every difference between the book of a test and what pbxd says: its metrics, its history, its reports.

Counts have to be equal, durations to 50 ms each.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.proof.book import CLOSE_S, Book, Json, Series
from tests.e2e.proof.house import SERVICE_LEVEL_S, SHORT_S
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.truth import Spell

#: These are compared series by series: what the book lacks must not be there, but as 0.
COUNTERS = (
    "pbxd_calls_arrived_total",
    "pbxd_calls_total",
    "pbxd_calls_missed_total",
    "pbxd_queue_entries_total",
    "pbxd_queue_waits_total",
    "pbxd_queue_short_abandons_total",
    "pbxd_queue_overflows_total",
    "pbxd_member_rings_total",
    "pbxd_member_ring_results_total",
    "pbxd_handled_legs_total",
    "pbxd_agent_legs_total",
    "pbxd_transfers_started_total",
    "pbxd_transfers_total",
    "pbxd_transfer_routes_total",
    "pbxd_calls_transferred_total",
    "pbxd_transfer_orphans_total",
    "pbxd_transfer_rescues_total",
    "pbxd_repeat_judged_total",
    "pbxd_repeat_contacts_total",
    "pbxd_flow_entries_total",
    "pbxd_flow_choices_total",
    "pbxd_flow_wrong_keys_total",
    "pbxd_flow_hangups_total",
    "pbxd_flow_results_total",
    "pbxd_resync_corrections_total",
    "pbxd_failed_steps_total",
    "pbxd_failed_effects_total",
    "pbxd_metrics_faults_total",
)
#: Sums of durations.
SECONDS = (
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
)
EMPTY = ("pbxd_calls_in_progress", "pbxd_queue_waiting", "pbxd_agi_sessions", "pbxd_inbox_messages")


def read_metrics(metrics: Mapping[str, float]) -> dict[Series, float]:
    """``name{labels}`` taken apart."""
    read = {}
    for series, value in metrics.items():
        name, _, labels = series.partition("{")
        read[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = value
    return read


@dataclass
class Compared:
    """The book beside pbxd's words. ``differences`` is what it is all about."""

    book: Book
    differences: list[str] = field(default_factory=list)
    checks: int = 0  #: how many numbers were compared

    # ------------------------------------------------------------ comparing

    def differs(self, what: str, here: Any, there: Any) -> None:
        self.differences.append(f"{what}: the book says {here}, pbxd says {there}")

    def same(self, what: str, here: Any, there: Any) -> None:
        self.checks += 1
        if here != there:
            self.differs(what, here, there)

    def close(
        self, what: str, here: float | None, there: float | None, parts: int = 1, *, up_to: float = 0.0
    ) -> None:
        """``parts`` durations in one sum, each as close as can be; ``up_to``: so much more is right too."""
        self.checks += 1
        slack = CLOSE_S * max(1, parts)
        if here is None or there is None or not here - slack <= there <= here + up_to + slack:
            self.differs(what, here, there)

    def compare_metrics(self, metrics: Mapping[str, float]) -> None:
        told = read_metrics(metrics)
        for name in COUNTERS:
            for series in _series(name, self.book.counts, told):
                self.same(_named(series), self.book.counts.get(series, 0), told.get(series, 0))
        for name in SECONDS:
            for series in _series(name, self.book.sums, told):
                values = self.book.sums.get(series, [])
                up_to = self.book.leaving(series)
                self.close(_named(series), sum(values), told.get(series, 0.0), len(values), up_to=up_to)
        for name in HISTOGRAMS:
            self._histogram(name, told)
        for name in EMPTY:
            self.same(name, 0, sum(value for (each, _), value in told.items() if each == name))

    def compare_counts(self, book: Book, name: str, metrics: Mapping[str, float]) -> None:
        """One counter only, against another book."""
        told = read_metrics(metrics)
        for series in _series(name, book.counts, told):
            self.same(_named(series), book.counts.get(series, 0), told.get(series, 0))

    def _histogram(self, name: str, told: Mapping[Series, float]) -> None:
        counted = {(name, labels): value for (each, labels), value in told.items() if each == f"{name}_count"}
        for series in _series(name, self.book.spans, counted):
            values = self.book.spans.get(series, [])
            self.same(f"{_named(series)} count", len(values), counted.get(series, 0))
            total = told.get((f"{name}_sum", series[1]), 0.0)
            up_to = self.book.leaving(series)
            self.close(f"{_named(series)} sum", sum(values), total, len(values), up_to=up_to)
            for (each, labels), value in told.items():
                bounds = frozenset(pair for pair in labels if pair[0] == "le")
                if each == f"{name}_bucket" and labels - bounds == series[1]:
                    bound = float(dict(labels)["le"])
                    longer = [one + more for one, more in zip(values, self.book.unsure[series], strict=True)]
                    least = sum(one <= bound - CLOSE_S for one in longer)
                    most = sum(one <= bound + CLOSE_S for one in values)
                    self.checks += 1
                    if not least <= value <= most:
                        self.differs(f"{_named(series)} up to {bound}", f"{least} to {most}", value)

    # ------------------------------------------------------------ the history

    def compare_store(self, file: Path, journeys: Iterable[Journey]) -> None:
        rows, wanted = _rows(file), list(journeys)
        self.same("contacts", len(self.book.journeys), len(rows["contacts"]))
        for journey in wanted:
            self._contact(journey, _rows_of(rows, journey))

    def _contact(self, journey: Journey, of: Mapping[str, list[Json]]) -> None:
        name = f"{journey.kind} {journey.uniqueid}"
        self.same(f"{name} contacts", 1, len(of["contacts"]))
        if len(of["contacts"]) != 1:
            return
        (contact,) = of["contacts"]
        self.same(f"{name} outcome", journey.outcome, contact["outcome"])
        self.same(f"{name} queue", journey.queue, contact["queue"] or "")
        self.same(f"{name} number", journey.number, contact["presented"])
        self.same(f"{name} missed", journey.disturbed, bool(contact["missed"]))
        self.close(f"{name} arrived", self.book.arrived(journey), contact["arrived"])
        self.close(f"{name} ended", self.book.ended(journey), contact["ended"])
        waits, legs = list(self.book.waits(journey)), self.book.legs(journey)
        self.close(
            f"{name} wait_s",
            sum(left - joined for *_, joined, left in waits),
            contact["wait_s"],
            len(waits) or 1,
        )
        self.close(f"{name} talk_s", sum(leg.talk_s for leg in legs), contact["talk_s"], len(legs))
        self.same(
            f"{name} waits",
            [(queue, outcome) for queue, outcome, *_ in waits],
            [(row["queue"], row["outcome"]) for row in of["waits"]],
        )
        for (_, _, joined, left), row in zip(waits, of["waits"], strict=False):
            self.close(f"{name} joined", joined, row["joined"])
            self.close(f"{name} left", left, row["left"])
        self.same(
            f"{name} legs",
            [(leg.interface, self.book.agent(leg.interface)) for leg in legs],
            [(row["interface"], row["agent"]) for row in of["legs"]],
        )
        for leg, row in zip(legs, of["legs"], strict=False):
            self.close(f"{name} {leg.interface} began", leg.talks[0].started, row["started"])
            self.close(f"{name} {leg.interface} talk", leg.talk_s, row["talk_s"], len(leg.talks))
            held, parts = leg.hold_s, len(leg.talks)
            self.close(f"{name} {leg.interface} hold", held, row["hold_s"], parts, up_to=leg.leaving_s)
        self.same(
            f"{name} transfers",
            [(each.by, each.kind, each.from_, each.outcome, each.to_kind) for each in journey.transfers],
            [
                (row["by"], row["kind"], row["from_interface"], row["outcome"], row["to_kind"])
                for row in of["transfers"]
            ],
        )
        self._ledger(name, journey, of["stretches"])

    def _ledger(self, name: str, journey: Journey, rows: list[Json]) -> None:
        waits, legs = list(self.book.waits(journey)), self.book.legs(journey)
        self._stage(name, rows, "wait", [Spell(joined, left) for *_, joined, left in waits])
        self._stage(
            name, rows, "talk", sorted((s for leg in legs for s in leg.talks), key=lambda s: s.started)
        )
        self._stage(name, rows, "ivr", self.book.truth.visits.get(journey.uniqueid, []))
        self._stage(name, rows, "consult", sorted(self.book.consult_s(journey), key=lambda s: s.started))
        held = sum(row["ended"] - row["started"] for row in rows if row["stage"] == "hold")
        self.close(
            f"{name} held",
            sum(leg.hold_s for leg in legs),
            held,
            sum(len(leg.talks) for leg in legs),
            up_to=sum(leg.leaving_s for leg in legs),
        )
        rings = [row for row in rows if row["stage"] == "ring"]
        self.same(
            f"{name} rings",
            sorted(queue for queue, _ in journey.rings),
            sorted(r["queue"] or "" for r in rings),
        )
        for row in rings:
            mine = [
                spell
                for id_, spell in self.book.truth.rings.items()
                if self.book.truth.phone(id_) == row["interface"]
                and abs(spell.started - row["started"]) < CLOSE_S
            ]
            self.checks += 1
            if not any(abs((spell.ended or 0) - (row["ended"] or 0)) < CLOSE_S for spell in mine):
                self.differs(f"{name} ring of {row['interface']}", mine, row)
        wraps = [row for row in rows if row["stage"] == "wrap_up"]
        self.same(f"{name} wrap-ups", 1 if journey.wraps_up else 0, len(wraps))
        for row in wraps:
            least, more = self.book.wrap_up(journey)
            self.close(f"{name} wrap-up", least, row["ended"] - row["started"], up_to=more)
        self.same(f"{name} open rows", [], [row for row in rows if row["ended"] is None])
        self.same(f"{name} rows missed", journey.disturbed, any(row["missed"] for row in rows))

    def _stage(self, name: str, rows: list[Json], stage: str, spells: list[Spell]) -> None:
        mine = sorted((row for row in rows if row["stage"] == stage), key=lambda row: row["started"])
        self.same(f"{name} rows of {stage}", len(spells), len(mine))
        for spell, row in zip(spells, mine, strict=False):
            self.close(f"{name} {stage} began", spell.started, row["started"])
            self.close(f"{name} {stage} ended", spell.ended, row["ended"])

    def compare_disturbed(
        self, file: Path, journeys: Iterable[Journey], *, seen_again: float | None = None
    ) -> None:
        """Calls of which pbxd saw a part: once each, marked, the end right, no longer talk than there was.

        What ended before pbxd saw it again may seem to have lasted until then.
        """
        for journey in journeys:
            ended = self.book.ended(journey)
            unseen = 0.0 if seen_again is None else max(0.0, seen_again - ended)
            name, of = f"{journey.kind} {journey.uniqueid}", _rows_of(_rows(file), journey)
            self.same(f"{name} contacts", 1, len(of["contacts"]))
            for contact in of["contacts"]:
                self.same(f"{name} outcome", journey.outcome, contact["outcome"])
                self.same(f"{name} queue", journey.queue, contact["queue"] or "")
                self.same(f"{name} missed", True, bool(contact["missed"]))
                self.close(f"{name} ended", ended, contact["ended"], up_to=unseen)
            self.same(f"{name} rows missed", True, any(row["missed"] for row in of["stretches"]))
            for leg, row in zip(self.book.legs(journey), of["legs"], strict=True):
                self.same(f"{name} leg", leg.interface, row["interface"])
                self.checks += 1
                if row["talk_s"] > leg.talk_s + unseen + CLOSE_S:
                    self.differs(f"{name} {leg.interface} talk at most", leg.talk_s, row["talk_s"])

    # ------------------------------------------------------------ reports

    def compare_report(self, report: Json) -> None:
        """``/api/reports`` by queue: each row, and the total."""
        rows = {row["key"]: row for row in report["rows"]}
        for key, row in [*rows.items(), (None, report["total"])]:
            counts, sums, means = self._of_report(key)
            mine = [each for each in self.book.journeys if each.wraps_up and key in (None, each.queue)]
            notes = [self.book.wrap_up(each) for each in mine]
            for figure, count in counts.items():
                self.same(f"report {key} {figure}", count, row[figure])
            for figure, values in sums.items():
                late = sum(more for _, more in notes) if figure == "wrap_up_s" else 0.0
                self.close(f"report {key} {figure}", sum(values), row[figure], len(values) + 1, up_to=late)
            for figure, values in means.items():
                mean = sum(values) / len(values) if values else None
                if mean is None or row[figure] is None:
                    self.same(f"report {key} {figure}", mean, row[figure])
                else:
                    self.close(f"report {key} {figure}", mean, row[figure])
        entries = sum(row["entries"] for row in rows.values())
        self.same("report entries", report["total"]["entries"], entries)

    def _of_report(
        self, key: str | None
    ) -> tuple[dict[str, int], dict[str, list[float]], dict[str, list[float]]]:
        """Of this queue, or of all: numbers, sums, and what means are made of."""
        book = self.book
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

    # ------------------------------------------------------------ the same calls from a capture

    def compare_replay(self, replayed: Json, file: Path) -> None:
        """What ``pbxd replay --json`` makes of the same events: the same rows as the live run's."""
        stored = _rows(file)["stretches"]
        for call in replayed["calls"]:
            uniqueid = call["id"].partition(":")[2]
            mine = [_row(row) for row in call["stretches"]]
            live = [
                _row(row)
                for row in sorted(stored, key=lambda row: row["position"])
                if row["call"].endswith(f":{uniqueid}") and row["stage"] != "wrap_up"
            ]
            self.same(f"replay of {uniqueid}", [row[:5] for row in live], [row[:5] for row in mine])
            for one, other in zip(live, mine, strict=False):
                self.close(f"replay of {uniqueid} {one[0]} began", one[5], other[5])
                self.close(f"replay of {uniqueid} {one[0]} ended", one[6], other[6])


def _row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    told = (row["stage"], row["queue"], row["interface"], row["outcome"], bool(row["missed"]))
    return (*told, row["started"], row["ended"])


def _rows(file: Path) -> dict[str, list[Json]]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
            for table in ("contacts", "legs", "waits", "transfers", "stretches")
        }


def _rows_of(rows: Mapping[str, list[Json]], journey: Journey) -> dict[str, list[Json]]:
    return {
        table: sorted(
            (row for row in mine if str(row["call"]).endswith(f":{journey.uniqueid}")),
            key=lambda row: row.get("position", 0),
        )
        for table, mine in rows.items()
    }


def _series(name: str, *of: Mapping[Series, Any]) -> list[Series]:
    """All series of a figure that any of them has."""
    return sorted({series for each in of for series in each if series[0] == name}, key=_named)


def _named(series: Series) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(series[1]))
    return f"{series[0]}{{{labels}}}"
