"""What an inventory tells that the events did not: the difference between the old picture and the switch.

Nothing is invented. What was missed is told with ``missed`` set and with the time at which it was found out;
how long somebody talked before he left unseen is therefore known only to within the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbxd.ami.event_types import AmiEvent, Hangup, QueueMember, QueueMemberRemoved, Rename
from pbxd.ami.inventory import ChannelEntry, Inventory, QueueEntry
from pbxd.ami.snapshots import ChannelSnapshot, ChannelState
from pbxd.calls.belonging import Belonging
from pbxd.calls.changed import changed
from pbxd.calls.names import Kind, transfer_of
from pbxd.calls.rings import Rings
from pbxd.calls.staffing import Staffing
from pbxd.ids import CallId, Uniqueid

_CALLED = ("AppDial", "AppDial2", "AppQueue")
"""What Asterisk says that a channel does which was called, rather than having called."""


class Resync:
    """One comparison of the model with the switch."""

    def __init__(
        self,
        belonging: Belonging,
        rings: Rings,
        staffing: Staffing,
        steps: dict[type, Callable[[Any], None]],
        inventory: Inventory,
        at: float,
    ) -> None:
        self._belonging = belonging
        self._wiring = belonging.wiring
        self._journeys = belonging.journeys
        self._rings = rings
        self._staffing = staffing
        self._steps = steps
        self._inventory = inventory
        self._at = at
        self._entries = {entry.channel.uniqueid: entry for entry in inventory.channels}
        self._technology = dict(inventory.bridges)

    def _step(self, event: AmiEvent) -> None:
        self._steps[type(event)](event)

    def run(self) -> None:
        self._rename()
        self._rebridge_known()
        self._add_unknown()
        self._wait()
        self._served()
        self._besides()
        self._staff()
        self._revived()
        self._listen()
        self._remove_gone()

    def _rename(self) -> None:
        channels = self._wiring.channels
        for uniqueid, entry in self._entries.items():
            known = channels.get(uniqueid)
            if known is not None and known.name != entry.channel.name:
                self._step(
                    Rename(
                        node=self._journeys.node,
                        at=self._at,
                        uniqueid=uniqueid,
                        old=known.name,
                        new=entry.channel.name,
                    )
                )

    def _rebridge_known(self) -> None:
        wiring = self._wiring
        for bridge in [b for b in wiring.members if b not in self._technology]:
            wiring.destroy(bridge)
        for uniqueid, entry in self._entries.items():
            if uniqueid not in wiring.channels or wiring.bridge_of.get(uniqueid) == entry.bridge:
                continue
            # Whatever he was told to hear belonged to the place where he was.
            wiring.music.pop(uniqueid, None)
            wiring.unhold(uniqueid)
            self._place(uniqueid, entry)

    def _place(self, uniqueid: Uniqueid, entry: ChannelEntry) -> None:
        if entry.bridge is None:
            self._wiring.leave(uniqueid)
        else:
            self._wiring.enter(uniqueid, entry.bridge, self._technology.get(entry.bridge, ""))

    def _revived(self) -> None:
        """Who had hung up before is in a bridge: nobody will hear him there."""
        for uniqueid in self._belonging.hung_up:
            if uniqueid in self._entries and uniqueid in self._wiring.bridge_of:
                self._wiring.revived[uniqueid] = True

    def _add_unknown(self) -> None:
        """Callers first, then those who were called for them."""
        new = [entry for uid, entry in self._entries.items() if uid not in self._wiring.channels]
        ours = [entry for entry in new if transfer_of(entry.channel.uniqueid) is not None]
        new = [entry for entry in new if entry not in ours]
        new.sort(key=lambda one: (not _calls(one), one.created, one.channel.uniqueid))
        for entry in (*new, *ours):
            self._wiring.add(entry.channel, entry.created, unseen=True)
            self._place(entry.channel.uniqueid, entry)
        for entry in new:
            channel = self._wiring.channels[entry.channel.uniqueid]
            call = self._belonging.attach(channel, entry.channel.linkedid)
            if call is None and _begins(entry):
                self._open(entry)
        for entry in new:
            self._join_company(entry.channel.uniqueid)
        # No root is left where callers were handed on. Whoever runs the dialplan is the caller then, and of
        # people who were all called, the first.
        for entry in sorted(new, key=lambda one: not _calls(one)):
            self._join_company(entry.channel.uniqueid)
            if self._journeys.of(entry.channel.uniqueid) is None and self._has_company(entry):
                self._open(entry)
        # Those that pbxd made itself begin nothing: they serve callers, who are known by now.
        for entry in ours:
            self._belonging.attach(self._wiring.channels[entry.channel.uniqueid], entry.channel.linkedid)
            self._join_company(entry.channel.uniqueid)

    def _has_company(self, entry: ChannelEntry) -> bool:
        return _calls(entry) or len(self._wiring.chain(entry.channel.uniqueid)) > 1

    def _open(self, entry: ChannelEntry) -> None:
        channel = self._wiring.channels[entry.channel.uniqueid]
        if channel.kind is Kind.DEVICE:
            self._belonging.open(channel, entry.channel.linkedid, self._at, entry.channel.exten, missed=True)

    def _join_company(self, uniqueid: Uniqueid) -> None:
        """Somebody whom nobody can be found to have called serves the journey of those he is with."""
        channel = self._wiring.channels[uniqueid]
        if channel.kind is not Kind.DEVICE or self._journeys.of(uniqueid) is not None:
            return
        for other in self._wiring.chain(uniqueid):
            call = self._journeys.of(other)
            if call is not None:
                self._journeys.assign(uniqueid, call)
                self._journeys.add_root(call, uniqueid)
                return

    def _wait(self) -> None:
        journeys = self._journeys
        there = {entry.uniqueid: entry for entry in self._inventory.waiting}
        for uniqueid, waiting in list(journeys.waiting.items()):
            now = there.get(uniqueid)
            if now is not None and now.queue == waiting.queue:
                continue
            outcome = "abandoned" if uniqueid not in self._entries else "left"
            if uniqueid in self._wiring.bridge_of:
                outcome = "answered"
            journeys.leave(uniqueid, outcome, self._at if now is None else self._since(waiting.call, now))
        for uniqueid, entry in there.items():
            if uniqueid in journeys.waiting:
                continue
            call = journeys.of(uniqueid)
            if call is not None:
                journeys.join(uniqueid, call, entry.queue, self._since(call, entry), entry.position)

    def _since(self, call: CallId, entry: QueueEntry) -> float:
        """When he joined this queue: told to the second, and not before he came, or was in another one."""
        journeys = self._journeys
        call = journeys.final(call)
        waits = journeys.waits.get(call, ())
        before = [waits[-1].left or waits[-1].joined] if waits else []
        return min(self._at, max(entry.since, journeys.calls[call].arrived, *before))

    def _served(self) -> None:
        """Who talks from within Queue() came through that queue, should nobody have seen it."""
        journeys = self._journeys
        for uniqueid, entry in self._entries.items():
            call = journeys.of(uniqueid) if entry.application == "Queue" else None
            if call is None or entry.bridge is None or not journeys.calls[call].missed:
                continue
            if journeys.calls[call].queue is None and not journeys.waits.get(call):
                queue = entry.data.partition(",")[0]
                journeys.calls[call] = changed(journeys.calls[call], queue=queue or None)

    def _besides(self) -> None:
        """Phones that ring, or no longer; callers who are in a call flow, or no longer."""
        journeys = self._journeys
        for uniqueid, entry in self._entries.items():
            channel, call = self._wiring.channels[uniqueid], journeys.of(uniqueid)
            if call is None or channel.kind is not Kind.DEVICE:
                continue
            if entry.channel.state == ChannelState.RINGING and journeys.rung_for(uniqueid) is None:
                journeys.found_ringing(uniqueid, call, channel.interface, entry.created, missed=True)
            elif entry.channel.state == ChannelState.UP and uniqueid in journeys.ringing:
                self._rings.stop(uniqueid, "ANSWER", self._at)
            if journeys.calls[call].subject == channel.name:
                self._flow(call, entry)

    def _flow(self, call: CallId, entry: ChannelEntry) -> None:
        journeys = self._journeys
        visits = journeys.visits.get(call, ())
        there = bool(visits) and visits[-1].left is None
        if there and entry.application != "AGI":
            journeys.leave_flow(call, "moved", self._at)
        elif not visits and entry.application == "AGI":
            journeys.enter_flow(call, "", entry.created)

    def _staff(self) -> None:
        for member in self._inventory.members:
            self._step(QueueMember(node=self._journeys.node, at=self._at, member=member))
        there = {(member.queue, member.interface) for member in self._inventory.members}
        for queue, interface in self._staffing.members():
            if (queue, interface) not in there:
                self._step(
                    QueueMemberRemoved(
                        node=self._journeys.node, at=self._at, queue=queue, interface=interface
                    )
                )

    def _listen(self) -> None:
        self._belonging.relisten(list(self._journeys.calls), self._at)

    def _remove_gone(self) -> None:
        channels = self._wiring.channels
        for uniqueid in [uid for uid in channels if uid not in self._entries]:
            channel = channels[uniqueid]
            snapshot = ChannelSnapshot(
                uniqueid=uniqueid,
                name=channel.name,
                linkedid=uniqueid,
                state=ChannelState.DOWN,
                caller=channel.caller,
                caller_name=channel.caller_name,
                exten=channel.exten,
            )
            self._step(Hangup(node=self._journeys.node, at=self._at, channel=snapshot, cause=0))


def _calls(entry: ChannelEntry) -> bool:
    """Did this channel call, rather than being called?"""
    return entry.application not in _CALLED


def _begins(entry: ChannelEntry) -> bool:
    """Is this the caller with whom everything under its Linkedid began?"""
    return _calls(entry) and entry.channel.linkedid == entry.channel.uniqueid
