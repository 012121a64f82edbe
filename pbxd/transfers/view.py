"""A transfer as people and programs see it: one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbxd.calls.record import TransferOutcome
from pbxd.transfers.handover import Notes
from pbxd.transfers.machine import can
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.table import PUBLIC
from pbxd.transfers.words import State

VERSION = 1

EVENTS = {
    TransferOutcome.COMPLETED: "completed",
    TransferOutcome.CANCELLED: "cancelled",
    TransferOutcome.DECLINED: "declined",
    TransferOutcome.BUSY: "declined",
    TransferOutcome.NO_ANSWER: "timeout",
    TransferOutcome.FAILED: "timeout",
    TransferOutcome.CALLER_LEFT: "caller_left",
    TransferOutcome.REQUEUED: "requeued",
    TransferOutcome.RECALLED: "recalled",
}
"""The event by which an end is published, before the event ``ended``."""


def view(record: OpenTransfer, notes: Notes, acknowledged_s: float | None) -> Mapping[str, Any]:
    return {
        "version": VERSION,
        "id": record.id,
        "call": record.call,
        "node": record.node,
        "state": public_state(record),
        "mode": record.mode.value,
        "profile": record.profile.value,
        "kind": record.kind.value,
        "transferer": {"agent": record.agent, "name": record.agent_name, "interface": record.interface},
        "target": {
            "kind": record.target.kind.value,
            "id": record.target.id,
            "name": record.target_name,
            "agent": record.target_agent,
        },
        "caller": {"number": record.caller_number, "name": record.caller_name},
        "queue": record.queue,
        "attempt": record.attempt,
        "fallbacks_left": len(record.left),
        "can": can(record),
        "reason": notes.reason,
        "note": notes.note,
        "disposition": notes.disposition,
        "outcome": record.outcome.value if record.over and record.outcome is not None else None,
        "why": record.why or None,
        "times": {
            "created": record.created,
            "ringing": record.rang,
            "answered": record.answered,
            "ended": record.ended,
        },
        "acknowledged": acknowledged_s,
    }


def public_state(record: OpenTransfer) -> str:
    if record.state in (State.RINGING, State.CALLING) and record.rang is None:
        return "created"
    return PUBLIC[record.state]


def why_not(went: TransferOutcome | None, name: str) -> str:
    """Why the target cannot be had, for people."""
    match went:
        case TransferOutcome.BUSY:
            return f"{name} is busy"
        case TransferOutcome.DECLINED:
            return f"{name} declined"
        case TransferOutcome.NO_ANSWER:
            return f"{name} did not answer"
        case TransferOutcome.CANCELLED:
            return f"{name} hung up"
        case _:
            return f"{name} could not be reached"


ENDINGS = {
    TransferOutcome.CALLER_LEFT: "the caller hung up",
    TransferOutcome.REQUEUED: "the caller waits in a queue",
    TransferOutcome.RECALLED: "the caller is back with the transferer",
}
