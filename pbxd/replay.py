"""Play a raw AMI capture through the model: what calls were there, and what became of them.

A capture is the bytes that an AMI connection brought, as ``pbxd record`` or any other tool keeps them: with
or without the greeting, plain or gzip, cut anywhere, from an account that may read anything. Time is the
events' own Timestamp; where they have none, the last one seen, and before that the time in a Uniqueid.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name, parse
from pbxd.ami.inventory import RECORDED, Inventory
from pbxd.ami.snapshots import Headers, MalformedEventError, event_time
from pbxd.calls.facts import CallEnded, CallFolded, Fact
from pbxd.calls.model import CallModel
from pbxd.calls.names import born_at
from pbxd.calls.record import CallRecord, Leg, Outcome
from pbxd.calls.story import story_of
from pbxd.ids import CallId, NodeId
from pbxd.journal import Journal
from pbxd.ledger.rows import stretches_of
from pbxd.ledger.stretch import Stretch

NODE = NodeId("switch")
"""What the switch is called in a replay, where nobody has named it."""

_WORDS = {Outcome.UNANSWERED: Outcome.DIRECT, Outcome.BUSY: Outcome.DIRECT}
"""In the JSON a call without a queue is direct, whether somebody answered (``answered``) or not."""

_LISTED = f"ActionID: {RECORDED}".encode()
_LIST_NAMES = frozenset(
    {
        b"",  # an answer
        b"CoreShowChannel",
        b"BridgeListItem",
        b"QueueParams",
        b"QueueMember",
        b"QueueEntry",
        b"QueueStatusComplete",
    }
)

_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a capture told."""

    events: int  #: events in the capture, wanted or not
    faults: int  #: events that lack what they cannot do without, and steps that failed
    channels_left: int  #: channels that had not ended when the capture did
    strays: int  #: events about channels of which the capture had not told before
    seconds: float  #: how long it took
    facts: int
    calls: tuple[CallRecord, ...]  #: by arrival

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """The object that ``pbxd replay --json`` prints; documented in docs/replay.md."""
        return {
            "events": self.events,
            "channels_left": self.channels_left,
            "strays": self.strays,
            "events_per_s": round(self.events_per_s, 1),
            "calls": [_call_as_json(call) for call in self.calls],
        }

    def as_text(self) -> str:
        """The stories of the calls, one paragraph each, and a last line about the capture."""
        left = f", {self.channels_left} channels left" if self.channels_left else ""
        strays = f", {self.strays} stray events" if self.strays else ""
        faults = f", {self.faults} unreadable events" if self.faults else ""
        number = len(self.calls)
        calls = "1 call" if number == 1 else f"{number} calls"
        last = f"{calls} in {self.events} events{left}{strays}{faults}\n"
        return "\n".join([story_of(call) for call in self.calls] + [last])


def replay(stream: BinaryIO, *, clock: Callable[[], float] | None = None, node: NodeId = NODE) -> Replay:
    """Read a capture to its end. ``clock`` (seconds, any origin) is only for ``events_per_s``.

    A gzip stream that breaks off is read as far as it goes. Raises OSError when the stream does.
    """
    began = clock() if clock else 0.0
    player = _Player(node)
    for chunk in with_crlf(unpacked(stream)):
        player.feed(chunk)
    return player.finish(clock() - began if clock else 0.0)


def unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a capture, uncompressed if it is gzip (several members, or one that breaks off, too)."""
    chunk = stream.read(_CHUNK)
    if not chunk.startswith(_GZIP):
        while chunk:
            yield chunk
            chunk = stream.read(_CHUNK)
        return
    inflate = zlib.decompressobj(wbits=31)
    while chunk:
        try:
            data = inflate.decompress(chunk)
        except zlib.error:
            return
        if data:
            yield data
        chunk = inflate.unused_data or stream.read(_CHUNK)
        if inflate.eof:
            if not chunk.startswith(_GZIP):
                return
            inflate = zlib.decompressobj(wbits=31)


def with_crlf(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes; where an editor or a tool has made CR LF into LF, CR LF again."""
    first = next(chunks, b"")
    plain = b"\n" in first and b"\r\n" not in first
    yield first.replace(b"\n", b"\r\n") if plain else first
    for chunk in chunks:
        yield chunk.replace(b"\n", b"\r\n") if plain else chunk


