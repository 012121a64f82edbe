"""Journeys of which pbxd may have missed a part: what of them it has to know all the same, and what not.

What is certain follows from when the switch said something of them, and when pbxd could hear it (storm).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.e2e.proof.book import CLOSE_S, Json
from tests.e2e.proof.compared import Compared
from tests.e2e.proof.house import CROWD
from tests.e2e.proof.journey import Journey
from tests.e2e.proof.storm import Gap, Storm
from tests.e2e.proof.truth import Spell, Truth

UNSERVED = frozenset(("abandoned", "left", "timeout", "ivr_hangup", "unanswered"))
UNIQUE_S = 1.0  #: a channel's name for itself, its Uniqueid, has whole seconds


@dataclass
class Glimpsed:
    storm: Storm
    compared: Compared

    @property
    def truth(self) -> Truth:
        return self.storm.days.truth

    # ------------------------------------------------------------ what the switch said, and when

    def channels(self, journey: Journey) -> set[str]:
        """Uniqueids of all that took part."""
        truth, caller = self.truth, journey.uniqueid
        found = {caller, *truth.rung_for.get(caller, ()), *truth.talks.get(caller, {})}
        if journey.lane == CROWD:
            return found
        began, name = truth.began[caller], f"/1{journey.lane}0"
        return found | {
            id_ for id_, at in truth.began.items() if began <= at <= journey.over and name in truth.names[id_]
        }

    def moments(self, journey: Journey) -> list[float]:
        told = [at for id_ in self.channels(journey) for at in self.truth.moments[id_]]
        for pause in self.truth.pauses.get(journey.wraps_up, ()):
            if pause.started > self.truth.began[journey.uniqueid] and pause.started < journey.over:
                told += [pause.started, pause.ended or pause.started]
        return told

    def whole(self, journey: Journey) -> bool:
        """Nothing of it happened while pbxd perhaps did not look."""
        return not journey.spoilt and self._undisturbed(journey)

    def _undisturbed(self, journey: Journey) -> bool:
        return not any(self.storm.within(at) for at in self.moments(journey))

    def edges(self, journey: Journey) -> bool:
        """Something of it happened just before pbxd was killed: perhaps it was counted, perhaps kept."""
        windows = [(g.first, g.shut) for g in self.storm.gaps if g.what == "killed"]
        return any(first <= at <= last for first, last in windows for at in self.moments(journey))

    def seen_s(self, spell: Spell, ended: float) -> float:
        """How much of this pbxd saw for certain."""
        until = spell.ended or ended
        return until - spell.started - self.storm.unseen_s(spell.started, until)

    def _missed(self, journey: Journey) -> bool:
        """It was not the same after a gap as it had been before."""
        return any(
            self._picture(journey, gap.shut) != self._picture(journey, gap.opened) for gap in self.storm.gaps
        )

    def _picture(self, journey: Journey, at: float) -> Any:
        truth, caller = self.truth, journey.uniqueid
        if not truth.began[caller] <= at < truth.ended[caller]:
            return None
        ended = truth.ended[caller]
        waits = [s.queue for s in truth.stays.get(caller, ()) if _covers(s.spell, at, ended)]
        talks = truth.talks.get(caller, {})
        return waits, {
            id_
            for id_, spells in talks.items()
            if spells[0].started <= at < min(ended, truth.ended.get(id_, ended))
        }

    def story(self, journey: Journey) -> str:
        """For whoever wants to know what was."""
        life, stays = self._life(journey), self._stays(journey)
        told = [
            f"{journey}",
            f"life {life}",
            f"stays {stays}",
            f"legs {list(self.truth.legs(journey.uniqueid))}",
        ]
        rings = {
            self.truth.names[id_]: self.truth.rings[id_]
            for id_ in self.channels(journey)
            if id_ in self.truth.rings
        }
        return "\n    ".join([*told, f"rings {rings}"])

    # ------------------------------------------------------------ comparing

    def compare(self, journey: Journey, of: Mapping[str, list[Json]]) -> None:
        """Once there if it was seen at all; nothing invented, nothing longer than it was."""
        name, rows = f"{journey.kind} {journey.uniqueid}", of["contacts"]
        life = self._life(journey)
        unseen = any(
            gap.shut <= life.started and (life.ended or 0.0) <= gap.opened for gap in self.storm.gaps
        )
        least, most = (0, 0) if unseen else (int(self.seen_s(life, life.ended or 0.0) > 0), 1)
        self.compared.checks += 1
        if not least <= len(rows) <= most:
            self.compared.differs(f"{name} contacts", f"{least} to {most}", len(rows))
        if not rows:
            return
        self._contact(name, journey, rows[0], of["legs"])
        self._waits(name, journey, of["waits"])
        self._legs(name, journey, of["legs"])
        self._rings(name, journey, [row for row in of["stretches"] if row["stage"] == "ring"])
        self.compared.same(f"{name} open", [], [row for row in of["stretches"] if row["ended"] is None])
        given = sum(row["outcome"] == "completed" for row in of["transfers"])
        parts = len(list(self.truth.legs(journey.uniqueid))) + len(self._stays(journey))
        self._one_of(f"{name} transfers", range(parts or 1), given)

    def _life(self, journey: Journey) -> Spell:
        return Spell(self.truth.began[journey.uniqueid], self.truth.ended[journey.uniqueid])

    def _stays(self, journey: Journey) -> list[tuple[str, Spell]]:
        ended = self.truth.ended[journey.uniqueid]
        return [
            (stay.queue, Spell(stay.spell.started, stay.spell.ended or ended))
            for stay in self.truth.stays.get(journey.uniqueid, ())
        ]

    def _one_of(self, what: str, wanted: Any, there: Any) -> None:
        self.compared.checks += 1
        if there not in wanted:
            self.compared.differs(what, f"one of {sorted(wanted)}", there)

    def _known_at(self, at: float) -> float:
        """When pbxd knew of this at the latest."""
        gap: Gap | None = self.storm.within(at)
        return at if gap is None else gap.last

    def _between(self, what: str, at: float, there: float, *, early: float = 0.0) -> None:
        """It was at this time, or when pbxd saw it."""
        self.compared.checks += 1
        last = self._known_at(at)
        if not at - early - CLOSE_S <= there <= last + CLOSE_S:
            self.compared.differs(what, f"{at} to {last}", there)

    def _contact(self, name: str, journey: Journey, contact: Json, legs: list[Json]) -> None:
        life = self._life(journey)
        self.compared.same(f"{name} number", journey.number, contact["presented"])
        early = UNIQUE_S if self.storm.within(life.started) else 0.0
        self._between(f"{name} arrived", life.started, contact["arrived"], early=early)
        self._between(f"{name} ended", life.ended or 0.0, contact["ended"])
        lasted = contact["ended"] - contact["arrived"]
        self.compared.checks += 1
        if contact["wait_s"] + contact["talk_s"] > lasted * max(1, len(legs)) + CLOSE_S:
            self.compared.differs(f"{name} waited and talked", f"at most {lasted}", contact)
        self._one_of(f"{name} outcome", self._outcomes(journey), contact["outcome"])
        self._one_of(f"{name} queue", self._queues(journey), contact["queue"] or "")
        if self._undisturbed(journey):
            self.compared.same(f"{name} missed", False, bool(contact["missed"]))
        elif self._missed(journey):
            self.compared.same(f"{name} missed", True, bool(contact["missed"]))

    def _queues(self, journey: Journey) -> set[str]:
        stays = self._stays(journey)
        known = {stays[0][0]} if stays else {""}
        for queue, spell in stays:
            known.add(queue)
            if self.seen_s(spell, 0.0) > 0:
                return known if queue != stays[0][0] else {queue}
        return known | {""}

    def _outcomes(self, journey: Journey) -> set[str]:
        """The right one, and those that pbxd has to take for right."""
        stays, legs = self._stays(journey), list(self.truth.legs(journey.uniqueid))
        ended = self.truth.ended[journey.uniqueid]
        if legs:
            seen = [s for _, spells, *_ in legs for s in spells if self.seen_s(s, ended) > 0]
            waited = any(self.seen_s(spell, ended) > 0 for _, spell in stays)
            return {"answered"} | (set() if seen else set(UNSERVED)) | (set() if waited else {"direct"})
        if not journey.spoilt and self._undisturbed(journey):
            return {journey.outcome}
        if not stays:
            return {"ivr_hangup", "unanswered"}
        last = stays[-1][1]
        if (last.ended or 0.0) >= ended:
            right = {"abandoned"}
        else:
            right = {"timeout", "left", "abandoned"} if journey.spoilt else {journey.outcome}
        if self.seen_s(last, ended) <= 0:
            return right | set(UNSERVED)
        return right if self.storm.within(last.ended or ended) is None else right | {"abandoned", "left"}

    def _waits(self, name: str, journey: Journey, rows: list[Json]) -> None:
        stays, ended = self._stays(journey), self.truth.ended[journey.uniqueid]
        rest = list(rows)
        for queue, spell in stays:
            if rest and rest[0]["queue"] == queue:
                row = rest.pop(0)
                self._between(f"{name} joined {queue}", spell.started, row["joined"], early=UNIQUE_S)
                self._most(f"{name} waited in {queue}", spell, (row["left"] or 0.0) - row["joined"], UNIQUE_S)
            elif self.seen_s(spell, ended) > 0:
                self.compared.differs(f"{name} waits", stays, rows)
                return
        self.compared.same(f"{name} further waits", [], rest)

    def _most(self, what: str, spell: Spell, there: float, more: float = 0.0) -> None:
        """It lasted no longer than it did, and than pbxd could not see."""
        self.compared.checks += 1
        most = self._known_at(spell.ended or 0.0) - spell.started + more
        if there > most + CLOSE_S:
            self.compared.differs(f"{what} at most", most, there)

    def _legs(self, name: str, journey: Journey, rows: list[Json]) -> None:
        legs, ended, rest = list(self.truth.legs(journey.uniqueid)), self._life(journey).ended, list(rows)
        for interface, spells, _, gone in legs:
            heard = sum(spell.seconds for spell in spells)
            if rest and rest[0]["interface"] == interface:
                row = rest.pop(0)
                self._between(f"{name} {interface} began", spells[0].started, row["started"])
                most = heard + self.storm.unseen_s(spells[0].started, self._known_at(gone))
                least = heard - self.storm.unseen_s(spells[0].started, gone)
                if self._held_unseen(spells):
                    least, most = 0.0, self._known_at(gone) - spells[0].started
                self.compared.checks += 1
                if not least - CLOSE_S <= row["talk_s"] <= most + CLOSE_S:
                    self.compared.differs(f"{name} {interface} talk", f"{least} to {most}", row["talk_s"])
            elif any(self.seen_s(spell, ended or 0.0) > 0 for spell in spells):
                self.compared.differs(f"{name} legs", [leg[0] for leg in legs], rows)
                return
        self.compared.same(f"{name} further legs", [], rest)

    def _held_unseen(self, spells: list[Spell]) -> bool:
        """He was put on hold, or taken back, and no inventory says so."""
        return any(
            self.storm.within(before.ended or 0.0) or self.storm.within(after.started)
            for before, after in pairwise(spells)
        )

    def _rings(self, name: str, journey: Journey, rows: list[Json]) -> None:
        """Each of a phone that rang then."""
        for row in rows:
            mine = [
                spell
                for id_, spell in self.truth.rings.items()
                if self.truth.phone(id_) == row["interface"]
                and spell.started - UNIQUE_S - CLOSE_S <= row["started"]
                and row["ended"] is not None
                and row["ended"] <= self._known_at(spell.ended or 0.0) + CLOSE_S
            ]
            self.compared.checks += 1
            if not mine:
                self.compared.differs(f"{name} ring of {row['interface']}", "no such ring", row)


def _covers(spell: Spell, at: float, ended: float) -> bool:
    return spell.started <= at < (spell.ended or ended)
