"""pbxd as ``pbxd run`` starts it, but forked from a process that has imported it once.

Importing takes pbxd some two seconds of processor, and the tests start it a hundred times. All after the
imports is the same: its own process and session, its command line, its end by a signal. The command itself is
started by the tests of integration, by the demo and by the benchmarks.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.e2e.warmed"])


class WarmPbxd:
    """A running pbxd (see ``deploy.lab.centre.Daemon``)."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int:
        """Until it has ended: its exit code, or the negative number of the signal that ended it."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        sentinel = self._process.sentinel
        if self._process.exitcode is None:
            loop.add_reader(sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(sentinel)
        code = self._process.exitcode
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def start_warm(arguments: Sequence[str], log: Path) -> WarmPbxd:
    """``pbxd ARGUMENTS``, whose output is appended to ``log``."""
    process = _FORKS.Process(target=_run, args=(tuple(arguments), str(log)), daemon=True)
    await asyncio.to_thread(process.start)  # the first one waits for the imports
    return WarmPbxd(process)


def _run(arguments: tuple[str, ...], log: str) -> None:
    os.setsid()
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    warnings.simplefilter("default")
    sys.argv[:] = ["pbxd", *arguments]
    from pbxd.cli import main

    main()
