"""Pauses that pbxd itself puts on queue members, each with a reason by which it knows its own again.

The reason is the memory: it is kept by the switch, so it outlives pbxd; and a member who is paused for any
other reason paused himself (or was paused by somebody), which pbxd never takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pbxd.agents.staff import Agent
from pbxd.ami.actions import QueuePause
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.effects import Ask
from pbxd.ids import AskId, Interface, NodeId
from pbxd.journal import Journal, Table

WRAP_UP = "pbxd:wrap-up"
DECLINED = "pbxd:declined"
OURS = frozenset({WRAP_UP, DECLINED})

Served = Callable[[Agent], Iterable[tuple[NodeId, MemberSnapshot]]]
"""How an agent stands in each of his queues, on every node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One membership: this device in this queue."""

    node: NodeId
    queue: str
    interface: Interface


def job_of(node: NodeId, member: MemberSnapshot) -> Job:
    """The membership that this tells of."""
    return Job(node=node, queue=member.queue, interface=member.interface)


class Pausing:
    """Makes the actions, and gives each an id that no other action ever has."""

    def __init__(self, journal: Journal) -> None:
        self._count: Table[str, int] = Table(journal)

    def asks(
        self, jobs: Iterable[Job], all_jobs: Iterable[Job], *, reason: str | None, at: float
    ) -> list[Ask]:
        """Pause (``reason`` given) or resume these jobs of an agent who has ``all_jobs``.

        A device whose jobs are all meant gets one action for all its queues: it takes effect at once
        everywhere, and a queue that is not known here yet is included.
        """
        wanted = dict.fromkeys(jobs)
        left_out = {(job.node, job.interface) for job in all_jobs if job not in wanted}
        places = dict.fromkeys(
            (job.node, job.interface, job.queue if (job.node, job.interface) in left_out else None)
            for job in wanted
        )
        return [self._ask(*place, reason, at) for place in places]

    def one(self, job: Job, *, reason: str | None, at: float) -> Ask:
        """Pause or resume a member in one queue only."""
        return self._ask(job.node, job.interface, job.queue, reason, at)

    def _ask(
        self, node: NodeId, interface: Interface, queue: str | None, reason: str | None, at: float
    ) -> Ask:
        number = self._count.get("asks", 0) + 1
        self._count["asks"] = number
        action = QueuePause(interface=interface, paused=reason is not None, queue=queue, reason=reason or "")
        # The time keeps it apart from those of an earlier life of pbxd.
        return Ask(ask=AskId(f"member/{at:.3f}/{number}"), node=node, action=action.headers())
