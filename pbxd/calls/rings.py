"""Which phone rings for whom, and why it stopped."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.calls.facts import MemberRinging, MemberStoppedRinging
from pbxd.calls.journeys import Journeys
from pbxd.ids import CallId, Interface, Uniqueid
from pbxd.journal import Journal, Table

_WHY = {"ANSWER": "answered", "NOANSWER": "no_answer", "BUSY": "busy", "CANCEL": "elsewhere"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    call: CallId
    interface: Interface
    queue: str | None


class Rings:
    """The phones of one switch that ring now."""

    def __init__(self, journeys: Journeys, journal: Journal) -> None:
        self._journeys = journeys
        self.ringing: Table[Uniqueid, Ring] = Table(journal)

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
        self.ringing[uniqueid] = Ring(call=call, interface=interface, queue=queue)
        journeys = self._journeys
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

    def stop(self, uniqueid: Uniqueid, status: str, at: float) -> None:
        """The ringing ended with this DialStatus. A second end of the same ringing says nothing new."""
        ring = self.ringing.pop(uniqueid, None)
        if ring is None:
            return
        journeys = self._journeys
        call = journeys.calls.get(ring.call)
        reason = _WHY.get(status, "failed")
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
