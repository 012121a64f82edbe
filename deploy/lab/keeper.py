"""Keeps one program and its folder: when the pipe on stdin closes, both go.

A laboratory that is killed cannot clean up after itself; its keeper can, because the end of the pipe comes
however the laboratory ends. Started as ``python -I -S keeper.py FOLDER PROGRAM ARGUMENT...``.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

_GRACE_S = 5.0
_PR_SET_PDEATHSIG = 1


def _die_with_me() -> None:
    """The program goes even when somebody kills this keeper."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    folder, *command = sys.argv[1:]
    log = os.path.join(folder, "output.log")
    with open(log, "ab") as output:
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_me,
        )
    print(program.pid, flush=True)
    while program.poll() is None:
        if select.select([sys.stdin], [], [], 0.5)[0]:
            break
    ended_by_itself = program.poll() is not None
    if not ended_by_itself:
        program.terminate()
        try:
            program.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
    if ended_by_itself:
        # Whoever started it may want to read why; the folder goes when he has let go of the pipe.
        select.select([sys.stdin], [], [])
    shutil.rmtree(folder, ignore_errors=True)
    return program.returncode


if __name__ == "__main__":
    sys.exit(main())
