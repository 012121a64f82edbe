"""FastAGI: sessions of ten commands, 50 at once, against other servers in the same run.

Those are panoramisk on both event loops, and a C program that does nothing but answer: the machine's limit.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.agi_load import sessions_per_second
from tests.bench.agi_peers import COMMANDS
from tests.integration.agi_peer import environment

KINDS = ("panoramisk", "panoramisk-uvloop", "pbxd-route", "pbxd-flow")
C_SERVER = "C epoll"  #: measured with the others where there is a C compiler
ROUNDS = 7
SESSIONS = 2000
AT_ONCE = 50

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One server: sessions per second in each round, CPU microseconds per session over all rounds."""

    rates: list[float]
    cpu_us: float


def measure() -> dict[str, Measured]:
    servers = {kind: _start(kind) for kind in KINDS}
    limit = compiled("agi_epoll")
    if limit is not None:
        servers[C_SERVER] = _start_limit(limit)
    load = compiled("agi_load")
    rates: dict[str, list[float]] = {kind: [] for kind in servers}
    try:
        for number in range(ROUNDS + 1):  # in turns, so that a busy moment does not hit one kind alone
            for kind, (_, port) in servers.items():
                rate = _rate(load, port)
                if number:  # the first one warms up
                    rates[kind].append(rate)
    finally:
        cpu = {kind: _stop(process) for kind, (process, _) in servers.items()}
    total = (ROUNDS + 1) * SESSIONS
    return {kind: Measured(rates=rates[kind], cpu_us=cpu[kind] / total * 1e6) for kind in servers}


def compiled(name: str) -> Path | None:
    """A program of this folder in C; None where there is no compiler.

    ``agi_load`` are the callers, which leave most of the machine to the server; ``agi_epoll`` is a server.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    program = CHECKOUT / ".cache" / "bench" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name(f"{name}.c")
    built = subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=False)
    return program if built.returncode == 0 else None


def _rate(load: Path | None, port: int) -> float:
    if load is None:
        return sessions_per_second(port, sessions=SESSIONS, at_once=AT_ONCE)
    command = [str(load), str(port), str(SESSIONS), str(AT_ONCE)]
    return float(subprocess.run(command, input=environment(), capture_output=True, check=True).stdout)


def _start(kind: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.agi_peers", kind],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _start_limit(program: Path) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n".join((str(len(COMMANDS)), *COMMANDS, "")))
    process.stdin.flush()
    return process, int(process.stdout.readline())


def _stop(process: subprocess.Popen[str]) -> float:
    out, _ = process.communicate("", timeout=20)
    return float(out)


def rows() -> list[dict[str, Any]]:
    """The rows of the table: name, pbxd, peer, ratio, goal, met."""
    measured = measure()
    return [
        _row("the same route", measured, "pbxd-route", "panoramisk", 2.5),
        _row("the same route", measured, "pbxd-route", "panoramisk-uvloop", 1.5),
        _cpu_row(measured, "panoramisk", 2.5),
        _cpu_row(measured, "panoramisk-uvloop", 1.5),
        *_limit_rows(measured),
        _row("a whole flow with its events", measured, "pbxd-flow", "panoramisk", None),
    ]


def _limit_rows(measured: dict[str, Measured]) -> list[dict[str, Any]]:
    if C_SERVER not in measured:
        print("no C compiler: FastAGI is not compared with a server in C", file=sys.stderr)
        return []
    return [_row("the same route", measured, "pbxd-route", C_SERVER, 0.65)]


def _cpu_row(measured: dict[str, Measured], peer: str, goal: float) -> dict[str, Any]:
    """What a session costs the server: the same comparison where others use the machine as well."""
    ours, theirs = measured["pbxd-route"].cpu_us, measured[peer].cpu_us
    return {
        "name": f"FastAGI, CPU us for a session of 10 commands, {AT_ONCE} at once, same route; peer: {peer}",
        "pbxd": round(ours),
        "peer": round(theirs),
        "ratio": round(theirs / ours, 2),
        "goal": f">= {goal}",
        "met": theirs >= goal * ours,
    }


def _row(
    what: str, measured: dict[str, Measured], ours: str, peer: str, goal: float | None
) -> dict[str, Any]:
    """The ratio is the median of those of the rounds: a machine that slows down slows both."""
    ratios = [a / b for a, b in zip(measured[ours].rates, measured[peer].rates, strict=True)]
    ratio = statistics.median(ratios)
    return {
        "name": f"FastAGI, sessions/s of 10 commands, {AT_ONCE} at once, {what}; peer: {peer}",
        "pbxd": round(statistics.median(measured[ours].rates)),
        "peer": round(statistics.median(measured[peer].rates)),
        "ratio": round(ratio, 2),
        "goal": "for information" if goal is None else f">= {goal}",
        "met": None if goal is None else ratio >= goal,
    }


if __name__ == "__main__":
    for kind, of in measure().items():
        rate = statistics.median(of.rates)
        print(f"{kind:18} {rate:7.0f} sessions/s {of.cpu_us:7.0f} us of CPU each")
