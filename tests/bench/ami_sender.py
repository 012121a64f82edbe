"""The switch of the benches: one process that signs a client in and then sends what it was told to.

Started as ``python -m tests.bench.ami_sender MODE CALLS TIMES RATE``; prints its port. ``bulk`` sends as fast
as the client reads; ``paced`` sends RATE events a second, each in a segment of its own; ``stamped`` does so
with the moment of sending in each event.
"""

from __future__ import annotations

import socket
import sys
import time

from pbxd.ami.frames import Framer
from pbxd.ami.headers import parse
from tests.bench.ami_traffic import stream

LAST = b"Event: BenchEnd\r\nPrivilege: user,all\r\nSent: %d\r\n\r\n"
FIRST = b"Event: BenchBegin\r\nPrivilege: user,all\r\n\r\n"


def main(mode: str, calls: int, times: int, rate: int) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    events = stream(calls)
    print(server.getsockname()[1], flush=True)
    client, _ = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"Asterisk Call Manager/9.0.0\r\n")
    _sign_in(client)
    time.sleep(0.2)  # the client's own start is no part of the figure
    client.sendall(FIRST)
    if mode == "bulk":
        sent = _bulk(client, events, times)
    else:
        sent = _paced(client, events * times, rate, stamped=mode == "stamped")
    client.sendall(LAST % sent)
    while client.recv(65536):  # until the client has seen the end and closed
        pass


def _sign_in(client: socket.socket) -> None:
    framer = Framer()
    while True:
        for raw in framer.feed(client.recv(65536)):
            asked = parse(raw)
            answer = f"Response: Success\r\nActionID: {asked['ActionID']}\r\nMessage: accepted\r\n\r\n"
            client.sendall(answer.encode())
            if asked["Action"] == "Login":
                client.sendall(b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n")
                return


def _bulk(client: socket.socket, events: list[bytes], times: int) -> int:
    data = b"".join(events)
    for _ in range(times):
        client.sendall(data)
    return len(events) * times


def _paced(client: socket.socket, events: list[bytes], rate: int, stamped: bool) -> int:
    began = time.perf_counter()
    for number, event in enumerate(events):
        due = began + number / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        if stamped:
            event = event[:-2] + b"SentAt: %.6f\r\n\r\n" % time.perf_counter()
        client.send(event)
    return len(events)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
