"""The book that a test keeps of its journeys, and every difference between it and what pbxd says of them.

What happened was intended by the test (journeys_at_random), when it happened is the switch's to say (truth).
Nothing in here is taken from pbxd. Counts have to be equal, durations to 50 ms each.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.journeys_at_random import SERVICE_LEVEL_S, SHORT_S, Journey
from tests.e2e.truth import Spell, Truth, settled

NODE = "lab"
CLOSE_S = 0.05  #: so close two durations have to be

Json = dict[str, Any]
Labels = frozenset[tuple[str, str]]
Series = tuple[str, Labels]

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
    "pbxd_transfer_consult_seconds",
    "pbxd_transfer_hold_seconds",
)
EMPTY = ("pbxd_calls_in_progress", "pbxd_queue_waiting", "pbxd_agi_sessions", "pbxd_inbox_messages")


@dataclass(frozen=True)
class Leg:
    """One agent's share of one journey, as the book has it."""

    interface: str
    queue: str
    talks: tuple[Spell, ...]
    out: float  #: when the agent was out of it, at the earliest
    gone: float  #: … and at the latest

    @property
    def talk_s(self) -> float:
        return sum(spell.seconds for spell in self.talks)

    @property
    def hold_s(self) -> float:
        """All between the first word and the end that is no talk; leaving itself is nobody's hold."""
        silent = self.out - (self.talks[-1].ended or self.out)
        return self.out - self.talks[0].started - self.talk_s - (silent if silent < CLOSE_S else 0.0)

    @property
    def leaving_s(self) -> float:
        """How long the caller was with somebody else already, and this agent's phone not free yet."""
        return self.gone - self.out


