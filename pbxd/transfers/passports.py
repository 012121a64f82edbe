"""The passports of all calls in progress: which hand-overs are open, on whose page, and what each needs next.

A passport begins with the first transfer of a journey and ends with the journey. Each transfer adds an entry
to it; whoever's phone is rung for the transfer gets the whole as one document, before it rings where pbxd
makes the transfer itself, and again, under the same id, when something of it becomes known later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import Dossier
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.facts import (
    CallEnded,
    CallFolded,
    Fact,
    LegEnded,
    MemberRinging,
    MemberStoppedRinging,
    TransferSeen,
)
from pbxd.calls.record import CallRecord, Leg, TransferMaker, TransferOutcome
from pbxd.effects import Count, Effect, Publish, Reply, Tell
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.journal import Journal, Table
from pbxd.messages import HandoverNote
from pbxd.orders import ReportRepeat, Target, TargetKind
from pbxd.transfers import handover
from pbxd.transfers.handover import Delivery, Handing, Notes, Party, Passport, Repeated, written

MAX_HANDINGS = 50  #: transfers that one passport keeps, the newest
ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One hand-over on its way to one agent, or with him."""

    call: CallId
    node: NodeId
    delivery: Delivery
    body: Mapping[str, Any]
    acknowledged_s: float | None = None


