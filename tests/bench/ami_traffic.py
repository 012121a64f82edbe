"""A stream of AMI events as a busy call centre makes it: queued calls, many at a time, ids all their own.

One call makes about 107 events of 435 bytes on average, more than half of them VarSet; a quarter mean
something to a daemon (on a real switch a fifth did). The stream is valid for the model: it ends with no
channel left.
"""

from __future__ import annotations

from collections.abc import Iterator

START = 1_780_000_000.0
AGENTS = 200


class QueuedCall:
    """One caller who waits for an agent, talks and hangs up: ``events()`` in their order."""

    def __init__(self, number: int, at: float) -> None:
        self.number = number
        self.at = at
        self.caller = f"{START + number / 100:.2f}.{2 * number}"[4:]
        self.agent = f"{START + number / 100:.2f}.{2 * number + 1}"[4:]
        self.bridge = f"0000aaaa-0000-4000-8000-{number:012x}"
        self.member = f"PJSIP/{1000 + number % AGENTS}"
        self.queue = f"queue{number % 10}"
        self.in_channel = f"PJSIP/trunk-{2 * number:08x}"
        self.out_channel = f"{self.member}-{2 * number + 1:08x}"

    def _event(self, name: str, privilege: str, *blocks: str) -> bytes:
        self.at += 0.01
        head = f"Event: {name}\r\nPrivilege: {privilege},all\r\nTimestamp: {self.at:.6f}\r\n"
        return (head + "".join(blocks) + "\r\n").encode()

    def _who(self, prefix: str, agent: bool, state: int = 6) -> str:
        described = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}[state]
        mine, other = ("1000", f"0138001{self.number % 100000:05d}")
        if not agent:
            mine, other = other, mine
        context, exten = ("pbxd-agents", self.member[6:]) if agent else ("pbxd-in", "8001")
        return (
            f"{prefix}Channel: {self.out_channel if agent else self.in_channel}\r\n"
            f"{prefix}ChannelState: {state}\r\n{prefix}ChannelStateDesc: {described}\r\n"
            f"{prefix}CallerIDNum: {mine}\r\n{prefix}CallerIDName: {'' if agent else 'Anna Beispiel'}\r\n"
            f"{prefix}ConnectedLineNum: {other}\r\n{prefix}ConnectedLineName: <unknown>\r\n"
            f"{prefix}Language: en\r\n{prefix}AccountCode: \r\n{prefix}Context: {context}\r\n"
            f"{prefix}Exten: {exten}\r\n{prefix}Priority: 7\r\n"
            f"{prefix}Uniqueid: {self.agent if agent else self.caller}\r\n{prefix}Linkedid: {self.caller}\r\n"
        )

    def _var_sets(self, count: int, agent: bool = False) -> Iterator[bytes]:
        for i in range(count):
            value = f"Variable: BRIDGEPVTCALLID_{i}\r\nValue: {self.number:032x}\r\n"
            yield self._event("VarSet", "dialplan", self._who("", agent), value)

    def _extens(self, count: int) -> Iterator[bytes]:
        for i in range(count):
            step = f"Extension: 8001\r\nApplication: Set\r\nAppData: __STEP={i}\r\n"
            yield self._event("Newexten", "dialplan", self._who("", False, 4), step)

    def _lines(self, count: int, agent: bool) -> Iterator[bytes]:
        for _ in range(count):
            yield self._event("NewConnectedLine", "call", self._who("", agent))
            device = f"Device: {self.member}\r\nState: {'INUSE' if agent else 'RINGING'}\r\n"
            yield self._event("DeviceStateChange", "call", device)

    def _tests(self, count: int) -> Iterator[bytes]:
        for i in range(count):
            detail = "AppFile: app_queue.c\r\nAppFunction: queue_exec\r\nAppLine: 8512\r\n"
            yield self._event("TestEvent", "test", f"Type: StateChange\r\nState: STEP_{i}\r\n", detail)

    def _status(self, status: int) -> bytes:
        member = (
            f"Queue: {self.queue}\r\nMemberName: Agent {self.member[6:]}\r\nInterface: {self.member}\r\n"
            f"StateInterface: {self.member}\r\nMembership: static\r\nPenalty: 0\r\nCallsTaken: 3\r\n"
            f"LastCall: 1780000000\r\nLastPause: 0\r\nLoginTime: 1780000000\r\nInCall: {int(status == 2)}\r\n"
            f"Status: {status}\r\nPaused: 0\r\nPausedReason: \r\nRinginuse: 0\r\nWrapuptime: 0\r\n"
        )
        return self._event("QueueMemberStatus", "agent", member)

    def _bridge(self, name: str, channels: int, agent: bool | None = None) -> bytes:
        block = (
            f"BridgeUniqueid: {self.bridge}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\n"
            f"BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\nBridgeNumChannels: {channels}\r\n"
            "BridgeVideoSourceMode: none\r\n"
        )
        who = "" if agent is None else self._who("", agent)
        return self._event(name, "call", block, who)

    def _member(self) -> str:
        return f"Queue: {self.queue}\r\nMemberName: Agent {self.member[6:]}\r\nInterface: {self.member}\r\n"

    def arriving(self) -> Iterator[bytes]:
        queue = f"Queue: {self.queue}\r\nPosition: 1\r\nCount: 1\r\n"
        yield self._event("Newchannel", "call", self._who("", False, 0))
        yield self._event("Newstate", "call", self._who("", False, 4))
        yield from self._var_sets(12)
        yield from self._extens(6)
        yield self._event("Newstate", "call", self._who("", False))
        yield from self._tests(3)
        yield self._event("QueueCallerJoin", "agent", self._who("", False), queue)
        yield self._event("MusicOnHoldStart", "call", self._who("", False), "Class: default\r\n")
        yield from self._var_sets(14)

    def answered(self) -> Iterator[bytes]:
        both = self._who("", False) + self._who("Dest", True, 5)
        yield self._event("Newchannel", "call", self._who("", True, 0))
        yield from self._var_sets(14, agent=True)
        yield self._event("AgentCalled", "agent", both, self._member())
        yield self._event("DialBegin", "call", both, f"DialString: {self.member[6:]}\r\n")
        yield self._event("Newstate", "call", self._who("", True, 5))
        yield from self._lines(2, agent=False)
        yield self._event("Newstate", "call", self._who("", True))
        yield self._event("DialEnd", "call", both, "DialStatus: ANSWER\r\n")
        yield self._event("MusicOnHoldStop", "call", self._who("", False))
        queue = f"Queue: {self.queue}\r\nPosition: 1\r\nCount: 0\r\n"
        yield self._event("QueueCallerLeave", "agent", self._who("", False), queue)
        times = "RingTime: 2\r\nHoldTime: 5\r\n"
        yield self._event("AgentConnect", "agent", both, self._member(), times)
        yield from self._var_sets(10)
        yield self._bridge("BridgeCreate", 0)
        yield self._bridge("BridgeEnter", 1, agent=True)
        yield self._bridge("BridgeEnter", 2, agent=False)
        yield self._status(2)
        yield from self._lines(1, agent=True)
        yield from self._tests(3)

    def ending(self) -> Iterator[bytes]:
        cause = "Cause: 16\r\nCause-txt: Normal Clearing\r\n"
        both = self._who("", False) + self._who("Dest", True)
        yield self._event("HangupRequest", "call", self._who("", False), cause)
        yield from self._var_sets(9)
        yield self._bridge("BridgeLeave", 1, agent=False)
        yield self._bridge("BridgeLeave", 0, agent=True)
        yield self._bridge("BridgeDestroy", 0)
        times = "HoldTime: 5\r\nTalkTime: 60\r\nReason: caller\r\n"
        yield self._event("AgentComplete", "agent", both, self._member(), times)
        yield from self._extens(1)
        yield from self._tests(2)
        yield self._event("Hangup", "call", self._who("", True), cause)
        yield self._event("Hangup", "call", self._who("", False), cause)
        yield self._status(1)

    def events(self) -> Iterator[bytes]:
        yield from self.arriving()
        yield from self.answered()
        yield from self.ending()


def stream(calls: int, at_once: int = 50, first: int = 1) -> list[bytes]:
    """The events of ``calls`` calls, of which ``at_once`` are always in progress, each event one message."""
    numbers = iter(range(first, first + calls))
    running = [QueuedCall(n, START + n).events() for _, n in zip(range(at_once), numbers, strict=False)]
    events: list[bytes] = []
    while running:
        for slot in range(len(running) - 1, -1, -1):
            got = next(running[slot], None)
            if got is not None:
                events.append(got)
                continue
            number = next(numbers, None)
            if number is None:
                running.pop(slot)
            else:
                running[slot] = QueuedCall(number, START + number).events()
    return events
