"""One connection to the broker: aiomqtt, mended where a message could get lost without anybody knowing.

aiomqtt waits for the acknowledgement of a message until its time-out even when the connection has long been
lost, does not look at what the acknowledgement says, and needs a task for every message under way. Here a
message is sent at once and its acknowledgement is a future, which fails the moment the connection does. A
broker that hangs up during the greeting is noticed at once, too.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiomqtt
import paho.mqtt.client as paho
from aiomqtt import MqttCodeError, MqttError, ProtocolVersion
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

__all__ = [
    "Broker",
    "HungUpError",
    "MqttConnectError",
    "MqttError",
    "ProtocolVersion",
    "tls_context",
    "wants_older",
]

#: answers to CONNECT that mean "not this version of the protocol": in MQTT 3.1.1, in MQTT 5
_OTHER_VERSION = (1, 132)

_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class _TlsSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()  # paho forgets it, one open socket for each attempt
            raise


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """What a broker's certificate is checked against: ``ca_file``, or what the system trusts."""
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = _TlsSocket
    return context


class HungUpError(MqttError):
    """The connection ended before the broker had said whether it takes us."""


class Broker(aiomqtt.Client):
    """Use as an asynchronous context manager, as aiomqtt's own client."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        username: str | None,
        password: str | None,
        tls: ssl.SSLContext | None,
        protocol: ProtocolVersion,
        timeout_s: float,
        keepalive_s: float,
        will: aiomqtt.Will,
    ) -> None:
        super().__init__(
            host,
            port,
            identifier=client_id,
            username=username,
            password=password,
            tls_context=tls,
            protocol=protocol,
            timeout=timeout_s,
            keepalive=max(1, round(keepalive_s)),
            will=will,
            # We never have anything at the broker to come back to: what is under way is ours to keep.
            clean_session=True if protocol is ProtocolVersion.V311 else None,
            # paho leaves Nagle's algorithm on, which costs up to 40 ms on a message after a message.
            socket_options=_NO_DELAY,
        )
        self._client.connect_timeout = timeout_s
        self._thread = threading.get_ident()
        self._under_way: dict[int, asyncio.Future[str | None]] = {}
        self._heard: Callable[[bytes, bool], None] | None = None
        self._disconnected.add_done_callback(self._lost)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._disconnected.add_done_callback(self._lost)
        return self

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._disconnected.done()

    def when_lost(self, call: Callable[[], None]) -> None:
        """Call once, soon after the connection has ended."""
        self._disconnected.add_done_callback(lambda _: call())

    def send(self, topic: str, payload: bytes, *, retain: bool) -> asyncio.Future[str | None]:
        """Send with QoS 1. The future gives None when the broker took it, or the broker's refusal as text;
        it fails with MqttError when the connection is lost first.

        ValueError when the message can never be sent (topic or size), MqttError when there is no connection.
        """
        sent = self._client.publish(topic, payload, 1, retain)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise MqttCodeError(sent.rc, "could not publish")
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._under_way[sent.mid] = answer
        self._write()
        return answer

    async def listen(self, topic: str, heard: Callable[[bytes, bool], None]) -> str | None:
        """From now on ``heard`` is called with the payload of each message there, and whether it is retained.

        The broker's refusal as text, else None. MqttError when the connection is lost.
        """
        self._heard = heard
        (granted,) = await self.subscribe(topic, qos=1)
        if isinstance(granted, ReasonCode):
            return str(granted) if granted.is_failure else None
        return f"code {granted}" if granted >= 0x80 else None

    def _on_message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        # paho holds a lock while it calls this, and asks for it again when a connection turns out to be lost:
        # a reply that was sent from here would then wait for itself, and all of pbxd with it.
        if self._heard is not None:
            self._loop.call_soon(self._heard, bytes(message.payload), message.retain)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # as aiomqtt does it: whatever it is, the connection is of no more use
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        # aiomqtt takes a turn of the loop before it even asks when the socket can be written to. Here what
        # the socket does not take at once waits for that, and nearly always it takes all.
        if threading.get_ident() == self._thread:
            self._loop.add_writer(sock.fileno(), self._write)
        else:  # while connecting, on the thread that does it
            super()._on_socket_register_write(client, userdata, sock)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Any = None
    ) -> None:
        # aiomqtt looks away while it is connecting, and then waits for its time-out. This may be called on
        # the thread that connects.
        self._loop.call_soon_threadsafe(self._hung_up, str(reason_code))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _hung_up(self, reason: str) -> None:
        if not self._connected.done():
            self._connected.set_exception(HungUpError(f"hung up before it took us: {reason}"))

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any = None
    ) -> None:
        answer = self._under_way.pop(mid, None)
        if answer is None:
            super()._on_publish(client, userdata, mid, reason_code, properties)
        elif not answer.done():
            answer.set_result(str(reason_code) if reason_code.is_failure else None)

    def _lost(self, ended: asyncio.Future[None]) -> None:
        error = None if ended.cancelled() else ended.exception()
        under_way, self._under_way = self._under_way, {}
        for answer in under_way.values():
            if not answer.done():
                answer.set_exception(MqttError(str(error or "disconnected")))
                answer.exception()  # looked at, so that nobody complains about it when it is thrown away


def wants_older(error: Exception) -> bool:
    """Whether the broker has said that it does not know MQTT 5."""
    if not isinstance(error, MqttConnectError):
        return False
    code = error.rc
    return (code.value if isinstance(code, ReasonCode) else code) in _OTHER_VERSION
