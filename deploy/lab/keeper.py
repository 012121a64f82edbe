"""Keeps one program and its folder: when the pipe on stdin closes, both go.

A laboratory that is killed cannot clean up after itself; its keeper can, because the end of the pipe comes
however the laboratory ends. A line on the pipe: start the program again, in the same folder. Started as
``python -I -S keeper.py FOLDER PROGRAM ARGUMENT...``; says the program's pid each time.
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


def _run(command: list[str], log: str) -> int:
    """Run it until it ends by itself or something comes by the pipe."""
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
    if program.poll() is None:
        program.terminate()
        try:
            program.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
    return program.returncode


def main() -> int:
    folder, *command = sys.argv[1:]
    log = os.path.join(folder, "output.log")
    while True:
        code = _run(command, log)
        # Of one that ended by itself somebody may want to read why: the folder goes when the pipe closes.
        if not sys.stdin.readline():
            break
    shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
