"""What systemd wants to hear from a service of Type=notify: ready, alive, reloading, stopping.

Without NOTIFY_SOCKET (started by hand, in a container) everything here does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notify:
    """The datagram socket to the service manager. Never blocks and never raises; ``failed`` counts losses.

    ``feed`` is called by the loop that serves calls, once for each tick that went *through its inbox*: a
    loop that stands still, or an inbox that nobody empties, feeds nobody, and systemd starts pbxd afresh.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.failed = 0
        self.feed_every = _watchdog_seconds(environ, os.getpid() if pid is None else pid)
        self._fed = -self.feed_every if self.feed_every else 0.0
        self._socket: socket.socket | None = None
        path = environ.get("NOTIFY_SOCKET", "")
        if path.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._address = "\0" + path[1:] if path.startswith("@") else path

    @property
    def listening(self) -> bool:
        """Whether a service manager listens."""
        return self._socket is not None

    def ready(self, status: str = "") -> None:
        """All listeners are open; also ends ``reloading``."""
        self._send("READY=1", status)

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send("", text)

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", status)

    def feed(self, now: float) -> None:
        """Tell the watchdog that calls are served; ``now`` is monotonic seconds. Sends at its own pace."""
        if self.feed_every and now - self._fed >= self.feed_every:
            self._fed = now
            self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, state: str, status: str = "") -> None:
        if self._socket is None:
            return
        line = " ".join(status.split())
        message = "\n".join(part for part in (state, f"STATUS={line}" if line else "") if part)
        try:
            self._socket.sendto(message.encode("utf-8", "replace"), self._address)
        except OSError:
            self.failed += 1


def _watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """How often to feed: a third of WatchdogSec, so that one late tick costs nothing; None without one."""
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdigit() or int(text) == 0 or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(text) / 3_000_000
