"""Nobody stays alone with a line that has ended.

Bridge() takes a channel out of its dialplan by force. One that has hung up, and that has just left the bridge
in which it waited, is brought back to life by that: Asterisk gives its body to a new channel, which knows
nothing of the hang-up that was asked for, and to which no other will come. Whoever was joined with it would
hear silence until he gives up. The dialplan asks just before (``ready``), but no question is late enough. So
it is looked at afterwards: whoever enters a bridge although he has hung up (``wiring.revived``) is nobody for
the transfer, and if he still is there a moment later, whoever is with him is brought to somebody else and his
channel is hung up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pbxd.ami.actions import Hangup
from pbxd.ami.event_types import BridgeEnter
from pbxd.effects import Ask, Count, Effect, Wake
from pbxd.ids import AskId, NodeId, TransferId, Uniqueid
from pbxd.journal import Journal, Table
from pbxd.transfers.progress import Progress
from pbxd.transfers.record import OpenTransfer

REVIVED = "pbxd_transfer_revived_total"

_LEAVING_S = 1.0
"""A channel that is just hanging up passes through a bridge in some milliseconds."""

_NEVER = "9999999999999"
"""Milliseconds, as the dialplan writes down when a talk began."""

Mend = Callable[[OpenTransfer, float], list[Effect]]
"""Looks at a transfer as it stands and does what is missing."""


class Silence:
    """Watches those who were revived. A time begins to run with the Tick after it was set."""

    def __init__(
        self, journal: Journal, progress: Progress, is_up: Callable[[NodeId], bool], mend: Mend
    ) -> None:
        self._progress = progress
        self._is_up = is_up
        self._mend = mend
        self._due: Table[tuple[NodeId, Uniqueid], float | None] = Table(journal)

    def entered(self, event: BridgeEnter) -> list[Effect]:
        """To be called after the model has taken the event."""
        return self._watch(event.node, event.channel.uniqueid)

    def linked(self, node: NodeId) -> list[Effect]:
        """To be called after the model has taken the inventory: it may have happened while nobody looked."""
        revived = list(self._progress.calls[node].wiring.revived)
        return [effect for uniqueid in revived for effect in self._watch(node, uniqueid)]

    def tick(self, at: float) -> list[Effect]:
        effects: list[Effect] = []
        for (node, uniqueid), due in list(self._due.items()):
            if uniqueid not in self._progress.calls[node].wiring.revived:
                del self._due[node, uniqueid]
            elif due is None or (due <= at and not self._is_up(node)):
                self._due[node, uniqueid] = at + _LEAVING_S
                effects.append(Wake(in_s=_LEAVING_S))
            elif due <= at:
                del self._due[node, uniqueid]
                effects += self._end(node, uniqueid, at)
        return effects

    def _watch(self, node: NodeId, uniqueid: Uniqueid) -> list[Effect]:
        if uniqueid not in self._progress.calls[node].wiring.revived or (node, uniqueid) in self._due:
            return []
        self._due[node, uniqueid] = None
        return [Wake(in_s=0.0)]

    def _end(self, node: NodeId, uniqueid: Uniqueid, at: float) -> list[Effect]:
        """Those who are with him first: without him their dialplan takes the talk for ended."""
        wiring = self._progress.calls[node].wiring
        effects: list[Effect] = []
        others = [other for other in wiring.chain(uniqueid) if other != uniqueid]
        actions = [_none(wiring.channels[other].name) for other in others]
        actions.append(Hangup(channel=wiring.channels[uniqueid].name).headers())
        for id_ in self._transfers(node, uniqueid):
            record = self._progress.records[id_]
            if not record.over:
                effects += self._mend(record, at)
        for number, action in enumerate(actions):
            ask = AskId(f"revived/{uniqueid}/{number}")
            effects.append(Ask(ask=ask, node=node, action=action, group=f"revived/{uniqueid}"))
        return [*effects, Count(metric=REVIVED, labels={"node": node})]

    def _transfers(self, node: NodeId, uniqueid: Uniqueid) -> dict[TransferId, None]:
        """In which transfers he and those who are with him are."""
        wiring, lines = self._progress.calls[node].wiring, self._progress.lines
        found: dict[TransferId, None] = {}
        for one in (uniqueid, *wiring.chain(uniqueid)):
            for key in (wiring.channels[one].name, one):
                if (id_ := lines.get((node, key))) is not None:
                    found[id_] = None
        return found


def _none(channel: str) -> Mapping[str, str]:
    """Whatever this one has had with a dead line was no talk.

    The dialplan goes by the time (``over``): whose talk is over is released, who had none comes to somebody.
    """
    return {"Action": "Setvar", "Channel": channel, "Variable": "PBXD_MET", "Value": _NEVER}
