"""A scripted switch with calls in progress, which knows at every moment what is true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pbxd.ami.headers import parse
from tests.bench.ami_traffic import START, QueuedCall
from tests.integration.ami_peer import AmiPeer, Answer, Headers, Session


@dataclass
class Truth:
    """What a switch holds: channels with their bridge, and who waits in which queue."""

    channels: dict[str, Headers] = field(default_factory=dict)
    bridge_of: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def learn(self, headers: Headers) -> None:
        uniqueid = headers.get("Uniqueid", "")
        match headers["Event"]:
            case "Newchannel" | "Newstate":
                self.channels[uniqueid] = headers
            case "Hangup":
                del self.channels[uniqueid]
            case "BridgeEnter":
                self.bridge_of[uniqueid] = headers["BridgeUniqueid"]
            case "BridgeLeave":
                del self.bridge_of[uniqueid]
            case "QueueCallerJoin":
                self.waiting[uniqueid] = headers["Queue"]
            case "QueueCallerLeave":
                del self.waiting[uniqueid]


class BusySwitch(AmiPeer):
    """``turn()`` lets something happen: some events of some call. Counts the actions it executes."""

    def __init__(self, *, at_once: int = 12) -> None:
        super().__init__()
        self.truth = Truth()
        self.executed: Counter[str] = Counter()  #: by the channel that the action names
        self._numbers = 0
        self._calls = [self._call() for _ in range(at_once)]
        self._next = 0
        self.answers["Redirect"] = self._execute
        self.lists = {
            "CoreShowChannels": self._channels,
            "BridgeList": self._bridges,
            "QueueStatus": self._queues,
        }
        for name in ("Ping", *self.lists):
            self.answers[name] = self._and_life_goes_on(self.answers[name])

    def _and_life_goes_on(self, answer: Answer) -> Answer:
        """Things happen between the answers, as they do on a busy switch."""

        def answer_and_turn(session: Session, asked: Headers) -> None:
            self.turn(15)
            answer(session, asked)
            self.turn(15)

        return answer_and_turn

    def _call(self) -> Iterator[bytes]:
        self._numbers += 1
        return QueuedCall(self._numbers, START + self._numbers).events()

    def turn(self, events: int = 5) -> None:
        for _ in range(events):
            self._next = (self._next + 1) % len(self._calls)
            raw = next(self._calls[self._next], None)
            if raw is None:
                self._calls[self._next] = self._call()
                continue
            self.truth.learn(parse(raw.removesuffix(b"\r\n\r\n")))
            self.emit(raw)

    def _execute(self, session: Session, asked: Headers) -> None:
        self.executed[asked["Channel"]] += 1
        session.respond(asked, Message="Redirect successful")

    def _channels(self) -> list[Headers]:
        return [
            {
                **headers,
                "Event": "CoreShowChannel",
                "Duration": "00:00:05",
                "BridgeId": self.truth.bridge_of.get(uid, ""),
            }
            for uid, headers in self.truth.channels.items()
        ]

    def _bridges(self) -> list[Headers]:
        return [
            {"Event": "BridgeListItem", "BridgeUniqueid": bridge, "BridgeTechnology": "simple_bridge"}
            for bridge in sorted(set(self.truth.bridge_of.values()))
        ]

    def _queues(self) -> list[Headers]:
        entries: list[Headers] = []
        for queue in sorted({f"queue{n}" for n in range(10)}):
            entries.append({"Event": "QueueParams", "Queue": queue, "Calls": "0"})
            waiting = [uid for uid, where in self.truth.waiting.items() if where == queue]
            for position, uid in enumerate(waiting, 1):
                channel = self.truth.channels[uid]
                entries.append(
                    {
                        "Event": "QueueEntry",
                        "Queue": queue,
                        "Position": str(position),
                        "Channel": channel["Channel"],
                        "Uniqueid": uid,
                        "CallerIDNum": channel["CallerIDNum"],
                        "Wait": "3",
                    }
                )
        return entries
