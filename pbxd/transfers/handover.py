"""The hand-over: what the next agent must know of the caller before his phone rings, as one JSON document.

It belongs to a journey and grows leg by leg: who the caller is, what he entered in the menus, how long he
waited where, who has talked with him, every transfer with its reason and note, and whether he has had to
repeat himself. So whoever is the third to talk with a caller knows as much as the first two together.

Every text in it is on one line (notes: on lines of their own), bounded and valid Unicode whatever people
typed or the switch presented; quoting for HTML, shells or SQL is each reader's own duty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import Dossier
from pbxd.callers.names import safe_text
from pbxd.callers.repeat import RepeatRule
from pbxd.callers.shown import (
    judged,
    shown_caller,
    shown_history,
    shown_path,
    shown_repeat,
    shown_seconds,
)
from pbxd.calls.record import CallRecord, Leg, TransferMaker, Wait
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId
from pbxd.schemas import shipped

VERSION = 1
MAX_BYTES = 64 * 1024  #: of the document as UTF-8 JSON
MAX_LEGS = 30  #: the newest agents, waits and transfers
MAX_REPEATED = 20
REASON_LENGTH = 200
NOTE_LENGTH = 2000
OLD_NOTE_LENGTH = 500  #: of a note of an earlier transfer of the journey


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the transferer writes about a caller; bounded and harmless."""

    reason: str = ""
    note: str = ""
    disposition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody at either end of a transfer: a person, a queue, a number."""

    kind: str = ""  #: agent, skill, queue, outside, voicemail; '' where nobody knows
    id: str = ""
    interface: Interface | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """One transfer of the journey, under way or over, with what was written about it."""

    transfer: TransferId
    by: TransferMaker
    began: float
    from_: Party
    to: Party
    told: AgentId | None = None  #: whom pbxd has chosen to take the caller
    given: tuple[AgentId, ...] = ()  #: who has had the hand-over: each counts once, over restarts too
    shown: tuple[AgentId, ...] = ()  #: … and whose pages have said that they show it
    notes: Notes = Notes()
    outcome: str | None = None  #: None while it is under way
    kind: str | None = None  #: attended, blind, …; None until that is known
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is handed over, where that is not the caller: an agent had called him and hands him on."""

    number: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """An agent says that the caller had to repeat himself."""

    at: float
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """What a journey carries along from transfer to transfer, oldest first."""

    call: CallId
    node: NodeId
    handings: tuple[Handing, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    person: Person | None = None  #: None: the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """To whom one transfer of a passport is handed over, and when."""

    transfer: TransferId
    agent: AgentId
    at: float
    changed: float
    revision: int = 1


def handover_id(transfer: TransferId, agent: AgentId) -> str:
    """The id of what one agent gets for one transfer; sent again with more in it, it stays the same."""
    return f"{transfer}/{agent}"


def build(
    passport: Passport,
    delivery: Delivery,
    *,
    dossier: Dossier | None,
    record: CallRecord | None,
    staff: Staff,
    rule: RepeatRule,
    language: str = "en",
) -> dict[str, Any]:
    """The document for one agent. KeyError when the passport has no such transfer.

    ``dossier`` and ``record`` are None when pbxd knows nothing of the caller, or of the call: what was
    written by hand is handed over all the same. It follows ``schema()`` and is at most MAX_BYTES long.
    """
    handing = _handing(passport, delivery.transfer)
    earlier = [each for each in passport.handings if each is not handing]
    document = {
        "version": VERSION,
        "id": handover_id(delivery.transfer, delivery.agent),
        "revision": delivery.revision,
        "transfer": delivery.transfer,
        "call": passport.call,
        "node": passport.node,
        "agent": delivery.agent,
        "at": delivery.at,
        "changed": delivery.changed,
        "by": handing.by.value,
        "from": _person(handing.from_),
        "to": _target(handing.to),
        "reason": handing.notes.reason,
        "note": handing.notes.note,
        "disposition": handing.notes.disposition,
        **_caller(dossier, rule, language),
        "arrived": record.arrived if record is not None else dossier.arrived if dossier is not None else None,
        "queue": _maybe(record.queue if record is not None else None),
        "waits": [_wait(wait, delivery.changed) for wait in (record.waits if record else ())[-MAX_LEGS:]],
        "agents": [_leg(staff, passport.node, leg) for leg in (record.legs if record else ())[-MAX_LEGS:]],
        "transfers": [_earlier(each) for each in earlier[-MAX_LEGS:]],
        "repeated": [_repeated(staff, each) for each in passport.repeated[-MAX_REPEATED:]],
        "shortened": False,
    }
    return _bounded(document)


def closed(delivery: Delivery, call: CallId, reason: str) -> dict[str, Any]:
    """The document that takes a hand-over back: ``reason`` is the transfer's outcome, ``elsewhere`` when it
    is tried with somebody else, or ``ended``."""
    return {
        "version": VERSION,
        "id": handover_id(delivery.transfer, delivery.agent),
        "transfer": delivery.transfer,
        "call": call,
        "reason": reason,
    }


def schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the hand-over, as shipped in the package."""
    return shipped(__package__, "handover.schema.json")


def closed_schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the document that takes a hand-over back."""
    return shipped(__package__, "handover_closed.schema.json")


# ---------------------------------------------------------------- what people type


def written(notes: Notes, *, reason: str | None, note: str | None, disposition: str | None) -> Notes:
    """The notes with what was typed anew; None leaves a field as it is."""
    return Notes(
        reason=notes.reason if reason is None else safe_text(reason, REASON_LENGTH),
        note=notes.note if note is None else note_text(note),
        disposition=notes.disposition if disposition is None else safe_text(disposition, REASON_LENGTH),
    )


def note_text(text: str, limit: int = NOTE_LENGTH) -> str:
    """A note as it was typed, line by line, without control characters; at most ``limit`` letters."""
    lines = [safe_text(line, limit) for line in text[: limit * 4].splitlines()]
    note = "\n".join(lines).strip("\n")
    return note if len(note) <= limit else note[: limit - 1].rstrip() + "…"


# ---------------------------------------------------------------- the parts


def _handing(passport: Passport, transfer: TransferId) -> Handing:
    for handing in passport.handings:
        if handing.transfer == transfer:
            return handing
    raise KeyError(transfer)


def _caller(dossier: Dossier | None, rule: RepeatRule, language: str) -> dict[str, Any]:
    if dossier is None:
        return {
            "caller": dict.fromkeys(("number", "dialled_as", "name", "place", "country", "carrier"), "")
            | {"language": "", "tags": []},
            "dialled": "",
            "flow": None,
            "subject": None,
            "path": [],
            "path_dropped": 0,
            "repeat": None,
            "history": {"state": "missing", "why": "nothing is known of this caller", "contacts": []},
        }
    path = shown_path(dossier.path)
    return {
        "caller": {
            **shown_caller(dossier),
            "language": safe_text(dossier.language),
            "tags": list(dossier.tags),
        },
        "dialled": dossier.dialled,
        "flow": dossier.flow,
        "subject": dossier.subject,
        "path": path,
        "path_dropped": dossier.steps_dropped + len(dossier.path) - len(path),
        "repeat": shown_repeat(judged(dossier, rule), language),
        "history": shown_history(dossier),
    }


def _person(party: Party) -> dict[str, Any]:
    return {
        "agent": party.id if party.kind == "agent" else None,
        "name": safe_text(party.name),
        "interface": _maybe(party.interface),
    }


def _target(party: Party) -> dict[str, Any]:
    return {"kind": party.kind or None, "id": safe_text(party.id), "name": safe_text(party.name or party.id)}


def _wait(wait: Wait, at: float) -> dict[str, Any]:
    return {
        "queue": safe_text(wait.queue),
        "joined": wait.joined,
        "waited_s": shown_seconds((at if wait.left is None else wait.left) - wait.joined),
        "outcome": wait.outcome,
    }


def _leg(staff: Staff, node: NodeId, leg: Leg) -> dict[str, Any]:
    agent = staff.whose(node, leg.interface)
    if agent is None and leg.member is not None:
        agent = staff.whose(node, leg.member)
    return {
        "agent": None if agent is None else agent.id,
        "name": safe_text(leg.interface if agent is None else agent.name),
        "interface": safe_text(leg.interface),
        "queue": _maybe(leg.queue),
        "started": leg.started,
        "ended": leg.ended,
        "talk_s": shown_seconds(leg.talk_s),
        "hold_s": shown_seconds(leg.hold_s),
    }


def _earlier(handing: Handing) -> dict[str, Any]:
    note = handing.notes.note
    return {
        "transfer": handing.transfer,
        "at": handing.began,
        "by": handing.by.value,
        "kind": handing.kind,
        "from": _person(handing.from_),
        "to": _target(handing.to),
        "outcome": handing.outcome,
        "reason": handing.notes.reason,
        "note": note if len(note) <= OLD_NOTE_LENGTH else note[: OLD_NOTE_LENGTH - 1] + "…",
        "disposition": handing.notes.disposition,
    }


def _repeated(staff: Staff, repeated: Repeated) -> dict[str, Any]:
    agent = staff.agents.get(repeated.agent)
    return {
        "at": repeated.at,
        "agent": repeated.agent,
        "name": safe_text(repeated.agent if agent is None else agent.name),
    }


def _maybe(text: str | None) -> str | None:
    return None if text is None else safe_text(text)


# ---------------------------------------------------------------- its size

#: what may go when a document is too long: the oldest of each list first, down to one
_SHORTENED = ("path", "transfers", "agents", "waits")


def _bounded(document: dict[str, Any]) -> dict[str, Any]:
    """The document in at most MAX_BYTES: of the longest lists the older half goes, until it fits."""
    while _size(document) > MAX_BYTES:
        document["shortened"] = True
        longest = max(_SHORTENED, key=lambda name: _size(document[name]))
        kept = document[longest][(len(document[longest]) + 1) // 2 :]
        if longest == "path":
            document["path_dropped"] += len(document["path"]) - len(kept)
        document[longest] = kept
    return document


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
