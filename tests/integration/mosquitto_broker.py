"""A Mosquitto of the test's own, on a free port."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

from deploy.lab.ports import free_port
from deploy.lab.tools import Tool, mosquitto, tool
from tests.integration.postgres_server import with_us

_START_S = 20.0


class MosquittoBroker:
    """``start()`` and ``stop()`` it as often as the test wants; ``configure()`` before a start.

    Without persistence, so that a broker that was stopped has forgotten every retained message.
    Raises UnpackError or NoArchiveError where there is no Mosquitto to be had.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._tool = mosquitto()
        self._process: subprocess.Popen[bytes] | None = None
        self.configure()

    def configure(self, *lines: str) -> None:
        """Further lines of configuration; they hold from the next start on."""
        plain = () if any(line.startswith("allow_anonymous") for line in lines) else ("allow_anonymous true",)
        common = (f"listener {self.port} 127.0.0.1", "persistence false", "max_inflight_messages 0")
        common = (*common, "user root", *plain)
        (self.folder / "mosquitto.conf").write_text("\n".join((*common, *lines)) + "\n")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def password_program(self) -> Tool:
        return tool("mosquitto_passwd", ["mosquitto"])

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        assert self._process is None
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [*with_us(), *self._tool.argv, "-v", "-c", str(self.folder / "mosquitto.conf")],
                env=self._tool.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        limit = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > limit or self._process.poll() is not None:
                    raise AssertionError(self.log) from None
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(_START_S)
            self._process = None

    def freeze(self) -> None:
        """It stands still: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
