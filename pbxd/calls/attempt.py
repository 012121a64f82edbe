"""One transfer under way, as far as it is understood yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pbxd.calls.record import Transfer, TransferKind, TransferOutcome
from pbxd.calls.talk import Talk
from pbxd.ids import Interface, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One transfer under way."""

    transferer: str  #: channel name of the party who transfers
    interface: Interface
    consult: str  #: channel name of his line to the target; '' when he has none
    to: str  #: the target's interface once it is known; before that what was dialled
    began: float
    talked_before: float  #: seconds for which the caller had heard anybody until then
    asked: bool  #: the switch was asked for a transfer; else somebody only calls somebody, so far
    by_keys: bool = False  #: by Asterisk's own feature (``*2``, AMI Atxfer)
    blind: bool = False
    target: str = ""  #: channel name of the phone that was rung last
    to_queue: bool = False
    place: Uniqueid | None = None  #: the channel that waits in that queue
    dialled: bool = False
    outside: bool = False  #: the phone that was rung last is a number beyond
    rang: bool = False
    failure: TransferOutcome | None = None
    joined: bool = False  #: transferer and target have talked
    talked: float | None = None  #: when they began to, where that was seen
    target_left: bool = False  #: … and the target hung up
    sent: float | None = None  #: when the switch said that the caller is handed over
    met: float | None = None  #: when caller and target first heard each other
    apart: float | None = None  #: when, after that, the transferer was no longer heard
    three: bool = False


def kind_of(attempt: Attempt) -> TransferKind:
    """What sort of transfer it has turned out to be."""
    if attempt.three:
        return TransferKind.THREEWAY
    if attempt.blind:
        return TransferKind.BLIND
    handed_over = attempt.sent is not None or attempt.met is not None
    return TransferKind.BLONDE if handed_over and not attempt.joined else TransferKind.ATTENDED


def kind_of_target(attempt: Attempt) -> str | None:
    """agent, queue or outside; None for what was only dialled."""
    if attempt.to_queue:
        return "queue"
    if attempt.outside:
        return "outside"
    return "agent" if attempt.dialled or attempt.met is not None else None


def kept_waiting(attempt: Attempt, at: float, talked: float) -> tuple[float, float]:
    """Seconds for which the caller heard nobody because of the transfer, and of these the seconds for which
    transferer and target talked; ``talked``: seconds for which he had heard anybody until ``at``."""
    waited = max(0.0, (at - attempt.began) - (talked - attempt.talked_before))
    if attempt.talked is None:
        return waited, 0.0
    return waited, max(0.0, waited - max(0.0, attempt.talked - attempt.began))


def account_of(
    attempt: Attempt,
    outcome: TransferOutcome,
    at: float,
    talks: Iterable[Talk],
    talked: float,
    came_through: str | None,
) -> Transfer:
    """A transfer that is over ``at``, of a caller who has had these talks and has heard somebody for
    ``talked`` seconds. A talk that begins later is kept from him by one of the switch's own sounds.
    ``came_through``: the last queue in which he had waited before."""
    waited, consulted = kept_waiting(attempt, at, talked)
    names = (attempt.transferer, attempt.consult)
    queue, sound_s = None, 0.0
    for talk in talks:
        if talk.name in names:
            queue = talk.queue or came_through
        if talk.since is not None:
            sound_s = max(sound_s, talk.since - at)
    return Transfer(
        kind=kind_of(attempt),
        at=at,
        from_=attempt.interface,
        to=attempt.to,
        outcome=outcome,
        began=attempt.began,
        answered=attempt.met if attempt.talked is None else attempt.talked,
        consult_s=consulted,
        hold_s=waited + sound_s,
        to_kind=kind_of_target(attempt),
        queue=queue,
    )


def is_recall(talk: Talk, attempt: Attempt) -> bool:
    """Is this the transferer, whom Asterisk rang back because the target did not answer?

    He is rung on a channel of its own. A blind transfer knows no recall: if he answers, he was the target.
    """
    return (
        not attempt.blind
        and attempt.sent is not None
        and talk.interface == attempt.interface
        and talk.name != attempt.transferer
        and talk.queue is None
    )


def came_back(talk: Talk, attempt: Attempt) -> bool:
    """Does the caller hear the transferer again, after he was handed over?"""
    return is_recall(talk, attempt) and talk.since is not None and talk.since > (attempt.sent or 0.0)


def unreached(attempt: Attempt) -> TransferOutcome:
    """Why the caller, who had been handed over, did not reach the target."""
    if attempt.failure in (None, TransferOutcome.CANCELLED):
        return TransferOutcome.NO_ANSWER
    return attempt.failure or TransferOutcome.NO_ANSWER
