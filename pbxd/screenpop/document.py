"""Builds the screen pop: one versioned JSON document, the same for the page and for MQTT.

Every text in it is on one line, bounded and valid Unicode whatever the caller's name or the keyed digits
held; quoting for HTML, shells or SQL is each reader's own duty and none is done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbxd.callers.dossier import Dossier
from pbxd.callers.repeat import RepeatRule
from pbxd.callers.shown import (
    judged,
    shown_caller,
    shown_history,
    shown_path,
    shown_repeat,
    shown_seconds,
)
from pbxd.ids import AgentId, CallId, Interface
from pbxd.schemas import shipped

VERSION = 1


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
    return {
        "version": VERSION,
        "id": pop_id(dossier.call, interface, at),
        "call": dossier.call,
        "node": dossier.node,
        "agent": agent,
        "interface": interface,
        "at": at,
        "caller": shown_caller(dossier),
        "dialled": dossier.dialled,
        "queue": queue,
        "waited_s": shown_seconds(waited_s),
        "flow": dossier.flow,
        "path": shown_path(dossier.path),
        "subject": dossier.subject,
        "repeat": shown_repeat(judged(dossier, rule), language),
        "history": shown_history(dossier),
    }


def closed(pop: str, reason: str) -> dict[str, Any]:
    """The document that takes a pop back: ``reason`` as in MemberStoppedRinging, or ``ended``."""
    return {"version": VERSION, "id": pop, "reason": reason}


def schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the pop, as shipped in the package."""
    return shipped(__package__, "screenpop.schema.json")


def closed_schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the document that takes a pop back."""
    return shipped(__package__, "screenpop_closed.schema.json")
