"""What is known of a caller, as the JSON that pages and topics get: the parts that several documents share.

Every text in it is on one line, bounded and valid Unicode whatever the caller's name or the keyed digits
held; quoting for HTML, shells or SQL is each reader's own duty and none is done here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pbxd.callers.dossier import Dossier, HistoryState
from pbxd.callers.names import NAME_LENGTH, safe_text
from pbxd.callers.repeat import Repeat, RepeatRule, judge
from pbxd.messages import PastContact, PathStep

MAX_CONTACTS = 10  #: the history in a document; the page asks the API for more
MAX_PATH = 50  #: the newest steps of the way through the call flow


def shown_caller(dossier: Dossier) -> dict[str, Any]:
    card = dossier.card
    return {
        "number": card.number,
        "dialled_as": card.presented,
        "name": dossier.best_name,
        "place": card.place,
        "country": card.country,
        "carrier": card.carrier,
    }


def shown_path(path: Iterable[PathStep]) -> list[dict[str, Any]]:
    """The newest steps, oldest first."""
    return [
        {
            "at": step.at,
            "step": step.step,
            "kind": step.kind,
            "label": safe_text(step.label),
            "digits": safe_text(step.digits, NAME_LENGTH),
            "result": step.result,
        }
        for step in tuple(path)[-MAX_PATH:]
    ]


def judged(dossier: Dossier, rule: RepeatRule) -> Repeat:
    """Is this caller coming back?"""
    return judge(
        rule,
        call=dossier.call,
        at=dossier.arrived,
        subject=dossier.subject,
        history=dossier.contacts,
    )


def shown_repeat(repeat: Repeat, language: str) -> dict[str, Any]:
    """``language`` is the agent's: en or zh."""
    return {
        "flag": repeat.flag,
        "count": repeat.count,
        "window_s": repeat.window_s,
        "same_subject": repeat.same_subject,
        "last_outcome": repeat.last_outcome,
        "text": repeat.text(language),
    }


def shown_history(dossier: Dossier) -> dict[str, Any]:
    found = dossier.history is HistoryState.FOUND
    shown = dossier.contacts[:MAX_CONTACTS] if found else ()
    return {
        "state": dossier.history.value,
        "why": dossier.why,
        "contacts": [_contact(contact) for contact in shown],
    }


def shown_seconds(value: float) -> float:
    """Never negative, never NaN (which JSON does not have): clocks of two machines may disagree."""
    return round(value, 3) if math.isfinite(value) and value > 0 else 0.0


def _contact(contact: PastContact) -> dict[str, Any]:
    return {
        "call": contact.call,
        "arrived": contact.arrived,
        "ended": contact.ended,
        "queue": contact.queue,
        "subject": safe_text(contact.subject) if contact.subject else None,
        "agent": contact.agent,
        "outcome": contact.outcome,
        "talk_s": shown_seconds(contact.talk_s),
    }
