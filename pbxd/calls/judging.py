"""What has become of a transfer, judged by who hears whom: see ``consults``."""

from __future__ import annotations

from pbxd.calls.attempt import Attempt, account_of, came_back, is_recall, unreached
from pbxd.calls.changed import changed
from pbxd.calls.facts import ConsultEnded, TransferSeen
from pbxd.calls.journeys import Journeys
from pbxd.calls.names import Kind, interface_of
from pbxd.calls.record import TransferOutcome
from pbxd.calls.talk import Talk
from pbxd.ids import CallId, Uniqueid
from pbxd.journal import Journal, Table

TOGETHER_S = 0.7
"""Bridges overlap for a moment while Asterisk swaps the parties; longer is a conversation of three."""

_DONE_SOUND_S = 0.425
_FAIL_SOUND_S = 0.36
"""Asterisk's ``beep`` and ``beeperr``, which it plays to a transferer or target by default (``xfersound`` and
``xferfailsound``) when a transfer by keys is complete or has failed. While they play nobody hears anybody."""


class Judging:
    """The transfers under way of all journeys of one switch, at most one a journey, and how they end."""

    def __init__(self, journeys: Journeys, journal: Journal) -> None:
        self._journeys = journeys
        self._wiring = journeys.wiring
        self.attempts: Table[CallId, Attempt] = Table(journal)
        self.by_line: Table[str, CallId] = Table(journal)  #: the transferer's channel names

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
        if attempt.sent is not None or at - apart > TOGETHER_S:
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
        if attempt.met is not None and (attempt.apart or at) - attempt.met > TOGETHER_S:
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
        queue = journeys.came_through(call, attempt.began)
        transfer = account_of(attempt, outcome, at, talks, journeys.talked(call, at), queue)
        journeys.transfers[call] = (*journeys.transfers.get(call, ()), transfer)
        journeys.facts.append(
            TransferSeen(call=call, node=journeys.node, at=at, missed=journeys.missed, transfer=transfer)
        )
