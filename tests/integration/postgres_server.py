"""A PostgreSQL of the test's own: in a temporary folder, on a free port, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from deploy.lab.ports import free_port
from deploy.lab.tools import postgres

_START_S = 30.0


def with_us() -> tuple[str, ...]:
    """What to put before a command so that the program ends with us, also when the tests are killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "QUIT") if setpriv else ()


class PostgresServer:
    """``start()``, ``stop()``, ``freeze()`` and ``thaw()`` it; ``new_database()`` gives a URL."""

    def __init__(self) -> None:
        server = postgres()
        self._environment = server.environment
        self.folder = Path(tempfile.mkdtemp(prefix="pbxd-postgres-"))
        self.port = free_port()
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._programs = self._within_reach(Path(server.argv[0]).parent)
        self._run("initdb", "-D", self._data, "-U", "pbxd", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def new_database(self) -> str:
        """The URL of a new and empty database."""
        self._number += 1
        name = f"pbxd_{self._number}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://pbxd@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str) -> None:
        """Run a statement in a session of its own."""
        with self._single(statement) as done:
            output = done.communicate(timeout=_START_S)[0]
        assert done.returncode == 0, output.decode()

    def start(self) -> None:
        assert self._process is None
        with (self.folder / "log").open("ab") as output:
            self._process = self._spawn(output)
        limit = time.monotonic() + _START_S
        while True:
            try:
                self.sql("SELECT 1")
                return
            except AssertionError:
                if time.monotonic() > limit or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *with_us(), str(self._programs / "postgres"), "-D", self._data, "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "shared_buffers=16MB", "-c", "max_connections=40",
            ],
            env=self._environment,
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
        )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: end all sessions and stop; SIGQUIT: as after a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_S)
            self._process = None

    def freeze(self) -> None:
        """All of its processes stand still: connections stay open, nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def recover(self) -> None:
        """Running, whatever a test has done to it."""
        if self._process is None:
            self.start()
        else:
            self.thaw()

    def remove(self) -> None:
        if self._process is not None:
            self.thaw()
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, number)

    def _within_reach(self, programs: Path) -> Path:
        """``programs``, or a copy of what they were unpacked in, where the other user can reach it."""
        test = [str(programs / "postgres"), "--version"]
        try:
            reached = subprocess.run(test, user=self._user, env=self._environment, capture_output=True)
        except PermissionError:
            reached = None
        if reached is not None and reached.returncode == 0:
            return programs
        root = programs.parents[4]
        copy = self.folder / "programs"
        shutil.copytree(root, copy, symlinks=True)
        for key, value in self._environment.items():
            self._environment[key] = value.replace(str(root), str(copy))
        return copy / programs.relative_to(root)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            env=self._environment,
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()

    def _single(self, statement: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                str(self._programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1",
                "-h", "127.0.0.1", "-p", str(self.port), "-U", "pbxd", "-d", "postgres", "-c", statement,
            ],
            env=self._environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
