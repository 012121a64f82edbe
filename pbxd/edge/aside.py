"""Work that would hold the loop, done in a process beside this one.

On a thread such work shares Python's one interpreter lock with the loop: whenever the loop has read a socket
it may have to wait until the thread lets go. A process shares nothing. It is begun when it is needed, which
takes about a second of a processor, and ends when nothing was asked of it for a while.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

START_S = 30.0  #: that the start of the process may take, on a machine that is busy
IDLE_S = 120.0
_ORPHANED_S = 1.0
_BEGIN = """import sys
handle, parent, *sys.path[:] = sys.argv[1:]
from pbxd.edge.aside import serve
serve(int(handle), int(parent))"""


class Aside:
    """Does one thing after the other; ``do`` is for one thread, ``end`` for any."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection[Any, Any] | None = None

    def do(self, timeout_s: float, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What ``work``, a function of a module, returns or raises; blocks. All that goes there and comes
        back is pickled.

        TimeoutError when it takes longer (besides the start), OSError when the process cannot be started or
        dies.
        """
        asked = pickle.dumps((work, args, named))
        answer = self._told(asked, timeout_s)
        if answer is None:  # it had just ended, as nothing was asked of it for so long
            answer = self._told(asked, timeout_s)
        if answer is None:
            raise OSError("a process of pbxd ended before it did anything")
        done, result = pickle.loads(answer)
        if not done:
            raise result
        return result  # type: ignore[no-any-return]

    def end(self) -> None:
        """End the process, whatever it does. The next ``do`` begins another one."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def _told(self, asked: bytes, timeout_s: float) -> bytes | None:
        """The answer; None when the process ended by itself."""
        line = self._begun()
        try:
            line.send_bytes(asked)
            if not line.poll(START_S + max(0.0, timeout_s)):
                raise TimeoutError(f"not done within {timeout_s:g} s")
            return line.recv_bytes()
        except (EOFError, ConnectionError):
            status = self._ended()
            if status == 0:
                return None
            raise OSError(f"a process of pbxd ended with {status}") from None
        except BaseException:
            self._ended()
            raise

    def _begun(self) -> Connection[Any, Any]:
        if self._process is not None and self._process.poll() is not None:
            self._ended()
        if self._line is None:
            self._line, theirs = Pipe()
            with theirs:
                handle = theirs.fileno()
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _BEGIN, str(handle), str(os.getpid()), *sys.path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[handle],
                )
        return self._line

    def _ended(self) -> int:
        """Its exit status, now that it is gone."""
        process, line = self._process, self._line
        self._process = self._line = None
        assert process is not None
        assert line is not None
        line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_ORPHANED_S)
        process.kill()
        return process.wait()


def serve(handle: int, parent: int) -> None:
    """What the process does: read what is asked, do it, send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: pbxd ends us
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    gc.disable()  # between two works is time enough
    line: Connection[Any, Any] = Connection(handle)
    while line.poll(IDLE_S):
        try:
            asked = line.recv_bytes()
        except EOFError:
            return
        line.send_bytes(_done(asked))
        gc.collect()


def _done(asked: bytes) -> bytes:
    told: tuple[bool, Any]
    try:
        work, args, named = pickle.loads(asked)
        told = True, work(*args, **named)
    except Exception as error:
        told = False, error
    return pickle.dumps(told)


def _end_with(parent: int) -> None:
    """For ever: a pbxd that was killed cannot tell us."""
    while os.getppid() == parent:
        time.sleep(_ORPHANED_S)
    os._exit(1)
