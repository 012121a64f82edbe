"""Who declines a caller is not rung for the same caller again while this one waits in that queue.

The queue would ring him again within seconds, and the caller would wait for somebody who does not want to
answer. He is paused in that one queue until the caller is elsewhere, or for a set time.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.agents.pausing import DECLINED, OURS, WRAP_UP, Job, Pausing
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.changed import changed
from pbxd.effects import Effect, Wake
from pbxd.ids import AgentId, CallId
from pbxd.journal import Journal, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """A member who is spared one caller."""

    agent: AgentId
    call: CallId
    until: float | None = None  #: by pbxd's clock; None before its first tick
    held: bool = False  #: the switch has told of the pause


class Declined:
    """The members who are spared a caller now."""

    def __init__(self, journal: Journal, pausing: Pausing, seconds: float) -> None:
        self._seconds = seconds
        self._pausing = pausing
        self.open: Table[Job, Spared] = Table(journal)

    def declines(
        self, job: Job, member: MemberSnapshot, agent: AgentId, call: CallId, at: float
    ) -> list[Effect]:
        """This member has declined this caller, who waits in the queue or is about to."""
        own = member.paused and member.paused_reason != WRAP_UP
        if not self._seconds or own or job in self.open:
            return []
        self.open[job] = Spared(agent=agent, call=call)
        return [self._pausing.one(job, reason=DECLINED, at=at), Wake(in_s=0.0)]

    def left(self, call: CallId, queue: str | None) -> list[tuple[Job, Spared]]:
        """The caller waits no longer in this queue (None: in any). Who is spared him no longer."""
        over = [
            (job, spared)
            for job, spared in self.open.items()
            if spared.call == call and queue in (None, job.queue)
        ]
        for job, _ in over:
            del self.open[job]
        return over

    def tick(self, at: float) -> list[tuple[Job, Spared]]:
        """Who has been spared for as long as the settings say."""
        over: list[tuple[Job, Spared]] = []
        for job, spared in list(self.open.items()):
            if spared.until is None:
                self.open[job] = changed(spared, until=at + self._seconds)
            elif spared.until <= at:
                over.append((job, self.open.pop(job)))
        return over

    def stands(self, job: Job, member: MemberSnapshot) -> None:
        """The switch tells how this member stands now. Paused or resumed by others: none of ours any more."""
        spared = self.open.get(job)
        if spared is None:
            return
        if member.paused and member.paused_reason == DECLINED:
            self.open[job] = changed(spared, held=True)
        elif (member.paused and member.paused_reason != WRAP_UP) or (spared.held and not member.paused):
            del self.open[job]

    def release(
        self, job: Job, spared: Spared, member: MemberSnapshot | None, at: float, *, reason: str | None
    ) -> list[Effect]:
        """Resume him in this queue, or keep him paused for another ``reason``, unless others paused him."""
        if member is None or (member.paused and member.paused_reason not in OURS):
            return []
        if not member.paused and spared.held:
            return []
        return [self._pausing.one(job, reason=reason, at=at)]
