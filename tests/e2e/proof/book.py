"""The book that a test keeps of its journeys: what each of them has to add to which figure.

What happened was intended by the test (stories), when it happened is the switch's to say (truth).
Nothing in here is taken from pbxd.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.proof import callers
from tests.e2e.proof.handed import answered, begun, rang, silence, until_heard
from tests.e2e.proof.house import SERVICE_LEVEL_S, SHORT_S, WRAP_UP_S
from tests.e2e.proof.journey import Journey, Transfer
from tests.e2e.proof.truth import Spell, Truth, settled

NODE = "lab"
CLOSE_S = 0.05  #: so close two durations have to be
CONNECTED_S = 0.3  #: of a visit in a flow: until pbxd is asked what to do, and until it is told what was done

Json = dict[str, Any]
Labels = frozenset[tuple[str, str]]
Series = tuple[str, Labels]


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


@dataclass
class Book:
    truth: Truth
    journeys: list[Journey]
    counts: Counter[Series] = field(default_factory=Counter)
    sums: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each of these spans: so much longer is right as well."""

    _legs_of: dict[str, list[Leg]] = field(default_factory=dict)

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
        """In the order in which they began; asked for again and again, and worked out once."""
        known = self._legs_of.get(journey.uniqueid)
        if known is None:
            known = self._legs_of[journey.uniqueid] = self._found_legs(journey)
        return known

    def _found_legs(self, journey: Journey) -> list[Leg]:
        found = list(self.truth.legs(journey.uniqueid))
        if [interface for interface, *_ in found] != [interface for interface, _ in journey.legs]:
            raise AssertionError(f"the switch says {found} of {journey}")
        return [
            Leg(interface, queue, tuple(spells), out, gone)
            for (interface, spells, out, gone), (_, queue) in zip(found, journey.legs, strict=True)
        ]

    def last_leg(self, journey: Journey) -> Leg | None:
        """Of the agent who talked with the caller last."""
        return max(self.legs(journey), key=lambda leg: leg.talks[-1].ended or 0.0, default=None)

    def ended(self, journey: Journey) -> float:
        return self.truth.ended[journey.uniqueid]

    def arrived(self, journey: Journey) -> float:
        return self.truth.began[journey.uniqueid]

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

    def wrap_up(self, journey: Journey) -> tuple[float, float]:
        """From the end of the agent's channel and his first pause until no queue has him paused any more.

        At least, and how much more is right: that the switch resumes him later than it should is not known.
        """
        free, pause = self._notes(journey)
        seconds = (pause.ended or free) - max(free, pause.started)
        least = min(seconds, WRAP_UP_S)
        return least, seconds - least

    def _notes(self, journey: Journey) -> tuple[float, Spell]:
        interface = journey.wraps_up
        channel = next(
            id_ for id_ in self.truth.talks[journey.uniqueid] if self.truth.phone(id_) == interface
        )
        free = self.truth.ended[channel]
        return free, next(
            spell for spell in self.truth.pauses[interface] if spell.ended and spell.ended > free
        )

    def notes_began(self, journey: Journey) -> float:
        """When that agent was free, and paused."""
        free, pause = self._notes(journey)
        return max(free, pause.started)

    def leaving(self, series: Series) -> float:
        """How much more of a figure is right as well: of holds see Leg.leaving_s."""
        name, labels = series
        said, more = dict(labels), sum(self.unsure.get(series, ()))
        if ("hold" not in name or "transfer" in name) and said.get("part") != "hold":
            return more
        legs = [leg for each in self.journeys for leg in self.legs(each) if leg.queue == said["queue"]]
        return more + sum(leg.leaving_s for leg in legs)

    # ------------------------------------------------------------ what the figures have to be

    def add(self, journeys: Iterable[Journey]) -> None:
        """Count these."""
        for journey in journeys:
            self.count_call(journey)
            self._queues(journey)
            self._legs(journey)
            self._transfers(journey)
            self._flow(journey)
            callers.count_survey(self, journey)

    def one(self, name: str, number: int = 1, /, **labels: str) -> None:
        self.counts[seen(name, node=NODE, **labels)] += number

    def _span(self, name: str, seconds: float, more: float = 0.0, /, **labels: str) -> None:
        """One observation; up to so much ``more`` is right as well."""
        series = seen(name, node=NODE, **labels)
        self.spans[series].append(max(0.0, seconds))
        self.unsure[series].append(more)

    def _sum(self, name: str, seconds: float, more: float = 0.0, /, **labels: str) -> None:
        series = seen(name, node=NODE, **labels)
        self.sums[series].append(seconds)
        if more:
            self.unsure[series].append(more)

    def count_call(self, journey: Journey) -> None:
        queue = journey.queue
        self.one("pbxd_calls_arrived_total")
        self.one("pbxd_calls_total", queue=queue, outcome=journey.outcome)
        callers.count_again(self, journey)
        done = sum(transfer.outcome == "completed" for transfer in journey.transfers)
        if done:
            self.one("pbxd_calls_transferred_total", queue=queue, times="once" if done == 1 else "more")

    def _queues(self, journey: Journey) -> None:
        waits = list(self.waits(journey))
        for queue, outcome, joined, left in waits:
            waited = left - joined
            self.one("pbxd_queue_entries_total", queue=queue)
            self._span("pbxd_queue_wait_seconds", waited, queue=queue, outcome=outcome)
            if outcome in ("answered", "abandoned"):
                within = "yes" if waited <= SERVICE_LEVEL_S else "no"
                self.one("pbxd_queue_waits_total", queue=queue, outcome=outcome, within=within)
            if outcome == "abandoned" and waited <= SHORT_S:
                self.one("pbxd_queue_short_abandons_total", queue=queue)
        for (queue, outcome), (onward, _) in zip(journey.waits, journey.waits[1:], strict=False):
            if outcome not in ("answered", "abandoned"):
                self.one("pbxd_queue_overflows_total", queue=queue, to=onward)
        for queue, why in journey.rings:
            self.one("pbxd_member_rings_total", queue=queue)
            self.one("pbxd_member_ring_results_total", queue=queue, result=why)
            if queue and why == "busy":
                self.one("pbxd_declined_callers_total", queue=queue)

    def _legs(self, journey: Journey) -> None:
        for leg in self.legs(journey):
            queue, agent = leg.queue, self.agent(leg.interface)
            self.one("pbxd_handled_legs_total", queue=queue)
            self.one("pbxd_agent_legs_total", queue=queue, agent=agent)
            self._span("pbxd_talk_seconds", leg.talk_s, queue=queue)
            self._sum("pbxd_handling_seconds_total", leg.talk_s, queue=queue, part="talk")
            self._sum("pbxd_agent_talk_seconds_total", leg.talk_s, queue=queue, agent=agent)
            if leg.hold_s > 0.001:
                self._span("pbxd_hold_seconds", leg.hold_s, queue=queue)
                self._sum("pbxd_handling_seconds_total", leg.hold_s, queue=queue, part="hold")
                self._sum("pbxd_agent_hold_seconds_total", leg.hold_s, queue=queue, agent=agent)
        if journey.wraps_up:
            agent, queue = self.agent(journey.wraps_up), journey.queue
            seconds, more = self.wrap_up(journey)
            self._span("pbxd_wrap_up_seconds", seconds, more, queue=queue, ended="time")
            self._sum("pbxd_handling_seconds_total", seconds, more, queue=queue, part="wrap_up")
            self._sum("pbxd_agent_wrap_up_seconds_total", seconds, more, queue=queue, agent=agent)

    @staticmethod
    def agent(interface: str) -> str:
        return f"{'_abc'[int(interface[-1])]}{interface[-3]}"

    def _transfers(self, journey: Journey) -> None:
        for _ in range(journey.begun_by_phone):
            self.one("pbxd_transfers_started_total", by="phone")
            self.one("pbxd_handovers_total", by="phone")
        if journey.rescued:
            self.one("pbxd_transfer_rescues_total", journey.rescued, by="pbxd")
        for transfer in journey.transfers:
            by, outcome = transfer.by, transfer.outcome
            self.one("pbxd_transfers_started_total", by=by)
            self.one("pbxd_transfers_total", by=by, kind=transfer.kind, outcome=outcome)
            self.one(
                "pbxd_transfer_routes_total",
                queue=transfer.queue,
                to=transfer.to_kind,
                target=transfer.target,
                outcome=outcome,
            )
            self._took(journey, transfer)
            consults = self._consult_of(journey, transfer)
            consult = sum(spell.seconds for spell in consults)
            # Of a queue one agent is rung; of a requeued one, the target was before that.
            self.one("pbxd_handovers_total", 2 if outcome == "requeued" else 1, by=by)
            if consult > 0:
                more = until_heard(self.truth, journey, consults[-1]) if by == "phone" else 0.0
                self._span("pbxd_transfer_consult_seconds", consult, more, by=by)

    def _consult_of(self, journey: Journey, transfer: Transfer) -> list[Spell]:
        """What was said without the caller between this transfer and the next one."""
        began = [begun(self.truth, journey, each)[0] for each in journey.transfers]
        number = journey.transfers.index(transfer)
        since = began[number] if number else 0.0
        until = began[number + 1] if number + 1 < len(began) else self.ended(journey)
        return [spell for spell in self.consult_s(journey) if since <= spell.started < until]

    def _took(self, journey: Journey, transfer: Transfer) -> None:
        """How long until the target answered, how long his phone took to ring, how long nobody was heard."""
        began, taken = begun(self.truth, journey, transfer)
        answer, ring = answered(self.truth, journey, transfer), rang(self.truth, journey, transfer)
        if answer is not None:
            self._span("pbxd_transfer_answer_seconds", answer - taken, taken - began, by=transfer.by)
        if ring is not None and transfer.by == "pbxd":
            self._span("pbxd_transfer_ring_seconds", ring - taken, taken - began)
        silent = silence(self.truth, journey, transfer)
        if silent > 0.00001:  # the switch tells microseconds
            self._span("pbxd_transfer_hold_seconds", silent, by=transfer.by)

    def _flow(self, journey: Journey) -> None:
        if not journey.flow:
            return
        self.one("pbxd_flow_entries_total", flow="main")
        for what in journey.flow:
            at = {"flow": "main", "step": "choose"}
            if what == "chosen":
                self.one("pbxd_flow_choices_total", **at, option=journey.key, label=journey.label)
                self.one("pbxd_flow_results_total", flow="main", result="queue")
                visit = self.truth.visits[journey.uniqueid][0]
                least = visit.seconds - CONNECTED_S
                self._span("pbxd_flow_choice_seconds", least, CONNECTED_S, **at)
            elif what == "hung_up":
                self.one("pbxd_flow_hangups_total", **at)
                self.one("pbxd_flow_results_total", flow="main", result="caller_left")
