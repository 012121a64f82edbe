"""Work in a process of its own: what comes back, and what happens when it does not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pbxd.edge import aside
from pbxd.edge.aside import Aside
from pbxd.edge.store import StoreError
from pbxd.edge.store.reports import Reader, make_report
from tests.integration.store_samples import sqlite_settings

PATIENCE_S = 60.0


def comes_true(true: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Any of its threads; not as one that nobody has buried yet."""
    try:
        states = [
            (thread / "stat").read_text().rpartition(")")[2].split()[0]
            for thread in Path(f"/proc/{pid}/task").iterdir()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/task").exists()  # one of them has just gone: look again
    return any(state not in "ZX" for state in states)


@pytest.fixture
def beside() -> Iterator[Aside]:
    beside = Aside()
    yield beside
    beside.end()


def test_it_is_another_process_and_gives_its_result_back(beside: Aside) -> None:
    one = beside.do(30, os.getpid)
    assert one != os.getpid()
    assert beside.do(30, os.getpid) == one  # and the same for the next work
    assert beside.do(30, sorted, ["b", "a"], reverse=True) == ["b", "a"]


def test_what_it_prints_is_no_answer(beside: Aside) -> None:
    assert beside.do(30, print, "hello", flush=True) is None
    assert beside.do(30, os.write, 1, b"hello") == 5


def test_its_errors_are_raised_here(beside: Aside, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="moon"):
        beside.do(30, {}.__getitem__, "moon")
    with pytest.raises(StoreError, match="there is no history"):
        beside.do(30, make_report, Reader(sqlite_settings(tmp_path)), None)  # type: ignore[arg-type]


def test_one_that_dies_is_told(beside: Aside) -> None:
    with pytest.raises(OSError, match="ended with 3"):
        beside.do(30, os._exit, 3)
    assert beside.do(30, abs, -1) == 1


def test_one_that_has_gone_since_is_begun_anew(beside: Aside) -> None:
    one = beside.do(30, os.getpid)
    os.kill(one, signal.SIGKILL)
    assert comes_true(lambda: not alive(one))
    two = beside.do(30, os.getpid)
    assert two != one
    beside.end()
    assert comes_true(lambda: not alive(two))
    assert beside.do(30, abs, -1) == 1


def test_what_takes_too_long_is_ended(beside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    one = beside.do(30, os.getpid)
    monkeypatch.setattr(aside, "START_S", 0.2)
    with pytest.raises(TimeoutError, match="not done within"):
        beside.do(0.1, time.sleep, 600)
    assert comes_true(lambda: not alive(one))


def test_it_does_not_outlive_a_pbxd_that_was_killed() -> None:
    program = "import time; from pbxd.edge.aside import Aside; Aside().do(600, time.sleep, 600)"
    pbxd = subprocess.Popen([sys.executable, "-c", program])
    children = Path(f"/proc/{pbxd.pid}/task/{pbxd.pid}/children")
    if not children.exists():
        pbxd.kill()
        pbxd.wait()
        pytest.skip("this kernel does not tell whose child a process is")
    try:
        assert comes_true(lambda: children.read_text().split())
        child = int(children.read_text().split()[0])
        assert alive(child)
    finally:
        pbxd.kill()
        pbxd.wait()
    try:
        assert comes_true(lambda: not alive(child))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
