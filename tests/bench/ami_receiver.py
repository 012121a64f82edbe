"""One client in a process of its own, reading from ``ami_sender``; prints what it cost as JSON.

Started as ``python -m tests.bench.ami_receiver KIND PORT LISTENERS``.

KIND is panoramisk, pbxd (the link as a panoramisk Manager), eager (the same, never gathering reads) or world
(the whole path: link, typed events, inbox, world), with ``-uvloop`` behind it for that event loop.

LISTENERS says who listens: ``all`` (one listener to every event, which reads nothing), ``read`` (to every
event, reads one header), ``wanted`` (to each name that pbxd wants, reads one header), ``delay`` (to every
event, measures how long it was on its way), or a number: so many listeners, on names that never come.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from panoramisk.manager import Manager

from pbxd.ami.events import NEEDLES, WANTED


def bare(**config: Any) -> Any:
    return Manager(**config)


def link(**config: Any) -> Any:
    from pbxd.edge.ami_link import AmiClient

    return AmiClient(**config)


def eager(**config: Any) -> Any:
    """A link that reads at once whatever comes: what gathering costs in time, and saves in work."""
    from pbxd.edge.ami_link import AmiClient, pacing

    pacing.Pacing.pause_after = lambda *_: False  # type: ignore[method-assign]
    return AmiClient(**config)


def whole_path(port: int, **_: Any) -> Any:
    """A link, an inbox and a world as the daemon has them, without its outlets."""
    from pbxd.agents.staff import Staff
    from pbxd.callers.dossier import CallerRules
    from pbxd.callers.repeat import RepeatRule
    from pbxd.edge.ami_link import AmiLink
    from pbxd.ids import NodeId
    from pbxd.settings.model import Ami
    from pbxd.switchboard import Switchboard
    from pbxd.world import Rules, World

    node = NodeId("bench")
    world = World(Rules(nodes=(node,), staff=Staff(), callers=CallerRules(), repeat=RepeatRule()))
    return AmiLink(node, Ami(port=port, secret="bench"), Switchboard(world, {}))


# What a kind needs is imported with it, so that the others start at once.
KINDS: dict[str, Callable[..., Any]] = {
    "panoramisk": bare,
    "pbxd": link,
    "eager": eager,
    "world": whole_path,
}


class Listener:
    """Counts events, and their delays."""

    def __init__(self) -> None:
        self.heard = 0
        self.delays: list[float] = []

    def count(self, manager: Any, message: Any) -> None:
        self.heard += 1

    def read(self, manager: Any, message: Any) -> None:
        self.heard += message.get("Uniqueid") is not None

    def delay(self, manager: Any, message: Any) -> None:
        sent = message.get("SentAt")
        if sent is not None:
            self.delays.append(time.perf_counter() - float(sent))


def listen(manager: Any, listener: Listener, who: str) -> None:
    if who == "all":
        manager.register_event("*", listener.count)
    elif who == "read":
        manager.register_event("*", listener.read)
    elif who == "delay":
        manager.register_event("*", listener.delay)
    elif who == "wanted":
        for name in WANTED.keys() - NEEDLES.keys():
            manager.register_event(name.decode(), listener.read)
    else:
        for number in range(int(who)):
            manager.register_event(f"Nothing{number}*", listener.count)


async def receive(kind: str, port: int, who: str) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    manager = KINDS[kind](host="127.0.0.1", port=port, username="bench", secret="bench", loop=loop)
    listener, marks = Listener(), {}
    done: asyncio.Future[int] = loop.create_future()

    def begin(_: Any, message: Any) -> None:
        marks["cpu"], marks["wall"] = time.process_time(), time.perf_counter()
        marks["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    listen(manager, listener, who)
    manager.register_event("BenchBegin", begin)
    manager.register_event("BenchEnd", lambda _, message: done.set_result(int(message.sent)))
    await manager.connect()
    sent = await done
    if kind == "world":
        inbox = manager.inbox
        while inbox.depth:  # noqa: ASYNC110 - the inbox waits for nobody
            await asyncio.sleep(0.001)
        assert inbox.steps > sent / 10
        assert inbox.failed_steps == inbox.dropped_events == 0
    result = {
        "events": sent,
        "heard": listener.heard,
        "cpu": time.process_time() - marks["cpu"],
        "wall": time.perf_counter() - marks["wall"],
        "grown_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - marks["memory"],
    }
    if listener.delays:
        ranked = sorted(listener.delays)
        result["p50"], result["p95"] = ranked[len(ranked) // 2], ranked[len(ranked) * 95 // 100]
    manager.connect = lambda *_: None
    manager.close()
    return result


def main(kind: str, port: str, who: str) -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kind, _, loop = kind.partition("-")
    if loop == "uvloop":
        import uvloop

        result = uvloop.run(receive(kind, int(port), who))
    else:
        result = asyncio.run(receive(kind, int(port), who))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:4])
