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
    _serve(client)
    client.sendall(FIRST)
    if mode == "bulk":
        sent = _bulk(client, events, times)
    else:
        sent = _paced(client, events * times, rate, stamped=mode == "stamped")
    client.sendall(LAST % sent)
    while client.recv(65536):  # until the client has seen the end and closed
        pass


def _serve(client: socket.socket) -> None:
    """Answer the login, and the lists of an empty switch, until nothing is asked any more."""
    framer, signed_in = Framer(), False
    client.settimeout(0.3)  # also lets the client's own start end, which is no part of the figure
    while True:
        try:
            data = client.recv(65536)
        except TimeoutError:
            if signed_in:
                client.settimeout(None)
                return
            continue
        for raw in framer.feed(data):
            asked = parse(raw)
            told = f"ActionID: {asked['ActionID']}\r\n"
            listed = asked["Action"] in ("CoreShowChannels", "BridgeList", "QueueStatus")
            answer = f"Response: Success\r\n{told}{'EventList: start' if listed else 'Message: fine'}\r\n\r\n"
            if listed:
                answer += f"Event: {asked['Action']}Complete\r\n{told}EventList: Complete\r\n\r\n"
            elif asked["Action"] == "Login":
                signed_in = True
                answer += "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n"
            client.sendall(answer.encode())


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
