"""Ports on loopback for servers that the laboratory and the tests start, and start again."""

from __future__ import annotations

import contextlib
import random
import socket
from collections import deque

#: The latest of this process. A daemon takes seconds to listen, and may be down for a restart: meanwhile no
#: other process of the laboratory must be given the same one. The names go with the process.
_reserved: deque[socket.socket] = deque()
_MOST = 200


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on loopback that nobody uses at this moment, and that no other process gets from here.

    Below those that the system hands out for outgoing connections: one of them could be taken by somebody
    while a daemon that listened on it is down for a restart.
    """
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if _reserve(port):
                return port


def _reserve(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0pbxd-lab-port-{port}")
    except OSError:
        name.close()
        return False
    _reserved.append(name)
    if len(_reserved) > _MOST:
        _reserved.popleft().close()
    return True
