"""From Asterisk's AMI event to a scrape that has it: a real pbxd, and a scripted switch that knows when."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from deploy.lab.ports import free_port
from deploy.lab.unpack import CHECKOUT
from tests.bench.ami_traffic import QueuedCall
from tests.integration.ami_peer import AmiPeer

CALLS = 200
LIMIT_MS = 50.0
PER_S = 1000
"""Events of other calls meanwhile: some nine calls a second begin and end, with a chatty dialplan."""
_READY_LIMIT_S = 60.0
_SEEN_LIMIT_S = 10.0


def rows() -> list[dict[str, Any]]:
    return asyncio.run(_measure())


async def _measure() -> list[dict[str, Any]]:
    async with AmiPeer() as peer, _pbxd(peer) as url:
        limits = httpx.Limits(max_keepalive_connections=1)
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, limits=limits) as http:
            calls = (QueuedCall(number, time.time()) for number in range(1, 10**6))
            await _delays(http, peer, calls, 20)
            quiet = await _delays(http, peer, calls, CALLS)
            others = asyncio.create_task(_others(peer))
            busy = await _delays(http, peer, calls, CALLS)
            others.cancel()
            await asyncio.wait([others])
    return [
        _row("nobody else calls", quiet),
        _row(f"meanwhile {PER_S:,} events a second of other calls", busy),
    ]


async def _delays(
    http: httpx.AsyncClient, peer: AmiPeer, calls: Iterator[QueuedCall], number: int
) -> list[float]:
    """Milliseconds from the write of a caller's arrival in a queue to the end of the first scrape that counts
    him. Scrapes follow each other at once: what they cost is part of it."""
    delays: list[float] = []
    for _ in range(number):
        call = next(calls)
        series = f'pbxd_queue_entries_total{{node="pbx1",queue="{call.queue}"}}'
        before = await _value(http, series)
        events = list(call.arriving())
        joins = next(n for n, event in enumerate(events) if event.startswith(b"Event: QueueCallerJoin\r\n"))
        peer.emit(*events[:joins])
        began = time.perf_counter()
        peer.emit(events[joins])
        while await _value(http, series) <= before:
            if time.perf_counter() - began > _SEEN_LIMIT_S:
                raise TimeoutError(f"{series} has not moved within {_SEEN_LIMIT_S:g} s")
        delays.append((time.perf_counter() - began) * 1000)
        peer.emit(*events[joins + 1 :], *call.answered(), *call.ending())
    return delays


async def _value(http: httpx.AsyncClient, series: str) -> float:
    text = (await http.get("/metrics")).text
    _, found, rest = text.partition(f"\n{series} ")
    return float(rest.partition("\n")[0]) if found else 0.0


async def _others(peer: AmiPeer) -> None:
    """For ever: calls that begin and end, of queues of their own."""
    number = 10**6
    events: list[bytes] = []
    while True:
        while len(events) < PER_S // 50:
            number += 1
            call = QueuedCall(number, time.time())
            call.queue = f"other{number % 10}"
            events += call.events()
        peer.emit(*events[: PER_S // 50])
        del events[: PER_S // 50]
        await asyncio.sleep(1 / 50)


@contextlib.asynccontextmanager
async def _pbxd(peer: AmiPeer) -> AsyncIterator[str]:
    """A pbxd that is ready; its address."""
    folder = Path(tempfile.mkdtemp(prefix="pbxd-bench-"))
    port = free_port()
    settings = {
        "nodes": [{"name": "pbx1", "ami": {"port": peer.port, "username": "pbxd", "secret": peer.secret}}],
        "agents": [{"id": f"agent{n}", "interfaces": [f"PJSIP/{1000 + n}"]} for n in range(200)],
        "agi": {"port": free_port()},
        "web": {"port": port, "session_key_file": str(folder / "session.key")},
        "store": {"url": f"sqlite:///{folder}/pbxd.db"},
        "flows": {"folder": str(CHECKOUT / "dialplans/flows")},
        "prompts": {"folder": str(folder), "languages": ["en", "zh"]},
    }
    with (folder / "pbxd.yaml").open("w") as file:
        YAML(typ="safe").dump(settings, file)
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        pbxd = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbxd.cli", "run", "--config", str(folder / "pbxd.yaml")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("PBXD_")},
        )
    try:
        async with asyncio.timeout(_READY_LIMIT_S), httpx.AsyncClient(trust_env=False, verify=False) as http:
            while not await _is_ready(http, url):
                if pbxd.returncode is not None:
                    raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:])
                await asyncio.sleep(0.05)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            pbxd.terminate()
        await pbxd.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/-/ready")).status_code == 200
    except httpx.HTTPError:
        return False


def _row(when: str, delays: list[float]) -> dict[str, Any]:
    p95 = statistics.quantiles(delays, n=20)[-1]
    median = statistics.median(delays)
    return {
        "name": f"AMI event to /metrics, ms, p95 of {len(delays)} callers (median {median:.1f}); {when}",
        "pbxd": round(p95, 2),
        "peer": LIMIT_MS,
        "ratio": round(p95 / LIMIT_MS, 3),
        "goal": "<= 1 (the peer is the limit)",
        "met": p95 <= LIMIT_MS,
    }
