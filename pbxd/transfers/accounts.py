"""What a finished transfer was, for the journey's record and the figures."""

from __future__ import annotations

from pbxd.calls.record import Transfer, TransferMaker, TransferOutcome
from pbxd.orders import TargetKind
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.words import Outcome


def account_of(record: OpenTransfer) -> Transfer:
    outcome = record.outcome or Outcome.FAILED
    person = record.target.kind is TargetKind.AGENT
    return Transfer(
        kind=record.kind,
        at=record.ended if record.ended is not None else record.created,
        from_=record.interface,
        to=record.dial if person else record.target.id,
        outcome=TransferOutcome(outcome.value),
        by=TransferMaker.PBXD,
        id=record.id,
        began=record.created,
        rang=record.first_rang,
        answered=record.answered,
        consult_s=record.consult_s,
        hold_s=record.held_s,
        to_kind=record.target.kind.value,
        queue=record.queue,
    )
