"""Takes one input for one transfer: the table's step, and what it makes of the record. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pbxd.calls.record import TransferKind, TransferOutcome
from pbxd.orders import TargetKind, TransferMode, Verb
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.rules import GuardThen, OnHangup, TransferRules
from pbxd.transfers.table import TABLE
from pbxd.transfers.words import Input, Move, Profile, State, Step

_ORDERS = {verb: Input(verb.value) for verb in Verb}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an input did."""

    record: OpenTransfer
    moves: tuple[Move, ...] = ()
    event: str = ""
    changed: bool = True


def order_of(verb: Verb, record: OpenTransfer) -> Input:
    """An order as the table knows it."""
    in_queue = record.target.kind is TargetKind.QUEUE and not record.up
    if verb is Verb.COMPLETE and in_queue:
        return Input.HAND_TO_QUEUE
    return _ORDERS[verb]


def signal_of(signal: Input, record: OpenTransfer, rules: TransferRules) -> Input:
    """A signal as the table knows it: what it means depends on what is wanted."""
    if signal is Input.GUARD and rules.guard_then is GuardThen.OFFER:
        return Input.OFFER
    if record.profile is Profile.PLAIN and signal is Input.A_GONE:
        return signal
    if signal is Input.A_GONE and rules.on_hangup is OnHangup.BACK and record.mode is TransferMode.ATTENDED:
        return Input.A_SLIPPED
    if (
        signal is Input.B_GONE
        and record.left
        and not record.up
        and record.went is not TransferOutcome.CANCELLED
    ):
        return Input.B_NEXT
    if signal is Input.GO and record.target.kind is TargetKind.VOICEMAIL and record.state is State.PLACING:
        return Input.MAILBOX
    if signal is Input.GO and record.mode is TransferMode.BLIND and record.state is State.PLACING:
        return order_of(Verb.COMPLETE, record)
    return signal


def can(record: OpenTransfer) -> list[str]:
    """The orders that make sense now."""
    return [verb.value for verb in Verb if _makes_sense(TABLE.get((record.state, order_of(verb, record))))]


def _makes_sense(step: Step | None) -> bool:
    return step is not None and not step.again and not step.stay


def take(record: OpenTransfer, input_: Input) -> Taken | None:
    """The step for this input; None when the table has none for it in this state."""
    step = TABLE.get((record.state, input_))
    if step is None:
        return None
    if step.stay or step.again:
        return Taken(record=record, changed=False)
    if input_ is Input.HAND_TO_QUEUE:
        record = replace(record, back_to=record.dial)
    return follow(record, step)


def follow(record: OpenTransfer, step: Step) -> Taken:
    """The record after a step."""
    outcome = record.outcome
    if step.as_it_went:
        outcome = record.went or TransferOutcome.FAILED
    elif step.outcome is not None:
        outcome = step.outcome
    elif step.to is State.ENDED:
        outcome = outcome or TransferOutcome.COMPLETED
    elif step.to in _UNDECIDED:
        outcome = None
    after = replace(record, state=step.to, outcome=outcome, kind=_kind(record, step.to))
    return Taken(record=after, moves=step.moves, event=step.event)


_UNDECIDED = frozenset(
    {State.PLACING, State.RINGING, State.TALKING, State.SWAPPED, State.MERGED, State.BLONDE}
)


def _kind(record: OpenTransfer, state: State) -> TransferKind:
    if record.mode is TransferMode.BLIND:
        return TransferKind.BLIND
    if state is State.MERGED:
        return TransferKind.THREEWAY
    if state is State.BLONDE:
        return TransferKind.BLONDE
    return record.kind
