"""Whose channel is it: the tables of all journeys of one switch, and which channel serves which."""

from __future__ import annotations

from collections.abc import Container, Iterator

from pbxd.calls.call import Call, Called, Met, Ours, Ringing, Waiting
from pbxd.calls.changed import changed
from pbxd.calls.facts import Fact
from pbxd.calls.record import Consult, Ring, Transfer, Visit, Wait
from pbxd.calls.talk import Talk
from pbxd.calls.wiring import Wiring
from pbxd.ids import CallId, NodeId, TransferId, Uniqueid
from pbxd.journal import Journal, Table


class Books:
    """All that is known of the journeys of one switch. What happens to them is told into ``facts``."""

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
        self.early: Table[Uniqueid, Uniqueid] = Table(journal)
        """Of a Local channel that nobody is known to ring yet: the phone that rings behind it already."""
        self.aside: Table[Uniqueid, bool] = Table(journal)  #: channels on the target's side of a transfer
        self.sides: Table[CallId, tuple[Uniqueid, ...]] = Table(journal)  #: the same, by journey
        self.consulting: Table[CallId, bool] = Table(journal)  #: the subject himself consults somebody
        self.rings: Table[CallId, tuple[Ring, ...]] = Table(journal)  #: that are over
        self.ringing: Table[Uniqueid, Ringing] = Table(journal)
        self.consults: Table[CallId, tuple[Consult, ...]] = Table(journal)  #: that are over
        self.consulted: Table[CallId, tuple[Met, ...]] = Table(journal)  #: who is asked now
        self.visits: Table[CallId, tuple[Visit, ...]] = Table(journal)
        self.ours: Table[TransferId, Ours] = Table(journal)  #: transfers that pbxd is making
        self.by_subject: Table[str, CallId] = Table(journal)
        self._call_of: Table[Uniqueid, CallId] = Table(journal)
        self._by_root: Table[str, CallId] = Table(journal)
        self.into: Table[CallId, CallId] = Table(journal)  #: consultations that are part of another journey
        self.channels_of: Table[CallId, tuple[Uniqueid, ...]] = Table(journal)  #: that serve a journey

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
        while call in self.into:
            call = self.into[call]
        return call

    def assign(self, uniqueid: Uniqueid, call: CallId) -> None:
        """This channel serves this journey from now on; one that serves a journey already stays with it."""
        if uniqueid in self._call_of:
            return
        self._call_of[uniqueid] = call
        self.channels_of[call] = (*self.channels_of.get(call, ()), uniqueid)

    def know(self, call: Call) -> None:
        """This journey is known again, without channels yet."""
        self.calls[call.id] = call
        for root in call.roots:
            self._by_root[root] = call.id
        for folded in call.folded:
            self.into[folded] = call.id
        if call.ended is None:
            self.by_subject[call.subject] = call.id

    def add_root(self, call: CallId, linkedid: str) -> None:
        """Channels with this Linkedid serve this journey, too."""
        record = self.calls[call]
        if linkedid not in record.roots:
            self.calls[call] = changed(record, roots=(*record.roots, linkedid))
        self._by_root[linkedid] = call

    def waited(self, call: CallId, at: float) -> float:
        """Seconds in queues so far, all stays together."""
        waits = self.waits.get(call, ())
        return sum((max(0.0, (at if wait.left is None else wait.left) - wait.joined) for wait in waits), 0.0)

    def called_for(self, uniqueid: Uniqueid) -> Called | None:
        """The queue member on whose behalf this phone rings, also through Local channels."""
        member = self._up(uniqueid, self.called)
        return None if member is None else self.called[member]

    def rung_for(self, uniqueid: Uniqueid) -> Uniqueid | None:
        """The channel that rings when this phone does: itself, or a Local channel before it."""
        return self._up(uniqueid, self.ringing)

    def unrung(self, phone: Uniqueid) -> Uniqueid | None:
        """The Local channel by which this phone rings, if nobody is known yet to ring that."""
        *_, first = self._upwards(phone)
        return None if first == phone or first in self.dialler else first

    def _up(self, uniqueid: Uniqueid, known: Container[Uniqueid]) -> Uniqueid | None:
        return next((each for each in self._upwards(uniqueid) if each in known), None)

    def _upwards(self, uniqueid: Uniqueid) -> Iterator[Uniqueid]:
        """This channel, and each Local channel by which it is dialled; they could go in a circle."""
        yield uniqueid
        for _ in range(7):
            dialler = self.dialler.get(uniqueid)
            channel = None if dialler is None else self.wiring.channels.get(dialler)
            half = None if channel is None else self.wiring.partner(channel)
            if half is None:
                return
            uniqueid = half
            yield uniqueid
