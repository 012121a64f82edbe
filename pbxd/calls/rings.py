"""Which phone rings for whom, and why it stopped."""

from __future__ import annotations

from pbxd.calls.besides import ring_of
from pbxd.calls.call import Ringing
from pbxd.calls.changed import changed
from pbxd.calls.facts import MemberRinging, MemberStoppedRinging
from pbxd.calls.journeys import Journeys
from pbxd.calls.record import RingOutcome
from pbxd.ids import CallId, Interface, Uniqueid
from pbxd.journal import Journal

_WHY = {"ANSWER": "answered", "NOANSWER": "no_answer", "BUSY": "busy", "CANCEL": "elsewhere"}
_OUTCOMES = {
    "ANSWER": RingOutcome.ANSWERED,
    "NOANSWER": RingOutcome.NO_ANSWER,
    "BUSY": RingOutcome.BUSY,
    "CANCEL": RingOutcome.CANCELLED,
}


class Rings:
    """The phones of one switch that ring now."""

    def __init__(self, journeys: Journeys, journal: Journal) -> None:
        self._journeys = journeys
        self.ringing = journeys.ringing

    def start(
        self,
        uniqueid: Uniqueid,
        call: CallId,
        interface: Interface,
        at: float,
        *,
        member: str = "",
        queue: str | None = None,
        transferer: Interface | None = None,
    ) -> None:
        """This channel rings for this call, or because this party hands its caller over; told once."""
        if uniqueid in self.ringing:
            return
        journeys = self._journeys
        self.ringing[uniqueid] = Ringing(
            call=call, interface=interface, queue=queue, phone=interface, since=at, missed=journeys.missed
        )
        journeys.facts.append(
            MemberRinging(
                call=call,
                node=journeys.node,
                at=at,
                missed=journeys.missed,
                interface=interface,
                member=member or interface,
                queue=queue,
                waited_s=journeys.waited(call, at),
                transferer=transferer,
            )
        )

    def behind(self, uniqueid: Uniqueid, phone: Uniqueid) -> None:
        """The phone behind a Local channel that is rung in its place, or was until just now."""
        ring, channel = self.ringing.get(uniqueid), self._journeys.wiring.channels.get(phone)
        if ring is not None and channel is not None and ring.phone == ring.interface:
            self.ringing[uniqueid] = changed(ring, phone=channel.interface)

    def rings(self, uniqueid: Uniqueid) -> None:
        """The far end says that it rings."""
        ring = self.ringing.get(uniqueid)
        if ring is not None and not ring.rang:
            self.ringing[uniqueid] = changed(ring, rang=True)

    def refused(self, uniqueid: Uniqueid) -> None:
        """The far end hangs up. What the switch says of that later may be that nobody answered."""
        member = self._journeys.rung_for(uniqueid) if self.ringing else None
        ring = None if member is None else self.ringing.get(member)
        if member is not None and ring is not None:
            self.ringing[member] = changed(ring, refused=True)

    def stop(self, uniqueid: Uniqueid, status: str, at: float) -> None:
        """The ringing ended with this DialStatus. A second end of the same ringing says nothing new."""
        ring = self.ringing.pop(uniqueid, None)
        if ring is None:
            return
        journeys = self._journeys
        final = journeys.final(ring.call)
        if final in journeys.calls and journeys.calls[final].ended is None:
            over = ring_of(uniqueid, ring, at, _outcome(ring, status), missed=journeys.missed)
            journeys.rings[final] = (*journeys.rings.get(final, ()), over)
        if not ring.told:
            return
        call = journeys.calls.get(ring.call)
        declined = _outcome(ring, status) in (RingOutcome.DECLINED, RingOutcome.BUSY)
        reason = "busy" if declined else _WHY.get(status, "failed")
        if reason == "elsewhere" and (call is None or call.leaving or call.ended is not None):
            reason = "caller_left"
        journeys.facts.append(
            MemberStoppedRinging(
                call=ring.call,
                node=journeys.node,
                at=at,
                missed=journeys.missed,
                interface=ring.interface,
                queue=ring.queue,
                reason=reason,
            )
        )


def _outcome(ring: Ringing, status: str) -> RingOutcome:
    outcome = _OUTCOMES.get(status, RingOutcome.FAILED)
    if outcome is RingOutcome.BUSY or (outcome is RingOutcome.NO_ANSWER and ring.refused):
        return RingOutcome.DECLINED if ring.rang else RingOutcome.BUSY
    return outcome
