"""The callers' journeys: which channel belongs to whose, who talked how long, and the account at the end.

A journey has a *subject*: the person whose journey it is, known by the name of his channel. That is the
caller, until he himself hands the other party to somebody else and leaves; then it is that party.
"""

from __future__ import annotations

from pbxd.calls.call import Call, Called, Ours, Waiting
from pbxd.calls.changed import changed
from pbxd.calls.facts import (
    CallArrived,
    CallEnded,
    CallFolded,
    CallQueued,
    Fact,
    LegEnded,
    LegStarted,
    QueueLeft,
)
from pbxd.calls.outcome import outcome_of
from pbxd.calls.record import CallRecord, Outcome, Transfer, Wait
from pbxd.calls.talk import Talk, delayed, ended, leg_of, paused, resumed, voided
from pbxd.calls.wiring import Channel, Wiring
from pbxd.ids import CallId, NodeId, TransferId, Uniqueid, call_id
from pbxd.journal import Journal, Table

_REARRANGING_S = 0.8
"""How long Asterisk may take to rearrange things when a transfer is complete, beep included."""

_SAME_S = 0.1
"""Events so close to each other belong to one rearrangement."""


class Journeys:
    """All journeys of one switch. What happens to them is told into ``facts``."""

    def __init__(self, node: NodeId, journal: Journal, wiring: Wiring) -> None:
        self.node = node
        self.wiring = wiring
        self.facts: list[Fact] = []
        self.missed = False  #: what is told now was found out by an inventory
        self.calls: Table[CallId, Call] = Table(journal)
        self.talks: Table[CallId, tuple[Talk, ...]] = Table(journal)
        self.waits: Table[CallId, tuple[Wait, ...]] = Table(journal)
        self.transfers: Table[CallId, tuple[Transfer, ...]] = Table(journal)
        self.waiting: Table[Uniqueid, Waiting] = Table(journal)
        self.called: Table[Uniqueid, Called] = Table(journal)
        self.dialler: Table[Uniqueid, Uniqueid] = Table(journal)
        self.aside: Table[Uniqueid, bool] = Table(journal)  #: channels on the target's side of a transfer
        self.consulting: Table[CallId, bool] = Table(journal)  #: the subject himself consults somebody
        self.ours: Table[TransferId, Ours] = Table(journal)  #: transfers that pbxd is making
        self.by_subject: Table[str, CallId] = Table(journal)
        self._call_of: Table[Uniqueid, CallId] = Table(journal)
        self._by_root: Table[str, CallId] = Table(journal)
        self._into: Table[CallId, CallId] = Table(journal)
        self._size: Table[CallId, int] = Table(journal)

    # ------------------------------------------------------------ whose channel is it

    def of(self, uniqueid: Uniqueid) -> CallId | None:
        """The journey that this channel serves."""
        call = self._call_of.get(uniqueid)
        return None if call is None else self.final(call)

    def of_root(self, linkedid: str) -> CallId | None:
        """The journey whose channels bear this Linkedid."""
        call = self._by_root.get(linkedid)
        return None if call is None else self.final(call)

    def final(self, call: CallId) -> CallId:
        """The journey into which this one was folded, or itself."""
        while call in self._into:
            call = self._into[call]
        return call

    def assign(self, uniqueid: Uniqueid, call: CallId) -> None:
        """This channel serves this journey from now on; one that serves a journey already stays with it."""
        if uniqueid in self._call_of:
            return
        self._call_of[uniqueid] = call
        self._size[call] = self._size.get(call, 0) + 1

    def release(self, uniqueid: Uniqueid, at: float) -> None:
        """This channel serves no journey any more; a journey without channels is forgotten."""
        call = self.of(uniqueid)
        if call is None:
            return
        del self._call_of[uniqueid]
        left = self._size[call] - 1
        self._size[call] = left
        if not left:
            if self.calls[call].ended is None:
                self.end(call, at)
            self._forget(call)

    def _forget(self, call_id: CallId) -> None:
        call = self.calls.pop(call_id)
        for root in call.roots:
            self._by_root.pop(root, None)
        for folded in call.folded:
            self._into.pop(folded, None)
        if self.by_subject.get(call.subject) == call_id:
            del self.by_subject[call.subject]
        for table in (self.talks, self.waits, self.transfers, self._size, self.consulting):
            table.pop(call_id, None)

    def add_root(self, call: CallId, linkedid: str) -> None:
        """Channels with this Linkedid serve this journey, too."""
        record = self.calls[call]
        if linkedid not in record.roots:
            self.calls[call] = changed(record, roots=(*record.roots, linkedid))
        self._by_root[linkedid] = call

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
        self._into[call] = into
        self._size[into] = self._size[into] + self._size.pop(call)
        if self.by_subject.get(lost.subject) == call:
            del self.by_subject[lost.subject]
        for table in (self.talks, self.waits, self.transfers):
            table.pop(call, None)
        self.facts.append(CallFolded(call=call, node=self.node, at=at, into=into))

    def pass_on(self, call_id: CallId, subject: str, at: float) -> None:
        """The caller hands the other party on and leaves: the journey is the other party's now."""
        call = self.calls[call_id]
        self.end_talk(call_id, subject, at)
        if self.by_subject.get(call.subject) == call_id:
            del self.by_subject[call.subject]
        self.by_subject[subject] = call_id
        self.calls[call_id] = changed(call, subject=subject, leaving=False)
        self.consulting.pop(call_id, None)

    # ------------------------------------------------------------ talking

    def listen(self, call_id: CallId, at: float) -> None:
        """Compare who hears the subject with who did before."""
        call = self.calls[call_id]
        uniqueid = self.wiring.by_name.get(call.subject)
        if uniqueid is None or call.ended is not None:
            return
        channels = self.wiring.channels
        heard = {channels[other].name: other for other in self.wiring.heard_by(uniqueid)}
        if call_id in self.consulting and all(other in self.aside for other in heard.values()):
            heard.clear()  # he speaks to them about the other party, and not yet for himself
        talks = self.talks.get(call_id, ())
        if not heard and not talks:
            return
        after: list[Talk] = []
        news = False
        for talk in talks:
            if talk.ended is None:
                if talk.name in heard:
                    del heard[talk.name]
                    if talk.since is None:
                        talk, news = resumed(talk, at), True
                elif talk.since is not None:
                    talk, news = paused(talk, at), True
            after.append(talk)
        for name, party in heard.items():
            after.append(self._meet(call_id, name, party, at))
        if news or heard:
            self.talks[call_id] = tuple(after)

    def _meet(self, call_id: CallId, name: str, uniqueid: Uniqueid, at: float) -> Talk:
        call = self.calls[call_id]
        if call.answered is None:
            self.calls[call_id] = changed(call, answered=at)
        called = self.called_for(uniqueid)
        interface = self.wiring.channels[uniqueid].interface
        member = called.interface if called else None
        queue = called.queue if called else None
        waited = self.waited(call_id, at)
        self.facts.append(
            LegStarted(
                call=call_id,
                node=self.node,
                at=at,
                missed=self.missed,
                interface=interface,
                queue=queue,
                waited_s=waited,
                member=member,
            )
        )
        return Talk(
            name=name,
            interface=interface,
            member=member,
            queue=queue,
            started=at,
            stint=at,
            since=at,
            silent_since=None,
        )

    def start_afresh(self, call_id: CallId, at: float) -> None:
        """What seemed to be the first moments of a conversation was not one."""
        self.talks[call_id] = tuple(
            changed(talk, started=at, stint=at, since=at, talk_s=0.0, hold_s=0.0)
            if talk.since is not None and abs(at - talk.started) < _REARRANGING_S
            else talk
            for talk in self.talks.get(call_id, ())
        )

    def delay_stint(self, call_id: CallId, name: str, at: float, by_s: float) -> None:
        """What this party and the subject began to hear at ``at`` was, for so long, an announcement."""
        self.talks[call_id] = tuple(
            delayed(talk, talk.since + by_s)
            if talk.name == name and talk.since is not None and abs(talk.since - at) < _SAME_S
            else talk
            for talk in self.talks.get(call_id, ())
        )

    def void_stint(self, call_id: CallId, name: str, at: float) -> None:
        """This party only seemed to be back with the subject: Asterisk took the hold off to transfer."""
        self.talks[call_id] = tuple(
            voided(talk, at)
            if talk.name == name and talk.started < talk.stint and at - talk.stint < _REARRANGING_S
            else talk
            for talk in self.talks.get(call_id, ())
        )

    def called_for(self, uniqueid: Uniqueid) -> Called | None:
        """The queue member on whose behalf this phone rings, also through Local channels."""
        for _ in range(8):
            called = self.called.get(uniqueid)
            if called is not None:
                return called
            dialler = self.dialler.get(uniqueid)
            channel = None if dialler is None else self.wiring.channels.get(dialler)
            half = None if channel is None else self.wiring.partner(channel)
            if half is None:
                return None
            uniqueid = half
        return None

    def open_talks(self, call: CallId) -> list[Talk]:
        """The parties that have talked with the subject and are not out of the journey."""
        return [talk for talk in self.talks.get(call, ()) if talk.ended is None]

    def end_talk(self, call_id: CallId, name: str, at: float) -> None:
        """This party is out of the journey."""
        talks = self.talks.get(call_id, ())
        for index, talk in enumerate(talks):
            if talk.name != name or talk.ended is not None:
                continue
            talk = ended(talk, at)
            self.talks[call_id] = (*talks[:index], talk, *talks[index + 1 :])
            self.facts.append(
                LegEnded(
                    call=call_id,
                    node=self.node,
                    at=at,
                    missed=self.missed,
                    interface=talk.interface,
                    queue=talk.queue,
                    talk_s=talk.talk_s,
                    hold_s=talk.hold_s,
                    member=talk.member,
                )
            )
            return

    def talked(self, call: CallId, at: float) -> float:
        """Seconds for which the subject has heard anybody so far, all parties together."""
        talks = self.talks.get(call, ())
        return sum(t.talk_s + (0.0 if t.since is None else max(0.0, at - t.since)) for t in talks)

    # ------------------------------------------------------------ waiting

    def join(self, uniqueid: Uniqueid, call_id: CallId, queue: str, at: float, position: int | None) -> None:
        """The subject waits in this queue from now on."""
        self.waiting[uniqueid] = Waiting(call=call_id, queue=queue, joined=at, own=True)
        waits = self.waits.get(call_id, ())
        self.waits[call_id] = (*waits, Wait(queue=queue, joined=at, left=None, outcome=None))
        fact = CallQueued(
            call=call_id, node=self.node, at=at, missed=self.missed, queue=queue, position=position
        )
        self.facts.append(fact)

    def leave(self, uniqueid: Uniqueid, outcome: str, at: float) -> None:
        """This channel waits no longer."""
        waiting = self.waiting.pop(uniqueid, None)
        if waiting is None or not waiting.own:
            return
        call = self.final(waiting.call)
        waits = self.waits.get(call, ())
        for index in range(len(waits) - 1, -1, -1):
            wait = waits[index]
            if wait.left is None and wait.queue == waiting.queue:
                wait = changed(wait, left=at, outcome=outcome)
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

    def correct_wait(self, call: CallId, outcome: str) -> None:
        """The switch says (later) how the last stay in a queue really ended."""
        waits = self.waits.get(call, ())
        if waits and waits[-1].left is not None:
            self.waits[call] = (*waits[:-1], changed(waits[-1], outcome=outcome))

    def waited(self, call: CallId, at: float) -> float:
        """Seconds in queues so far, all stays together."""
        waits = self.waits.get(call, ())
        return sum((max(0.0, (at if wait.left is None else wait.left) - wait.joined) for wait in waits), 0.0)

    # ------------------------------------------------------------ the end

    def end(self, call_id: CallId, at: float) -> None:
        """The subject has gone: close the account and tell it."""
        for talk in self.open_talks(call_id):
            self.end_talk(call_id, talk.name, at)
        call = changed(self.calls[call_id], ended=at)
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
            missed=call.missed,
        )


def _outcome(call: Call, waits: tuple[Wait, ...], talks: tuple[Talk, ...]) -> Outcome:
    if talks and call.queue is not None and not waits:
        return Outcome.ANSWERED
    return outcome_of(call.dial, call.refused, waits, talks)
