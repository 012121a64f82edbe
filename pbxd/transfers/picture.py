"""Who is there and who is with whom in a transfer, and what that means when nothing else is known.

People are *with* each other when a chain of bridges joins them, whether or not one of them has pressed hold
on his phone: a transfer goes on when the target has answered, even if the transferer's phone is still on hold
and hears nothing. A holding bridge joins nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.calls.model import CallModel
from pbxd.calls.names import SWAPPED
from pbxd.calls.record import TransferOutcome
from pbxd.calls.wiring import Wiring
from pbxd.ids import Interface, Uniqueid
from pbxd.transfers.record import OpenTransfer
from pbxd.transfers.words import Input, Move, Profile, State, Step

MOST_REPAIRS = 3


class Company(StrEnum):
    """Who of the three are together."""

    NOBODY = "nobody"
    CONSULT = "consult"
    BACK = "back"
    JOINED = "joined"
    ALL = "all"
    ELSEWHERE = "elsewhere"  #: the caller is with somebody who is neither of the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    caller: bool
    transferer: bool
    target: bool
    company: Company
    queued: bool = False  #: the caller waits in a queue
    on_hold: bool = False  #: the caller waits where transfers have their callers wait
    stranger: Interface | None = None  #: whom the caller is with, when it is somebody else


def look(record: OpenTransfer, calls: CallModel) -> Picture:
    """How the switch shows the parties of this transfer now."""
    wiring = calls.wiring
    caller, transferer = _alive(record.caller, wiring), _alive(record.transferer, wiring)
    there = record.channel in wiring.channels and record.channel not in wiring.revived
    target = record.channel if there else None
    with_caller = set() if caller is None else set(wiring.chain(caller)) - wiring.revived.keys()
    with_target = set() if target is None else set(wiring.chain(target)) - wiring.revived.keys()
    caller_target = caller is not None and caller in with_target
    caller_transferer = transferer is not None and transferer in with_caller
    consult = transferer is not None and transferer in with_target
    stranger: Interface | None = None
    if (caller_target and caller_transferer) or (consult and (caller_target or caller_transferer)):
        company = Company.ALL
    elif caller_target:
        company = Company.JOINED
    elif caller_transferer:
        company = Company.BACK
    elif others := with_caller - {caller}:
        company = Company.ELSEWHERE
        stranger = wiring.channels[min(others)].interface
    else:
        company = Company.CONSULT if consult else Company.NOBODY
    waiting = None if caller is None else calls.journeys.waiting.get(caller)
    return Picture(
        caller=caller is not None,
        transferer=transferer is not None,
        target=target is not None,
        company=company,
        queued=waiting is not None and waiting.own,
        on_hold=caller is not None and wiring.bridge_of.get(caller) in wiring.holding,
        stranger=stranger,
    )


def _named(name: str, wiring: Wiring) -> Uniqueid | None:
    """The channel of this name, also in the moment in which Asterisk moves its body elsewhere."""
    return wiring.by_name.get(name) or wiring.by_name.get(name + SWAPPED)


def _alive(name: str, wiring: Wiring) -> Uniqueid | None:
    """The same, unless nobody is at that line any more."""
    found = _named(name, wiring)
    return None if found in wiring.revived else found


_SIGNALS = {
    Company.CONSULT: Input.CONSULT,
    Company.BACK: Input.BACK,
    Company.JOINED: Input.JOINED,
    Company.ALL: Input.ALL,
    Company.ELSEWHERE: Input.ELSEWHERE,
}


def signals(before: Picture, now: Picture) -> list[Input]:
    """What is new in the picture. Who is gone comes first: it decides what the rest means."""
    news: list[Input] = []
    if before.caller and not now.caller:
        news.append(Input.C_GONE)
    if before.transferer and not now.transferer:
        news.append(Input.A_GONE)
    if before.target and not now.target:
        news.append(Input.B_GONE)
    # With B gone, A and C together is more than it was: nobody is left to be freed.
    more = before.company is not now.company or (Input.B_GONE in news and now.company is Company.BACK)
    if more and now.company in _SIGNALS:
        news.append(_SIGNALS[now.company])
    if now.queued and not before.queued:
        news.append(Input.QUEUED)
    return news


# ---------------------------------------------------------------- what the picture alone says


def calls_somebody(record: OpenTransfer, calls: CallModel) -> bool:
    """Does a phone ring for the caller that he calls himself? So the dialplan brings him back."""
    caller = _named(record.caller, calls.wiring)
    return caller is not None and any(
        source == caller and rung in calls.rings.ringing for rung, source in calls.journeys.dialler.items()
    )


def settle(record: OpenTransfer, now: Picture, *, calling: bool = False) -> Step:
    """Where this transfer stands by the picture alone, and what is missing.

    ``calling``: a phone rings that the caller himself calls.
    """
    if record.profile is Profile.PLAIN:
        return _aside(record, now)
    if not now.caller:
        talking = now.company is Company.CONSULT
        tell = (Move.SAY_LEFT,) if now.transferer and not talking else ()
        drop = () if record.up else (Move.DROP,)
        return Step(to=State.ENDED, moves=(*drop, *tell), outcome=TransferOutcome.CALLER_LEFT)
    if now.queued:
        outcome = record.outcome if record.state is State.REQUEUEING else TransferOutcome.REQUEUED
        return Step(to=State.ENDED, moves=(Move.DROP,), outcome=outcome)
    if record.repairs >= MOST_REPAIRS and now.company in (Company.NOBODY, Company.CONSULT):
        moves: tuple[Move, ...] = (Move.RESCUE, Move.DROP, Move.FREE_TRANSFERER)
        return Step(to=State.RECALLING, moves=moves, event="recalled", outcome=TransferOutcome.RECALLED)
    match now.company:
        case Company.JOINED:
            free = (Move.FREE_TRANSFERER,) if now.transferer else ()
            return Step(to=State.ENDED, moves=free, outcome=TransferOutcome.COMPLETED)
        case Company.ELSEWHERE:
            mine = now.stranger == record.interface
            outcome = TransferOutcome.RECALLED if mine else TransferOutcome.REQUEUED
            return Step(to=State.ENDED, moves=(Move.DROP,), outcome=outcome)
        case Company.ALL:
            return _all_three(record)
        case Company.BACK:
            return _with_transferer(record, now)
        case Company.CONSULT:
            return _consulting(record)
        case Company.NOBODY:
            if calling:
                return Step(to=State.RECALLING, moves=(Move.DROP,), outcome=TransferOutcome.RECALLED)
            return _alone(record, now)


def _aside(record: OpenTransfer, now: Picture) -> Step:
    """Nobody was moved, so nobody has to be brought back."""
    drop = (Move.DROP,)
    if not now.caller:
        return Step(to=State.ENDED, moves=drop, outcome=TransferOutcome.CALLER_LEFT)
    if now.company is Company.JOINED:
        return Step(to=State.ENDED, outcome=TransferOutcome.COMPLETED)
    if now.queued:
        return Step(to=State.ENDED, moves=drop, outcome=TransferOutcome.REQUEUED)
    if now.company is Company.ELSEWHERE:
        return Step(to=State.ENDED, moves=drop, outcome=TransferOutcome.RECALLED)
    if record.state is State.OFFERED:
        return Step(to=State.CALLING, moves=(Move.DIAL_ASIDE,))
    if now.target:
        return Step(to=record.state)
    return Step(to=State.ENDED, as_it_went=True)


def _go(state: State, *moves: Move, outcome: TransferOutcome | None = None) -> Step:
    return Step(to=state, moves=moves, outcome=outcome)


def _all_three(record: OpenTransfer) -> Step:
    match record.state:
        case State.LEAVING | State.COMPLETING:
            return _go(State.LEAVING, Move.FREE_TRANSFERER)
        case State.RETURNING:
            return _go(State.RETURNING, Move.REGROUP_TRANSFERER, outcome=record.outcome)
        case State.REQUEUEING:
            moves = (Move.TO_QUEUE, Move.DROP, Move.FREE_TRANSFERER)
            return _go(State.REQUEUEING, *moves, outcome=record.outcome)
        case _:
            return _go(State.MERGED)


def _with_transferer(record: OpenTransfer, now: Picture) -> Step:
    if now.target and record.repairs < MOST_REPAIRS:
        match record.state:
            case State.SWAPPING | State.SWAPPED | State.UNSWAPPING:
                return _go(State.SWAPPED)
            case State.COMPLETING if record.up:
                return _go(State.COMPLETING, Move.HAND_OVER)
    if record.state is State.REQUEUEING and record.repairs < MOST_REPAIRS:
        moves = (Move.DROP, Move.TRANSFERER_FREE_AFTER, Move.TO_QUEUE)
        return _go(State.REQUEUEING, *moves, outcome=record.outcome)
    outcome = record.outcome if record.state is State.RETURNING else None
    return _go(State.ENDED, Move.DROP, outcome=outcome or TransferOutcome.CANCELLED)


def _consulting(record: OpenTransfer) -> Step:
    match record.state:
        case State.COMPLETING | State.LEAVING | State.BLONDE:
            return _go(State.COMPLETING, Move.TRANSFERER_FREE_AFTER, Move.TO_TARGET)
        case State.RETURNING:
            back = (Move.TARGET_FREE_AFTER, Move.TO_TRANSFERER)
            return _go(State.RETURNING, *back, outcome=record.outcome)
        case State.REQUEUEING:
            moves = (Move.TO_QUEUE, Move.DROP, Move.FREE_TRANSFERER)
            return _go(State.REQUEUEING, *moves, outcome=record.outcome)
        case _:
            return _go(State.TALKING)


def _alone(record: OpenTransfer, now: Picture) -> Step:
    """Nobody is with the caller."""
    answered = now.target and record.up
    called = now.target and not record.up
    free = (Move.FREE_TRANSFERER,) if now.transferer else ()
    rescue = Step(
        to=State.RECALLING,
        moves=(Move.RESCUE, Move.DROP, *free),
        event="recalled",
        outcome=TransferOutcome.RECALLED,
    )
    match record.state:
        case State.REQUEUEING:
            return _go(State.REQUEUEING, Move.TO_QUEUE, Move.DROP, *free, outcome=record.outcome)
        case State.DEPOSITING:
            return _go(State.DEPOSITING, Move.TO_MAILBOX, *free, outcome=record.outcome)
        case State.RECALLING:
            return rescue
        case State.RETURNING if now.transferer:
            return _go(State.RETURNING, Move.DROP, Move.TO_TRANSFERER, outcome=record.outcome)
        case State.COMPLETING | State.LEAVING | State.BLONDE if answered:
            return _go(State.COMPLETING, Move.TO_TARGET, *free)
        case State.BLONDE if called:
            return _go(State.BLONDE, Move.ANSWER_FOR_CALLER, *free)
    if called and record.state is not State.RETURNING:
        return _go(State.RINGING) if now.transferer else _go(State.BLONDE, Move.ANSWER_FOR_CALLER)
    if now.transferer and record.state is not State.BLONDE:
        return Step(to=State.RETURNING, moves=(Move.DROP, Move.TO_TRANSFERER), as_it_went=True)
    return _go(State.COMPLETING, Move.TO_TARGET) if answered else rescue
