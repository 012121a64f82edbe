"""The passports themselves: one for each journey that was ever handed over, an entry for each transfer."""

from __future__ import annotations

from dataclasses import replace

from pbxd.agents.staff import Staff
from pbxd.calls.record import CallRecord, Leg
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.journal import Journal, Table
from pbxd.messages import HandoverNote
from pbxd.transfers.handover import Handing, Party, Passport, Person, Repeated

MAX_HANDINGS = 50  #: transfers that one passport keeps, the newest


class Book:
    """Passports by call, entries by transfer."""

    def __init__(self, journal: Journal, staff: Staff) -> None:
        self._staff = staff
        self._of_call: Table[CallId, Passport] = Table(journal)
        self._call_of: Table[TransferId, CallId] = Table(journal)

    # ------------------------------------------------------------ reading

    def __contains__(self, transfer: TransferId) -> bool:
        return transfer in self._call_of

    def of(self, call: CallId) -> Passport | None:
        return self._of_call.get(call)

    def call_of(self, transfer: TransferId) -> CallId | None:
        return self._call_of.get(transfer)

    def entry(self, transfer: TransferId) -> Handing | None:
        call = self._call_of.get(transfer)
        passport: Passport | None = None if call is None else self._of_call.get(call)
        return next((h for h in passport.handings if h.transfer == transfer), None) if passport else None

    def open_entry(self, call: CallId) -> Handing | None:
        """The transfer that is under way."""
        passport: Passport | None = self._of_call.get(call)
        if passport is None:
            return None
        return next((h for h in reversed(passport.handings) if h.outcome is None), None)

    def last_entry(self, call: CallId) -> Handing | None:
        passport: Passport | None = self._of_call.get(call)
        return passport.handings[-1] if passport is not None and passport.handings else None

    def history(self, call: CallId) -> tuple[HandoverNote, ...]:
        """What the finished contact keeps of the journey's transfers."""
        passport: Passport | None = self._of_call.get(call)
        return () if passport is None else tuple(_note(each) for each in passport.handings)

    # ------------------------------------------------------------ writing

    def enter(self, call: CallId, node: NodeId, handing: Handing, record: CallRecord | None) -> None:
        """Another transfer of this journey, whose account is ``record``."""
        passport: Passport = self._of_call.get(call) or Passport(
            call=call, node=node, person=self._handed_on(node, handing, record)
        )
        handings = (*passport.handings, handing)
        for dropped in handings[:-MAX_HANDINGS]:
            self._call_of.pop(dropped.transfer, None)
        self._of_call[call] = replace(passport, handings=handings[-MAX_HANDINGS:])
        self._call_of[handing.transfer] = call

    def _handed_on(self, node: NodeId, handing: Handing, record: CallRecord | None) -> Person | None:
        """An agent who had called somebody hands on whom he had called: nobody needs to see the agent."""
        if record is None or handing.from_.interface is None:
            return None
        talking = [leg for leg in record.legs if leg.ended is None] or record.legs[-1:]
        own = all(handing.from_.interface not in (leg.interface, leg.member) for leg in record.legs)
        if not own or handing.from_.kind != "agent" or not record.dialled:
            return None
        known = next((who for leg in talking if (who := self._staff.whose(node, leg.interface))), None)
        return Person(number=record.dialled, name="" if known is None else known.name)

    def put(self, handing: Handing) -> CallId:
        """This entry as it is now. KeyError when there is none."""
        call: CallId = self._call_of[handing.transfer]
        passport: Passport = self._of_call[call]
        self._of_call[call] = replace(
            passport,
            handings=tuple(
                handing if each.transfer == handing.transfer else each for each in passport.handings
            ),
        )
        return call

    def remove(self, transfer: TransferId) -> None:
        """It was no transfer after all."""
        call: CallId = self._call_of.pop(transfer)
        passport: Passport = self._of_call[call]
        left = tuple(each for each in passport.handings if each.transfer != transfer)
        self._of_call[call] = replace(passport, handings=left)

    def report(self, call: CallId, node: NodeId, repeated: Repeated) -> bool:
        """An agent's report that the caller had to repeat himself; False when it is known already."""
        passport: Passport = self._of_call.get(call) or Passport(call=call, node=node)
        if any(each.agent == repeated.agent for each in passport.repeated):
            return False
        self._of_call[call] = replace(passport, repeated=(*passport.repeated, repeated))
        return True

    def fold(self, call: CallId, into: CallId, node: NodeId) -> bool:
        """``call`` was part of ``into``: so is its passport. False when it had none."""
        passport: Passport | None = self._of_call.pop(call, None)
        if passport is None:
            return False
        other: Passport = self._of_call.get(into) or Passport(call=into, node=node)
        handings = tuple(sorted((*other.handings, *passport.handings), key=lambda each: each.began))
        self._of_call[into] = replace(
            other, handings=handings, repeated=(*other.repeated, *passport.repeated)
        )
        for handing in passport.handings:
            self._call_of[handing.transfer] = into
        return True

    def drop(self, call: CallId) -> None:
        passport: Passport | None = self._of_call.pop(call, None)
        for handing in passport.handings if passport is not None else ():
            self._call_of.pop(handing.transfer, None)

    def restore(self, passport: Passport) -> None:
        """A passport as it was kept. One that began anew meanwhile is left as it is."""
        if passport.call not in self._of_call:
            self._of_call[passport.call] = passport
            for handing in passport.handings:
                self._call_of[handing.transfer] = passport.call

    # ------------------------------------------------------------ names

    def number(self, call: CallId) -> TransferId:
        """An id for a transfer that somebody makes by his phone: the same when the call is replayed."""
        passport: Passport | None = self._of_call.get(call)
        number = 1 if passport is None else len(passport.handings) + 1
        node, _, uniqueid = call.partition(":")
        plain = "".join(
            letter if letter.isascii() and letter.isalnum() else "-" for letter in f"{node[:10]}-{uniqueid}"
        )
        return TransferId(f"phone-{plain[:28]}-{number}")

    def transferer(self, node: NodeId, interface: Interface | None, agent: AgentId | None) -> Party:
        """Whoever hands the caller over, by his id or else by his phone."""
        who = self._staff.agents.get(agent) if agent is not None else None
        if who is None and interface is not None:
            who = self._staff.whose(node, interface)
        if who is None:
            return Party(interface=interface, id=agent or "", name=interface or agent or "")
        return Party(kind="agent", id=who.id, interface=interface, name=who.name)

    def target(self, node: NodeId, to: str, kind: str | None) -> Party:
        """A target as the call model names it: a phone, a queue or what was dialled."""
        who = self._staff.whose(node, Interface(to))
        if who is None:
            return Party(kind=kind or "", id=to, name=to)
        return Party(kind="agent", id=who.id, interface=Interface(to), name=who.name)

    def whose(self, node: NodeId, leg: Leg) -> AgentId | None:
        agent = self._staff.id_of(node, leg.interface)
        return agent if agent is not None or leg.member is None else self._staff.id_of(node, leg.member)


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
