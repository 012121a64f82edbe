"""Builds the screen pop: one versioned JSON document, the same for the page and for MQTT.

Every text in it is on one line, bounded and valid Unicode whatever the caller's name or the keyed digits
held; quoting for HTML, shells or SQL is each reader's own duty and none is done here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pbxd.callers.dossier import Dossier, HistoryState
from pbxd.callers.names import NAME_LENGTH, safe_text
from pbxd.callers.repeat import Repeat, RepeatRule, judge
from pbxd.ids import AgentId, CallId, Interface
from pbxd.messages import PastContact, PathStep

VERSION = 1
MAX_CONTACTS = 10  #: the history in a pop; the page asks the API for more
MAX_PATH = 50  #: the newest steps of the way through the call flow


def pop_id(call: CallId, interface: Interface, at: float) -> str:
    """The id of one ring of one phone. The same ring gives the same id again, another ring another."""
    return f"{call}/{interface}/{round(at * 1000)}"


def build(
    dossier: Dossier,
    *,
    rule: RepeatRule,
    agent: AgentId,
    interface: Interface,
    at: float,
    queue: str | None,
    waited_s: float,
    language: str = "en",
) -> dict[str, Any]:
    """The pop of a call that rings at an agent's phone ``at`` (epoch seconds, the switch's clock).

    ``queue`` is None when the agent was dialled directly. ``language`` is the agent's: en or zh. The
    document follows ``schema()``.
    """
    repeat = judge(
        rule,
        call=dossier.call,
        at=dossier.arrived,
        subject=dossier.subject,
        history=dossier.contacts,
    )
    return {
        "version": VERSION,
        "id": pop_id(dossier.call, interface, at),
        "call": dossier.call,
        "node": dossier.node,
        "agent": agent,
        "interface": interface,
        "at": at,
        "caller": _caller(dossier),
        "dialled": dossier.dialled,
        "queue": queue,
        "waited_s": _seconds(waited_s),
        "flow": dossier.flow,
        "path": [_step(step) for step in dossier.path[-MAX_PATH:]],
        "subject": dossier.subject,
        "repeat": _repeat(repeat, language),
        "history": _history(dossier),
    }


def closed(pop: str, reason: str) -> dict[str, Any]:
    """The document that takes a pop back: ``reason`` as in MemberStoppedRinging, or ``ended``."""
    return {"version": VERSION, "id": pop, "reason": reason}


@cache
def schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the pop, as shipped in the package."""
    return _shipped("screenpop.schema.json")


@cache
def closed_schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the document that takes a pop back."""
    return _shipped("screenpop_closed.schema.json")


def _shipped(name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(files(__package__).joinpath(name).read_text("utf-8"))
    return document


def _caller(dossier: Dossier) -> dict[str, Any]:
    card = dossier.card
    return {
        "number": card.number,
        "dialled_as": card.presented,
        "name": dossier.best_name,
        "place": card.place,
        "country": card.country,
        "carrier": card.carrier,
    }


def _step(step: PathStep) -> dict[str, Any]:
    return {
        "at": step.at,
        "step": step.step,
        "kind": step.kind,
        "label": safe_text(step.label),
        "digits": safe_text(step.digits, NAME_LENGTH),
        "result": step.result,
    }


def _repeat(repeat: Repeat, language: str) -> dict[str, Any]:
    return {
        "flag": repeat.flag,
        "count": repeat.count,
        "window_s": repeat.window_s,
        "same_subject": repeat.same_subject,
        "last_outcome": repeat.last_outcome,
        "text": repeat.text(language),
    }


def _history(dossier: Dossier) -> dict[str, Any]:
    found = dossier.history is HistoryState.FOUND
    shown = dossier.contacts[:MAX_CONTACTS] if found else ()
    return {
        "state": dossier.history.value,
        "why": dossier.why,
        "contacts": [_contact(contact) for contact in shown],
    }


def _contact(contact: PastContact) -> dict[str, Any]:
    return {
        "call": contact.call,
        "arrived": contact.arrived,
        "ended": contact.ended,
        "queue": contact.queue,
        "subject": safe_text(contact.subject) if contact.subject else None,
        "agent": contact.agent,
        "outcome": contact.outcome,
        "talk_s": _seconds(contact.talk_s),
    }


def _seconds(value: float) -> float:
    """Never negative, never NaN (which JSON does not have): clocks of two machines may disagree."""
    return round(value, 3) if math.isfinite(value) and value > 0 else 0.0