class Passports:
    """Pure. Unknown ids change nothing and give no effect.

    ``dossier`` and ``record`` tell what is known of a caller and of a call (``record`` as it stands at a
    time); ``keep`` gives the effects that keep what was written over a restart.
    """

    def __init__(
        self,
        journal: Journal,
        staff: Staff,
        repeat: RepeatRule,
        *,
        dossier: Callable[[CallId], Dossier | None],
        record: Callable[[CallId, float], CallRecord | None],
        keep: Callable[[CallId], list[Effect]] = lambda call: [],
    ) -> None:
        self._staff = staff
        self._rule = repeat
        self._dossier = dossier
        self._record = record
        self._keep = keep
        self._of_call: Table[CallId, Passport] = Table(journal)
        self._call_of: Table[TransferId, CallId] = Table(journal)
        self._sent: Table[tuple[TransferId, AgentId], Sent] = Table(journal)
        self._of_agent: Table[AgentId, tuple[TransferId, ...]] = Table(journal)

    # ------------------------------------------------------------ reading

    def passport(self, call: CallId) -> Passport | None:
        return self._of_call.get(call)

    def notes(self, transfer: TransferId) -> Notes:
        """What the transferer has written, as it is handed over."""
        handing = self._handing(transfer)
        return Notes() if handing is None else handing.notes

    def acknowledged_s(self, transfer: TransferId) -> float | None:
        """Seconds from delivery to acknowledgement by whoever has the hand-over now; None: not yet."""
        known = [
            sent.acknowledged_s
            for (of, _), sent in self._sent.items()
            if of == transfer and sent.acknowledged_s is not None
        ]
        return min(known, default=None)

    def shown_to(self, agent: AgentId) -> list[Mapping[str, Any]]:
        """The hand-overs that this agent's page shows, oldest first."""
        return [self._sent[transfer, agent].body for transfer in self._of_agent.get(agent, ())]

    def history(self, call: CallId) -> tuple[HandoverNote, ...]:
        """What the finished contact keeps of the journey's transfers."""
        passport: Passport | None = self._of_call.get(call)
        if passport is None:
            return ()
        return tuple(_note(each) for each in passport.handings)

    def repeated(self, call: CallId) -> int:
        """How often an agent has reported that the caller had to repeat himself."""
        passport: Passport | None = self._of_call.get(call)
        return 0 if passport is None else len(passport.repeated)

    # ------------------------------------------------------------ a transfer made by pbxd

    def begin(
        self,
        transfer: TransferId,
        call: CallId,
        node: NodeId,
        at: float,
        *,
        transferer: AgentId | None,
        interface: Interface | None,
        reason: str = "",
        note: str = "",
    ) -> list[Effect]:
        """A transfer begins; nobody is told yet. The same transfer again changes nothing."""
        if transfer in self._call_of:
            return []
        handing = Handing(
            transfer=transfer,
            by=TransferMaker.PBXD,
            began=at,
            from_=self._party(node, interface, transferer),
            to=Party(),
            notes=written(Notes(), reason=reason, note=note, disposition=None),
        )
        self._enter(call, node, handing)
        return self._keep(call)

    def deliver(
        self,
        transfer: TransferId,
        target: Target,
        agent: AgentId | None,
        at: float,
        *,
        interface: Interface | None = None,
        name: str = "",
    ) -> list[Effect]:
        """This target is tried next: who had the hand-over before is told that he is not meant any more.

        Without an ``agent`` (a queue, a number outside) nobody is told yet; whose phone rings for it gets it
        when it rings.
        """
        handing = self._handing(transfer)
        if handing is None:
            return []
        who = self._staff.agents.get(agent) if agent is not None else None
        shown = name or (who.name if who is not None else target.id)
        to = Party(kind=target.kind.value, id=target.id, interface=interface, name=shown)
        self._put(replace(handing, to=to))
        effects = self._withdraw(transfer, ELSEWHERE, but=agent)
        if agent is not None:
            effects += self._send(transfer, agent, at)
        return effects

    def annotate(
        self,
        transfer: TransferId,
        at: float,
        *,
        reason: str | None = None,
        note: str | None = None,
        disposition: str | None = None,
    ) -> list[Effect]:
        """The transferer has written something; whoever has the hand-over sees it at once."""
        handing = self._handing(transfer)
        if handing is None:
            return []
        notes = written(handing.notes, reason=reason, note=note, disposition=disposition)
        if notes == handing.notes:
            return []
        self._put(replace(handing, notes=notes))
        call = self._call_of[transfer]
        return [*self._tell_again(call, at), *self._keep(call)]

    def acknowledged(self, agent: AgentId, transfer: TransferId, at: float) -> list[Effect]:
        """The agent's page shows the hand-over. Counted once for each time it was handed over."""
        sent: Sent | None = self._sent.get((transfer, agent))
        if sent is None or sent.acknowledged_s is not None:
            return []
        seconds = max(0.0, at - sent.delivery.at)
        self._sent[transfer, agent] = replace(sent, acknowledged_s=seconds)
        return [Count(metric="pbxd_handover_ack_seconds", labels={"node": sent.node}, value=seconds)]

    def ended(self, transfer: TransferId, outcome: str, at: float, kind: str | None = None) -> list[Effect]:
        """The transfer is over. Whoever took the call keeps the hand-over until his conversation ends."""
        handing = self._handing(transfer)
        if handing is None or handing.outcome is not None:
            return []
        self._put(replace(handing, outcome=outcome, ended=at, kind=kind or handing.kind))
        call = self._call_of[transfer]
        if outcome != TransferOutcome.COMPLETED:
            return [*self._withdraw(transfer, outcome), *self._keep(call)]
        return self._keep(call)

    def repeat(self, order: ReportRepeat) -> list[Effect]:
        """An agent reports that the caller had to say things twice; told to whoever has the hand-over."""
        record = self._record(order.call, order.at)
        if record is None or record.ended is not None:
            return [_refused(order, "no_call", "this call is over")]
        if order.agent not in {self._whose(record.node, leg) for leg in record.legs}:
            return [_refused(order, "not_yours", "you have not talked with this caller")]
        passport: Passport = self._of_call.get(order.call) or Passport(call=order.call, node=record.node)
        if any(each.agent == order.agent for each in passport.repeated):
            return [_done(order)]  # he has said so already: once is enough
        repeated = (*passport.repeated, Repeated(at=order.at, agent=order.agent))
        self._of_call[order.call] = replace(passport, repeated=repeated)
        completed = [t for t in record.transfers if t.outcome is TransferOutcome.COMPLETED]
        labels = {
            "node": record.node,
            "queue": record.queue or "",
            "after": completed[-1].by.value if completed else "none",
        }
        return [
            Count(metric="pbxd_caller_repeats_reported_total", labels=labels),
            *self._tell_again(order.call, order.at),
            *self._keep(order.call),
            _done(order),
        ]

    # ------------------------------------------------------------ what happens

    def on_fact(self, fact: Fact) -> list[Effect]:
        match fact:
            case MemberRinging():
                return self._rings(fact)
            case MemberStoppedRinging():
                return self._stops(fact)
            case TransferSeen():
                return self._seen(fact)
            case LegEnded():
                return self._talked(fact)
            case CallFolded():
                return self._folds(fact)
            case CallEnded():
                return self._ends(fact.call)
            case _:
                return []

    def learns(self, call: CallId, at: float) -> list[Effect]:
        """Something new is known of the caller: open hand-overs are told again."""
        return self._tell_again(call, at)

    def restore(self, passport: Passport) -> None:
        """A passport as it was kept over a restart. One that began anew meanwhile is left as it is."""
        if passport.call not in self._of_call:
            self._of_call[passport.call] = passport
            for handing in passport.handings:
                self._call_of[handing.transfer] = passport.call

    def forget(self, call: CallId) -> None:
        """The call is over, and nobody saw its end."""
        self._ends(call)

    # ------------------------------------------------------------ one by one

    def _rings(self, fact: MemberRinging) -> list[Effect]:
        """A phone rings for a call that is, or was, handed over: its owner must know what the others know."""
        agent = self._staff.id_of(fact.node, fact.interface)
        if agent is None:
            return []
        handing = self._open_handing(fact.call)
        if handing is None and fact.transferer is not None:
            handing = self._by_phone(fact, agent)
        if handing is None:
            passport: Passport | None = self._of_call.get(fact.call)
            handing = passport.handings[-1] if passport is not None and passport.handings else None
        elif handing.from_.id == agent:
            return []  # it is rung for him who knows it all: he is called back
        if handing is None or (handing.transfer, agent) in self._sent:
            return []
        return self._send(handing.transfer, agent, fact.at)

    def _by_phone(self, fact: MemberRinging, agent: AgentId) -> Handing:
        """A transfer begins that somebody makes by his phone."""
        who = self._staff.agents[agent]
        handing = Handing(
            transfer=self._number(fact.call),
            by=TransferMaker.PHONE,
            began=fact.at,
            from_=self._party(fact.node, fact.transferer, None),
            to=Party(kind="agent", id=agent, interface=fact.interface, name=who.name)
            if fact.queue is None
            else Party(kind="queue", id=fact.queue, name=fact.queue),
        )
        self._enter(fact.call, fact.node, handing)
        return handing

    def _stops(self, fact: MemberStoppedRinging) -> list[Effect]:
        """Nobody answered there. A transfer to one agent ends by itself; of a queue, the others ring on."""
        agent = self._staff.id_of(fact.node, fact.interface)
        if agent is None or fact.reason == "answered":
            return []
        return [
            effect
            for transfer in self._of_agent.get(agent, ())
            if self._call_of.get(transfer) == fact.call and self._by_chance(transfer)
            for effect in self._close(transfer, agent, fact.reason)
        ]

    def _by_chance(self, transfer: TransferId) -> bool:
        """Was it handed over because the phone rang, and not because this very agent was chosen?"""
        handing = self._handing(transfer)
        chosen = (TargetKind.AGENT.value, TargetKind.SKILL.value)
        return (
            handing is None
            or handing.outcome is not None
            or handing.by is TransferMaker.PHONE
            or (handing.to.kind not in chosen)
        )

    def _seen(self, fact: TransferSeen) -> list[Effect]:
        """The final word on a transfer, whoever made it."""
        seen = fact.transfer
        outcome, kind = seen.outcome.value, seen.kind.value
        if seen.id is not None:
            return self.ended(seen.id, outcome, fact.at, kind)
        handing = self._open_handing(fact.call)
        if handing is None or handing.by is TransferMaker.PBXD:
            handing = Handing(
                transfer=self._number(fact.call),
                by=seen.by,
                began=fact.at if seen.began is None else seen.began,
                from_=self._party(fact.node, seen.from_, None),
                to=self._target(fact.node, seen.to, seen.to_kind),
            )
            self._enter(fact.call, fact.node, handing)
        effects: list[Effect] = []
        target = self._staff.id_of(fact.node, Interface(seen.to))
        if seen.outcome is TransferOutcome.COMPLETED and target is not None:
            # It looked like a call of its own until the two were joined: late is better than never.
            effects += self._send(handing.transfer, target, fact.at)
        return effects + self.ended(handing.transfer, outcome, fact.at, kind)

    def _talked(self, fact: LegEnded) -> list[Effect]:
        """A conversation with the caller is over: a hand-over that was taken has served its purpose."""
        agents = {self._staff.id_of(fact.node, fact.interface)}
        if fact.member is not None:
            agents.add(self._staff.id_of(fact.node, fact.member))
        return [
            effect
            for agent in agents
            if agent is not None
            for transfer in self._of_agent.get(agent, ())
            if self._call_of.get(transfer) == fact.call and self._is_over(transfer)
            for effect in self._close(transfer, agent, "ended")
        ]

    def _is_over(self, transfer: TransferId) -> bool:
        handing = self._handing(transfer)
        return handing is None or handing.outcome is not None

    def _folds(self, fact: CallFolded) -> list[Effect]:
        """What looked like a call of its own was part of another one: its passport is, too."""
        effects = self._close_all(fact.call, "ended")
        passport = self._of_call.pop(fact.call, None)
        if passport is None:
            return effects
        into = self._of_call.get(fact.into) or Passport(call=fact.into, node=fact.node)
        handings = tuple(sorted((*into.handings, *passport.handings), key=lambda each: each.began))
        self._of_call[fact.into] = replace(
            into, handings=handings, repeated=(*into.repeated, *passport.repeated)
        )
        for handing in passport.handings:
            self._call_of[handing.transfer] = fact.into
        return [*effects, *self._keep(fact.into)]

    def _ends(self, call: CallId) -> list[Effect]:
        effects = self._close_all(call, "ended")
        passport = self._of_call.pop(call, None)
        for handing in passport.handings if passport is not None else ():
            self._call_of.pop(handing.transfer, None)
        return effects

    # ------------------------------------------------------------ sending and taking back

    def _send(self, transfer: TransferId, agent: AgentId, at: float) -> list[Effect]:
        if (transfer, agent) in self._sent:
            return []
        call = self._call_of[transfer]
        passport: Passport = self._of_call[call]
        delivery = Delivery(transfer=transfer, agent=agent, at=at, changed=at)
        sent = Sent(
            call=call, node=passport.node, delivery=delivery, body=self._document(passport, delivery, at)
        )
        self._sent[transfer, agent] = sent
        self._of_agent[agent] = (*self._of_agent.get(agent, ()), transfer)
        handing = self._handing(transfer)
        by = "pbxd" if handing is None else handing.by.value
        count = Count(metric="pbxd_handovers_total", labels={"node": passport.node, "by": by})
        return [*_told(sent), count]

    def _tell_again(self, call: CallId, at: float) -> list[Effect]:
        passport: Passport | None = self._of_call.get(call)
        effects: list[Effect] = []
        for sent in self._of(call) if passport is not None else ():
            assert passport is not None
            delivery = sent.delivery
            # What only the time has changed (somebody talks or waits on) is no news.
            if self._document(passport, delivery, delivery.changed) == sent.body:
                continue
            delivery = replace(delivery, changed=at, revision=delivery.revision + 1)
            again = replace(sent, delivery=delivery, body=self._document(passport, delivery, at))
            self._sent[delivery.transfer, delivery.agent] = again
            effects += _told(again)
        return effects

    def _document(self, passport: Passport, delivery: Delivery, at: float) -> dict[str, Any]:
        agent = self._staff.agents.get(delivery.agent)
        return handover.build(
            passport,
            delivery,
            dossier=self._dossier(passport.call),
            record=self._record(passport.call, at),
            staff=self._staff,
            rule=self._rule,
            language="en" if agent is None else agent.language,
        )

    def _withdraw(self, transfer: TransferId, reason: str, but: AgentId | None = None) -> list[Effect]:
        agents = [agent for of, agent in self._sent if of == transfer and agent != but]
        return [effect for agent in agents for effect in self._close(transfer, agent, reason)]

    def _close(self, transfer: TransferId, agent: AgentId, reason: str) -> list[Effect]:
        sent = self._sent.pop((transfer, agent), None)
        if sent is None:
            return []
        left = tuple(each for each in self._of_agent.get(agent, ()) if each != transfer)
        if left:
            self._of_agent[agent] = left
        else:
            self._of_agent.pop(agent, None)
        body = handover.closed(sent.delivery, sent.call, reason)
        return [
            Tell(agent=agent, kind="handover_closed", body=body),
            Publish(topic=f"{sent.node}/agent/{agent}/handover_closed", body=body),
        ]

    def _close_all(self, call: CallId, reason: str) -> list[Effect]:
        return [
            effect
            for sent in self._of(call)
            for effect in self._close(sent.delivery.transfer, sent.delivery.agent, reason)
        ]

    def _of(self, call: CallId) -> list[Sent]:
        return [sent for sent in self._sent.values() if sent.call == call]

    # ------------------------------------------------------------ entries

    def _handing(self, transfer: TransferId) -> Handing | None:
        call = self._call_of.get(transfer)
        passport: Passport | None = None if call is None else self._of_call.get(call)
        return next((h for h in passport.handings if h.transfer == transfer), None) if passport else None

    def _open_handing(self, call: CallId) -> Handing | None:
        passport: Passport | None = self._of_call.get(call)
        if passport is None:
            return None
        return next((h for h in reversed(passport.handings) if h.outcome is None), None)

    def _enter(self, call: CallId, node: NodeId, handing: Handing) -> None:
        passport: Passport = self._of_call.get(call) or Passport(call=call, node=node)
        handings = (*passport.handings, handing)
        for dropped in handings[:-MAX_HANDINGS]:
            self._call_of.pop(dropped.transfer, None)
        self._of_call[call] = replace(passport, handings=handings[-MAX_HANDINGS:])
        self._call_of[handing.transfer] = call

    def _put(self, handing: Handing) -> None:
        call = self._call_of[handing.transfer]
        passport: Passport = self._of_call[call]
        self._of_call[call] = replace(
            passport,
            handings=tuple(
                handing if each.transfer == handing.transfer else each for each in passport.handings
            ),
        )

    def _number(self, call: CallId) -> TransferId:
        """An id for a transfer that somebody made by his phone: the same again when the call is replayed."""
        passport: Passport | None = self._of_call.get(call)
        number = 1 if passport is None else len(passport.handings) + 1
        node, _, uniqueid = call.partition(":")
        plain = "".join(letter if letter.isalnum() else "-" for letter in f"{node[:10]}-{uniqueid}")
        return TransferId(f"phone-{plain[:28]}-{number}")

    def _party(self, node: NodeId, interface: Interface | None, agent: AgentId | None) -> Party:
        who = self._staff.agents.get(agent) if agent is not None else None
        if who is None and interface is not None:
            who = self._staff.whose(node, interface)
        if who is None:
            return Party(interface=interface, id=agent or "", name=interface or agent or "")
        return Party(kind="agent", id=who.id, interface=interface, name=who.name)

    def _target(self, node: NodeId, to: str, kind: str | None) -> Party:
        who = self._staff.whose(node, Interface(to))
        if who is None:
            return Party(kind=kind or "", id=to, name=to)
        return Party(kind="agent", id=who.id, interface=Interface(to), name=who.name)

    def _whose(self, node: NodeId, leg: Leg) -> AgentId | None:
        agent = self._staff.id_of(node, leg.interface)
        return agent if agent is not None or leg.member is None else self._staff.id_of(node, leg.member)


def _told(sent: Sent) -> Iterable[Effect]:
    agent = sent.delivery.agent
    return (
        Tell(agent=agent, kind="handover", body=sent.body),
        Publish(topic=f"{sent.node}/agent/{agent}/handover", body=sent.body),
    )


def _note(handing: Handing) -> HandoverNote:
    return HandoverNote(
        transfer=handing.transfer,
        at=handing.began,
        by=handing.by.value,
        kind=handing.kind,
        outcome=handing.outcome,
        from_agent=AgentId(handing.from_.id) if handing.from_.kind == "agent" else None,
        to_kind=handing.to.kind or None,
        to=handing.to.id,
        reason=handing.notes.reason,
        note=handing.notes.note,
        disposition=handing.notes.disposition,
    )


def _refused(order: ReportRepeat, code: str, text: str) -> Reply:
    return Reply(order=order.order, agent=order.agent, outcome="refused", code=code, text=text)


def _done(order: ReportRepeat) -> Reply:
    return Reply(order=order.order, agent=order.agent, outcome="done")
