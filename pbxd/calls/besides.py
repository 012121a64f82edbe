"""What goes on besides talking and waiting: phones ring, colleagues are asked, call flows are visited."""

from __future__ import annotations

from collections.abc import Iterator

from pbxd.calls.books import Books
from pbxd.calls.call import Met, Ringing
from pbxd.calls.changed import changed
from pbxd.calls.record import Consult, Ring, RingOutcome, Visit
from pbxd.ids import CallId, Interface, Uniqueid

PASSING_S = 0.05
"""While Asterisk puts the caller in the transferer's place, two may hear each other for a moment."""


class Besides(Books):
    """It is only written down here: others notice it."""

    # ------------------------------------------------------------ in call flows

    def enter_flow(self, call: CallId, flow: str, at: float) -> None:
        """The subject is served by a call flow."""
        self.leave_flow(call, "moved", at)
        visit = Visit(flow=flow, entered=at, left=None, result=None, missed=self.missed)
        self.visits[call] = (*self.visits.get(call, ()), visit)

    def leave_flow(self, call: CallId, result: str, at: float) -> None:
        """He is no longer, if he was."""
        visits = self.visits.get(call, ())
        if visits and visits[-1].left is None:
            visit = changed(visits[-1], left=at, result=result, missed=visits[-1].missed or self.missed)
            self.visits[call] = (*visits[:-1], visit)

    # ------------------------------------------------------------ colleagues and phones

    def part(self, call: CallId, at: float, *, but: tuple[Met, ...] = ()) -> None:
        """Nobody is asked any longer, ``but`` these."""
        over = tuple(
            Consult(
                transferer=met.transferer,
                target=met.interface,
                started=met.since,
                ended=at,
                missed=met.missed or self.missed,
            )
            for met in self.consulted.get(call, ())
            if met not in but and at - met.since >= PASSING_S
        )
        if over:
            self.consults[call] = self.consults.get(call, ()) + over
        if but:
            self.consulted[call] = but
        elif call in self.consulted:
            del self.consulted[call]

    def found_ringing(
        self,
        uniqueid: Uniqueid,
        call: CallId,
        interface: Interface,
        since: float,
        *,
        missed: bool,
        rang: bool = False,
    ) -> None:
        """This channel rings, which nobody had told: it is only written down."""
        if uniqueid not in self.ringing:
            self.ringing[uniqueid] = Ringing(
                call=call,
                interface=interface,
                queue=None,
                phone=interface,
                since=since,
                missed=missed,
                rang=rang,
                told=False,
            )

    def still_ringing(self, call: CallId, until: float | None) -> Iterator[Ring]:
        """Those that ring when the journey ends have rung in vain."""
        outcome = None if until is None else RingOutcome.CANCELLED
        for channel, ringing in self.ringing.items():
            if self.final(ringing.call) == call:
                yield ring_of(channel, ringing, until, outcome, missed=self.missed)

    def still_asking(self, call: CallId) -> Iterator[Consult]:
        for met in self.consulted.get(call, ()):
            yield Consult(
                transferer=met.transferer,
                target=met.interface,
                started=met.since,
                ended=None,
                missed=met.missed,
            )


def ring_of(
    channel: Uniqueid, ringing: Ringing, until: float | None, outcome: RingOutcome | None, *, missed: bool
) -> Ring:
    """The account of a phone's ringing."""
    return Ring(
        channel=channel,
        interface=ringing.phone,
        member=ringing.interface if ringing.queue is not None else None,
        queue=ringing.queue,
        started=ringing.since,
        ended=until,
        outcome=outcome,
        missed=ringing.missed or missed,
    )
