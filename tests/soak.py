"""Every transfer again and again, and many random days, on both Asterisks: ``make soak``.

It can be interrupted and goes on where it was: each job is one pytest of its own, and what has ended is
kept in .cache/soak. The account is .cache/soak.txt: how often each test passed in a row, and which days were
played.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / ".cache/soak"
ACCOUNT = CHECKOUT / ".cache/soak.txt"
KEPT = CHECKOUT / ".cache/soak-kept"  #: what pbxd and Asterisk said in tests that failed
VERSIONS = ("asterisk22", "asterisk16")
ABOUT = ("transfer", "handover", "wrap_up", "callbacks")  #: which files of tests are about transfers
DAYS = "tests/e2e/test_transfer_days.py"
DAYS_IN_A_JOB = 10
ROUNDS_IN_A_JOB = 5  #: with the same Asterisk and the same pbxd
FIRST_DAY = 1001  #: the days before are those of every run
ON_ONE = ("tests/e2e/test_transfer_page.py", "tests/e2e/test_transfer_orders.py")  #: version only


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    name: str  #: of its file, and its place in the order
    file: str
    wanted: str  #: as pytest's -k has it
    first_day: int | None = None

    @property
    def report(self) -> Path:
        return FOLDER / f"{self.name}.xml"

    @property
    def environment(self) -> dict[str, str]:
        days = {"PBXD_FIRST_DAY": str(self.first_day), "PBXD_DAYS": str(DAYS_IN_A_JOB)}
        rounds = {"PBXD_TIMES": str(ROUNDS_IN_A_JOB)}
        kept = {"PBXD_KEEP": str(KEPT)}
        return {**kept, **os.environ, "PBXD_THOROUGH": "1", **(rounds if self.first_day is None else days)}


def jobs(rounds: int, days: int, without: Collection[str] = ()) -> Iterator[Job]:
    """The days first, then some rounds at a time; ``without`` the files with one of these in their names."""
    for first in range(FIRST_DAY, FIRST_DAY + days, DAYS_IN_A_JOB):
        for version in VERSIONS:
            yield Job(name=f"days-{first:05}-{version}", file=DAYS, wanted=version, first_day=first)
    paths = sorted(
        (path for about in ABOUT for path in (CHECKOUT / "tests/e2e").glob(f"test_*{about}*.py")),
        key=lambda path: -path.stat().st_size,  # what takes longest first, so that all workers end together
    )
    files = [
        str(path.relative_to(CHECKOUT)) for path in paths if not any(part in path.name for part in without)
    ]
    for number in range(1, rounds + 1, ROUNDS_IN_A_JOB):
        for file in (file for file in files if file != DAYS):
            for version in ("",) if file in ON_ONE else VERSIONS:
                name = f"round-{number:03}-{Path(file).stem}-{version or 'both'}"
                yield Job(name=name, file=file, wanted=version)


class Playing:
    """Runs jobs; ``stop`` ends those that are under way."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._under_way: set[subprocess.Popen[bytes]] = set()

    def play(self, job: Job) -> bool:
        """False: it was not played to its end, and its log says why."""
        if self._stopped.is_set():
            return False
        half = job.report.with_suffix(".half")
        command = [
            sys.executable,
            "-m",
            "pytest",
            job.file,
            "-q",
            f"--junitxml={half}",
        ]
        with job.report.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *(("-k", job.wanted) if job.wanted else ())],
                cwd=CHECKOUT,
                env=job.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self._under_way.add(process)
            code = process.wait()
            self._under_way.discard(process)
        played = code in (0, 1) and not self._stopped.is_set()
        if played:
            half.replace(job.report)
        return played

    def stop(self) -> None:
        self._stopped.set()
        for process in list(self._under_way):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


# ---------------------------------------------------------------- the account


@dataclass(slots=True)
class Played:
    """One test. Days are counted together."""

    passed: int = 0
    failed: int = 0
    in_a_row: int = 0  #: since it failed last
    seeds: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  #: in which jobs, or on which days


_TIME = re.compile(r"(?<=[\[-])time\d+-?")


def account(reports: Iterable[Path]) -> dict[str, Played]:
    """What all these reports say, by test; in the order of their names."""
    found: dict[str, Played] = collections.defaultdict(Played)
    for report in sorted(reports):
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            if case.find("skipped") is not None:
                continue
            name, where = f"{case.get('classname')}::{case.get('name')}", report.stem
            seed = None
            if "test_a_day[" in name:
                name, _, last = name.rstrip("]").rpartition("-")
                name, seed, where = f"{name}]", int(last), last
            name = _TIME.sub("", name).replace("-]", "]").removesuffix("[]")
            played = found[name]
            played.seeds += [] if seed is None else [seed]
            if case.find("failure") is None and case.find("error") is None:
                played.passed += 1
                played.in_a_row += 1
            else:
                played.failed += 1
                played.in_a_row = 0
                played.failures.append(where)
    return dict(found)


def told(found: dict[str, Played]) -> str:
    lines = ["in a row  passed  failed  test"]
    for name, one in sorted(found.items(), key=lambda item: (item[1].in_a_row, item[0])):
        seeds = f" (days {min(one.seeds)} to {max(one.seeds)})" if one.seeds else ""
        fails = f" FAILED in {', '.join(one.failures)}" if one.failures else ""
        lines.append(f"{one.in_a_row:8}  {one.passed:6}  {one.failed:6}  {name}{seeds}{fails}")
    return "\n".join(lines) + "\n"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=20, help="how often each test is played")
    asked.add_argument("--days", type=int, default=100, help="random days on each Asterisk")
    asked.add_argument("--workers", type=int, default=4, help="jobs at a time")
    asked.add_argument(
        "--without", action="append", default=[], help="part of the name of a file to leave out"
    )
    asked.add_argument("--again", action="store_true", help="forget what was played before")
    wanted = asked.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if wanted.again:
        for old in FOLDER.iterdir():
            old.unlink()
    left = [job for job in jobs(wanted.rounds, wanted.days, wanted.without) if not job.report.exists()]
    playing = Playing()
    with ThreadPoolExecutor(wanted.workers) as pool:
        futures = {pool.submit(playing.play, job): job for job in left}
        try:
            for number, done in enumerate(as_completed(futures), 1):
                how = "" if done.result() else f" NOT PLAYED, see {futures[done].report.with_suffix('.log')}"
                ACCOUNT.write_text(told(account(FOLDER.glob("*.xml"))))
                print(f"{number}/{len(left)} {futures[done].name}{how}", flush=True)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes more than once
            playing.stop()
            pool.shutdown(cancel_futures=True)
    found = account(FOLDER.glob("*.xml"))
    ACCOUNT.write_text(told(found))
    passed, failed = (sum(getattr(one, how) for one in found.values()) for how in ("passed", "failed"))
    missing = sum(not job.report.exists() for job in left)
    print(
        f"{passed} passed, {failed} failed, {missing} of {len(left)} jobs are still to be played: {ACCOUNT}"
    )
    return 1 if failed or missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
