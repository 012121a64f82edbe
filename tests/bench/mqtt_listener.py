"""Another client of the broker, in a process of its own: ``python -m tests.bench.mqtt_listener PORT NUMBER``.

By a plain socket, so that it costs the least. Says ``ready``, takes NUMBER messages below ``pbxd/bench/`` and
prints when each came, as JSON: {its "n": seconds of the clock that all processes share}.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time


def connect(port: int, name: str) -> socket.socket:
    """A connection by MQTT 3.1.1 that the broker has accepted."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = _text("MQTT") + b"\x04\x02\x00\x3c" + _text(name)
    client.sendall(bytes((0x10, len(body))) + body)
    if client.recv(4)[3:] != b"\0":
        raise ConnectionError("the broker does not take us")
    return client


def packet(topic: str, payload: bytes) -> bytes:
    """PUBLISH with QoS 0."""
    body = _text(topic) + payload
    length, left = bytearray(), len(body)
    while left >= 128:
        length.append(left % 128 | 128)
        left //= 128
    return bytes((0x30, *length, left)) + body


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _take(data: bytes) -> tuple[bytes, bytes] | None:
    """The first packet's body and what comes behind it, or None while it is not complete."""
    length = shift = 0
    for place in range(1, len(data)):
        length |= (data[place] & 127) << shift
        shift += 7
        if data[place] < 128:
            end = place + 1 + length
            return (data[place + 1 : end], data[end:]) if len(data) >= end else None
    return None


def main(port: int, number: int) -> None:
    client = connect(port, "listener")
    body = b"\0\1" + _text("pbxd/bench/#") + b"\0"
    client.sendall(bytes((0x82, len(body))) + body)
    if client.recv(5)[0] != 0x90:
        raise ConnectionError("the broker does not let us listen")
    print("ready", flush=True)
    came: dict[int, float] = {}
    data = b""
    while len(came) < number:
        data += client.recv(65536)
        now = time.perf_counter()
        while (taken := _take(data)) is not None:
            body, data = taken
            came[json.loads(body[2 + struct.unpack(">H", body[:2])[0] :])["n"]] = now
    print(json.dumps(came), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
