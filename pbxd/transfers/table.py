"""What happens in a transfer, as a table. The theory first.

Three parties: the **caller** (C), the **transferer** (A) and the **target** (B). Each has a channel of his
own on the switch, each channel runs a dialplan of its own, and none depends on another one. C is either kept
on hold or joined with one or both of the others; A and B wait in holding bridges until somebody is joined
with them. So every step below is one or two redirections of C, and every one of them has a *default ending*
in the dialplan (``pbxd-transfer``): whoever loses his partner looks for the other one, and a caller for whom
nobody is left is brought back to the transferer and then to a queue. pbxd makes transfers convenient; it is
not needed to end one well.

Hence three kinds of input, and what they may do:

* **Orders** come from people. One that makes no sense now is refused with a reason and changes nothing. One
  that has been obeyed already is answered with "done" (``again``): pressing twice is harmless.
* **Signals** are what the switch shows: who is joined with whom, and who is gone. They are derived from the
  picture of channels and bridges, never from the answer to an action: "Success" means that the switch has
  understood. States that end in -ING wait for a signal after an order. What the dialplan did by itself just
  before the order reached it is no more than a passing scene there (B with C while C is on his way to A), and
  not the end. A signal that no row expects changes nothing and is counted.
* **A caller who is asked** whether he wants to be called back (ASK_BACK) is on his way back to A, and gets
  there by himself unless he says yes; then he hangs up, which ends the transfer as any hang-up of his does.
* **Times**: a state that lasts longer than it should, an action that was refused, a lost link, a restart: the
  transfer is looked at anew. The picture alone then says where it stands and what is missing
  (``picture.settle``); there is no other recovery.

A switch that lacks the dialplan (``Profile.PLAIN``) has no place to which anybody could be sent. There, and
only where the settings allow it, B is called while A and C go on talking, and B's own channel executes
Bridge() when it is answered: C goes straight from A to B, and until then nothing has happened to him. So
these transfers have two states of their own, OFFERED and CALLING, in which nobody is moved, and no other.

One winner: the first input that leads to ENDED ends the transfer. ENDED has no way out, so whatever comes at
the same moment as the winner finds nothing to change: one final fact, however many hang up at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pbxd.calls.record import TransferOutcome
from pbxd.transfers.words import Input, Move, State, Step


def _to(state: State, *moves: Move, event: str = "", outcome: TransferOutcome | None = None) -> Step:
    return Step(to=state, moves=moves, event=event, outcome=outcome)


def _failed(state: State, *moves: Move) -> Step:
    return Step(to=state, moves=moves, as_it_went=True)


def _end(outcome: TransferOutcome, *moves: Move) -> Step:
    return Step(to=State.ENDED, moves=moves, outcome=outcome)


_S, _I, _M, _O = State, Input, Move, TransferOutcome

_FINALE = _end(_O.COMPLETED)
_CANCELLED = _end(_O.CANCELLED, _M.DROP)
_REQUEUED = _end(_O.REQUEUED, _M.DROP)
_LEFT = _end(_O.CALLER_LEFT)
_LEFT_ALONE = _end(_O.CALLER_LEFT, _M.DROP_LONELY)

_ROWS: Mapping[State, Mapping[Input, Step]] = {
    _S.PLACING: {
        _I.GO: _to(_S.RINGING, _M.DIAL),
        _I.CANCEL: _to(_S.RETURNING, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.BLONDE, _M.DIAL_FOR_CALLER, _M.FREE_TRANSFERER),
        _I.HAND_TO_QUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.FREE_TRANSFERER, outcome=_O.COMPLETED),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.MAILBOX: _to(_S.DEPOSITING, _M.TO_MAILBOX, _M.FREE_TRANSFERER, outcome=_O.COMPLETED),
        _I.GUARD: _to(_S.RETURNING, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.OFFER: _to(_S.RETURNING, _M.ASK_BACK, outcome=_O.CANCELLED),
        _I.A_GONE: _to(_S.BLONDE, _M.DIAL_FOR_CALLER),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.RESCUE, outcome=_O.RECALLED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.SAY_LEFT),
        _I.BACK: _CANCELLED,
        _I.QUEUED: _REQUEUED,
    },
    _S.RINGING: {
        _I.RINGS: _to(_S.RINGING, event="ringing"),
        _I.CONSULT: _to(_S.TALKING, event="answered"),
        _I.JOINED: _FINALE,
        _I.BACK: _CANCELLED,
        _I.ALL: _to(_S.MERGED, event="merged"),
        _I.CANCEL: _to(_S.RETURNING, _M.DROP, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.BLONDE, _M.ANSWER_FOR_CALLER, _M.FREE_TRANSFERER),
        _I.HAND_TO_QUEUE: _to(_S.REQUEUEING, _M.DROP, _M.TO_QUEUE, _M.FREE_TRANSFERER, outcome=_O.COMPLETED),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.DROP, _M.TO_QUEUE, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.GUARD: _to(_S.RETURNING, _M.DROP, _M.TO_TRANSFERER, outcome=_O.NO_ANSWER),
        _I.OFFER: _to(_S.RETURNING, _M.DROP, _M.ASK_BACK, outcome=_O.NO_ANSWER),
        _I.B_GONE: _failed(_S.RETURNING, _M.SAY_WHY),
        _I.B_NEXT: _to(_S.RINGING, _M.DIAL),
        _I.MAILBOX: _to(_S.DEPOSITING, _M.TO_MAILBOX, _M.FREE_TRANSFERER, outcome=_O.COMPLETED),
        _I.B_TOLD: _to(_S.PLACING),
        _I.A_GONE: _to(_S.BLONDE, _M.ANSWER_FOR_CALLER),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.DROP, _M.RESCUE, outcome=_O.RECALLED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP, _M.SAY_LEFT),
        _I.QUEUED: _REQUEUED,
    },
    _S.TALKING: {
        _I.CANCEL: _to(_S.RETURNING, _M.TARGET_FREE_AFTER, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.SWAP: _to(_S.SWAPPING, _M.TARGET_TO_HOLD, _M.TO_TRANSFERER),
        _I.MERGE: _to(_S.MERGING, _M.CONFERENCE),
        _I.COMPLETE: _to(_S.COMPLETING, _M.TRANSFERER_FREE_AFTER, _M.TO_TARGET),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.DROP, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.GUARD: _to(_S.RETURNING, _M.TARGET_FREE_AFTER, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.OFFER: _to(_S.RETURNING, _M.TARGET_FREE_AFTER, _M.ASK_BACK, outcome=_O.CANCELLED),
        _I.BACK: _CANCELLED,
        _I.JOINED: _FINALE,
        _I.ALL: _to(_S.MERGED, event="merged"),
        _I.B_GONE: _to(_S.RETURNING, outcome=_O.CANCELLED),
        _I.A_GONE: _to(_S.COMPLETING),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.RESCUE, _M.DROP, outcome=_O.RECALLED),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.SWAPPING: {
        _I.BACK: _to(_S.SWAPPED, event="swapped"),
        _I.JOINED: _FINALE,
        _I.CANCEL: _to(_S.RETURNING, _M.DROP, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.COMPLETING, _M.HAND_OVER),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.DROP, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.B_GONE: _to(_S.RETURNING, outcome=_O.CANCELLED),
        _I.A_GONE: _to(_S.COMPLETING),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.RESCUE, _M.DROP, outcome=_O.RECALLED),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.SWAPPED: {
        _I.SWAP: _to(_S.UNSWAPPING, _M.BACK_TO_TARGET),
        _I.MERGE: _to(_S.MERGING, _M.CONFERENCE),
        _I.CANCEL: _to(_S.RETURNING, _M.DROP, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.COMPLETING, _M.HAND_OVER),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.DROP, _M.TRANSFERER_FREE_AFTER, _M.TO_QUEUE, outcome=_O.REQUEUED),
        _I.CONSULT: _to(_S.TALKING, event="swapped"),
        _I.JOINED: _FINALE,
        _I.ALL: _to(_S.MERGED, event="merged"),
        _I.B_GONE: _CANCELLED,
        _I.A_GONE: _to(_S.COMPLETING),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.RESCUE, _M.DROP, outcome=_O.RECALLED),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.UNSWAPPING: {
        _I.CONSULT: _to(_S.TALKING, event="swapped"),
        _I.JOINED: _FINALE,
        _I.CANCEL: _to(_S.RETURNING, _M.DROP, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.COMPLETING, _M.HAND_OVER),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.DROP, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.B_GONE: _to(_S.RETURNING, _M.TO_TRANSFERER, outcome=_O.CANCELLED),
        _I.A_GONE: _to(_S.COMPLETING, _M.TO_TARGET),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.RESCUE, _M.DROP, outcome=_O.RECALLED),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.MERGING: {
        _I.ALL: _to(_S.MERGED, event="merged"),
        _I.MERGE: Step(to=_S.MERGING, again=True),
        _I.CANCEL: _to(_S.RETURNING, _M.REGROUP_TRANSFERER, outcome=_O.CANCELLED),
        _I.COMPLETE: _to(_S.LEAVING, _M.FREE_TRANSFERER),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.DROP, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.B_GONE: _to(_S.RETURNING, outcome=_O.CANCELLED),
        _I.A_GONE: _to(_S.LEAVING),
        _I.A_SLIPPED: _to(_S.LEAVING),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.MERGED: {
        _I.MERGE: Step(to=_S.MERGED, again=True),
        _I.LEAVE: _to(_S.LEAVING, _M.FREE_TRANSFERER),
        _I.COMPLETE: _to(_S.LEAVING, _M.FREE_TRANSFERER),
        _I.CANCEL: _to(_S.RETURNING, _M.REGROUP_TRANSFERER, outcome=_O.CANCELLED),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, _M.DROP, _M.FREE_TRANSFERER, outcome=_O.REQUEUED),
        _I.JOINED: _FINALE,
        _I.BACK: _CANCELLED,
        _I.B_GONE: _CANCELLED,
        _I.A_GONE: _to(_S.LEAVING),
        _I.A_SLIPPED: _to(_S.LEAVING),
        _I.C_GONE: _LEFT,
        _I.QUEUED: _REQUEUED,
    },
    _S.LEAVING: {
        _I.JOINED: _FINALE,
        _I.LEAVE: Step(to=_S.LEAVING, again=True),
        _I.COMPLETE: Step(to=_S.LEAVING, again=True),
        _I.C_GONE: _LEFT_ALONE,
        _I.ELSEWHERE: _end(_O.RECALLED, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.COMPLETING: {
        _I.JOINED: _FINALE,
        _I.COMPLETE: Step(to=_S.COMPLETING, again=True),
        _I.C_GONE: _LEFT_ALONE,
        _I.ELSEWHERE: _end(_O.RECALLED, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.BLONDE: {
        _I.RINGS: _to(_S.BLONDE, event="ringing"),
        _I.JOINED: _FINALE,
        _I.CONSULT: _to(_S.COMPLETING, _M.TRANSFERER_FREE_AFTER, _M.TO_TARGET),
        _I.COMPLETE: Step(to=_S.BLONDE, again=True),
        _I.CANCEL: _to(_S.RECALLING, _M.DROP, _M.RESCUE, outcome=_O.CANCELLED),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.DROP, _M.TO_QUEUE, outcome=_O.REQUEUED),
        _I.B_GONE: _to(_S.RECALLING, _M.RESCUE, outcome=_O.RECALLED),
        _I.B_NEXT: _to(_S.BLONDE, _M.DIAL_FOR_CALLER),
        _I.MAILBOX: _to(_S.DEPOSITING, _M.TO_MAILBOX, outcome=_O.COMPLETED),
        _I.GUARD: _to(_S.RECALLING, _M.DROP, _M.RESCUE, outcome=_O.RECALLED),
        _I.OFFER: _to(_S.RETURNING, _M.DROP, _M.ASK_BACK, outcome=_O.RECALLED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP),
        _I.ELSEWHERE: _end(_O.RECALLED, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.RETURNING: {
        _I.BACK: Step(to=_S.ENDED, moves=(_M.DROP,)),
        _I.CANCEL: Step(to=_S.RETURNING, again=True),
        # On his way C finds out by himself that A is gone. Whether he did is looked at soon.
        _I.A_GONE: _to(_S.RECALLING, _M.DROP, outcome=_O.RECALLED),
        _I.A_SLIPPED: _to(_S.RECALLING, _M.DROP, outcome=_O.RECALLED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP, _M.SAY_LEFT),
        _I.ELSEWHERE: _end(_O.RECALLED, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.RECALLING: {
        _I.ELSEWHERE: Step(to=_S.ENDED, moves=(_M.DROP,)),
        _I.BACK: _end(_O.RECALLED, _M.DROP),
        _I.CANCEL: Step(to=_S.RECALLING, again=True),
        _I.REQUEUE: _to(_S.REQUEUEING, _M.TO_QUEUE, outcome=_O.REQUEUED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.OFFERED: {
        _I.GO: _to(_S.CALLING, _M.DIAL_ASIDE),
        _I.CANCEL: _end(_O.CANCELLED),
        _I.C_GONE: _end(_O.CALLER_LEFT),
        _I.ELSEWHERE: _end(_O.RECALLED),
        _I.QUEUED: _end(_O.REQUEUED),
    },
    _S.CALLING: {
        _I.RINGS: _to(_S.CALLING, event="ringing"),
        _I.JOINED: _FINALE,
        _I.CANCEL: _CANCELLED,
        _I.B_GONE: _failed(_S.ENDED),
        _I.B_NEXT: _to(_S.CALLING, _M.DIAL_ASIDE),
        _I.B_TOLD: _to(_S.OFFERED),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP),
        _I.ELSEWHERE: _end(_O.RECALLED, _M.DROP),
        _I.QUEUED: _REQUEUED,
    },
    _S.REQUEUEING: {
        _I.QUEUED: Step(to=_S.ENDED, moves=(_M.DROP,)),
        _I.ELSEWHERE: Step(to=_S.ENDED, moves=(_M.DROP,)),
        _I.REQUEUE: Step(to=_S.REQUEUEING, again=True),
        _I.HAND_TO_QUEUE: Step(to=_S.REQUEUEING, again=True),
        _I.COMPLETE: Step(to=_S.REQUEUEING, again=True),
        _I.C_GONE: _end(_O.CALLER_LEFT, _M.DROP),
    },
    _S.DEPOSITING: {
        _I.DEPOSITED: Step(to=_S.ENDED),
        _I.COMPLETE: Step(to=_S.DEPOSITING, again=True),
        _I.C_GONE: _LEFT,
        _I.ELSEWHERE: _end(_O.RECALLED),
        _I.QUEUED: _end(_O.REQUEUED),
    },
    _S.ENDED: {},
}

#: What may well come in a state and says nothing there: the parties move one after the other.
_EXPECTED: Mapping[State, Iterable[Input]] = {
    _S.PLACING: (_I.CONSULT, _I.B_GONE, _I.B_NEXT, _I.RINGS),
    _S.RINGING: (_I.GO,),
    # A hangs up while B rings: if his own dialplan keeps C on the line, B still gets him.
    _S.OFFERED: (_I.BACK, _I.A_GONE, _I.A_SLIPPED, _I.B_GONE, _I.B_NEXT, _I.RINGS),
    _S.CALLING: (_I.BACK, _I.A_GONE, _I.A_SLIPPED, _I.GO),
    _S.TALKING: (_I.RINGS, _I.GO),
    _S.SWAPPING: (_I.CONSULT, _I.GUARD, _I.OFFER),
    _S.SWAPPED: (_I.BACK, _I.GUARD, _I.OFFER),
    _S.UNSWAPPING: (_I.BACK, _I.GUARD, _I.OFFER),
    _S.MERGING: (_I.BACK, _I.JOINED, _I.CONSULT, _I.GUARD, _I.OFFER),
    _S.MERGED: (_I.CONSULT, _I.GUARD, _I.OFFER),
    _S.LEAVING: (
        _I.ALL,
        _I.BACK,
        _I.A_GONE,
        _I.A_SLIPPED,
        _I.B_GONE,
        _I.B_NEXT,
        _I.CONSULT,
        _I.GUARD,
        _I.OFFER,
    ),
    _S.COMPLETING: (
        _I.ALL,
        _I.BACK,
        _I.A_GONE,
        _I.A_SLIPPED,
        _I.B_GONE,
        _I.B_NEXT,
        _I.CONSULT,
        _I.RINGS,
        _I.GUARD,
        _I.OFFER,
    ),
    _S.BLONDE: (_I.BACK, _I.A_GONE, _I.A_SLIPPED, _I.GO),
    _S.RETURNING: (_I.JOINED, _I.B_GONE, _I.B_NEXT, _I.ALL, _I.CONSULT, _I.RINGS, _I.GUARD, _I.OFFER, _I.GO),
    _S.RECALLING: (
        _I.JOINED,
        _I.A_GONE,
        _I.A_SLIPPED,
        _I.B_GONE,
        _I.B_NEXT,
        _I.CONSULT,
        _I.RINGS,
        _I.GUARD,
        _I.OFFER,
        _I.GO,
    ),
    _S.REQUEUEING: (
        _I.ALL,
        _I.A_GONE,
        _I.A_SLIPPED,
        _I.B_GONE,
        _I.B_NEXT,
        _I.BACK,
        _I.CONSULT,
        _I.JOINED,
        _I.RINGS,
        _I.GUARD,
        _I.OFFER,
        _I.GO,
    ),
    _S.DEPOSITING: (
        _I.ALL,
        _I.A_GONE,
        _I.A_SLIPPED,
        _I.B_GONE,
        _I.B_NEXT,
        _I.BACK,
        _I.CONSULT,
        _I.JOINED,
        _I.RINGS,
        _I.GUARD,
        _I.OFFER,
        _I.GO,
    ),
}

TABLE: Mapping[tuple[State, Input], Step] = {
    **{
        (state, input_): Step(to=state, stay=True) for state, inputs in _EXPECTED.items() for input_ in inputs
    },
    **{(state, input_): step for state, row in _ROWS.items() for input_, step in row.items()},
}

ORDERS = frozenset({_I.CANCEL, _I.SWAP, _I.MERGE, _I.LEAVE, _I.COMPLETE, _I.HAND_TO_QUEUE, _I.REQUEUE})

PUBLIC: Mapping[State, str] = {
    _S.PLACING: "created",
    _S.RINGING: "ringing",
    _S.TALKING: "talking",
    _S.SWAPPING: "talking",
    _S.SWAPPED: "swapped",
    _S.UNSWAPPING: "swapped",
    _S.MERGING: "talking",
    _S.MERGED: "merged",
    _S.LEAVING: "completing",
    _S.COMPLETING: "completing",
    _S.BLONDE: "completing",
    _S.RETURNING: "returning",
    _S.RECALLING: "recalling",
    _S.OFFERED: "created",
    _S.CALLING: "ringing",
    _S.REQUEUEING: "completing",
    _S.DEPOSITING: "completing",
    _S.ENDED: "ended",
}
"""What the API and the pages call a state. RINGING and CALLING are ``created`` until B's phone rings."""

AWAITING = frozenset(
    {
        _S.SWAPPING,
        _S.UNSWAPPING,
        _S.MERGING,
        _S.LEAVING,
        _S.COMPLETING,
        _S.RETURNING,
        _S.REQUEUEING,
        _S.DEPOSITING,
    }
)
"""States that last only until the switch has done as it was told; looked at anew when it has not."""
