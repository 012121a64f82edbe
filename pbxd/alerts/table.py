"""What becomes of a trouble, as a table. The theory first.

Two troubles are watched. **A caller waits**: from the moment at which he enters a queue until somebody
answers him. When he is sent on to another queue he has not begun to wait anew: for him it is one wait, and
the limit that holds is that of the queue in which he is. So leaving a queue without an answer ends nothing
yet: he is *between*, and only when he has been there for a while (a menu, a mailbox), or his call is over,
the wait is. When somebody answers, it is over at once; should he come to a queue again after that, it is a
new wait. **A queue is unattended**: callers wait in it, and none of its members could be rung by it: there
is none, or all are paused or cannot be reached.

A trouble that ends before its limit leaves no trace. One that lasts longer becomes an **alert**, once:
whatever happens to it then (another queue, a lost link, a restart of pbxd), it stays the same alert until it
ends, and it ends once. While the link to its switch is down nobody knows how things are: nothing begins, and
nothing ends.

An input that a state does not know changes nothing: facts may come twice (after an inventory) or too late.
"""

from __future__ import annotations

from collections.abc import Mapping

from pbxd.alerts.words import How, Input, State, Step

_S, _I = State, Input

_OVER = Step(to=_S.OVER)


def _end(how: How) -> Step:
    return Step(to=_S.OVER, how=how)


_ROWS: Mapping[State, Mapping[Input, Step]] = {
    _S.COUNTING: {
        _I.STANDS: Step(to=_S.COUNTING),
        _I.LONG: Step(to=_S.OPEN, begins=True),
        _I.LEFT: Step(to=_S.BETWEEN),
        _I.ANSWERED: _OVER,
        _I.GAVE_UP: _OVER,
        _I.CALL_OVER: _OVER,
        _I.UNSEEN: _OVER,
        _I.MANNED: _OVER,
        _I.CLEARED: _OVER,
    },
    _S.BETWEEN: {
        _I.STANDS: Step(to=_S.COUNTING),
        _I.ANSWERED: _OVER,
        _I.GAVE_UP: _OVER,
        _I.CALL_OVER: _OVER,
        _I.UNSEEN: _OVER,
        _I.LAPSED: _OVER,
    },
    _S.OPEN: {
        _I.STANDS: Step(to=_S.OPEN),
        _I.LEFT: Step(to=_S.OPEN_BETWEEN),
        _I.ANSWERED: _end(How.ANSWERED),
        _I.GAVE_UP: _end(How.ABANDONED),
        _I.CALL_OVER: _end(How.ABANDONED),
        _I.UNSEEN: _end(How.UNSEEN),
        _I.MANNED: _end(How.MANNED),
        _I.CLEARED: _end(How.CLEARED),
    },
    _S.OPEN_BETWEEN: {
        _I.STANDS: Step(to=_S.OPEN),
        _I.ANSWERED: _end(How.ANSWERED),
        _I.GAVE_UP: _end(How.ABANDONED),
        _I.CALL_OVER: _end(How.ENDED),
        _I.UNSEEN: _end(How.UNSEEN),
        _I.LAPSED: _end(How.LEFT),
    },
}

TABLE: Mapping[tuple[State, Input], Step] = {
    (state, input_): step for state, row in _ROWS.items() for input_, step in row.items()
}
