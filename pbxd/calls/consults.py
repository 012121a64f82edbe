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

from pbxd.calls.attempt import Attempt, account_of, came_back, is_recall, unreached
from pbxd.calls.changed import changed
from pbxd.calls.facts import ConsultEnded, TransferSeen
from pbxd.calls.journeys import Journeys
from pbxd.calls.names import Kind, interface_of
from pbxd.calls.record import TransferOutcome
from pbxd.calls.talk import Talk
from pbxd.calls.wiring import Channel
from pbxd.ids import CallId, Interface, Uniqueid
from pbxd.journal import Journal, Table

_TOGETHER_S = 0.7
"""Bridges overlap for a moment while Asterisk swaps the parties; longer is a conversation of three."""

_DONE_SOUND_S = 0.425
_FAIL_SOUND_S = 0.36
"""Asterisk's ``beep`` and ``beeperr``, which it plays to a transferer or target by default (``xfersound`` and
``xferfailsound``) when a transfer by keys is complete or has failed. While they play nobody hears anybody."""

_FAILURES = {
    "BUSY": TransferOutcome.BUSY,
    "NOANSWER": TransferOutcome.NO_ANSWER,
    "CANCEL": TransferOutcome.CANCELLED,
}


class Consults:
    """The transfers under way of all journeys of one switch, at most one a journey."""

    def __init__(self, journeys: Journeys, journal: Journal) -> None:
        self._journeys = journeys
        self._wiring = journeys.wiring
        self.attempts: Table[CallId, Attempt] = Table(journal)
        self.by_line: Table[str, CallId] = Table(journal)  #: the transferer's channel names

    # ------------------------------------------------------------ the target's side

    def is_side(self, uniqueid: Uniqueid) -> bool:
        """Does this channel belong to the target's side of a transfer?"""
        return uniqueid in self._journeys.aside

    def mark_side(self, uniqueid: Uniqueid) -> None:
        self._journeys.aside[uniqueid] = True

    def unmark(self, uniqueid: Uniqueid) -> None:
        self._journeys.aside.pop(uniqueid, None)

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
            if done and done[-1].from_ == interface and at - done[-1].at < 2 * _TOGETHER_S:
                return  # seen already by who hears whom
            attempt = Attempt(
                transferer=lines[0],
                interface=interface,
                consult=lines[1],
                to=to,
                began=at - _TOGETHER_S,  # the bridges were rearranged before this was told
                talked_before=self._journeys.talked(call, at) - _TOGETHER_S,
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

    # ------------------------------------------------------------ judging

    def review(self, call: CallId, at: float) -> None:
        """Who hears whom has changed: see what that means for the transfer under way."""
        attempt = self.attempts.get(call)
        if attempt is None:
            return
        heard = [talk for talk in self._journeys.open_talks(call) if talk.since is not None]
        if attempt.met is None:
            target = next((talk for talk in heard if self._is_target(talk, attempt)), None)
            if target is not None:
                to = attempt.to if attempt.to_queue else target.interface
                attempt = changed(attempt, met=at, to=to, target=target.name)
                self.attempts[call] = attempt
        own = (attempt.transferer, attempt.consult)
        if attempt.met is not None:
            together = any(talk.name in own for talk in heard)
            apart = None if together else attempt.apart or at
            attempt = changed(attempt, apart=apart)
            self.attempts[call] = attempt
            # The parties move one after the other; that the transferer is not heard is not yet that he left.
            if attempt.three or (apart is not None and self._is_over(attempt, apart, at)):
                self._met(call, attempt, at)
        elif attempt.sent is not None:
            if any(came_back(talk, attempt) for talk in heard):
                self._resolve(call, attempt, unreached(attempt), at)
        elif not self._consulting(call, attempt, at) and any(talk.name in own for talk in heard):
            self._returned(call, attempt, at)

    def _returned(self, call: CallId, attempt: Attempt, at: float) -> None:
        """The transferer's line to the target is no more, and nobody was handed over."""
        if self._journeys.calls[call].leaving:
            self._resolve(call, attempt, TransferOutcome.CALLER_LEFT, at)
            return
        if attempt.by_keys and not attempt.target_left:
            self._journeys.delay_stint(call, attempt.transferer, at, _FAIL_SOUND_S)
        self._resolve(call, attempt, attempt.failure or TransferOutcome.CANCELLED, at)

    def _is_over(self, attempt: Attempt, apart: float, at: float) -> bool:
        if attempt.sent is not None or at - apart > _TOGETHER_S:
            return True
        return self._wiring.named(attempt.transferer) is None

    def _is_target(self, talk: Talk, attempt: Attempt) -> bool:
        if talk.name in (attempt.transferer, attempt.consult):
            return False
        if talk.name == attempt.target:
            return True
        if is_recall(talk, attempt):
            return False
        return talk.started >= attempt.began

    def _consulting(self, call: CallId, attempt: Attempt, at: float) -> bool:
        """Is the transferer's line to the target still there? Notices, too, when the two begin to talk."""
        line = self._wiring.named(attempt.consult)
        if line is None:
            return False
        ear = line.uniqueid if line.kind is Kind.DEVICE else self._wiring.by_name.get(attempt.transferer)
        if ear is None:
            return True
        strangers = self._strangers(call, attempt, ear)
        if strangers and not attempt.joined:
            target = self._wiring.channels[strangers[0]]
            to = attempt.to if attempt.to_queue else target.interface
            self.attempts[call] = changed(
                attempt, joined=True, talked=at, failure=None, target=target.name, to=to
            )
        if attempt.consult != attempt.transferer:
            return True
        return bool(strangers) or self._wiring.named(attempt.target) is not None

    def _strangers(self, call: CallId, attempt: Attempt, ear: Uniqueid) -> list[Uniqueid]:
        """Who is on the line with the transferer, but for the caller's side."""
        known = {attempt.transferer, attempt.consult, self._journeys.calls[call].subject}
        known.update(t.name for t in self._journeys.open_talks(call) if t.started < attempt.began)
        channels = self._wiring.channels
        return [other for other in self._wiring.chain(ear) if channels[other].name not in known]

    def line_gone(self, call: CallId, name: str, at: float) -> None:
        """A channel of this journey ended. Was it the transferer's line to the target?"""
        attempt = self.attempts.get(call)
        if attempt is None or attempt.sent is not None:
            return
        if attempt.met is not None or name == attempt.target:
            self.review(call, at)
        elif name == attempt.consult and name != attempt.transferer:
            transferer = self._wiring.by_name.get(attempt.transferer)
            if transferer is not None and self._strangers(call, attempt, transferer):
                # The Local channel between them was optimised away; they talk on.
                self.attempts[call] = changed(attempt, consult=attempt.transferer)
                return
            self._returned(call, attempt, at)
        elif name == attempt.transferer == attempt.consult:
            self._resolve(call, attempt, attempt.failure or TransferOutcome.FAILED, at)

    def caller_gone(self, call: CallId, at: float, *, hung_up: bool) -> None:
        """The subject has gone: whatever transfer was under way is over."""
        attempt = self.attempts.get(call)
        if attempt is None:
            return
        if attempt.met is not None:
            self._met(call, attempt, at)
        elif attempt.blind and not attempt.dialled:
            # Sent to a menu or an announcement: he arrived there.
            self._resolve(call, attempt, TransferOutcome.COMPLETED, at)
        else:
            self._resolve(call, attempt, self._left(call, attempt, hung_up), at)

    def _left(self, call: CallId, attempt: Attempt, hung_up: bool) -> TransferOutcome:
        waits = self._journeys.waits.get(call, ())
        if attempt.to_queue and attempt.sent is not None and waits and waits[-1].left is not None:
            outcome = waits[-1].outcome
            return TransferOutcome.CALLER_LEFT if outcome == "abandoned" else TransferOutcome.NO_ANSWER
        soft = (None, TransferOutcome.CANCELLED, TransferOutcome.FAILED)
        if attempt.failure in soft and (hung_up or attempt.failure is not TransferOutcome.FAILED):
            return TransferOutcome.CALLER_LEFT
        return attempt.failure or TransferOutcome.CALLER_LEFT

    def _close(self, call: CallId, at: float) -> None:
        """Another transfer begins: the one before it is over."""
        attempt = self.attempts[call]
        if attempt.met is not None:
            self._met(call, attempt, at)
        elif attempt.sent is not None:
            done = attempt.blind and not attempt.dialled
            self._resolve(call, attempt, TransferOutcome.COMPLETED if done else unreached(attempt), at)
        else:
            self._resolve(call, attempt, attempt.failure or TransferOutcome.CANCELLED, at)

    def _met(self, call: CallId, attempt: Attempt, at: float) -> None:
        if attempt.met is not None and (attempt.apart or at) - attempt.met > _TOGETHER_S:
            attempt = changed(attempt, three=True)
        if attempt.by_keys and attempt.joined and attempt.met is not None:
            for talk in self._journeys.open_talks(call):
                self._journeys.delay_stint(call, talk.name, attempt.met, _DONE_SOUND_S)
        self._resolve(call, attempt, TransferOutcome.COMPLETED, at)

    def _resolve(self, call: CallId, attempt: Attempt, outcome: TransferOutcome, at: float) -> None:
        del self.attempts[call]
        self._journeys.consulting.pop(call, None)
        for name in (attempt.transferer, attempt.consult):
            self.by_line.pop(name, None)
        journeys = self._journeys
        # He may only have called a colleague and come back: that is no transfer.
        if attempt.asked or outcome is TransferOutcome.COMPLETED:
            self._account(call, attempt, outcome, at)
        if attempt.target and attempt.met is None:
            ended = ConsultEnded(
                call=call,
                node=journeys.node,
                at=at,
                missed=journeys.missed,
                transferer=attempt.interface,
                target=interface_of(attempt.target),
            )
            journeys.facts.append(ended)

    def _account(self, call: CallId, attempt: Attempt, outcome: TransferOutcome, at: float) -> None:
        """The final word on a transfer."""
        journeys = self._journeys
        talks = journeys.talks.get(call, ())
        transfer = account_of(attempt, outcome, at, talks, journeys.talked(call, at))
        journeys.transfers[call] = (*journeys.transfers.get(call, ()), transfer)
        journeys.facts.append(
            TransferSeen(call=call, node=journeys.node, at=at, missed=journeys.missed, transfer=transfer)
        )
