"""From bytes to the model: beside panoramisk's parse alone, and as the switch holds ever more channels."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from panoramisk.ami_protocol import AMIProtocol

from pbxd.agents.staff import Staff
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name, parse
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.edge.ami_link import AmiLink, AmiProtocol
from pbxd.ids import NodeId
from pbxd.journal import Journal
from pbxd.node import Node
from pbxd.settings.model import Ami
from pbxd.world import Rules, World
from tests.bench.ami_traffic import START, QueuedCall, stream

NODE = NodeId("bench")
FEW, MANY = 100, 10_000
ROUNDS = 15
CALLS = 60
"""Calls that come and go in each measured round."""

_READ = 65_536
"""Bytes in one read."""

Step = Callable[[Any], Any]


def take(chunks: list[bytes], step: Step) -> None:
    """Messages, names, headers, typed events, as the link makes them; and a step for each."""
    framer = Framer()
    for chunk in chunks:
        for raw in framer.feed(chunk):
            name = event_name(raw)
            build = WANTED.get(name)
            if build is None or (name in NEEDLES and NEEDLES[name] not in raw):
                continue
            event = build(NODE, 0.0, parse(raw))
            if event is not None:
                step(event)


def chunked(events: list[bytes]) -> list[bytes]:
    data = b"".join(events)
    return [data[at : at + _READ] for at in range(0, len(data), _READ)]


class Nobody:
    """What panoramisk's protocol reports to; here nobody listens."""

    save_stream = None

    def dispatch(self, message: Any) -> None:
        pass


def bare_parse(chunks: list[bytes]) -> None:
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = Nobody(), "utf8"
    for chunk in chunks:
        protocol.data_received(chunk)


class Nowhere:
    """A transport that is never written to."""

    def is_closing(self) -> bool:
        return False


class ModelInbox:
    """An inbox that steps the model at once."""

    depth = 0

    def __init__(self) -> None:
        self._journal = Journal()
        self.node = Node(NODE, self._journal)

    def put(self, event: Any) -> None:
        self.node.on_event(event)
        self._journal.commit()


def to_model(chunks: list[bytes]) -> None:
    """By the link's own protocol, as if the inventory had just been taken."""

    async def read() -> None:
        inbox = ModelInbox()
        link = AmiLink(NODE, Ami(secret="none"), inbox)
        link._deliver = inbox.put
        protocol = AmiProtocol().serve(link)
        protocol.connection_made(Nowhere())
        for chunk in chunks:
            protocol.data_received(chunk)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while inbox.node.calls.channels_open:  # noqa: ASYNC110 - what was put off is worked off in turns
                await asyncio.sleep(0)

    asyncio.run(read())


def cost(work: Callable[[], None], events: int) -> float:
    """CPU microseconds per event."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / events * 1e6


def whole_path() -> dict[str, Any]:
    events = stream(CALLS)
    chunks = chunked(events)
    ways = {"pbxd": to_model, "panoramisk": bare_parse}
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, work in ways.items():
            costs[way].append(cost(lambda work=work: work(chunks), len(events)))  # type: ignore[misc]
    ours, theirs = (1e3 / statistics.median(costs[way]) for way in ways)
    return {
        "name": "AMI whole path, bytes to model, k events per CPU second (panoramisk's parse alone)",
        "pbxd": round(ours, 1),
        "peer": round(theirs, 1),
        "ratio": round(ours / theirs, 2),
        "goal": ">= 2.5",
        "met": ours >= 2.5 * theirs,
    }


def world_with(channels: int) -> World:
    """A world in which so many channels talk, two in a call."""
    world = World(Rules(nodes=(NODE,), staff=Staff(), callers=CallerRules(), repeat=RepeatRule()))
    for number in range(1, channels // 2 + 1):
        call = QueuedCall(number, START + number)
        take([*call.arriving(), *call.answered()], world.step)
    assert world.nodes[NODE].calls.channels_open == channels
    return world


def grown(channels: int) -> None:
    """A process of its own, because a garbage collector looks at all that a process holds: for each line on
    stdin one round of calls that come and go, and its cost on stdout."""
    world = world_with(channels)
    gc.collect()
    for round_, _ in enumerate(sys.stdin):
        events = stream(CALLS, first=MANY + round_ * CALLS)  # numbers that nobody has yet
        chunks = chunked(events)
        print(cost(lambda c=chunks: take(c, world.step), len(events)), flush=True)  # type: ignore[misc]
        assert world.nodes[NODE].calls.channels_open == channels


def growth() -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.bench_model"]
    with contextlib.ExitStack() as stack:
        processes = {
            channels: stack.enter_context(
                subprocess.Popen([*command, str(channels)], stdin=-1, stdout=-1, text=True, bufsize=1)
            )
            for channels in (FEW, MANY)
        }
        costs: dict[int, list[float]] = {channels: [] for channels in processes}
        for _ in range(ROUNDS):
            for channels, process in processes.items():
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("once more\n")
                costs[channels].append(float(process.stdout.readline()))
    few, many = (statistics.median(costs[channels]) for channels in (FEW, MANY))
    return {
        "name": f"CPU µs per event, bytes to world, with {MANY:,} open channels (with {FEW})",
        "pbxd": round(many, 2),
        "peer": round(few, 2),
        "ratio": round(many / few, 3),
        "goal": "<= 1.5",
        "met": many <= 1.5 * few,
    }


def rows() -> list[dict[str, Any]]:
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)
    return [whole_path(), growth()]


if __name__ == "__main__":
    grown(int(sys.argv[1]))