def seen(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


def read_metrics(metrics: Mapping[str, float]) -> dict[Series, float]:
    """``name{labels}`` taken apart."""
    read = {}
    for series, value in metrics.items():
        name, _, labels = series.partition("{")
        read[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = value
    return read


@dataclass
class Book:
    truth: Truth
    journeys: list[Journey]
    counts: Counter[Series] = field(default_factory=Counter)
    sums: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    differences: list[str] = field(default_factory=list)
    checks: int = 0  #: how many numbers were compared

    # ------------------------------------------------------------ what happened

    def waits(self, journey: Journey) -> Iterator[tuple[str, str, float, float]]:
        """Queue, outcome, from when to when: until the caller hears somebody, or leaves."""
        stays = self._stays(journey)
        talks = [spell for leg in self.legs(journey) for spell in leg.talks]
        for stay, (queue, outcome) in zip(stays, journey.waits, strict=True):
            assert stay.queue == queue, (journey, stays)
            left = stay.spell.ended or self.truth.ended[journey.uniqueid]
            if outcome == "answered":
                left = min(talk.started for talk in talks if talk.started >= stay.spell.started)
            yield queue, outcome, stay.spell.started, left

    def _stays(self, journey: Journey) -> list[Any]:
        return self.truth.stays.get(journey.uniqueid, [])

    def legs(self, journey: Journey) -> list[Leg]:
        found = list(self.truth.legs(journey.uniqueid))
        if [interface for interface, *_ in found] != [interface for interface, _ in journey.legs]:
            raise AssertionError(f"the switch says {found} of {journey}")
        return [
            Leg(interface, queue, tuple(spells), out, gone)
            for (interface, spells, out, gone), (_, queue) in zip(found, journey.legs, strict=True)
        ]

    def ended(self, journey: Journey) -> float:
        return self.truth.ended[journey.uniqueid]

    def arrived(self, journey: Journey) -> float:
        return self.truth.began[journey.uniqueid]

    def called_before(self, journey: Journey) -> bool:
        return any(
            other.number == journey.number and self.arrived(other) < self.arrived(journey)
            for other in self.journeys
        )

    def consult_s(self, journey: Journey) -> list[Spell]:
        """When two of its agents talked without the caller, for as long as he was there."""
        began, ended = self.arrived(journey), self.ended(journey)
        lane = f"PJSIP/1{journey.lane}"
        return [
            Spell(spell.started, min(spell.ended or ended, ended))
            for pair, spells in self.truth.aside.items()
            if all(self.truth.phone(id_).startswith(lane) for id_ in pair)
            for spell in settled(spells)
            if began <= spell.started < ended
        ]

    def wrap_up(self, journey: Journey) -> float:
        """From the end of the agent's own channel until no queue has him paused any more."""
        interface = journey.wraps_up
        channel = next(
            id_ for id_ in self.truth.talks[journey.uniqueid] if self.truth.phone(id_) == interface
        )
        free = self.truth.ended[channel]
        pause = next(spell for spell in self.truth.pauses[interface] if spell.ended and spell.ended > free)
        return (pause.ended or free) - free

    # ------------------------------------------------------------ what the figures have to be

    def add(self, journeys: Iterable[Journey]) -> None:
        """Count these."""
        for journey in journeys:
            self._call(journey)
            self._queues(journey)
            self._legs(journey)
            self._transfers(journey)
            self._flow(journey)

    def _one(self, name: str, **labels: str) -> None:
        self.counts[seen(name, node=NODE, **labels)] += 1

    def _span(self, name: str, seconds: float, **labels: str) -> None:
        self.spans[seen(name, node=NODE, **labels)].append(seconds)

    def _sum(self, name: str, seconds: float, **labels: str) -> None:
        self.sums[seen(name, node=NODE, **labels)].append(seconds)

    def _call(self, journey: Journey) -> None:
        queue = journey.queue
        self._one("pbxd_calls_arrived_total")
        self._one("pbxd_calls_total", queue=queue, outcome=journey.outcome)
        self._one("pbxd_repeat_judged_total", queue=queue)
        if self.called_before(journey):
            for window in ("24h", "7d"):
                self._one("pbxd_repeat_contacts_total", queue=queue, window=window)
        done = sum(transfer.outcome == "completed" for transfer in journey.transfers)
        if done:
            self._one("pbxd_calls_transferred_total", queue=queue, times="once" if done == 1 else "more")

    def _queues(self, journey: Journey) -> None:
        waits = list(self.waits(journey))
        for queue, outcome, joined, left in waits:
            waited = left - joined
            self._one("pbxd_queue_entries_total", queue=queue)
            self._span("pbxd_queue_wait_seconds", waited, queue=queue, outcome=outcome)
            if outcome in ("answered", "abandoned"):
                within = "yes" if waited <= SERVICE_LEVEL_S else "no"
                self._one("pbxd_queue_waits_total", queue=queue, outcome=outcome, within=within)
            if outcome == "abandoned" and waited <= SHORT_S:
                self._one("pbxd_queue_short_abandons_total", queue=queue)
        for (queue, outcome), (onward, _) in zip(journey.waits, journey.waits[1:], strict=False):
            if outcome not in ("answered", "abandoned"):
                self._one("pbxd_queue_overflows_total", queue=queue, to=onward)
        for queue, why in journey.rings:
            self._one("pbxd_member_rings_total", queue=queue)
            self._one("pbxd_member_ring_results_total", queue=queue, result=why)

    def _legs(self, journey: Journey) -> None:
        for leg in self.legs(journey):
            queue, agent = leg.queue, self.agent(leg.interface)
            self._one("pbxd_handled_legs_total", queue=queue)
            self._one("pbxd_agent_legs_total", queue=queue, agent=agent)
            self._span("pbxd_talk_seconds", leg.talk_s, queue=queue)
            self._sum("pbxd_handling_seconds_total", leg.talk_s, queue=queue, part="talk")
            self._sum("pbxd_agent_talk_seconds_total", leg.talk_s, queue=queue, agent=agent)
            if leg.hold_s > 0.001:
                self._span("pbxd_hold_seconds", leg.hold_s, queue=queue)
                self._sum("pbxd_handling_seconds_total", leg.hold_s, queue=queue, part="hold")
                self._sum("pbxd_agent_hold_seconds_total", leg.hold_s, queue=queue, agent=agent)
        if journey.wraps_up:
            agent, queue = self.agent(journey.wraps_up), journey.queue
            seconds = self.wrap_up(journey)
            self._span("pbxd_wrap_up_seconds", seconds, queue=queue, ended="time")
            self._sum("pbxd_handling_seconds_total", seconds, queue=queue, part="wrap_up")
            self._sum("pbxd_agent_wrap_up_seconds_total", seconds, queue=queue, agent=agent)

    @staticmethod
    def agent(interface: str) -> str:
        return f"{'_abc'[int(interface[-1])]}{interface[-3]}"

    def _transfers(self, journey: Journey) -> None:
        for _ in range(journey.begun_by_phone):
            self._one("pbxd_transfers_started_total", by="phone")
        for transfer in journey.transfers:
            by, outcome = transfer.by, transfer.outcome
            self._one("pbxd_transfers_started_total", by=by)
            self._one("pbxd_transfers_total", by=by, kind=transfer.kind, outcome=outcome)
            self._one(
                "pbxd_transfer_routes_total",
                queue=transfer.queue,
                to=transfer.to_kind,
                target=transfer.target,
                outcome=outcome,
            )
            consult = sum(spell.seconds for spell in self.consult_s(journey))
            if consult > 0:
                self._span("pbxd_transfer_consult_seconds", consult, by=by)

    def _flow(self, journey: Journey) -> None:
        if not journey.flow:
            return
        self._one("pbxd_flow_entries_total", flow="main")
        for what in journey.flow:
            at = {"flow": "main", "step": "choose"}
            if what == "chosen":
                key = str(journey.lane)
                self._one("pbxd_flow_choices_total", **at, option=key, label=f"Lane {key}")
                self._one("pbxd_flow_results_total", flow="main", result="queue")
            elif what == "hung_up":
                self._one("pbxd_flow_hangups_total", **at)
                self._one("pbxd_flow_results_total", flow="main", result="caller_left")

    # ------------------------------------------------------------ comparing

    def differs(self, what: str, here: Any, there: Any) -> None:
        self.differences.append(f"{what}: the book says {here}, pbxd says {there}")

    def same(self, what: str, here: Any, there: Any) -> None:
        self.checks += 1
        if here != there:
            self.differs(what, here, there)

    def close(self, what: str, here: float | None, there: float | None, parts: int = 1) -> None:
        self.checks += 1
        if here is None or there is None or abs(here - there) > CLOSE_S * parts:
            self.differs(what, here, there)

    def compare_metrics(self, metrics: Mapping[str, float]) -> None:
        told = read_metrics(metrics)
        for name in COUNTERS:
            for series in _series(name, self.counts, told):
                self.same(_named(series), self.counts.get(series, 0), told.get(series, 0))
        for name in SECONDS:
            for series in _series(name, self.sums, told):
                values = self.sums.get(series, [])
                self.close(_named(series), sum(values), told.get(series, 0.0), max(1, len(values)))
        for name in HISTOGRAMS:
            self._histogram(name, told)
        for name in EMPTY:
            self.same(name, 0, sum(value for (each, _), value in told.items() if each == name))

    def _histogram(self, name: str, told: Mapping[Series, float]) -> None:
        if name == "pbxd_transfer_hold_seconds":
            return
        counted = {(name, labels): value for (each, labels), value in told.items() if each == f"{name}_count"}
        for series in _series(name, self.spans, counted):
            values = self.spans.get(series, [])
            self.same(f"{_named(series)} count", len(values), counted.get(series, 0))
            total = told.get((f"{name}_sum", series[1]), 0.0)
            self.close(f"{_named(series)} sum", sum(values), total, max(1, len(values)))
            for (each, labels), value in told.items():
                if (
                    each == f"{name}_bucket"
                    and labels - {pair for pair in labels if pair[0] == "le"} == series[1]
                ):
                    bound = float(dict(labels)["le"])
                    least = sum(one <= bound - CLOSE_S for one in values)
                    most = sum(one <= bound + CLOSE_S for one in values)
                    self.checks += 1
                    if not least <= value <= most:
                        self.differs(f"{_named(series)} up to {bound}", f"{least} to {most}", value)

    # ------------------------------------------------------------ the history

    def compare_store(self, file: Path, journeys: Iterable[Journey]) -> None:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            tables = ("contacts", "legs", "waits", "transfers", "stretches")
            rows = {
                table: [dict(row) for row in database.execute(f"SELECT * FROM {table}")] for table in tables
            }
        wanted = list(journeys)
        self.same("contacts", len(wanted), len(rows["contacts"]))
        for journey in wanted:
            of = {
                table: sorted(
                    (row for row in mine if str(row["call"]).endswith(f":{journey.uniqueid}")),
                    key=lambda row: row.get("position", 0),
                )
                for table, mine in rows.items()
            }
            self._contact(journey, of)

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
        self.close(f"{name} arrived", self.arrived(journey), contact["arrived"])
        self.close(f"{name} ended", self.ended(journey), contact["ended"])
        waits, legs = list(self.waits(journey)), self.legs(journey)
        self.close(
            f"{name} wait_s",
            sum(left - joined for *_, joined, left in waits),
            contact["wait_s"],
            len(waits) or 1,
        )
        self.close(f"{name} talk_s", sum(leg.talk_s for leg in legs), contact["talk_s"], len(legs) or 1)
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
            [(leg.interface, self.agent(leg.interface)) for leg in legs],
            [(row["interface"], row["agent"]) for row in of["legs"]],
        )
        for leg, row in zip(legs, of["legs"], strict=False):
            self.close(f"{name} {leg.interface} began", leg.talks[0].started, row["started"])
            self.close(f"{name} {leg.interface} talk", leg.talk_s, row["talk_s"], len(leg.talks))
            self.close(f"{name} {leg.interface} hold", leg.hold_s, row["hold_s"], len(leg.talks))
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
        waits, legs = list(self.waits(journey)), self.legs(journey)
        self._stage(name, rows, "wait", [Spell(joined, left) for *_, joined, left in waits])
        self._stage(
            name, rows, "talk", sorted((s for leg in legs for s in leg.talks), key=lambda s: s.started)
        )
        self._stage(name, rows, "ivr", self.truth.visits.get(journey.uniqueid, []))
        self._stage(name, rows, "consult", sorted(self.consult_s(journey), key=lambda s: s.started))
        held = sum(row["ended"] - row["started"] for row in rows if row["stage"] == "hold")
        self.close(
            f"{name} held", sum(leg.hold_s for leg in legs), held, sum(len(leg.talks) for leg in legs) or 1
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
                for id_, spell in self.truth.rings.items()
                if self.truth.phone(id_) == row["interface"] and abs(spell.started - row["started"]) < CLOSE_S
            ]
            self.checks += 1
            if not any(abs((spell.ended or 0) - (row["ended"] or 0)) < CLOSE_S for spell in mine):
                self.differs(f"{name} ring of {row['interface']}", mine, row)
        wraps = [row for row in rows if row["stage"] == "wrap_up"]
        self.same(f"{name} wrap-ups", 1 if journey.wraps_up else 0, len(wraps))
        for row in wraps:
            self.close(f"{name} wrap-up", self.wrap_up(journey), row["ended"] - row["started"])
        self.same(f"{name} open rows", [], [row for row in rows if row["ended"] is None])
        self.same(f"{name} rows missed", journey.disturbed, any(row["missed"] for row in rows))

    def _stage(self, name: str, rows: list[Json], stage: str, spells: list[Spell]) -> None:
        mine = sorted((row for row in rows if row["stage"] == stage), key=lambda row: row["started"])
        self.same(f"{name} rows of {stage}", len(spells), len(mine))
        for spell, row in zip(spells, mine, strict=False):
            self.close(f"{name} {stage} began", spell.started, row["started"])
            self.close(f"{name} {stage} ended", spell.ended, row["ended"])


def _series(name: str, *of: Mapping[Series, Any]) -> list[Series]:
    """All series of a figure that any of them has."""
    return sorted({series for each in of for series in each if series[0] == name}, key=_named)


def _named(series: Series) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(series[1]))
    return f"{series[0]}{{{labels}}}"
