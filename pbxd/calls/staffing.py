"""Whether a queue has anybody who could answer: tells a queue's time-out from a queue that emptied.

Both are told in the same words (``QueueCallerAbandon``), and the variable that says which is seen only by
accounts that may read the dialplan.
"""

from __future__ import annotations

from pbxd.ami.snapshots import MemberSnapshot
from pbxd.ids import Interface
from pbxd.journal import Journal, Table

_AWAY = frozenset({4, 5})  # device states: invalid, unavailable
_AT_ONCE_S = 0.5
_NOTICED_S = 8.0
"""A queue looks at its members between two rounds of ringing, so it notices late that they are gone."""


class Staffing:
    """Who could answer in each queue, as far as has been told."""

    def __init__(self, journal: Journal) -> None:
        self._there: Table[tuple[str, Interface], bool] = Table(journal)
        self._count: Table[str, int] = Table(journal)
        self._emptied: Table[str, float] = Table(journal)

    def update(self, member: MemberSnapshot, at: float) -> None:
        """How this member stands now."""
        self._set(member.queue, member.interface, not member.paused and member.status not in _AWAY, at)

    def remove(self, queue: str, interface: Interface, at: float) -> None:
        """This member is no member any more."""
        self._set(queue, interface, False, at)
        self._there.pop((queue, interface), None)

    def members(self) -> list[tuple[str, Interface]]:
        """All members of all queues."""
        return list(self._there)

    def _set(self, queue: str, interface: Interface, there: bool, at: float) -> None:
        key = queue, interface
        known = self._there.get(key)
        if known == there:
            return
        self._there[key] = there
        # A member of whom nothing had been told was there: what is told of members is how they change.
        count = self._count.get(queue, 0) + (1 if there else -1 if known else 0)
        self._count[queue] = count
        if count:
            self._emptied.pop(queue, None)
        else:
            self._emptied[queue] = at

    def why_left(self, queue: str, joined: float, at: float) -> str:
        """``no_agent`` or ``timeout``: why a queue let a caller go who had not hung up."""
        if at - joined < _AT_ONCE_S:
            return "no_agent"
        emptied = self._emptied.get(queue)
        return (
            "no_agent"
            if emptied is not None and emptied >= joined and at - emptied < _NOTICED_S
            else "timeout"
        )
