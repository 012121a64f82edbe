"""Who must know what of a caller who is handed over, and when he is told.

A passport begins with the first transfer of a journey and ends with the journey. Each transfer adds an entry
to it (``book``); whoever's phone is rung for the transfer gets the whole as one document (``deliveries``),
before it rings where pbxd makes the transfer itself, and again, under the same id, when something of it
becomes known later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import Dossier
from pbxd.callers.repeat import RepeatRule
from pbxd.calls.facts import (
    Fact,
)
from pbxd.calls.record import CallRecord, TransferMaker, TransferOutcome
from pbxd.effects import Count, Effect, Reply
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.journal import Journal
from pbxd.messages import HandoverNote
from pbxd.orders import ReportRepeat, Target
from pbxd.transfers import handover
from pbxd.transfers.book import Book
from pbxd.transfers.course import ELSEWHERE, Course, started
from pbxd.transfers.deliveries import Deliveries
from pbxd.transfers.handover import Delivery, Handing, Notes, Party, Passport, Repeated, written


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
        self._book = Book(journal, staff)
        self._deliveries = Deliveries(journal, self._book, self._document)
        self._course = Course(staff, self._book, self._deliveries, record, keep)

    # ------------------------------------------------------------ reading

    def passport(self, call: CallId) -> Passport | None:
        return self._book.of(call)

    def notes(self, transfer: TransferId) -> Notes:
        """What the transferer has written, as it is handed over."""
        handing = self._book.entry(transfer)
        return Notes() if handing is None else handing.notes

    def acknowledged_s(self, transfer: TransferId) -> float | None:
        """Seconds from delivery to acknowledgement by whoever has the hand-over now; None: not yet."""
        return self._deliveries.acknowledged_s(transfer)

    def shown_to(self, agent: AgentId) -> list[Mapping[str, Any]]:
        """The hand-overs that this agent's page shows, oldest first."""
        return self._deliveries.shown_to(agent)

    def history(self, call: CallId) -> tuple[HandoverNote, ...]:
        """What the finished contact keeps of the journey's transfers."""
        return self._book.history(call)

    def repeated(self, call: CallId) -> int:
        """How many agents have reported that the caller had to repeat himself."""
        passport = self._book.of(call)
        return 0 if passport is None else len(passport.repeated)

    def _document(self, call: CallId, delivery: Delivery) -> Mapping[str, Any] | None:
        passport = self._book.of(call)
        if passport is None or all(each.transfer != delivery.transfer for each in passport.handings):
            return None
        agent = self._staff.agents.get(delivery.agent)
        return handover.build(
            passport,
            delivery,
            dossier=self._dossier(call),
            record=self._record(call, delivery.changed),
            staff=self._staff,
            rule=self._rule,
            language="en" if agent is None else agent.language,
        )

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
        if transfer in self._book:
            return []
        handing = Handing(
            transfer=transfer,
            by=TransferMaker.PBXD,
            began=at,
            from_=self._book.transferer(node, interface, transferer),
            to=Party(),
            notes=written(Notes(), reason=reason, note=note, disposition=None),
        )
        self._book.enter(call, node, handing, self._record(call, at))
        return [started(node, handing), *self._keep(call)]

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
        handing = self._book.entry(transfer)
        if handing is None:
            return []
        who = self._staff.agents.get(agent) if agent is not None else None
        shown = name or (who.name if who is not None else target.id)
        to = Party(kind=target.kind.value, id=target.id, interface=interface, name=shown)
        call = self._book.put(replace(handing, to=to, told=agent))
        effects = self._deliveries.withdraw(transfer, ELSEWHERE, but=agent)
        if agent is not None:
            effects += self._deliveries.send(transfer, agent, at)
        return [*effects, *self._keep(call)]

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
        handing = self._book.entry(transfer)
        if handing is None:
            return []
        notes = written(handing.notes, reason=reason, note=note, disposition=disposition)
        if notes == handing.notes:
            return []
        call = self._book.put(replace(handing, notes=notes))
        return [*self._deliveries.tell_again(call, at), *self._keep(call)]

    def acknowledged(self, agent: AgentId, transfer: TransferId, at: float) -> list[Effect]:
        """The agent's page shows the hand-over. The first time counts."""
        counted = self._deliveries.acknowledged(agent, transfer, at)
        call = self._book.call_of(transfer)
        return [] if counted is None or call is None else [*counted, *self._keep(call)]

    def repeat(self, order: ReportRepeat) -> list[Effect]:
        """An agent reports that the caller had to say things twice; told to whoever has the hand-over."""
        record = self._record(order.call, order.at)
        if record is None or record.ended is not None:
            return [_refused(order, "no_call", "this call is over")]
        if order.agent not in {self._book.whose(record.node, leg) for leg in record.legs}:
            return [_refused(order, "not_yours", "you have not talked with this caller")]
        if not self._book.report(order.call, record.node, Repeated(at=order.at, agent=order.agent)):
            return [_done(order)]  # he has said so already: once is enough
        completed = [t for t in record.transfers if t.outcome is TransferOutcome.COMPLETED]
        labels = {
            "node": record.node,
            "queue": record.queue or "",
            "after": completed[-1].by.value if completed else "none",
        }
        return [
            Count(metric="pbxd_caller_repeats_total", labels=labels),
            *self._deliveries.tell_again(order.call, order.at),
            *self._keep(order.call),
            _done(order),
        ]

    def ended(self, transfer: TransferId, outcome: str, at: float, kind: str | None = None) -> list[Effect]:
        """The transfer is over. Whoever took the call keeps the hand-over until his conversation ends."""
        return self._course.ended(transfer, outcome, at, kind)

    # ------------------------------------------------------------ what happens

    def on_fact(self, fact: Fact) -> list[Effect]:
        """What this fact means for hand-overs. It comes after everybody else has heard of it."""
        return self._course.on_fact(fact)

    def forget(self, call: CallId) -> list[Effect]:
        """The call is over."""
        return self._course.forget(call)

    def learns(self, call: CallId, at: float) -> list[Effect]:
        """Something new is known of the caller: open hand-overs are told again."""
        return self._deliveries.tell_again(call, at)

    def restore(self, passport: Passport) -> None:
        """A passport as it was kept over a restart."""
        self._book.restore(passport)

    def resume(self, call: CallId, at: float) -> list[Effect]:
        """The switch says that a call goes on that was known before pbxd's last end: whoever was to have, or
        has, the caller gets the hand-over again."""
        passport, handing = self._book.of(call), self._book.open_entry(call) or self._book.last_entry(call)
        if passport is None or handing is None:
            return []
        if handing.outcome is None and handing.told is not None:
            return self._deliveries.send(handing.transfer, handing.told, at)
        record = self._record(call, at)
        talking = [leg for leg in record.legs if leg.ended is None] if record is not None else []
        return [
            effect
            for leg in talking
            if (agent := self._book.whose(passport.node, leg)) is not None and agent != handing.from_.id
            for effect in self._deliveries.send(handing.transfer, agent, at)
        ]


def _refused(order: ReportRepeat, code: str, text: str) -> Reply:
    return Reply(order=order.order, agent=order.agent, outcome="refused", code=code, text=text)


def _done(order: ReportRepeat) -> Reply:
    return Reply(order=order.order, agent=order.agent, outcome="done")
