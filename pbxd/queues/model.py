"""The queues of one switch: who waits where since when, the members and what their devices do.

Callers are known by the channel that waits. A caller whom an agent consults about in a second queue, or who
was handed over into one, waits there by a channel of Asterisk's own; it is counted like any other, because
it takes the same place in the queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pbxd.ami import event_types as ami
from pbxd.ami.event_types import SwitchEvent
from pbxd.ami.inventory import Inventory
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.ids import Interface, Uniqueid
from pbxd.journal import Journal, Table


class MemberState(StrEnum):
    """What a member's device is doing. Whether he is paused is another question."""

    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    OFFLINE = "offline"


#: Asterisk's device states; those that are not here mean that nobody can be reached.
_STATES = {
    0: MemberState.READY,  # unknown: app_queue rings such a member, so he is there
    1: MemberState.READY,
    2: MemberState.TALKING,
    3: MemberState.TALKING,
    6: MemberState.RINGING,
    7: MemberState.TALKING,  # talks, and a second call rings
    8: MemberState.TALKING,  # on hold
}


def member_state(member: MemberSnapshot) -> MemberState:
    """What this member does, by the state of his device."""
    return _STATES.get(member.status, MemberState.OFFLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCaller:
    """One caller in one queue."""

    uniqueid: Uniqueid
    queue: str
    number: str  #: as the switch presents it; '' when withheld
    since: float  #: epoch seconds by the switch's clock


class QueueModel:
    """Stepped by events, corrected by inventories; both return the queues that look different now."""

    def __init__(self, journal: Journal) -> None:
        self._queues: Table[str, bool] = Table(journal)
        self._waiting: Table[Uniqueid, WaitingCaller] = Table(journal)
        self._lines: Table[str, tuple[Uniqueid, ...]] = Table(journal)
        self._members: Table[tuple[str, Interface], MemberSnapshot] = Table(journal)
        self._staff: Table[str, tuple[Interface, ...]] = Table(journal)
        self._jobs: Table[Interface, tuple[str, ...]] = Table(journal)

    # ------------------------------------------------------------ reading

    @property
    def names(self) -> tuple[str, ...]:
        """The queues that are known."""
        return tuple(self._queues)

    def waiting(self, queue: str) -> Iterator[WaitingCaller]:
        """Who waits in this queue, in the order of joining."""
        return (self._waiting[uniqueid] for uniqueid in self._lines.get(queue, ()))

    def members(self, queue: str) -> Iterator[MemberSnapshot]:
        """The members of this queue, in the order in which they became known."""
        return (self._members[queue, interface] for interface in self._staff.get(queue, ()))

    def memberships(self, interface: Interface) -> tuple[MemberSnapshot, ...]:
        """How this device stands in each of its queues."""
        return tuple(self._members[queue, interface] for queue in self._jobs.get(interface, ()))

    # ------------------------------------------------------------ stepping

    def reduce(self, event: SwitchEvent) -> tuple[str, ...]:
        match event:
            case ami.QueueCallerJoin(channel=channel):
                return self._joins(
                    WaitingCaller(
                        uniqueid=channel.uniqueid, queue=event.queue, number=channel.caller, since=event.at
                    )
                )
            case ami.QueueCallerLeave() | ami.Hangup():
                # The leaving is told before the hang-up; a caller must not wait for ever should it not be.
                return self._leaves(event.channel.uniqueid)
            case ami.QueueMember():
                return self._stands(event.member)
            case ami.QueueMemberRemoved():
                return self._removed(event.queue, event.interface)
            case _:
                return ()

    def resync(self, inventory: Inventory) -> tuple[str, ...]:
        """Take over what the switch says; what it does not know of is gone."""
        before = {queue: self._picture(queue) for queue in self._queues}
        there = {(entry.queue, entry.uniqueid) for entry in inventory.waiting}
        for caller in list(self._waiting.values()):
            if (caller.queue, caller.uniqueid) not in there:
                self._leaves(caller.uniqueid)
        for entry in sorted(inventory.waiting, key=lambda one: (one.queue, one.position or 0, one.since)):
            # The switch tells the wait in whole seconds; a join that we saw ourselves is exact, and stays.
            if entry.uniqueid not in self._waiting:
                self._joins(
                    WaitingCaller(
                        uniqueid=entry.uniqueid, queue=entry.queue, number=entry.caller, since=entry.since
                    )
                )
        staff = {(member.queue, member.interface) for member in inventory.members}
        for queue, interface in [key for key in self._members if key not in staff]:
            self._removed(queue, interface)
        for member in inventory.members:
            self._stands(member)
        for queue in inventory.queues:
            self._know(queue)
        listed = {*inventory.queues, *(member.queue for member in inventory.members)}
        for queue in [queue for queue in self._queues if queue not in listed and not self._lines.get(queue)]:
            del self._queues[queue]
        after = {queue: self._picture(queue) for queue in self._queues}
        return tuple(queue for queue in before | after if before.get(queue) != after.get(queue))

    # ------------------------------------------------------------ one by one

    def _picture(self, queue: str) -> tuple[object, ...]:
        return self._lines.get(queue, ()), tuple(self.members(queue))

    def _know(self, queue: str) -> None:
        if queue not in self._queues:
            self._queues[queue] = True

    def _joins(self, caller: WaitingCaller) -> tuple[str, ...]:
        known = self._waiting.get(caller.uniqueid)
        if known is not None and known.queue == caller.queue:
            return ()
        left = self._leaves(caller.uniqueid)
        self._know(caller.queue)
        self._waiting[caller.uniqueid] = caller
        self._lines[caller.queue] = (*self._lines.get(caller.queue, ()), caller.uniqueid)
        return (*left, caller.queue)

    def _leaves(self, uniqueid: Uniqueid) -> tuple[str, ...]:
        caller = self._waiting.pop(uniqueid, None)
        if caller is None:
            return ()
        queue: str = caller.queue
        self._lines[queue] = tuple(other for other in self._lines[queue] if other != uniqueid)
        return (queue,)

    def _stands(self, member: MemberSnapshot) -> tuple[str, ...]:
        key = member.queue, member.interface
        before = self._members.get(key)
        if before == member:
            return ()
        self._know(member.queue)
        self._members[key] = member
        if before is None:
            self._staff[member.queue] = (*self._staff.get(member.queue, ()), member.interface)
            self._jobs[member.interface] = (*self._jobs.get(member.interface, ()), member.queue)
        return (member.queue,)

    def _removed(self, queue: str, interface: Interface) -> tuple[str, ...]:
        if self._members.pop((queue, interface), None) is None:
            return ()
        self._staff[queue] = tuple(other for other in self._staff[queue] if other != interface)
        self._jobs[interface] = tuple(other for other in self._jobs[interface] if other != queue)
        return (queue,)
