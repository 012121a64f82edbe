"""Does the model stay flat as it grows? The cost of an event with 10,000 open channels and with 100."""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.headers import event_name, parse
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.ids import NodeId
from pbxd.world import Rules, World
from tests.bench.ami_traffic import START, QueuedCall, stream

NODE = NodeId("bench")
FEW, MANY = 100, 10_000
ROUNDS = 7
CALLS = 40
"""Calls that come and go in each measured round."""


def take(world: World, events: list[bytes]) -> None:
    """What the link does with each message, and the world's step."""
    for raw in events:
        name = event_name(raw)
        build = WANTED.get(name)
        if build is None or (name in NEEDLES and NEEDLES[name] not in raw):
            continue
        event = build(NODE, 0.0, parse(raw))
        if event is not None:
            world.step(event)


def world_with(channels: int) -> World:
    """A world in which so many channels talk, two in a call."""
    world = World(Rules(nodes=(NODE,), staff=Staff(), callers=CallerRules(), repeat=RepeatRule()))
    for number in range(1, channels // 2 + 1):
        call = QueuedCall(number, START + number)
        take(world, [raw.removesuffix(b"\r\n\r\n") for raw in (*call.arriving(), *call.answered())])
    assert world.nodes[NODE].calls.channels_open == channels
    return world


def rows() -> list[dict[str, Any]]:
    worlds = {channels: world_with(channels) for channels in (FEW, MANY)}
    first = itertools.count(MANY, CALLS)  # numbers that nobody has yet
    costs: dict[int, list[float]] = {channels: [] for channels in worlds}
    gc.collect()
    for _ in range(ROUNDS):
        for channels, world in worlds.items():
            events = [raw.removesuffix(b"\r\n\r\n") for raw in stream(CALLS, first=next(first))]
            began = time.process_time()
            take(world, events)
            costs[channels].append((time.process_time() - began) / len(events) * 1e6)
            assert world.nodes[NODE].calls.channels_open == channels
    few, many = (statistics.median(costs[channels]) for channels in (FEW, MANY))
    return [
        {
            "name": f"CPU µs per event with {MANY:,} open channels (with {FEW})",
            "pbxd": round(many, 2),
            "peer": round(few, 2),
            "ratio": round(many / few, 3),
            "goal": "<= 1.5",
            "met": many <= 1.5 * few,
        }
    ]
