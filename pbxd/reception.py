"""Who is calling: a dossier for every open call, its history, the screen pops, and the contact at the end."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import (
    CallerRules,
    Dossier,
    HistoryState,
    of_somebody_called,
    open_dossier,
    with_flow,
    with_history,
)
from pbxd.callers.kept import dossier_body, read_dossier
from pbxd.callers.repeat import RepeatRule, judge
from pbxd.callers.surveys import with_answer
from pbxd.calls.facts import (
    CallArrived,
    CallEnded,
    CallFolded,
    ConsultEnded,
    Fact,
    LegEnded,
    LegStarted,
    MemberRinging,
    MemberStoppedRinging,
)
from pbxd.calls.record import CallRecord, Leg
from pbxd.effects import Count, Effect, KeepDossier, LookUp, Remember
from pbxd.figures import called_before, repeat_call, survey_counts
from pbxd.ids import AgentId, CallId, NodeId
from pbxd.journal import Journal, Table
from pbxd.ledger.rows import stretches_of
from pbxd.messages import (
    Contact,
    DossiersKept,
    FlowEntered,
    FlowEvent,
    FlowLeft,
    FlowStep,
    HistoryFound,
    HistoryMissing,
)
from pbxd.screenpop.pops import Pops
from pbxd.transfers.kept import passport_body, read_passport
from pbxd.transfers.passports import Passports

UNSEEN_S = 4 * 3600.0
"""A call that only its flow told of, and the switch never did, is forgotten after so long."""


class Reception:
    """Turns facts and flow events into look-ups, screen pops and contacts to remember."""

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        callers: CallerRules,
        repeat: RepeatRule,
        *,
        record: Callable[[CallId, float], CallRecord | None] = lambda call, at: None,
        agent_figures: bool = False,
    ) -> None:
        self._staff = staff
        self._callers = callers
        self._repeat = repeat
        self._agent_figures = agent_figures
        self._dossiers: Table[CallId, Dossier] = Table(journal)
        self.pops = Pops(journal, staff, repeat)
        self.passports = Passports(journal, staff, repeat, dossier=self.shown, record=record, keep=self._keep)
        self._kept: Table[CallId, bool] = Table(journal)  #: True: as it was before pbxd ended

    def dossier(self, call: CallId) -> Dossier | None:
        """What is known of the caller of an open call."""
        return self._dossiers.get(call)

    def shown(self, call: CallId) -> Dossier | None:
        """The same for those who take the call: of him whom an agent had called, when he is handed on."""
        dossier: Dossier | None = self._dossiers.get(call)
        passport = self.passports.passport(call)
        if dossier is None or passport is None or passport.person is None:
            return dossier
        return of_somebody_called(self._callers, dossier, passport.person.number, passport.person.name)

    # ------------------------------------------------------------ what happens

    def on_fact(self, fact: Fact) -> list[Effect]:
        if isinstance(fact, MemberRinging):
            # Who is handed over decides what the pop shows; still the pop comes first.
            handed = self.passports.on_fact(fact)
            keeps = self._keep(fact.call) if handed else []
            return self._on_fact(fact) + handed + keeps
        return self._on_fact(fact) + self.passports.on_fact(fact)

    def _on_fact(self, fact: Fact) -> list[Effect]:
        match fact:
            case CallArrived():
                return self._arrives(fact)
            case MemberRinging():
                return self._rings(fact)
            case MemberStoppedRinging():
                return self.pops.stops(fact)
            case LegStarted():
                return self._meets(fact)
            case ConsultEnded():
                return self.pops.consulted(fact)
            case LegEnded():
                return self.pops.talked(fact)
            case CallFolded():
                self._dossiers.pop(fact.call, None)
                return [*self.pops.ends(fact.call), *self._forget(fact.call)]
            case CallEnded():
                return self._ends(fact)
            case _:
                return []

    def on_flow(self, call: CallId, event: FlowEvent) -> list[Effect]:
        """A step in a call flow. FastAGI may be faster than AMI: the call may be news to us."""
        effects: list[Effect] = []
        dossier = self._dossiers.get(call)
        if event.survey:
            return [] if dossier is None else self._asked(dossier, event)
        if dossier is None:
            if not isinstance(event, FlowEntered):
                return []
            effects += self._open(
                call, event.node, event.at, presented=event.number, name=event.name, dialled=event.dialled
            )
            dossier = self._dossiers[call]
        before = dossier.card
        dossier = with_flow(self._callers, dossier, event)
        if dossier.card != before:
            effects += _look_up(dossier)
        self._dossiers[call] = dossier
        if isinstance(event, FlowLeft):
            effects += self.pops.learns(self.shown(call) or dossier)
            effects += self.passports.learns(call, event.at)
        if isinstance(event, FlowLeft) or (isinstance(event, FlowStep) and event.digits):
            effects += self._keep(call)
        return effects

    def _asked(self, dossier: Dossier, event: FlowEvent) -> list[Effect]:
        """The talk is over, and the caller is asked how it was."""
        survey = with_answer(dossier.survey, event)
        if survey == dossier.survey:
            return []
        self._dossiers[dossier.call] = replace(dossier, survey=survey)
        return self._keep(dossier.call)

    def on_history(self, answer: HistoryFound | HistoryMissing) -> list[Effect]:
        dossier = self._dossiers.get(answer.call)
        if dossier is None:
            return []
        self._dossiers[answer.call] = dossier = with_history(dossier, answer)
        pops = self.pops.learns(self.shown(answer.call) or dossier)
        return pops + self.passports.learns(answer.call, answer.at)

    def forget_unseen(self, node: NodeId, at: float, open_calls: Container[CallId]) -> list[Effect]:
        """The switch has told which calls there are: drop the dossiers of those that are over.

        A call flow may tell of a call before the switch does. So one that nobody has told of is kept for a
        while, unless it is known from before pbxd's last end.
        """
        effects: list[Effect] = []
        for call, dossier in list(self._dossiers.items()):
            if dossier.node != node:
                continue
            if call in open_calls:
                if self._kept.get(call):
                    self._kept[call] = False
                    effects += self.passports.resume(call, at)
            elif self._kept.get(call) or at - dossier.arrived > UNSEEN_S:
                del self._dossiers[call]
                effects += self.passports.forget(call)
                effects += self._forget(call)
        return effects

    # ------------------------------------------------------------ over pbxd's own end

    def restore(self, kept: DossiersKept, nodes: Container[NodeId]) -> list[Effect]:
        """What was known of the callers in progress when pbxd last ended. Their calls may go on."""
        effects: list[Effect] = []
        for call, body in kept.bodies.items():
            try:
                dossier = read_dossier(self._callers, body["dossier"])
                passport = None if body["passport"] is None else read_passport(body["passport"])
            except (KeyError, TypeError, ValueError, AttributeError):
                effects += [
                    Count(metric="pbxd_store_faults_total", labels={"kind": "other"}),
                    KeepDossier(call=call, body=None),
                ]
                continue
            if dossier.node not in nodes or dossier.call != call:
                effects.append(KeepDossier(call=call, body=None))
            elif call not in self._dossiers:
                self._dossiers[call] = dossier
                self._kept[call] = True
                if passport is not None:
                    self.passports.restore(passport)
                effects += _look_up(dossier)
        return effects

    def remember(self, record: CallRecord) -> list[Effect]:
        """A journey that was over when pbxd ended; its contact may not have been stored."""
        contact = self._contact(record, self._dossiers.pop(record.id, None))
        return [Remember(contact=contact), *self.passports.forget(record.id), *self._forget(record.id)]

    def _keep(self, call: CallId) -> list[Effect]:
        dossier = self._dossiers.get(call)
        if dossier is None:
            return []
        passport = self.passports.passport(call)
        body = {
            "dossier": dossier_body(dossier),
            "passport": None if passport is None else passport_body(passport),
        }
        if call not in self._kept:
            self._kept[call] = False
        return [KeepDossier(call=call, body=body)]

    def _forget(self, call: CallId) -> list[Effect]:
        return [] if self._kept.pop(call, None) is None else [KeepDossier(call=call, body=None)]

    # ------------------------------------------------------------ one by one

    def _arrives(self, fact: CallArrived) -> list[Effect]:
        if fact.call in self._dossiers:
            return []
        return self._open(
            fact.call, fact.node, fact.at, presented=fact.caller, name=fact.caller_name, dialled=fact.dialled
        )

    def _open(
        self, call: CallId, node: NodeId, at: float, *, presented: str, name: str, dialled: str
    ) -> list[Effect]:
        dossier = open_dossier(
            self._callers, call=call, node=node, at=at, presented=presented, name=name, dialled=dialled
        )
        self._dossiers[call] = dossier
        return _look_up(dossier)

    def _rings(self, fact: MemberRinging) -> list[Effect]:
        effects: list[Effect] = []
        if fact.call not in self._dossiers:
            # It was never announced, which must not cost the agent his pop.
            effects += self._open(fact.call, fact.node, fact.at, presented="", name="", dialled="")
        return [*self.pops.rings(fact, self.shown(fact.call) or self._dossiers[fact.call]), *effects]

    def _meets(self, fact: LegStarted) -> list[Effect]:
        """Two people hear each other. Should the ringing have been missed (it was while pbxd was away, the
        call was picked up elsewhere, or it looked like a call of its own), the pop comes now."""
        phones = (fact.interface,) if fact.member is None else (fact.interface, fact.member)
        phone = next((each for each in phones if self._staff.id_of(fact.node, each) is not None), None)
        if phone is None or self.pops.has(fact.call, phone):
            return []
        ring = MemberRinging(
            call=fact.call,
            node=fact.node,
            at=fact.at,
            missed=fact.missed,
            interface=phone,
            member=phone,
            queue=fact.queue,
            waited_s=fact.waited_s,
        )
        return self._rings(ring)

    def _ends(self, fact: CallEnded) -> list[Effect]:
        dossier: Dossier | None = self._dossiers.pop(fact.call, None)
        effects: list[Effect] = list(self.pops.ends(fact.call))
        contact = self._contact(fact.record, dossier)
        effects.append(Remember(contact=contact))
        effects += self._forget(fact.call)
        if contact.survey is not None:
            named = self._agent_figures
            effects += survey_counts(fact.record, contact.agents, contact.survey, named=named)
        if dossier is not None and dossier.history is HistoryState.FOUND:
            earlier = (contact.arrived for contact in dossier.contacts)
            effects += called_before(fact.node, fact.record.queue, dossier.arrived, earlier)
            repeat = judge(
                self._repeat,
                call=fact.call,
                at=dossier.arrived,
                subject=dossier.subject,
                history=dossier.contacts,
            )
            if repeat.flag:
                effects.append(repeat_call(fact.node, fact.record.queue, same_subject=repeat.same_subject))
        return effects

    def _contact(self, record: CallRecord, dossier: Dossier | None) -> Contact:
        card = dossier.card if dossier is not None else self._callers.read(record.caller)
        return Contact(
            record=record,
            number=card.number,
            subject=dossier.subject if dossier is not None else None,
            path=dossier.path if dossier is not None else (),
            agents=tuple(self._whose(record.node, leg) for leg in record.legs),
            handovers=self.passports.history(record.id),
            repeated=self.passports.repeated(record.id),
            stretches=stretches_of(record, self._staff.id_of),
            survey=None if dossier is None else dossier.survey,
        )

    def _whose(self, node: NodeId, leg: Leg) -> AgentId | None:
        return self._staff.id_of(node, leg.interface) or (
            self._staff.id_of(node, leg.member) if leg.member is not None else None
        )


def _look_up(dossier: Dossier) -> list[Effect]:
    if dossier.history is not HistoryState.PENDING:
        return []
    return [LookUp(call=dossier.call, number=dossier.card.number, before=dossier.arrived)]
