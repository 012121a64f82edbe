"""What a finished transfer was, for the journey's record and the figures."""

from __future__ import annotations

from dataclasses import replace

from pbxd.calls.record import Transfer, TransferMaker, TransferOutcome
from pbxd.orders import TargetKind
from pbxd.transfers.picture import Company, Picture
from pbxd.transfers.record import OpenTransfer


def account_of(record: OpenTransfer) -> Transfer:
    person = record.target.kind is TargetKind.AGENT
    return Transfer(
        kind=record.kind,
        at=record.ended if record.ended is not None else record.created,
        from_=record.interface,
        to=record.dial if person else record.target.id,
        outcome=record.outcome or TransferOutcome.FAILED,
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


def measured(record: OpenTransfer, now: Picture | None, at: float) -> OpenTransfer:
    """The record with two times counted up to now: the caller with nobody, the two others talking."""
    alone = now is not None and now.caller and now.company in (Company.NOBODY, Company.CONSULT)
    if record.held_since is None:
        record = replace(record, held_since=at) if alone else record
    elif not alone:
        held = record.held_s + max(0.0, at - record.held_since)
        record = replace(record, held_since=None, held_s=held)
    consult = now is not None and now.company is Company.CONSULT
    if record.consult_since is None:
        return replace(record, consult_since=at) if consult else record
    if consult:
        return record
    talked = record.consult_s + max(0.0, at - record.consult_since)
    return replace(record, consult_since=None, consult_s=talked)