class _Player:
    """Bytes in, records out."""

    def __init__(self, node: NodeId) -> None:
        self._journal = Journal()
        self._model = CallModel(node, self._journal)
        self._framer = Framer()
        self._node = node
        self._now = 0.0
        self._events = self._faults = self._facts = 0
        self._ended: list[CallRecord] = []
        self._folded: set[CallId] = set()
        self._lists = _Lists()

    def feed(self, data: bytes) -> None:
        for raw in self._framer.feed(data):
            name = event_name(raw)
            self._events += bool(name)
            build = WANTED.get(name)
            if build is None:
                if name in _LIST_NAMES and _LISTED in raw:
                    self._lists.take(name, raw)
                    if name == b"QueueStatusComplete":
                        self._resync()
                continue
            needle = NEEDLES.get(name)
            if needle is None or needle in raw:
                self._take(build, raw)

    def _take(self, build: Any, raw: bytes) -> None:
        headers = parse(raw)
        try:
            event = build(self._node, self._received(headers), headers)
        except MalformedEventError:
            self._faults += 1
            return
        self._now = max(self._now, event.at)
        try:
            facts = self._model.reduce(event)
        except Exception:
            # One event that the model cannot digest must not cost the story of all others.
            self._journal.rollback()
            self._faults += 1
            return
        self._journal.commit()
        if facts:
            self._keep(facts)

    def _resync(self) -> None:
        """The capture's own lists say what was in progress when it began."""
        inventory = self._lists.inventory(self._node, self._now)
        self._now = max(self._now, inventory.at)
        self._keep(self._model.resync(inventory, self._now))
        self._journal.commit()

    def _received(self, headers: Headers) -> float:
        """The best that is known of the time of an event that does not tell it."""
        if "Timestamp" in headers:
            return self._now
        return max(self._now, born_at(headers.get("Uniqueid", "")))

    def _keep(self, facts: list[Fact]) -> None:
        self._facts += len(facts)
        for fact in facts:
            if isinstance(fact, CallEnded):
                self._ended.append(fact.record)
            elif isinstance(fact, CallFolded):
                self._folded.add(fact.call)

    def finish(self, seconds: float) -> Replay:
        calls = [call for call in self._ended if call.id not in self._folded]
        calls += self._model.records(self._now)
        return Replay(
            events=self._events,
            faults=self._faults,
            channels_left=self._model.channels_open,
            strays=self._model.strays,
            seconds=seconds,
            facts=self._facts,
            calls=tuple(sorted(filter(_tells, calls), key=lambda call: (call.arrived, call.id))),
        )


class _Lists:
    """The lists for which ``pbxd record`` asked at the beginning of a capture."""

    def __init__(self) -> None:
        self._entries: list[dict[str, str]] = []
        self._at = 0.0

    def take(self, name: bytes, raw: bytes) -> None:
        headers = parse(raw)
        if headers.get("ActionID") != RECORDED:
            return
        if name:
            self._entries.append(headers)
        elif "Ping" in headers:
            self._at = event_time(headers, 0.0)

    def inventory(self, node: NodeId, now: float) -> Inventory:
        entries = self._entries
        return Inventory.of(node, self._at or now, channels=entries, bridges=entries, queues=entries)


def _tells(call: CallRecord) -> bool:
    """A call of which only the end was seen is no story."""
    return not call.missed or bool(call.legs or call.waits or call.transfers)


def _call_as_json(call: CallRecord) -> dict[str, Any]:
    return {
        "id": call.id,
        "caller": call.caller,
        "dialled": call.dialled,
        "queue": call.queue,
        "arrived": _moment(call.arrived),
        "answered": _moment(call.answered),
        "ended": _moment(call.ended),
        "wait_s": round(call.wait_s, 3),
        "outcome": None if call.outcome is None else str(_WORDS.get(call.outcome, call.outcome)),
        "legs": [{"interface": name, "talk_s": round(talk, 3)} for name, talk in _by_party(call.legs)],
        "transfers": [
            {"kind": str(one.kind), "from": one.from_, "to": one.to, "outcome": str(one.outcome)}
            for one in call.transfers
        ],
        "stretches": [_stretch_as_json(stretch) for stretch in stretches_of(call)],
    }


def _stretch_as_json(stretch: Stretch) -> dict[str, Any]:
    """A row of the ledger; whose phone it is, settings would have to say."""
    return {
        "position": stretch.position,
        "stage": str(stretch.stage),
        "started": _moment(stretch.started),
        "ended": _moment(stretch.ended),
        "queue": stretch.queue,
        "interface": stretch.interface,
        "outcome": stretch.outcome,
        "missed": stretch.missed,
    }


def _moment(at: float | None) -> float | None:
    return None if at is None else round(at, 6)


def _by_party(legs: tuple[Leg, ...]) -> list[tuple[str, float]]:
    """Each party once, in the order in which the caller first heard them."""
    talked: dict[str, float] = {}
    for leg in legs:
        talked[leg.interface] = talked.get(leg.interface, 0.0) + leg.talk_s
    return list(talked.items())
