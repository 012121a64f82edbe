"""The callers' journeys: how they begin and are handed on, where they wait, and the account at the end.

A journey has a *subject*: the person whose journey it is, known by the name of his channel. That is the
caller, until he himself hands the other party to somebody else and leaves; then it is that party.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from pbxd.calls.call import Call, Waiting
from pbxd.calls.changed import changed
from pbxd.calls.conversations import Conversations
from pbxd.calls.facts import CallArrived, CallEnded, CallFolded, CallQueued, QueueLeft
from pbxd.calls.names import interface_of
from pbxd.calls.outcome import outcome_of
from pbxd.calls.record import CallRecord, Consult, Outcome, Ring, Visit, Wait
from pbxd.calls.talk import Talk, leg_of, paused
from pbxd.calls.wiring import Channel, Wiring
from pbxd.ids import CallId, NodeId, Uniqueid, call_id
from pbxd.journal import Journal, Table


class Journeys(Conversations):
    """All journeys of one switch."""

    def __init__(self, node: NodeId, journal: Journal, wiring: Wiring) -> None:
        super().__init__(node, journal, wiring)
        self._of_calls: tuple[Table[CallId, Any], ...] = (
            self.talks,
            self.waits,
            self.transfers,
            self.rings,
            self.consults,
            self.consulted,
            self.sides,
            self.visits,
            self.channels_of,
            self.consulting,
        )

    def release(self, uniqueid: Uniqueid, at: float) -> None:
        """This channel serves no journey any more; a journey without channels is forgotten."""
        call = self.of(uniqueid)
        if call is None:
            return
        del self._call_of[uniqueid]
        left = tuple(other for other in self.channels_of[call] if other != uniqueid)
        self.channels_of[call] = left
        if not left:
            if self.calls[call].ended is None:
                self.end(call, at)
            self._forget(call)

    def drop_empty(self, call: CallId, at: float) -> None:
        """A journey that was known again, and whose channels all serve another one, is none any more."""
        if not self.channels_of.get(call):
            if self.calls[call].ended is None:
                self.end(call, at)
            self._forget(call)

    def _forget(self, call_id: CallId) -> None:
        call = self.calls.pop(call_id)
        for root in call.roots:
            self._by_root.pop(root, None)
        for folded in call.folded:
            self.into.pop(folded, None)
        if self.by_subject.get(call.subject) == call_id:
            del self.by_subject[call.subject]
        for table in self._of_calls:
            if call_id in table:
                del table[call_id]
        if self.ours:
            for transfer in [
                t for t, one in self.ours.items() if one.seen and self.final(one.call) == call_id
            ]:
                del self.ours[transfer]

    # ------------------------------------------------------------ beginning, folding, passing on

    def begin(self, channel: Channel, root: str, at: float, dialled: str, *, missed: bool = False) -> CallId:
        """A journey begins with this channel."""
        call = call_id(self.node, channel.uniqueid)
        self.calls[call] = Call(
            id=call,
            subject=channel.name,
            caller=channel.caller,
            caller_name=channel.caller_name,
            dialled=dialled,
            arrived=channel.born,
            roots=(root,),
            missed=missed or self.missed,
        )
        self._by_root[root] = call
        self.by_subject[channel.name] = call
        self.assign(channel.uniqueid, call)
        self.facts.append(
            CallArrived(
                call=call,
                node=self.node,
                at=at,
                missed=missed or self.missed,
                caller=channel.caller,
                caller_name=channel.caller_name,
                dialled=dialled,
                channel=channel.uniqueid,
            )
        )
        return call

    def fold(self, call: CallId, into: CallId, at: float) -> None:
        """``call`` was a consultation for ``into``: its channels serve that one from now on."""
        lost, kept = self.calls.pop(call), self.calls[into]
        self.calls[into] = changed(
            kept, roots=kept.roots + lost.roots, folded=(*kept.folded, call, *lost.folded)
        )
        self.into[call] = into
        self.channels_of[into] = self.channels_of[into] + self.channels_of.pop(call)
        if self.by_subject.get(lost.subject) == call:
            del self.by_subject[lost.subject]
        self._take_over(call, into, lost, kept.arrived, at)
        for table in (self.talks, self.waits, self.transfers):
            table.pop(call, None)
        self.facts.append(CallFolded(call=call, node=self.node, at=at, into=into))

    def _take_over(self, call: CallId, into: CallId, lost: Call, arrived: float, at: float) -> None:
        """Whoever rang and talked in a call that was a consultation did so for the other one."""
        consults = [*self.consults.get(into, ()), *self.consults.pop(call, ())]
        for talk in self.talks.get(call, ()):
            consults += (
                Consult(
                    transferer=interface_of(lost.subject),
                    target=talk.interface,
                    started=stint.started,
                    ended=stint.ended,
                    missed=stint.missed,
                )
                for stint in (talk if talk.since is None else paused(talk, at)).stints
            )
        rings = (*self.rings.get(into, ()), *self.rings.pop(call, ()))
        self.rings[into] = tuple(ring for ring in rings if ring.started >= arrived)
        self.consults[into] = tuple(one for one in consults if one.started >= arrived)
        if call in self.consulted:
            self.consulted[into] = self.consulted.get(into, ()) + self.consulted.pop(call)
        if call in self.sides:
            self.sides[into] = self.sides.get(into, ()) + self.sides.pop(call)
        self.visits.pop(call, None)

    def pass_on(self, call_id: CallId, subject: str, at: float) -> None:
        """The caller hands the other party on and leaves: the journey is the other party's now."""
        call = self.calls[call_id]
        self.end_talk(call_id, subject, at)
        if self.by_subject.get(call.subject) == call_id:
            del self.by_subject[call.subject]
        self.by_subject[subject] = call_id
        self.calls[call_id] = changed(call, subject=subject, leaving=False)
        self.consulting.pop(call_id, None)

    # ------------------------------------------------------------ waiting

    def join(self, uniqueid: Uniqueid, call_id: CallId, queue: str, at: float, position: int | None) -> None:
        """The subject waits in this queue from now on."""
        self.waiting[uniqueid] = Waiting(call=call_id, queue=queue, joined=at, own=True)
        waits = self.waits.get(call_id, ())
        wait = Wait(queue=queue, joined=at, left=None, outcome=None, missed=self.missed)
        self.waits[call_id] = (*waits, wait)
        if call_id in self.visits:
            self.leave_flow(call_id, "moved", at)
        fact = CallQueued(
            call=call_id, node=self.node, at=at, missed=self.missed, queue=queue, position=position
        )
        self.facts.append(fact)

    def came_through(self, call_id: CallId, before: float = inf) -> str | None:
        """The last queue in which the subject waited; of those that he entered ``before``, if given."""
        queues = [wait.queue for wait in self.waits.get(call_id, ()) if wait.joined < before]
        return queues[-1] if queues else self.calls[call_id].queue

    def leave(self, uniqueid: Uniqueid, outcome: str, at: float) -> None:
        """This channel waits no longer."""
        waiting = self.waiting.pop(uniqueid, None)
        if waiting is None or not waiting.own:
            return
        self._leave(self.final(waiting.call), waiting.queue, outcome, at, missed=self.missed)

    def _leave(self, call: CallId, queue: str, outcome: str, at: float, *, missed: bool) -> None:
        waits = self.waits.get(call, ())
        for index in range(len(waits) - 1, -1, -1):
            wait = waits[index]
            if wait.left is None and wait.queue == queue:
                wait = changed(wait, left=at, outcome=outcome, missed=wait.missed or missed)
                self.waits[call] = (*waits[:index], wait, *waits[index + 1 :])
                self.facts.append(
                    QueueLeft(
                        call=call,
                        node=self.node,
                        at=at,
                        missed=self.missed,
                        queue=wait.queue,
                        outcome=outcome,
                        waited_s=max(0.0, at - wait.joined),
                    )
                )
                return

    def _leave_unseen(self, call: CallId, wait: Wait, at: float) -> None:
        """He has left this queue, and the switch did not tell: somebody answered, or he waited to the end."""
        met = [talk.started for talk in self.talks.get(call, ()) if talk.started >= wait.joined]
        outcome = "answered" if met else "abandoned"
        self._leave(call, wait.queue, outcome, min(met, default=at), missed=True)

    def correct_wait(self, call: CallId, outcome: str) -> None:
        """The switch says (later) how the last stay in a queue really ended."""
        waits = self.waits.get(call, ())
        if waits and waits[-1].left is not None:
            self.waits[call] = (*waits[:-1], changed(waits[-1], outcome=outcome))

    # ------------------------------------------------------------ the end

    def end(self, call_id: CallId, at: float) -> None:
        """The subject has gone: close the account and tell it."""
        for talk in self.open_talks(call_id):
            self.end_talk(call_id, talk.name, at)
        for wait in self.waits.get(call_id, ()):
            if wait.left is None:
                self._leave_unseen(call_id, wait, at)
        if call_id in self.consulted:
            self.part(call_id, at)
        if call_id in self.visits:
            self.leave_flow(call_id, "caller_left", at)
        call = self.calls[call_id]
        call = changed(call, ended=at, missed=call.missed or self.missed)
        self.calls[call_id] = call
        if self.by_subject.get(call.subject) == call_id:
            del self.by_subject[call.subject]
        self.facts.append(
            CallEnded(
                call=call_id, node=self.node, at=at, missed=self.missed, record=self.record(call_id, at)
            )
        )

    def record(self, call_id: CallId, at: float) -> CallRecord:
        """The account as it stands at ``at``."""
        call = self.calls[call_id]
        waits = self.waits.get(call_id, ())
        talks = self.talks.get(call_id, ())
        ended = call.ended is not None
        rings = self.rings.get(call_id, ()) + tuple(self.still_ringing(call_id, call.ended))
        consults = self.consults.get(call_id, ()) + tuple(self.still_asking(call_id))
        visits = self.visits.get(call_id, ())
        return CallRecord(
            id=call_id,
            node=self.node,
            caller=call.caller,
            caller_name=call.caller_name,
            dialled=call.dialled,
            queue=waits[0].queue if waits else call.queue,
            arrived=call.arrived,
            answered=call.answered,
            ended=call.ended,
            wait_s=self.waited(call_id, at),
            outcome=_outcome(call, waits, talks) if ended else None,
            legs=tuple(leg_of(talk, at) for talk in talks),
            waits=waits,
            transfers=self.transfers.get(call_id, ()),
            missed=call.missed or _missed((*waits, *visits, *rings, *consults)) or _unsure(talks),
            rings=rings,
            consults=consults,
            visits=visits,
        )


def _missed(parts: Iterable[Wait | Ring | Consult | Visit]) -> bool:
    return any(part.missed for part in parts)


def _unsure(talks: Iterable[Talk]) -> bool:
    return any(talk.unsure or any(span.missed for span in (*talk.stints, *talk.holds)) for talk in talks)


def _outcome(call: Call, waits: tuple[Wait, ...], talks: tuple[Talk, ...]) -> Outcome:
    if talks and call.queue is not None and not waits:
        return Outcome.ANSWERED
    return outcome_of(call.dial, call.refused, waits, talks)
