"""A caller who writes his SIP himself: identities that no decent phone would send, as bytes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Self

from deploy.lab.phone import LIMIT_S, PhoneError, Registrar, until


class RawCall(asyncio.DatagramProtocol):
    """One call whose INVITE carries the given bytes as the caller's name and number."""

    def __init__(self, registrar: Registrar, extension: str, number: bytes, name: bytes, trunk: str) -> None:
        self._registrar = registrar
        self._extension = extension
        self._identity = b'"' + name + b'" <sip:' + number + b"@127.0.0.1>"
        self._trunk = trunk
        self._call_id = secrets.token_hex(8)
        self._tag = secrets.token_hex(4)
        self._to = b""
        self.status = 0  #: the last status of the INVITE, e.g. 180 or 200
        self.ended = False
        self._transport: asyncio.DatagramTransport
        self._sound: asyncio.DatagramTransport

    @classmethod
    @contextlib.asynccontextmanager
    async def dial(
        cls,
        registrar: Registrar,
        extension: str,
        *,
        name: bytes = b"",
        number: bytes = b"100",
        trunk: str = "trunk",
    ) -> AsyncIterator[Self]:
        """Dial; in the end hang up. The name and number go out as they are, quoted by nobody."""
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", 0)
        self = cls(registrar, extension, number, name, trunk)
        self._sound, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=address)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)
        try:
            self._send(b"INVITE", 1, self._description())
            yield self
            await self.hang_up()
        finally:
            self._transport.close()
            self._sound.close()

    async def answered(self, within_s: float = LIMIT_S) -> None:
        """Wait for the 200; PhoneError when the switch refuses the call."""
        await until(lambda: self.status >= 200, lambda: f"no answer, last status {self.status}", within_s)
        if self.status >= 300:
            raise PhoneError(f"the switch answered {self.status}")

    async def hang_up(self) -> None:
        if not self.ended and 200 <= self.status < 300:
            self._send(b"BYE", 2)
            await until(lambda: self.ended, lambda: "no answer to BYE")

    # ------------------------------------------------------------ the wire

    def _description(self) -> bytes:
        port = self._sound.get_extra_info("sockname")[1]
        lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
        return "\r\n".join((*lines, f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "")).encode()

    def _send(self, method: bytes, number: int, body: bytes = b"") -> None:
        port = self._transport.get_extra_info("sockname")[1]
        here = f"127.0.0.1:{port}".encode()
        uri = f"sip:{self._extension}@{self._registrar.host}:{self._registrar.sip_port}".encode()
        branch = f"z9hG4bK{self._call_id}{number}{method.decode()}".encode()
        lines = [
            method + b" " + uri + b" SIP/2.0",
            b"Via: SIP/2.0/UDP " + here + b";branch=" + branch + b";rport",
            b"Max-Forwards: 70",
            b"From: <sip:raw@127.0.0.1>;tag=" + self._tag.encode(),
            b"To: " + (self._to or b"<" + uri + b">"),
            b"Call-ID: " + self._call_id.encode(),
            b"CSeq: " + str(number).encode() + b" " + method,
            b"Contact: <sip:raw@" + here + b">",
            b"P-Asserted-Identity: " + self._identity,
            b"X-Lab-Trunk: " + self._trunk.encode(),
        ]
        if body:
            lines.append(b"Content-Type: application/sdp")
        lines.append(b"Content-Length: " + str(len(body)).encode())
        self._transport.sendto(
            b"\r\n".join(lines) + b"\r\n\r\n" + body, (self._registrar.host, self._registrar.sip_port)
        )

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        header = _headers(data)
        if data.startswith(b"SIP/2.0"):
            self._response(int(data.split(b" ", 2)[1]), header)
            return
        method = data.partition(b" ")[0]
        kept = b"".join(
            name + b": " + value + b"\r\n"
            for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
            for value in header(name)
        )
        self._transport.sendto(b"SIP/2.0 200 OK\r\n" + kept + b"Content-Length: 0\r\n\r\n", addr)
        self.ended = self.ended or method == b"BYE"

    def _response(self, status: int, header: Callable[[bytes], list[bytes]]) -> None:
        method = header(b"CSeq")[0].split()[-1]
        if method == b"BYE":
            self.ended = True
        elif method == b"INVITE":
            self.status = max(status, self.status)
            if status >= 200:
                self._to = header(b"To")[0]
                self._send(b"ACK", 1)


def _headers(data: bytes) -> Callable[[bytes], list[bytes]]:
    head = data.partition(b"\r\n\r\n")[0]

    def values(name: bytes) -> list[bytes]:
        return re.findall(rb"(?im)^" + re.escape(name) + rb"[ \t]*:[ \t]*(.*?)\r?$", head)

    return values
