"""One switch as pbxd sees it: its calls, its queues, and whether we can hear it at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pbxd.agents.staff import Agent
from pbxd.ami.event_types import AmiEvent
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.facts import Fact
from pbxd.calls.model import CallModel
from pbxd.calls.record import CallRecord
from pbxd.ids import CallId, NodeId, Uniqueid, call_id
from pbxd.journal import Journal, Table
from pbxd.messages import DialplanSeen, LinkDown, LinkUp
from pbxd.queues.model import QueueModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Whether the AMI link to a switch is up, since when, and why not."""

    up: bool
    since: float
    reason: str = ""  #: as the link words it
    fatal: bool = False  #: the switch refuses our login


def node_of(call: CallId) -> NodeId:
    """The switch on which a journey began, which is where it still is."""
    return NodeId(call.partition(":")[0])


def served(nodes: Mapping[NodeId, Node], agent: Agent) -> list[tuple[NodeId, MemberSnapshot]]:
    """How this agent stands in each of his queues, on every switch."""
    return [
        (node, member)
        for wanted, device in agent.devices
        for node, switch in nodes.items()
        if wanted in (None, node)
        for member in switch.queues.memberships(device)
    ]


class Node:
    """The models of one switch, stepped together. ``changed`` collects the queues that look different."""

    def __init__(self, node: NodeId, journal: Journal) -> None:
        self.id = node
        self.calls = CallModel(node, journal)
        self.queues = QueueModel(journal)
        self._link: Table[str, Link] = Table(journal)
        self._lacks: Table[str, str] = Table(journal)

    @property
    def link(self) -> Link | None:
        """None before the first attempt has ended."""
        return self._link.get("ami")

    @property
    def transfers_lack(self) -> str:
        """What the switch lacks to carry out transfers, for people; empty: it is prepared for them."""
        return self._lacks.get("transfers", "")

    @property
    def voicemail_lack(self) -> str:
        """Why a caller cannot be sent to a mailbox, for people; empty: he can."""
        return self._lacks.get("voicemail", "")

    @property
    def calls_in_progress(self) -> int:
        return sum(call.ended is None for call in self.calls.journeys.calls.values())

    @property
    def oldest_in_progress(self) -> float | None:
        """When the call arrived that is in progress the longest, epoch seconds; None: there is none."""
        calls = self.calls.journeys.calls.values()
        return min((call.arrived for call in calls if call.ended is None), default=None)

    def call_of(self, uniqueid: Uniqueid) -> CallId:
        """The journey that a channel serves, or what it will be called once the switch tells of it."""
        return self.calls.call_of(uniqueid) or call_id(self.id, uniqueid)

    def record(self, call: CallId, at: float) -> CallRecord | None:
        """The account of a call as it stands at ``at`` (epoch seconds); None for one that is not known."""
        journeys = self.calls.journeys
        return journeys.record(call, at) if call in journeys.calls else None

    def on_event(self, event: AmiEvent) -> tuple[list[Fact], tuple[str, ...]]:
        """The facts, and the queues that look different now."""
        return self.calls.reduce(event), self.queues.reduce(event)

    def on_link_up(self, up: LinkUp) -> tuple[list[Fact], tuple[str, ...]]:
        """The switch as it really is: what was missed becomes facts."""
        if self.link is None or not self.link.up:
            self._link["ami"] = Link(up=True, since=up.at)
        return self.calls.resync(up.inventory, up.at), self.queues.resync(up.inventory)

    def on_dialplan(self, seen: DialplanSeen) -> None:
        self._lacks["transfers"] = seen.lacks
        self._lacks["voicemail"] = seen.no_voicemail

    def on_link_down(self, down: LinkDown) -> None:
        """Told again for each new reason; since when stays the moment at which the switch was lost."""
        since = down.at if self.link is None or self.link.up else self.link.since
        self._link["ami"] = Link(up=False, since=since, reason=down.reason, fatal=down.fatal)
