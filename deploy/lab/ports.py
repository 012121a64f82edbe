"""Ports on loopback for servers that the laboratory and the tests start, and start again."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on loopback that nobody uses at this moment.

    Below those that the system hands out for outgoing connections: one of them could be taken by somebody
    while a daemon that listened on it is down for a restart.
    """
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
