"""Compares the stays in queues: the history's with those of Asterisk's queue_log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pbxd.reconcile.findings import Comparison, Finding, Known, Mismatch, silent_book
from pbxd.reconcile.history import Call, Index, Leg, Stay
from pbxd.reconcile.queue_log import Logged, QueueLog

#: app_queue's durations are differences of whole seconds: each is wrong by less than one
SLACK_S = 1.5
#: a line may be written a moment after what it tells
MATCH_S = 3.0

_SAME = {
    "CONNECT": "answered",
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "EXITEMPTY": "no_agent",
    "EXITWITHKEY": "left",
    "WITHDRAW": "left",
}


@dataclass(frozen=True, slots=True)
class _Own:
    call: Call
    stay: Stay


def compare_stays(calls: Sequence[Call], log: QueueLog, start: float, end: float) -> Comparison:
    """Compare all stays that began from ``start`` up to ``end``. ``calls`` may hold more, ``log`` too."""
    own = [_Own(call, stay) for call in calls if not call.goes_on for stay in call.stays]
    half_known = {call.uniqueid: call for call in calls if call.goes_on or call.missed}
    # A little more than the period: the log's whole seconds begin before what they tell.
    near = [stay for stay in log.stays if start - MATCH_S <= stay.entered < end + MATCH_S]
    matched, theirs, ours = _matched(own, near)
    pairs = [(mine, logged) for mine, logged in matched if start <= mine.stay.joined < end]
    found: list[Finding] = []
    for mine, logged in pairs:
        found += _differences(mine, logged, log)
    consults = Index.of(calls, lambda call: (transfer.to for transfer in call.transfers))
    for logged in theirs:
        if start <= logged.entered < end:
            found.append(_unknown_here(logged, consults, half_known))
    for mine in ours:
        if start <= mine.stay.joined < end:
            found.append(_unknown_there(mine, log))
    if log.unreadable:
        found.append(_finding(Mismatch.UNREADABLE, start, there=f"{log.unreadable} lines of the queue_log"))
    found.sort(key=lambda finding: finding.at)
    silent = silent_book("queue_log", len(pairs), found)
    return Comparison(stays=len(pairs), calls=0, findings=tuple(found), silent=silent)


# ---------------------------------------------------------------- which belong together


def _matched(
    own: Iterable[_Own], logged: Iterable[Logged]
) -> tuple[list[tuple[_Own, Logged]], list[Logged], list[_Own]]:
    """The same channel, queue and time, about; then, for who is left, the same caller, queue and time."""
    free: dict[tuple[str, str], list[_Own]] = {}
    for mine in own:
        free.setdefault((mine.call.uniqueid, mine.stay.queue), []).append(mine)
    pairs: list[tuple[_Own, Logged]] = []
    left = []
    for stay in logged:
        nearest = _nearest(free.get((stay.uniqueid, stay.queue), []), stay)
        if nearest is None:
            left.append(stay)
        else:
            free[stay.uniqueid, stay.queue].remove(nearest)
            pairs.append((nearest, stay))
    by_caller: dict[tuple[str, str], list[_Own]] = {}
    for candidates in free.values():
        for mine in candidates:
            by_caller.setdefault((mine.call.caller, mine.stay.queue), []).append(mine)
    theirs = []
    for stay in left:
        nearest = _nearest(by_caller.get((stay.caller, stay.queue), []), stay)
        if nearest is None:
            theirs.append(stay)
        else:
            by_caller[stay.caller, stay.queue].remove(nearest)
            pairs.append((nearest, stay))
    return pairs, theirs, [mine for candidates in by_caller.values() for mine in candidates]


def _nearest(candidates: Sequence[_Own], stay: Logged) -> _Own | None:
    near = [mine for mine in candidates if abs(mine.stay.joined - stay.entered) <= MATCH_S]
    # The same call found by channel but at another time is told as such, not as two that are missing.
    if not near and len(candidates) == 1 and candidates[0].call.uniqueid == stay.uniqueid:
        near = list(candidates)
    return min(near, key=lambda mine: abs(mine.stay.joined - stay.entered)) if near else None


def _unknown_here(logged: Logged, consults: Index, half_known: Mapping[str, Call]) -> Finding:
    kind: Mismatch | Known = Mismatch.STAY_MISSING_HERE
    found = half_known.get(logged.uniqueid)
    if found is not None:
        kind = Known.IN_PROGRESS if found.goes_on else Known.WATCHED_IN_PART
    elif (found := consults.open_at((logged.queue,), logged.entered)) is not None:
        kind = Known.CONSULT_IN_QUEUE
    elif logged.ending is None or (logged.ending == "CONNECT" and logged.completion is None):
        kind = Known.UNFINISHED
    there = f"entered, {logged.ending or 'no end'}"
    return _finding(kind, logged.entered, found, logged, here="nothing", there=there)


def _unknown_there(mine: _Own, log: QueueLog) -> Finding:
    covered = log.first is not None and log.first <= mine.stay.joined
    kind = Mismatch.STAY_MISSING_THERE if covered else Known.NOT_COVERED
    here = f"{mine.stay.outcome} after {mine.stay.waited_s:.1f} s"
    return Finding(
        kind=kind,
        at=mine.stay.joined,
        call=mine.call.call,
        uniqueid=mine.call.uniqueid,
        queue=mine.stay.queue,
        here=here,
        there="nothing",
    )


# ---------------------------------------------------------------- what differs


def _differences(mine: _Own, logged: Logged, log: QueueLog) -> Iterator[Finding]:
    call, stay = mine.call, mine.stay

    def differs(kind: Mismatch | Known, here: str, there: str) -> Finding:
        if isinstance(kind, Mismatch) and call.missed:
            kind = Known.WATCHED_IN_PART
        return _finding(kind, stay.joined, call, logged, here=here, there=there)

    if abs(stay.joined - logged.entered) > SLACK_S:
        yield differs(Mismatch.ENTERED, f"entered {stay.joined:.1f}", f"entered {logged.entered:.0f}")
    if logged.ending is None:
        yield differs(_no_ending(logged.entered, log), f"{stay.outcome}", "no end")
        return
    if _SAME[logged.ending] != stay.outcome:
        yield differs(_other_outcome(mine, logged), f"{stay.outcome}", logged.ending)
        return
    if logged.waited_s is not None and abs(stay.waited_s - logged.waited_s) > SLACK_S:
        yield differs(Mismatch.WAITED, f"waited {stay.waited_s:.1f} s", f"waited {logged.waited_s:.0f} s")
    if logged.ending == "CONNECT":
        yield from (differs(*told) for told in _of_the_conversation(mine, logged, log))


def _no_ending(since: float, log: QueueLog) -> Mismatch | Known:
    """A stay or conversation without an end in the log: only where Asterisk or its book ended first."""
    restarted = any(start >= since for start in log.starts)
    return Known.UNFINISHED if restarted or log.last is None else Mismatch.OUTCOME


def _other_outcome(mine: _Own, logged: Logged) -> Mismatch | Known:
    if logged.ending == "ABANDON" and mine.stay.outcome == "left":
        return Known.MOVED_OUT
    if logged.ending == "ABANDON" and mine.stay.outcome == "answered" and _leg(mine) is None:
        return Known.LEFT_AT_ANSWER
    return Mismatch.OUTCOME


def _leg(mine: _Own) -> Leg | None:
    """The conversation that the stay led to."""
    left = mine.stay.left if mine.stay.left is not None else mine.stay.joined
    legs = [leg for leg in mine.call.legs if leg.started >= left - SLACK_S]
    return min(legs, key=lambda leg: abs(leg.started - left)) if legs else None


def _of_the_conversation(
    mine: _Own, logged: Logged, log: QueueLog
) -> Iterator[tuple[Mismatch | Known, str, str]]:
    call, leg = mine.call, _leg(mine)
    after = [transfer for transfer in call.transfers if transfer.first >= mine.stay.joined]
    transferred, completed = bool(after), any(transfer.outcome == "completed" for transfer in after)
    lasted = None if leg is None or leg.ended is None else leg.ended - leg.started
    here = "no conversation" if lasted is None else f"talked {lasted:.1f} s"
    if logged.completion is None or logged.talk_s is None:
        yield Known.TRANSFER_NOT_LOGGED if transferred else _no_ending(logged.entered, log), here, "no end"
        return
    there = f"{logged.completion} after {logged.talk_s:.0f} s"
    if "TRANSFER" in logged.completion:
        if not transferred:
            yield Mismatch.TRANSFER, "no transfer", there
    elif completed:
        yield Known.TRANSFER_NOT_LOGGED, f"{len(call.transfers)} transfers", there
    if lasted is None:
        if logged.talk_s > SLACK_S:
            yield Known.TALK_AFTER_TRANSFER if transferred else Mismatch.TALKED, here, there
    elif abs(lasted - logged.talk_s) > SLACK_S:
        yield Known.TALK_AFTER_TRANSFER if transferred else Mismatch.TALKED, here, there


def _finding(
    kind: Mismatch | Known,
    at: float,
    call: Call | None = None,
    logged: Logged | None = None,
    *,
    here: str = "",
    there: str = "",
) -> Finding:
    return Finding(
        kind=kind,
        at=at,
        call="" if call is None else call.call,
        uniqueid="" if logged is None else logged.uniqueid,
        queue="" if logged is None else logged.queue,
        here=here,
        there=there,
    )
