"""AMI: reading events, against bare panoramisk in the same run; each client in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from tests.bench.ami_traffic import stream

ROUNDS = 3
CALLS = 60
"""Calls in the stream that is sent (some six thousand events), again and again for the faster client."""

PANORAMISK, PBXD, EAGER, WORLD = "panoramisk", "pbxd-uvloop", "eager-uvloop", "world-uvloop"
_TIMES = {PANORAMISK: 1, PBXD: 30, WORLD: 8}
_PACE = 8000


def run(
    kind: str, mode: str, who: str, *, calls: int = CALLS, times: int = 1, rate: int = 0
) -> dict[str, float]:
    """One sender and one receiver; what the receiver reports, with ``us`` (CPU per event) and ``rate``."""
    told = [sys.executable, "-m", "tests.bench.ami_sender", mode, str(calls), str(times), str(rate)]
    with subprocess.Popen(told, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        port = sender.stdout.readline().strip()
        receiver = [sys.executable, "-m", "tests.bench.ami_receiver", kind, port, who]
        done = subprocess.run(receiver, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    report: dict[str, float] = json.loads(done.stdout)
    report["us"] = report["cpu"] / report["events"] * 1e6
    report["rate"] = report["events"] / report["wall"]
    return report


def medians(
    key: str, cases: dict[str, tuple[str, str, str]], rounds: int = ROUNDS, **how: Any
) -> dict[str, float]:
    """Of each case (kind, mode, who), in turns, so that a busy moment of the machine hits all alike."""
    found: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, (kind, mode, who) in cases.items():
            times = how.get("times") or _TIMES[kind]
            found[case].append(run(kind, mode, who, **{**how, "times": times})[key])
    return {case: statistics.median(values) for case, values in found.items()}


def row(name: str, pbxd: float, peer: float, ratio: float, goal: str, met: bool) -> dict[str, Any]:
    return {
        "name": name,
        "pbxd": round(pbxd, 2),
        "peer": round(peer, 2),
        "ratio": round(ratio, 3),
        "goal": goal,
        "met": met,
    }


def bulk() -> list[dict[str, Any]]:
    """Events as fast as the client takes them, thousands a second."""
    found = []
    for who, what, goal in (
        ("all", "one listener to every event", 8),
        ("wanted", "a listener to each of the names pbxd wants, reading one header", 8),
        ("read", "one listener to every event, reading one header of each", 4),
    ):
        rate = medians("rate", {kind: (kind, "bulk", who) for kind in (PANORAMISK, PBXD)})
        ours, theirs = rate[PBXD] / 1000, rate[PANORAMISK] / 1000
        name = f"AMI bulk, k events/s: {what} (panoramisk)"
        found.append(row(name, ours, theirs, ours / theirs, f">= {goal}", ours >= goal * theirs))
    return found


def paced() -> list[dict[str, Any]]:
    cost = medians(
        "us", {kind: (kind, "paced", "wanted") for kind in (PANORAMISK, PBXD)}, times=2, rate=_PACE
    )
    ours, theirs = cost[PBXD], cost[PANORAMISK]
    lone = {kind: (kind, "stamped", "delay") for kind in (PANORAMISK, PBXD)}
    alone = medians("p50", lone, calls=1, times=1, rate=100)
    fast = medians("p95", {kind: (kind, "stamped", "delay") for kind in (EAGER, PBXD)}, times=2, rate=_PACE)
    added = (fast[PBXD] - fast[EAGER]) * 1e3
    return [
        row(
            f"AMI at {_PACE} events/s, one in a segment: CPU µs each (panoramisk)",
            ours,
            theirs,
            ours / theirs,
            "<= 1/6",
            ours * 6 <= theirs,
        ),
        row(
            f"AMI at {_PACE} events/s: ms from switch to listener, p95 (the same, reading each at once)",
            fast[PBXD] * 1e3,
            fast[EAGER] * 1e3,
            fast[PBXD] / fast[EAGER],
            "<= 5 ms more",
            added <= 5.0,
        ),
        row(
            "AMI, a lone event: µs from switch to listener, median (panoramisk)",
            alone[PBXD] * 1e6,
            alone[PANORAMISK] * 1e6,
            alone[PBXD] / alone[PANORAMISK],
            "<= 1.1",
            alone[PBXD] <= 1.1 * alone[PANORAMISK],
        ),
    ]


def dispatch() -> list[dict[str, Any]]:
    """What 100 listeners cost that are not concerned, against one."""
    cases = {f"{kind} {n}": (kind, "bulk", str(n)) for kind in (PANORAMISK, PBXD) for n in (1, 100)}
    cost = medians("us", cases)
    ours = cost[f"{PBXD} 100"] / cost[f"{PBXD} 1"]
    theirs = cost[f"{PANORAMISK} 100"] / cost[f"{PANORAMISK} 1"]
    name = "AMI dispatch: CPU with 100 listeners over CPU with one (panoramisk)"
    return [row(name, ours, theirs, ours / theirs, "pbxd <= 1.15", ours <= 1.15)]


def daemon() -> list[dict[str, Any]]:
    """All that the daemon does with an event: socket, link, inbox, world; told beside the parse alone."""
    cost = medians("us", {kind: (kind, "bulk", "0") for kind in (PANORAMISK, WORLD)})
    ours, theirs = 1e3 / cost[WORLD], 1e3 / cost[PANORAMISK]
    name = "AMI socket to world, k events per CPU second (panoramisk's socket and parse)"
    return [row(name, ours, theirs, ours / theirs, ">= 2", ours >= 2 * theirs)]


def burst() -> list[dict[str, Any]]:
    """What 94 MB of events at once leave in memory."""
    size = sum(map(len, stream(CALLS)))
    times = -(-94_000_000 // size)
    found = []
    theirs = run(PANORAMISK, "bulk", "wanted", times=times)["grown_kb"] / 1024
    for kind, what in ((PBXD, "the link"), (WORLD, "the whole path")):
        ours = run(kind, "bulk", "wanted" if kind == PBXD else "0", times=times)["grown_kb"] / 1024
        name = f"AMI, 94 MB at once: MB that the process grew by, {what} (panoramisk)"
        found.append(row(name, ours, theirs, ours / max(theirs, 0.01), "pbxd <= 40", ours <= 40))
    return found


def rows() -> list[dict[str, Any]]:
    return [*bulk(), *paced(), *dispatch(), *daemon(), *burst()]
