"""The queues of one switch: who waits where since when, the members and what they do.

Callers are known by the channel that waits. A caller whom an agent consults about in a second queue, or who
was handed over into one, waits there by a channel of Asterisk's own; it is counted like any other, because
it takes the same place in the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.ami import events as ami
from pbxd.ami.events import AmiEvent, MemberSnapshot
from pbxd.ami.inventory import Inventory
from pbxd.ids import Interface, NodeId, Uniqueid
from pbxd.journal import Journal, Table


class MemberState(StrEnum):
    """What a member does, by his phone. Whether he is paused is another question."""

    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    OFFLINE = "offline"


_STATES = {
    0: MemberState.READY,  # unknown: app_queue rings such a member, so he is there
    1: MemberState.READY,
    2: MemberState.TALKING,
    3: MemberState.TALKING,
    6: MemberState.RINGING,
    7: MemberState.TALKING,  # talks, and a second call rings
    8: MemberState.TALKING,  # on hold
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCaller:
    """One caller in one queue."""

    uniqueid: Uniqueid
    queue: str
    number: str  #: as the switch presents it; '' when withheld
    name: str
    since: float  #: epoch seconds
    position: int | None  #: when he joined; those before him may have gone since


class QueueModel:
    """All queues of one switch. Reading is cheap; nothing is computed before it is asked for."""

    def __init__(self, node: NodeId, journal: Journal) -> None:
        self.node = node
        self._waiting: Table[str, tuple[WaitingCaller, ...]] = Table(journal)
        self._place: Table[Uniqueid, str] = Table(journal)  #: the queue in which a channel waits
        self._members: Table[tuple[str, Interface], MemberSnapshot] = Table(journal)
        self._interfaces: Table[str, tuple[Interface, ...]] = Table(journal)

    # ------------------------------------------------------------ reading

    def queues(self) -> list[str]:
        """The queues that are known, by name."""
        return sorted(self._waiting.keys() | self._interfaces.keys())

    def waiting(self, queue: str) -> tuple[WaitingCaller, ...]:
        """The callers of a queue in the order in which they joined."""
        return self._waiting.get(queue, ())

    def longest_since(self, queue: str) -> float | None:
        """When the caller who waits longest joined (epoch seconds); None when nobody waits."""
        return min((caller.since for caller in self.waiting(queue)), default=None)

    def members(self, queue: str) -> list[MemberSnapshot]:
        """The members of a queue in the order in which they became known."""
        return [self._members[queue, interface] for interface in self._interfaces.get(queue, ())]

    def queues_of(self, interface: Interface) -> list[str]:
        """The queues in which this interface is a member."""
        return [queue for queue in self.queues() if (queue, interface) in self._members]

    def member(self, queue: str, interface: Interface) -> MemberSnapshot | None:
        return self._members.get((queue, interface))

    # ------------------------------------------------------------ stepping

    def reduce(self, event: AmiEvent) -> bool:
        """Take one event. True when it changed something that can be read here."""
        match event:
            case ami.QueueCallerJoin():
                channel = event.channel
                return self._join(
                    WaitingCaller(
                        uniqueid=channel.uniqueid,
                        queue=event.queue,
                        number=channel.caller,
                        name=channel.caller_name,
                        since=event.at,
                        position=event.position,
                    )
                )
            case ami.QueueCallerLeave() | ami.Hangup():
                return self._leave(event.channel.uniqueid)
            case ami.QueueMember():
                return self._set(event.member)
            case ami.QueueMemberRemoved():
                return self._remove(event.queue, event.interface)
            case _:
                return False

    def resync(self, inventory: Inventory) -> bool:
        """Take over what the switch says; what it does not know of is gone. True when something changed."""
        known = {member.queue for member in inventory.members} | set(inventory.queues)
        there = {(entry.queue, entry.uniqueid) for entry in inventory.waiting}
        changed = False
        for queue in self.queues():
            for caller in self.waiting(queue):
                if (queue, caller.uniqueid) not in there:
                    changed |= self._leave(caller.uniqueid)
            for interface in self._interfaces.get(queue, ()):
                if all(m.queue != queue or m.interface != interface for m in inventory.members):
                    changed |= self._remove(queue, interface)
        for queue in known:
            if queue not in self._waiting:
                self._waiting[queue] = ()
        for member in inventory.members:
            changed |= self._set(member)
        for entry in sorted(inventory.waiting, key=lambda one: (one.queue, one.position or 0, one.since)):
            changed |= self._join(
                WaitingCaller(
                    uniqueid=entry.uniqueid,
                    queue=entry.queue,
                    number=entry.caller,
                    name="",
                    since=entry.since,
                    position=entry.position,
                )
            )
        return changed

    # ------------------------------------------------------------ one by one

    def _join(self, caller: WaitingCaller) -> bool:
        place = self._place.get(caller.uniqueid)
        if place == caller.queue:
            return False
        if place is not None:
            self._leave(caller.uniqueid)
        self._place[caller.uniqueid] = caller.queue
        self._waiting[caller.queue] = (*self.waiting(caller.queue), caller)
        return True

    def _leave(self, uniqueid: Uniqueid) -> bool:
        queue = self._place.pop(uniqueid, None)
        if queue is None:
            return False
        self._waiting[queue] = tuple(c for c in self._waiting[queue] if c.uniqueid != uniqueid)
        return True

    def _set(self, member: MemberSnapshot) -> bool:
        key = member.queue, member.interface
        if self._members.get(key) == member:
            return False
        if key not in self._members:
            self._interfaces[member.queue] = (*self._interfaces.get(member.queue, ()), member.interface)
        self._members[key] = member
        return True

    def _remove(self, queue: str, interface: Interface) -> bool:
        if self._members.pop((queue, interface), None) is None:
            return False
        rest = tuple(one for one in self._interfaces[queue] if one != interface)
        self._interfaces[queue] = rest
        return True


def member_state(member: MemberSnapshot) -> MemberState:
    """What this member does, by the state of his phone."""
    return _STATES.get(member.status, MemberState.OFFLINE)
