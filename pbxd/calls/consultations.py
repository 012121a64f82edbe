"""Who is asked about a caller while he waits: transferer and target hear each other, and he does not."""

from __future__ import annotations

from pbxd.calls.attempt import Attempt
from pbxd.calls.call import Met
from pbxd.calls.journeys import Journeys
from pbxd.calls.names import Kind, interface_of
from pbxd.ids import CallId, Interface, Uniqueid


class Consultations:
    """Compares, for each journey with a transfer under way, who is asked now with who was before."""

    def __init__(self, journeys: Journeys) -> None:
        self._journeys = journeys
        self._wiring = journeys.wiring

    def look(self, call: CallId, attempt: Attempt | None, at: float) -> None:
        """Who hears whom has changed."""
        journeys = self._journeys
        sides, before = journeys.sides.get(call, ()), journeys.consulted.get(call, ())
        if (not sides and not before) or journeys.calls[call].ended is not None:
            return
        asked = self._asked(call, sides, self._transferer(call, attempt))
        now = [met for met in before if met.target in asked]
        known = {met.target for met in now}
        now += (
            Met(
                target=target,
                interface=self._wiring.channels[target].interface,
                transferer=transferer,
                since=at,
                missed=journeys.missed,
            )
            for target, transferer in asked.items()
            if target not in known
        )
        if tuple(now) != before:
            journeys.part(call, at, but=tuple(now))

    def _asked(
        self, call: CallId, sides: tuple[Uniqueid, ...], known: Interface | None
    ) -> dict[Uniqueid, Interface | None]:
        """The targets that somebody talks to, but not with the caller."""
        wiring = self._wiring
        subject = wiring.by_name.get(self._journeys.calls[call].subject)
        asked: dict[Uniqueid, Interface | None] = {}
        for side in sides:
            channel = wiring.channels.get(side)
            if channel is None or channel.kind is not Kind.DEVICE or side not in wiring.bridge_of:
                continue
            if channel.interface == known:
                continue
            heard = wiring.heard_by(side)
            if heard and side != subject and subject not in heard:
                asked[side] = known
        return asked

    def _transferer(self, call: CallId, attempt: Attempt | None) -> Interface | None:
        if attempt is not None:
            return attempt.interface
        for ours in reversed(self._journeys.ours.values()):  # of one that was seen the earlier ones stay
            if ours.transferer and self._journeys.final(ours.call) == call:
                return interface_of(ours.transferer)
        return None
