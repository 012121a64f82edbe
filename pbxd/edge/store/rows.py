"""Contacts, and what comes after them, as rows of the tables. Text is cleaned here: PostgreSQL takes no NUL,
nobody half a surrogate pair."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pbxd.callers.names import safe_text
from pbxd.ids import AgentId, CallId
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stretch
from pbxd.messages import Contact, HandoverNote

Row = dict[str, Any]
Agents = tuple[AgentId | None, ...]
Entry = Contact | Stretch | Attendance
"""What the store is given to write: a contact with all that belongs to it, what came after it, or who was
signed in when."""

NOTE_LENGTH = 2000  #: letters of a note that somebody typed
TEXT_LENGTH = 300  #: letters; PostgreSQL's indexes take some 2,700 bytes


@dataclass(slots=True, kw_only=True)
class Batch:
    """The rows of some contacts, ready for one bulk statement for each table."""

    callers: dict[str, Row] = field(default_factory=dict)  #: by number
    contacts: list[Row] = field(default_factory=list)
    legs: list[Row] = field(default_factory=list)
    waits: list[Row] = field(default_factory=list)
    transfers: list[Row] = field(default_factory=list)
    stretches: list[Row] = field(default_factory=list)
    attendance: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, group: Iterable[Entry]) -> Batch:
        """The rows of a group; of a call that is in it twice, the later.

        TypeError or ValueError when a contact holds what no row can hold.
        """
        batch = cls()
        contacts: dict[CallId, Contact] = {}
        stretches: dict[tuple[CallId, int], Stretch] = {}
        attendance: dict[tuple[AgentId, float], Attendance] = {}
        for entry in group:
            if isinstance(entry, Stretch):
                stretches[entry.call, entry.position] = entry
            elif isinstance(entry, Attendance):
                key = entry.agent, entry.started
                if key not in attendance or entry.ended > attendance[key].ended:
                    attendance[key] = entry
            else:
                contacts[entry.record.id] = entry
        for contact in contacts.values():
            batch._add(contact)
        batch.stretches += [stretch_row(stretch) for stretch in stretches.values()]
        batch.attendance = [attendance_row(row) for row in attendance.values()]
        # In a fixed order of keys, or two writers could each wait for a row that the other holds.
        batch.callers = dict(sorted(batch.callers.items()))
        return batch

    @property
    def calls(self) -> list[str]:
        return [row["call"] for row in self.contacts]

    def _add(self, contact: Contact) -> None:
        record = contact.record
        agents = _agents(contact)
        row = contact_row(contact, agents)
        call, node = row["call"], row["node"]
        self.contacts.append(row)
        for position, (leg, agent) in enumerate(zip(record.legs, agents, strict=True)):
            self.legs.append(
                {
                    "call": call,
                    "position": position,
                    "node": node,
                    "interface": text(leg.interface),
                    "agent": maybe(agent),
                    "started": seconds(leg.started),
                    "ended": None if leg.ended is None else seconds(leg.ended),
                    "talk_s": seconds(leg.talk_s),
                    "hold_s": seconds(leg.hold_s),
                }
            )
        for position, wait in enumerate(record.waits):
            self.waits.append(
                {
                    "call": call,
                    "position": position,
                    "node": node,
                    "queue": text(wait.queue),
                    "joined": seconds(wait.joined),
                    "left": None if wait.left is None else seconds(wait.left),
                    "outcome": maybe(wait.outcome),
                }
            )
        for position, transfer in enumerate(record.transfers):
            self.transfers.append(
                {
                    "call": call,
                    "position": position,
                    "node": node,
                    "kind": str(transfer.kind),
                    "at": seconds(transfer.at),
                    "from_interface": text(transfer.from_),
                    "to": text(transfer.to),
                    "outcome": str(transfer.outcome),
                    "by": str(transfer.by),
                    "transfer": maybe(transfer.id),
                    "began": None if transfer.began is None else seconds(transfer.began),
                    "answered": None if transfer.answered is None else seconds(transfer.answered),
                    "consult_s": seconds(transfer.consult_s),
                    "hold_s": seconds(transfer.hold_s),
                    "to_kind": maybe(transfer.to_kind),
                    "queue": maybe(transfer.queue),
                }
            )
        self.stretches += [stretch_row(stretch) for stretch in contact.stretches]
        if row["number"]:
            self._see(row)

    def _see(self, row: Row) -> None:
        """The caller as this contact shows him, put together with what the batch knows of him already."""
        number, arrived = row["number"], row["arrived"]
        known = self.callers.get(number)
        if known is None:
            self.callers[number] = {
                "number": number,
                "node": row["node"],
                "name": row["name"],
                "first_seen": arrived,
                "last_seen": arrived,
            }
            return
        if row["name"] and (arrived >= known["last_seen"] or not known["name"]):
            known["name"] = row["name"]
        if arrived >= known["last_seen"]:
            known["node"], known["last_seen"] = row["node"], arrived
        known["first_seen"] = min(arrived, known["first_seen"])


def contact_row(contact: Contact, agents: Agents) -> Row:
    record = contact.record
    ended = record.ended if record.ended is not None else record.arrived
    return {
        "call": text(record.id),
        "node": text(record.node),
        "number": text(contact.number),
        "presented": text(record.caller),
        "name": safe_text(record.caller_name),
        "dialled": text(record.dialled),
        "queue": maybe(record.queue),
        "subject": None if contact.subject is None else safe_text(contact.subject),
        "arrived": seconds(record.arrived),
        "answered": None if record.answered is None else seconds(record.answered),
        "ended": seconds(ended),
        "wait_s": seconds(record.wait_s),
        "talk_s": seconds(sum([leg.talk_s for leg in record.legs])),
        "outcome": "" if record.outcome is None else str(record.outcome),
        "agent": maybe(_last_agent(contact, agents)),
        "missed": bool(record.missed),
        "path": [
            {
                "at": seconds(step.at),
                "step": safe_text(step.step),
                "kind": safe_text(step.kind),
                "label": safe_text(step.label),
                "digits": safe_text(step.digits),
                "result": safe_text(step.result),
            }
            for step in contact.path
        ],
        "handovers": [_handover(note) for note in contact.handovers],
        "repeated": int(contact.repeated),
        "survey": None if contact.survey is None else str(contact.survey.result),
        "rating": None if contact.survey is None else contact.survey.rating,
    }


def stretch_row(stretch: Stretch) -> Row:
    return {
        "call": text(stretch.call),
        "position": stretch.position,
        "node": text(stretch.node),
        "stage": str(stretch.stage),
        "started": seconds(stretch.started),
        "ended": None if stretch.ended is None else seconds(stretch.ended),
        "queue": maybe(stretch.queue),
        "interface": maybe(stretch.interface),
        "agent": maybe(stretch.agent),
        "outcome": maybe(stretch.outcome),
        "missed": bool(stretch.missed),
    }


def attendance_row(row: Attendance) -> Row:
    return {
        "agent": text(row.agent),
        "started": seconds(row.started),
        "ended": seconds(row.ended),
        "paused": bool(row.paused),
        "reason": safe_text(row.reason),
    }


def name_of(entry: Entry) -> CallId | AgentId:
    """Whose journey it is about, or whose time."""
    if isinstance(entry, Attendance):
        return entry.agent
    return entry.call if isinstance(entry, Stretch) else entry.record.id


def _handover(note: HandoverNote) -> Row:
    """Notes were cleaned when they were written; here only what no database takes is taken out."""
    return {
        "transfer": text(note.transfer),
        "at": seconds(note.at),
        "by": text(note.by),
        "kind": maybe(note.kind),
        "outcome": maybe(note.outcome),
        "from_agent": maybe(note.from_agent),
        "to_kind": maybe(note.to_kind),
        "to": text(note.to),
        "reason": text(note.reason),
        "note": text(note.note, NOTE_LENGTH),
        "disposition": text(note.disposition),
    }


def text(value: str, limit: int = TEXT_LENGTH) -> str:
    """``value`` as every engine takes it: valid Unicode, no NUL, bounded."""
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {type(value).__name__}")
    if len(value) <= limit and value.isascii() and "\0" not in value:
        return value  # nearly every text there is
    short = value[:limit].replace("\0", "")
    if not short.isascii() and _broken(short):
        short = short.encode("utf-8", "replace").decode("utf-8")
    return short


def maybe(value: str | None) -> str | None:
    return None if value is None else text(value)


def seconds(value: float) -> float:
    if type(value) is float and value - value == 0.0:  # neither infinite nor NaN
        return value
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a time must be finite, not {number}")
    return number


def _broken(value: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in value)


def _agents(contact: Contact) -> Agents:
    """The agent of each leg; a list that is too short or too long must not cost us the contact."""
    legs = len(contact.record.legs)
    if legs == len(contact.agents):
        return contact.agents
    return (contact.agents + (None,) * legs)[:legs]


def _last_agent(contact: Contact, agents: Agents) -> AgentId | None:
    """Who talked with the caller last, by when the conversation ended."""
    last, when = None, -math.inf
    for leg, agent in zip(contact.record.legs, agents, strict=True):
        ended = math.inf if leg.ended is None else leg.ended
        if agent is not None and leg.talk_s > 0 and ended >= when:
            last, when = agent, ended
    return last
