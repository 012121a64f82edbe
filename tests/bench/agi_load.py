"""Callers for a FastAGI server: as many sessions at once as asked for, by plain sockets and epoll.

It does as little as can be done for a session, so that the server is what is measured.
"""

from __future__ import annotations

import select
import socket
import time

from tests.integration.agi_peer import environment

REPLIES = (
    b"200 result=0 endpos=16000\n",
    b"200 result=0 endpos=24000\n",
    b"200 result=49\n",
    b"200 result=50 endpos=8000\n",
    b"200 result=345678901 (timeout)\n",
    b"200 result=0 endpos=18000\n",
    b"200 result=1\n",
    b"200 result=1\n",
    b"200 result=1\n",
    b"200 result=1\n",
)
"""What Asterisk says to the ten commands of ``tests.bench.agi_peers``."""


def sessions_per_second(port: int, *, sessions: int, at_once: int) -> float:
    """Run ``sessions`` whole sessions against 127.0.0.1:``port``; raises RuntimeError when one ends early."""
    opening = environment()
    epoll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    replied: dict[int, int] = {}
    started = done = 0

    def start() -> None:
        caller = socket.create_connection(("127.0.0.1", port))
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller.send(opening)
        caller.setblocking(False)
        sockets[caller.fileno()] = caller
        replied[caller.fileno()] = 0
        epoll.register(caller.fileno(), select.EPOLLIN)

    begun = time.perf_counter()
    while done < sessions:
        while len(sockets) < at_once and started < sessions:
            start()
            started += 1
        ready = epoll.poll(10)
        if not ready:
            raise RuntimeError("the server has stopped answering")
        for number, _ in ready:
            caller = sockets[number]
            data = caller.recv(4096)
            if data:
                caller.send(REPLIES[replied[number]])
                replied[number] += 1
                continue
            if replied[number] != len(REPLIES):
                raise RuntimeError(f"a session ended after {replied[number]} commands")
            epoll.unregister(number)
            del sockets[number]
            caller.close()
            done += 1
    taken = time.perf_counter() - begun
    epoll.close()
    return sessions / taken
