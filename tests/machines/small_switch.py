"""A small switch for tests: people, phones, bridges, Local pairs, one queue.

It tells events like the real one, and keeps a book of its own of who hears whom, in terms of people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pbxd.ami import event_types as ami
from pbxd.ami.event_types import AmiEvent
from pbxd.ami.inventory import ChannelEntry, Inventory, QueueEntry
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.ids import Interface, NodeId, Uniqueid

NODE = NodeId("lab")
QUEUE = "support"


@dataclass
class Line:
    """One channel as the switch keeps it."""

    snapshot: ChannelSnapshot
    bridge: str | None = None
    application: str = ""
    music: bool = False


@dataclass
class Conversation:
    """One caller's journey as people would tell it."""

    caller: str  #: his channel's name
    queued_at: float | None = None
    waited: float = 0.0
    talked: dict[str, float] = field(default_factory=dict)  #: by interface
    hears: set[str] = field(default_factory=set)  #: interfaces that he hears now


class SmallSwitch:
    """Everything that happens is told to ``tell``, one event at a time."""

    def __init__(self, tell: Callable[[AmiEvent], None]) -> None:
        self._tell = tell
        self.now = 1_700_000_000.0
        self.lines: dict[str, Line] = {}  #: by channel name
        self.bridges: dict[str, str] = {}
        self.rooms: dict[str, str] = {}  #: names of bridges
        self.book: dict[str, Conversation] = {}  #: by the caller's channel name
        self._serial = 0

    # ------------------------------------------------------------ telling

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def tell(self, event: AmiEvent) -> None:
        self._tell(event)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for conversation in self.book.values():
            for interface in conversation.hears:
                conversation.talked[interface] = conversation.talked.get(interface, 0.0) + seconds

    def hears(self, caller: str, *interfaces: str) -> None:
        """Write into the book whom this caller hears from now on."""
        self.book[caller].hears = set(interfaces)
        for interface in interfaces:
            self.book[caller].talked.setdefault(interface, 0.0)

    # ------------------------------------------------------------ channels

    def line(self, stem: str, linkedid: str | None, state: int, exten: str = "") -> str:
        serial = self._next()
        name = f"{stem[:-2]}-{serial:08x}{stem[-2:]}" if stem[-2:-1] == ";" else f"{stem}-{serial:08x}"
        return self.named(name, linkedid, state, exten)

    def named(self, name: str, linkedid: str | None, state: int, exten: str = "", uniqueid: str = "") -> str:
        uniqueid = uniqueid or f"{int(self.now)}.{self._next()}"
        snapshot = ChannelSnapshot(
            uniqueid=Uniqueid(uniqueid),
            name=name,
            linkedid=linkedid or uniqueid,
            state=state,
            caller=_number(name),
            caller_name="",
            exten=exten,
        )
        self.lines[name] = Line(snapshot)
        self.tell(ami.Newchannel(node=NODE, at=self.now, channel=snapshot))
        return name

    def local_pair(self, exten: str, linkedid: str) -> tuple[str, str]:
        stem = f"Local/{exten}@agents-{self._next():08x}"
        return self.named(stem + ";1", linkedid, 0, exten), self.named(stem + ";2", linkedid, 4, exten)

    def linkedid(self, name: str) -> str:
        return self.lines[name].snapshot.linkedid

    def snapshot(self, name: str) -> ChannelSnapshot:
        return self.lines[name].snapshot

    def hang_up(self, *names: str) -> None:
        for name in names:
            self.leave(name)
        for name in names:
            self.tell(ami.Hangup(node=NODE, at=self.now, channel=self.lines.pop(name).snapshot, cause=16))

    def request_hangup(self, name: str) -> None:
        self.tell(ami.HangupRequest(node=NODE, at=self.now, channel=self.snapshot(name), soft=False))

    # ------------------------------------------------------------ bridges

    def bridge(self, technology: str = "simple_bridge") -> str:
        name = f"bridge-{self._next()}"
        self.bridges[name] = technology
        return name

    def enter(self, name: str, bridge: str, swap: str | None = None) -> None:
        self.leave(name)
        self.lines[name].bridge = bridge
        self.tell(
            ami.BridgeEnter(
                node=NODE,
                at=self.now,
                bridge=bridge,
                technology=self.bridges[bridge],
                channel=self.snapshot(name),
                swap=None if swap is None else self.snapshot(swap).uniqueid,
                name=self.rooms.get(bridge, ""),
            )
        )

    def leave(self, name: str) -> None:
        bridge = self.lines[name].bridge
        if bridge is None:
            return
        self.lines[name].bridge = None
        self.tell(ami.BridgeLeave(node=NODE, at=self.now, bridge=bridge, channel=self.snapshot(name)))
        if all(line.bridge != bridge for line in self.lines.values()):
            del self.bridges[bridge]
            self.tell(ami.BridgeDestroy(node=NODE, at=self.now, bridge=bridge))

    def together(self, *names: str) -> str:
        bridge = self.bridge("softmix" if len(names) > 2 else "simple_bridge")
        for name in names:
            self.enter(name, bridge)
        return bridge

    def music(self, name: str, on: bool) -> None:
        if self.lines[name].music != on:
            self.lines[name].music = on
            event = ami.MusicOnHoldStart if on else ami.MusicOnHoldStop
            self.tell(event(node=NODE, at=self.now, channel=self.snapshot(name)))

    def hold(self, name: str, on: bool) -> None:
        event = ami.Hold if on else ami.Unhold
        self.tell(event(node=NODE, at=self.now, channel=self.snapshot(name)))

    # ------------------------------------------------------------ dialling, queueing

    def dial(self, source: str, dest: str) -> None:
        self.lines[dest].application = "AppDial"
        self.tell(
            ami.DialBegin(
                node=NODE,
                at=self.now,
                channel=self.snapshot(source),
                dest=self.snapshot(dest),
                dialstring=dest.partition("-")[0],
            )
        )

    def dialled(self, source: str, dest: str, status: str) -> None:
        self.tell(
            ami.DialEnd(
                node=NODE,
                at=self.now,
                channel=self.snapshot(source),
                dest=self.snapshot(dest),
                status=status,
            )
        )

    def join(self, name: str) -> None:
        self.tell(
            ami.QueueCallerJoin(
                node=NODE, at=self.now, channel=self.snapshot(name), queue=QUEUE, position=None
            )
        )
        self.music(name, True)

    def call_member(self, caller: str, dest: str, interface: str) -> None:
        self.tell(
            ami.AgentCalled(
                node=NODE,
                at=self.now,
                channel=self.snapshot(caller),
                dest=self.snapshot(dest),
                queue=QUEUE,
                interface=Interface(interface),
                member=interface,
            )
        )
        self.dial(caller, dest)

    def leave_queue(self, name: str, *, abandoned: bool) -> None:
        if abandoned:
            self.tell(
                ami.QueueCallerAbandon(node=NODE, at=self.now, channel=self.snapshot(name), queue=QUEUE)
            )
        else:
            self.music(name, False)
        self.tell(ami.QueueCallerLeave(node=NODE, at=self.now, channel=self.snapshot(name), queue=QUEUE))

    # ------------------------------------------------------------ what it would answer

    def inventory(self) -> Inventory:
        return Inventory(
            node=NODE,
            at=self.now,
            channels=tuple(
                ChannelEntry(
                    channel=line.snapshot,
                    bridge=line.bridge,
                    application=line.application,
                    created=float(line.snapshot.uniqueid.partition(".")[0]),
                )
                for line in self.lines.values()
            ),
            bridges=tuple(self.bridges.items()),
            queues=(QUEUE,),
            waiting=tuple(
                QueueEntry(
                    queue=QUEUE,
                    uniqueid=self.snapshot(name).uniqueid,
                    name=name,
                    caller="",
                    position=None,
                    since=conversation.queued_at,
                )
                for name, conversation in self.book.items()
                if conversation.queued_at is not None
            ),
        )


def _number(name: str) -> str:
    """A phone's own number; whoever comes by the trunk calls from the same company."""
    stem = name.partition("/")[2].partition("-")[0]
    return stem if stem.isdigit() else "075512345678"
