"""Every difference between a test's book and pbxd's history: contacts, legs, waits, transfers, the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.proof.book import CLOSE_S, Book, Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.shares import last_agent
from tests.e2e.proof.truth import Spell


@dataclass
class History:
    """pbxd's database, once everything is over."""

    file: Path
    compared: Compared

    @property
    def book(self) -> Book:
        return self.compared.book

    def compare_store(self, journeys: Iterable[Journey]) -> None:
        rows, wanted = rows_of_all(self.file), list(journeys)
        self.compared.same("contacts", len(self.book.journeys), len(rows["contacts"]))
        for journey in wanted:
            self.compare_contact(journey, rows_of(rows, journey))

    def compare_contact(self, journey: Journey, of: Mapping[str, list[Json]]) -> None:
        """Its rows, of which pbxd has seen everything."""
        name = f"{journey.kind} {journey.uniqueid}"
        self.compared.same(f"{name} contacts", 1, len(of["contacts"]))
        if len(of["contacts"]) != 1:
            return
        (contact,) = of["contacts"]
        self.compared.same(f"{name} outcome", journey.outcome, contact["outcome"])
        self.compared.same(f"{name} queue", journey.queue, contact["queue"] or "")
        self.compared.same(f"{name} agent", last_agent(self.book, journey), contact["agent"])
        self.compared.same(f"{name} subject", journey.subject, contact["subject"] or "")
        told = contact["survey"] or "", contact["rating"]
        self.compared.same(f"{name} survey", (journey.survey, journey.rating), told)
        self.compared.same(f"{name} number", journey.number, contact["presented"])
        self.compared.same(f"{name} missed", journey.disturbed, bool(contact["missed"]))
        self.compared.close(f"{name} arrived", self.book.arrived(journey), contact["arrived"])
        self.compared.close(f"{name} ended", self.book.ended(journey), contact["ended"])
        waits, legs = list(self.book.waits(journey)), self.book.legs(journey)
        self.compared.close(
            f"{name} wait_s",
            sum(left - joined for *_, joined, left in waits),
            contact["wait_s"],
            len(waits) or 1,
        )
        self.compared.close(f"{name} talk_s", sum(leg.talk_s for leg in legs), contact["talk_s"], len(legs))
        self.compared.same(
            f"{name} waits",
            [(queue, outcome) for queue, outcome, *_ in waits],
            [(row["queue"], row["outcome"]) for row in of["waits"]],
        )
        for (_, _, joined, left), row in zip(waits, of["waits"], strict=False):
            self.compared.close(f"{name} joined", joined, row["joined"])
            self.compared.close(f"{name} left", left, row["left"])
        self.compared.same(
            f"{name} legs",
            [(leg.interface, self.book.agent(leg.interface)) for leg in legs],
            [(row["interface"], row["agent"]) for row in of["legs"]],
        )
        for leg, row in zip(legs, of["legs"], strict=False):
            self.compared.close(f"{name} {leg.interface} began", leg.talks[0].started, row["started"])
            self.compared.close(f"{name} {leg.interface} talk", leg.talk_s, row["talk_s"], len(leg.talks))
            held, parts, more = leg.hold_s, len(leg.talks), leg.leaving_s
            self.compared.close(f"{name} {leg.interface} hold", held, row["hold_s"], parts, up_to=more)
        self.compared.same(
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
        self.compared.close(
            f"{name} held",
            sum(leg.hold_s for leg in legs),
            held,
            sum(len(leg.talks) for leg in legs),
            up_to=sum(leg.leaving_s for leg in legs),
        )
        rings = [row for row in rows if row["stage"] == "ring"]
        self.compared.same(
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
            self.compared.checks += 1
            if not any(abs((spell.ended or 0) - (row["ended"] or 0)) < CLOSE_S for spell in mine):
                self.compared.differs(f"{name} ring of {row['interface']}", mine, row)
        wraps = [row for row in rows if row["stage"] == "wrap_up"]
        self.compared.same(f"{name} wrap-ups", 1 if journey.wraps_up else 0, len(wraps))
        for row in wraps:
            least, more = self.book.wrap_up(journey)
            self.compared.close(f"{name} wrap-up", least, row["ended"] - row["started"], up_to=more)
        self.compared.same(f"{name} open rows", [], [row for row in rows if row["ended"] is None])
        self.compared.same(f"{name} rows missed", journey.disturbed, any(row["missed"] for row in rows))

    def _stage(self, name: str, rows: list[Json], stage: str, spells: list[Spell]) -> None:
        mine = sorted((row for row in rows if row["stage"] == stage), key=lambda row: row["started"])
        self.compared.same(f"{name} rows of {stage}", len(spells), len(mine))
        for spell, row in zip(spells, mine, strict=False):
            self.compared.close(f"{name} {stage} began", spell.started, row["started"])
            self.compared.close(f"{name} {stage} ended", spell.ended, row["ended"])

    def compare_disturbed(self, journeys: Iterable[Journey], *, seen_again: float | None = None) -> None:
        """Calls of which pbxd saw a part: once each, marked, the end right, no longer talk than there was.

        What ended before pbxd saw it again may seem to have lasted until then.
        """
        for journey in journeys:
            ended = self.book.ended(journey)
            unseen = 0.0 if seen_again is None else max(0.0, seen_again - ended)
            name, of = f"{journey.kind} {journey.uniqueid}", rows_of(rows_of_all(self.file), journey)
            self.compared.same(f"{name} contacts", 1, len(of["contacts"]))
            for contact in of["contacts"]:
                self.compared.same(f"{name} outcome", journey.outcome, contact["outcome"])
                self.compared.same(f"{name} queue", journey.queue, contact["queue"] or "")
                self.compared.same(f"{name} missed", True, bool(contact["missed"]))
                self.compared.close(f"{name} ended", ended, contact["ended"], up_to=unseen)
            self.compared.same(f"{name} rows missed", True, any(row["missed"] for row in of["stretches"]))
            for leg, row in zip(self.book.legs(journey), of["legs"], strict=True):
                self.compared.same(f"{name} leg", leg.interface, row["interface"])
                self.compared.checks += 1
                heard = leg.talks[-1].ended or leg.out
                until_seen = 0.0 if seen_again is None else max(0.0, seen_again - heard)
                if row["talk_s"] > leg.talk_s + until_seen + CLOSE_S:
                    self.compared.differs(f"{name} {leg.interface} talk at most", leg.talk_s, row["talk_s"])

    def compare_replay(self, replayed: Json) -> None:
        """What ``pbxd replay --json`` makes of the same events: the same rows as the live run's."""
        stored = rows_of_all(self.file)["stretches"]
        for call in replayed["calls"]:
            uniqueid = call["id"].partition(":")[2]
            mine = [_row(row) for row in call["stretches"]]
            live = [
                _row(row)
                for row in sorted(stored, key=lambda row: row["position"])
                if row["call"].endswith(f":{uniqueid}") and row["stage"] != "wrap_up"
            ]
            self.compared.same(f"replay of {uniqueid}", [row[:5] for row in live], [row[:5] for row in mine])
            for one, other in zip(live, mine, strict=False):
                self.compared.close(f"replay of {uniqueid} {one[0]} began", one[5], other[5])
                self.compared.close(f"replay of {uniqueid} {one[0]} ended", one[6], other[6])


def _row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    told = (row["stage"], row["queue"], row["interface"], row["outcome"], bool(row["missed"]))
    return (*told, row["started"], row["ended"])


def rows_of_all(file: Path) -> dict[str, list[Json]]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
            for table in ("contacts", "legs", "waits", "transfers", "stretches")
        }


def rows_of(rows: Mapping[str, list[Json]], journey: Journey) -> dict[str, list[Json]]:
    return {
        table: sorted(
            (row for row in mine if str(row["call"]).endswith(f":{journey.uniqueid}")),
            key=lambda row: row.get("position", 0),
        )
        for table, mine in rows.items()
    }
