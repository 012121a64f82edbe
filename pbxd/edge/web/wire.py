"""uvicorn, with deadlines for peers that send or read nothing, and with its hands off the signals."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # pbxd decides itself what a signal means; uvicorn would take SIGTERM away from it.
        yield


class Http(H11Protocol):
    """Closes a connection that takes too long over the head of a request.

    uvicorn gives a new connection for ever; a peer that sends one byte now and then keeps it open.
    """

    head_timeout_s = 10.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The clock runs from the first byte of a head to its last."""
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._late is None and self.timeout_keep_alive_task is None:
            self._late = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class WebSocket(WebSocketsSansIOProtocol):
    """Cuts off a peer that reads nothing, and answers a handshake that cannot be read.

    uvicorn waits for ever for room in the transport's buffer; a closed transport whose buffer cannot be
    flushed stays open as long as the peer likes; and after a handshake with too long or too many headers
    it says nothing and keeps the connection.
    """

    send_timeout_s = 10.0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handshake_initiated = True
            self.transport.write(_UNREADABLE)
            self.transport.close()

    async def send(self, message: Any) -> None:
        try:
            async with asyncio.timeout(self.send_timeout_s):
                await super().send(message)
        except TimeoutError:
            self.transport.abort()
            raise ClientDisconnected from None
        if message["type"] == "websocket.http.response.body":
            # uvicorn forgets this, and logs every refused handshake as an error of the application.
            self.handshake_complete = True
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


def with_deadlines(*, head_timeout_s: float, send_timeout_s: float) -> dict[str, Any]:
    """The protocol classes for one server; uvicorn wants classes, so the deadlines live in those."""
    return {
        "http": type("Http", (Http,), {"head_timeout_s": head_timeout_s}),
        "ws": type("WebSocket", (WebSocket,), {"send_timeout_s": send_timeout_s}),
    }
