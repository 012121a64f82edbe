"""Transfers that are under way, and how they end.

Phones, Asterisk's own features and other programs transfer in many ways, and what the switch tells of them
is late and incomplete. So a transfer is watched from its first sign (somebody who has the caller on hold
dials somebody else, or a blind transfer is told) and judged by who hears whom:

* the caller hears the new party and no longer the transferer: completed;
* all three hear each other for a while: a three-way call;
* the transferer has gone and the new party was not there yet: blonde, until somebody answers;
* the caller hears the transferer again: cancelled, or whatever became of the attempt to ring the target;
* the caller has gone: caller left.
"""

from __future__ import annotations

from pbxd.calls.attempt import Attempt
from pbxd.calls.changed import changed
from pbxd.calls.judging import TOGETHER_S, Judging
from pbxd.calls.record import TransferOutcome
from pbxd.calls.wiring import Channel
from pbxd.ids import CallId, Interface, Uniqueid

_FAILURES = {
    "BUSY": TransferOutcome.BUSY,
    "NOANSWER": TransferOutcome.NO_ANSWER,
    "CANCEL": TransferOutcome.CANCELLED,
}


class Consults(Judging):
    """The transfers under way of all journeys of one switch, from their first sign on."""

    # ------------------------------------------------------------ the target's side

    def is_side(self, uniqueid: Uniqueid) -> bool:
        """Does this channel belong to the target's side of a transfer?"""
        return uniqueid in self._journeys.aside

    def mark_side(self, uniqueid: Uniqueid) -> None:
        journeys = self._journeys
        if uniqueid in journeys.aside:
            return
        journeys.aside[uniqueid] = True
        call = journeys.of(uniqueid)
        if call is not None:
            journeys.sides[call] = (*journeys.sides.get(call, ()), uniqueid)

    def unmark(self, uniqueid: Uniqueid) -> None:
        """This channel ends."""
        journeys = self._journeys
        if uniqueid not in journeys.aside:
            return
        del journeys.aside[uniqueid]
        call = journeys.of(uniqueid)
        if call is not None and call in journeys.sides:
            rest = tuple(side for side in journeys.sides[call] if side != uniqueid)
            if rest:
                journeys.sides[call] = rest
            else:
                del journeys.sides[call]

    # ------------------------------------------------------------ signs

    def begin(
        self,
        call: CallId,
        transferer: Channel,
        consult: str,
        to: str,
        at: float,
        *,
        asked: bool,
        by_keys: bool = False,
    ) -> None:
        """Somebody who has the caller on hold dials somebody else."""
        if call in self.attempts:
            self._close(call, at)
        self.attempts[call] = Attempt(
            transferer=transferer.name,
            interface=transferer.interface,
            consult=consult,
            to=to,
            began=at,
            talked_before=self._journeys.talked(call, at),
            asked=asked,
            by_keys=by_keys,
        )
        self.by_line[transferer.name] = self.by_line[consult] = call
        if transferer.name == self._journeys.calls[call].subject:
            self._journeys.consulting[call] = True

    def restore(self, call: CallId, attempt: Attempt, lines: tuple[str, ...]) -> None:
        """A transfer that was under way is known again, and the lines by which it was watched."""
        self.attempts[call] = attempt
        for line in lines:
            self.by_line[line] = call

    def lines(self, call: CallId) -> tuple[str, ...]:
        """The transferer's channels by which a transfer under way is watched."""
        attempt = self.attempts.get(call)
        names = () if attempt is None else (attempt.transferer, attempt.consult)
        return tuple(name for name in names if self.by_line.get(name) == call)

    def dialled(self, call: CallId, target: str, interface: Interface, *, outside: bool = False) -> None:
        """A phone of the target's side is rung."""
        attempt = self.attempts[call]
        self.attempts[call] = changed(
            attempt,
            target=target,
            to=attempt.to if attempt.to_queue else interface,
            dialled=True,
            outside=outside,
            rang=False,
            failure=None,
        )

    def transferer(self, call: CallId, target: str) -> Interface | None:
        """Who hands the caller over, if it is for that that this channel is rung."""
        attempt = self.attempts.get(call)
        return None if attempt is None or attempt.target != target else attempt.interface

    def sends_to(self, call: CallId, queue: str) -> Interface | None:
        """Who hands the caller over, if it is for that that somebody waits in this queue."""
        attempt = self.attempts.get(call)
        if attempt is None or not attempt.to_queue or attempt.to != queue:
            return None
        return attempt.interface

    def queued(self, call: CallId, queue: str, place: Uniqueid) -> None:
        """The target is a queue, in which this channel waits."""
        attempt = self.attempts[call]
        self.attempts[call] = changed(attempt, to=queue, to_queue=True, place=place, dialled=True)

    def ringing(self, call: CallId, name: str) -> None:
        attempt = self.attempts.get(call)
        if attempt is not None and attempt.target == name and not attempt.rang:
            self.attempts[call] = changed(attempt, rang=True)

    def dial_ended(self, call: CallId, name: str, status: str) -> None:
        """The attempt to ring the target ended."""
        attempt = self.attempts.get(call)
        if attempt is None or attempt.target != name or attempt.joined or attempt.met is not None:
            return
        if status == "ANSWER":
            failure = None
        elif attempt.failure is not None:
            return  # the first reason counts: Asterisk cancels a phone again that has rung out
        else:
            failure = _FAILURES.get(status, TransferOutcome.FAILED)
            if failure is TransferOutcome.BUSY and attempt.rang:
                failure = TransferOutcome.DECLINED
        self.attempts[call] = changed(attempt, failure=failure)

    def hung_up(self, call: CallId, name: str) -> None:
        """This party hung up by himself."""
        attempt = self.attempts.get(call)
        if attempt is not None and attempt.target == name and attempt.joined:
            self.attempts[call] = changed(attempt, target_left=True)

    def rejected(self, call: CallId, name: str) -> None:
        """The target's phone refused the call (SIP 603)."""
        attempt = self.attempts.get(call)
        if attempt is not None and attempt.target == name and attempt.failure is not None:
            self.attempts[call] = changed(attempt, failure=TransferOutcome.DECLINED)

    # ------------------------------------------------------------ what the switch says

    def blind(self, call: CallId, transferer: str, interface: Interface, exten: str, at: float) -> None:
        """The switch sent the caller on."""
        if call in self.attempts:
            self._close(call, at)
        self.attempts[call] = Attempt(
            transferer=transferer,
            interface=interface,
            consult="",
            to=exten,
            began=at,
            talked_before=self._journeys.talked(call, at),
            asked=True,
            blind=True,
            sent=at,
        )

    def handed_over(
        self,
        call: CallId,
        lines: tuple[str, str],
        interface: Interface,
        to: str,
        at: float,
        *,
        three: bool,
    ) -> None:
        """The switch says that the caller is with the target, or where the target rings.

        ``lines``: the transferer's channels towards the caller and towards the target.
        """
        attempt = self.attempts.get(call)
        if attempt is None:
            done = self._journeys.transfers.get(call, ())
            if done and done[-1].from_ == interface and at - done[-1].at < 2 * TOGETHER_S:
                return  # seen already by who hears whom
            attempt = Attempt(
                transferer=lines[0],
                interface=interface,
                consult=lines[1],
                to=to,
                began=at - TOGETHER_S,  # the bridges were rearranged before this was told
                talked_before=self._journeys.talked(call, at) - TOGETHER_S,
                asked=True,
                joined=True,
            )
        if not attempt.by_keys and attempt.consult not in ("", attempt.transferer):
            self._journeys.void_stint(call, attempt.transferer, at)
        self.attempts[call] = changed(attempt, asked=True, sent=at, three=three)
        self.review(call, at)

    def not_handed_over(self, call: CallId) -> None:
        """The switch could not do what the transferer asked for."""
        attempt = self.attempts.get(call)
        if attempt is not None and attempt.failure is None:
            self.attempts[call] = changed(attempt, failure=TransferOutcome.FAILED)

    def forget(self, call: CallId) -> None:
        """This journey is part of another one: whatever transfer was under way in it is not the caller's."""
        attempt = self.attempts.pop(call, None)
        self._journeys.consulting.pop(call, None)
        if attempt is not None:
            for name in (attempt.transferer, attempt.consult):
                self.by_line.pop(name, None)
