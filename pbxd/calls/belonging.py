"""Whose channel is it? Channels find the journey that they serve, or begin one."""

from __future__ import annotations

from collections.abc import Iterable

from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.calls.call import Ours
from pbxd.calls.consultations import Consultations
from pbxd.calls.consults import Consults
from pbxd.calls.journeys import Journeys
from pbxd.calls.names import Kind, born_at, transfer_of
from pbxd.calls.wiring import Channel, Wiring
from pbxd.ids import CallId, Interface, TransferId, Uniqueid
from pbxd.journal import Journal, Table


class Belonging:
    """Finds journeys for channels, and keeps what is known of a channel only until it ends."""

    def __init__(self, journal: Journal, wiring: Wiring, journeys: Journeys, consults: Consults) -> None:
        self.wiring = wiring
        self.journeys = journeys
        self.consults = consults
        self.hung_up: Table[Uniqueid, bool] = Table(journal)  #: the far end has hung up
        self.phones: Table[Interface, bool] = Table(journal)  #: devices that have been rung as phones
        self.outward: Table[Uniqueid, bool] = Table(journal)  #: dialled to a number beyond: a trunk
        self.asked: Table[Uniqueid, str] = Table(journal)  #: the queue that a caller asked to join
        self._consultations = Consultations(journeys)
        self._orphans: Table[str, tuple[Uniqueid, ...]] = Table(journal)  #: by a Linkedid nobody knows
        self._unclaimed: Table[TransferId, tuple[tuple[Uniqueid, float, bool], ...]] = Table(journal)
        self._strays: Table[None, int] = Table(journal)

    @property
    def strays(self) -> int:
        """Events about channels that nobody had told of before."""
        return self._strays.get(None, 0)

    def stray(self, uniqueid: Uniqueid) -> None:
        """An event is about this channel, which is not known; it counts unless it has ended just now."""
        if not self.wiring.has_gone(uniqueid):
            self._strays[None] = self.strays + 1

    def known(self, snapshot: ChannelSnapshot, at: float) -> Channel | None:
        """The channel an event is about; taken over from the event when nobody had told of it.

        None when it has ended already: what is told of it afterwards is no news.
        """
        channel = self.wiring.channels.get(snapshot.uniqueid)
        if channel is not None:
            return channel
        if self.wiring.has_gone(snapshot.uniqueid) or not snapshot.name:
            return None
        self.stray(snapshot.uniqueid)
        channel = self.wiring.add(snapshot, _before(snapshot, at), unseen=True)
        self.attach(channel, snapshot.linkedid)
        if (
            channel.kind is Kind.DEVICE
            and snapshot.linkedid == snapshot.uniqueid
            and self.journeys.of(channel.uniqueid) is None
            and snapshot.exten
        ):
            self.open(channel, snapshot.linkedid, at, snapshot.exten, missed=True)
        return channel

    def attach(self, channel: Channel, linkedid: str) -> CallId | None:
        """Find the journey of a channel by its Linkedid or by its other half; None when there is none yet."""
        uniqueid = channel.uniqueid
        call = self.journeys.of(uniqueid)
        if call is not None:
            return call
        if (transfer := transfer_of(uniqueid)) is not None:
            return self._attach_ours(channel, transfer)
        call = self.journeys.of_root(linkedid)
        if call is None and (half := self.wiring.partner(channel)) is not None:
            call = self.journeys.of(half)
        if call is not None:
            self.journeys.assign(uniqueid, call)
        elif linkedid != uniqueid:
            waiting = self._orphans.get(linkedid, ())
            if uniqueid not in waiting:
                self._orphans[linkedid] = (*waiting, uniqueid)
        return call

    def claim(self, transfer: TransferId, caller: Channel) -> None:
        """This caller is on hold during a transfer by pbxd: of one that nobody has told of (a capture is
        played) the channels that were there before him find him now."""
        call = self.journeys.of(caller.uniqueid)
        if transfer in self.journeys.ours or call is None:
            return
        talks = self.journeys.open_talks(call)
        # Whoever heard him last hands him over; not the target, also when he had once been one himself.
        transferer = max(talks, key=lambda talk: talk.stint).name if talks else ""
        self.journeys.ours[transfer] = Ours(call=call, caller=caller.name, transferer=transferer, seen=True)
        for uniqueid, rings_since, rang in self._unclaimed.pop(transfer, ()):
            channel = self.wiring.channels.get(uniqueid)
            if channel is not None and self._attach_ours(channel, transfer) is not None:
                self.journeys.found_ringing(
                    uniqueid, call, channel.interface, rings_since, missed=False, rang=rang
                )

    def unclaimed(self, uniqueid: Uniqueid, at: float) -> None:
        """A phone is rung for a transfer of which nobody has told."""
        transfer = transfer_of(uniqueid)
        if transfer is not None and transfer not in self.journeys.ours:
            self._unclaimed[transfer] = (*self._unclaimed.get(transfer, ()), (uniqueid, at, False))

    def unclaimed_rings(self, uniqueid: Uniqueid) -> None:
        """… and its far end says so."""
        transfer = transfer_of(uniqueid) if self._unclaimed else None
        if transfer is not None and transfer in self._unclaimed:
            self._unclaimed[transfer] = tuple(
                (phone, since, rang or phone == uniqueid) for phone, since, rang in self._unclaimed[transfer]
            )

    def _attach_ours(self, channel: Channel, transfer: TransferId) -> CallId | None:
        """A channel of a transfer that pbxd makes serves the journey of the caller who is handed over."""
        ours = self.journeys.ours.get(transfer)
        if ours is None:
            return None
        call = self.journeys.final(ours.call)
        if call not in self.journeys.calls:  # after a restart it may have another name
            caller = self.wiring.by_name.get(ours.caller)
            found = None if caller is None else self.journeys.of(caller)
            if found is None:
                return None
            call = found
        self.journeys.assign(channel.uniqueid, call)
        self.journeys.add_root(call, channel.uniqueid)
        self.consults.mark_side(channel.uniqueid)
        return call

    def open(self, channel: Channel, root: str, at: float, dialled: str, *, missed: bool = False) -> CallId:
        """A journey begins with this channel; channels that were waiting for its root join it."""
        call = self.journeys.begin(channel, root, at, dialled, missed=missed)
        for uniqueid in self._orphans.pop(root, ()):
            if uniqueid in self.wiring.channels and self.journeys.of(uniqueid) is None:
                self.journeys.assign(uniqueid, call)
        return call

    def arrive(self, channel: Channel, at: float) -> None:
        """Somebody dials in: a new journey, unless his phone holds a caller and this is the consultation."""
        for uniqueid in reversed(self.wiring.holders.get(channel.interface, ())):
            call = self.journeys.of(uniqueid)
            line = self.wiring.channels[uniqueid]
            if call is None or self.journeys.calls[call].ended is not None:
                continue
            if not self._same_person(line, channel) or not self.takes_part(call, line.name):
                continue
            self.journeys.assign(channel.uniqueid, call)
            self.journeys.add_root(call, channel.uniqueid)
            self.consults.mark_side(channel.uniqueid)
            self.consults.begin(call, line, channel.name, channel.exten, at, asked=False)
            return
        self.open(channel, channel.uniqueid, at, channel.exten)

    def _same_person(self, line: Channel, other: Channel) -> bool:
        """Two lines of one phone, and not two strangers on one trunk."""
        if line.uniqueid in self.journeys.dialler:
            return line.uniqueid not in self.outward or (bool(line.caller) and line.caller == other.caller)
        # He called himself. A phone bears its number, or has been rung as a phone.
        if line.interface not in self.phones and line.interface.rpartition("/")[2] != line.caller:
            return False
        return bool(line.caller) and line.caller == other.caller

    def takes_part(self, call: CallId, name: str) -> bool:
        if self.journeys.calls[call].subject == name:
            return True
        return any(talk.name == name for talk in self.journeys.open_talks(call))

    def drop(self, uniqueid: Uniqueid, at: float) -> None:
        self.journeys.waiting.pop(uniqueid, None)
        self.journeys.called.pop(uniqueid, None)
        self.journeys.dialler.pop(uniqueid, None)
        self.journeys.early.pop(uniqueid, None)
        self.consults.unmark(uniqueid)
        self.hung_up.pop(uniqueid, None)
        self.outward.pop(uniqueid, None)
        self.asked.pop(uniqueid, None)
        self._orphans.pop(uniqueid, None)
        if self._unclaimed and (transfer := transfer_of(uniqueid)) is not None:
            self._unclaimed.pop(transfer, None)
        call = self.journeys.of(uniqueid)
        self.journeys.release(uniqueid, at)
        if call is not None and call not in self.journeys.calls:
            self.consults.forget(call)

    def heir(self, call: CallId) -> str | None:
        """The party that a leaving caller has handed on: he talked with the caller and is still there."""
        attempt = self.consults.attempts.get(call)
        own = () if attempt is None else (attempt.transferer, attempt.consult, attempt.target)
        for talk in self.journeys.open_talks(call):
            if talk.name not in own and self.wiring.named(talk.name) is not None:
                return talk.name
        return None

    def handed_over(self, call: CallId) -> str | None:
        """The party whom the subject is handing over by an order to pbxd, while that party is there."""
        subject = self.journeys.calls[call].subject
        for ours in self.journeys.ours.values():
            if ours.caller and ours.caller != subject and self.journeys.final(ours.call) == call:
                return ours.caller if self.wiring.named(ours.caller) is not None else None
        return None

    def fold(self, call: CallId, into: CallId, at: float) -> None:
        """``call`` was no call of its own, but served ``into``."""
        self.consults.forget(call)
        self.journeys.fold(call, into, at)

    # ------------------------------------------------------------ who is concerned

    def concerned(self, uniqueid: Uniqueid) -> set[CallId]:
        """The journeys whose people are on the same chain of bridges as this channel."""
        found: set[CallId] = set()
        channels, subjects, lines = self.wiring.channels, self.journeys.by_subject, self.consults.by_line
        aside = self.journeys.aside
        name = channels[uniqueid].name
        if name in subjects:
            found.add(subjects[name])
        if uniqueid in self.wiring.bridge_of or channels[uniqueid].kind is Kind.LOCAL:
            for other in self.wiring.chain(uniqueid):
                name = channels[other].name
                if name in subjects:
                    found.add(subjects[name])
                if name in lines:
                    found.add(lines[name])
                if other in aside and (asked := self.journeys.of(other)) is not None:
                    found.add(asked)
        return found

    def relisten(self, calls: Iterable[CallId], at: float) -> None:
        """Ask these journeys who hears their subject now, and what that means for their transfers."""
        for call in sorted(calls):
            if call in self.journeys.calls:
                self.journeys.listen(call, at)
                if call in self.consults.attempts:
                    self.consults.review(call, at)
                if call in self.journeys.sides or call in self.journeys.consulted:
                    self._consultations.look(call, self.consults.attempts.get(call), at)


def _before(snapshot: ChannelSnapshot, at: float) -> float:
    """When a channel was made that has been there for a while."""
    born = born_at(snapshot.uniqueid)
    return born if 0 < born < at else at
