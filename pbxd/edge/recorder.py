"""``pbxd record``: the bytes of a live AMI connection, as they come, into a file.

What the account may read is recorded, nothing is filtered or changed; a bug report becomes a capture, and a
capture a test. The capture has its own clock when the switch stamps its events (``timestampevents = yes``).
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from pbxd.ami.actions import Challenge, Login, Ping, encode
from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name, parse
from pbxd.ami.inventory import ASKED, RECORDED

_LISTED = f"ActionID: {RECORDED}".encode()

PING_S = 10.0
SILENCE_S = 30.0
"""Nothing for so long, not even an answer to a ping: the switch is gone."""

_ANSWER_S = 5.0


class RecordingError(Exception):
    """The switch could not be recorded: not reached, not an AMI, or the login was refused."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """What has been recorded so far."""

    events: int = 0  #: without the lists of what was there at the beginning
    bytes: int = 0  #: as received, before compression
    unstamped: int = 0  #: events without a Timestamp, which a replay must guess the time of
    ended: str = ""  #: why it ended


async def record(
    *,
    host: str,
    port: int,
    username: str,
    secret: str,
    out: BinaryIO,
    seconds: float | None = None,
    stop: asyncio.Event | None = None,
    gz: bool = False,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    plain_secret: bool = True,
    progress: Callable[[Recording], None] = lambda recording: None,
) -> Recording:
    """Record into ``out`` until ``seconds`` have passed, ``stop`` is set or the switch closes the link.

    ``plain_secret`` False signs in by a challenge, so that the secret does not travel. Raises RecordingError
    when recording cannot begin, OSError when ``out`` cannot be written. The file is complete on return.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=tls, server_hostname=(server_name or host) if tls else None
            )
    except OSError as fault:
        raise RecordingError(f"{host}:{port} cannot be reached: {fault or 'no answer'}") from None
    sink = cast(BinaryIO, gzip.GzipFile(fileobj=out, mode="wb", mtime=0)) if gz else out
    tape = _Tape(reader, writer, sink, progress)
    try:
        await tape.sign_in(username, secret, plain_secret)
        await tape.run(seconds, stop)
    finally:
        writer.transport.abort()
        if gz:
            sink.close()
        out.flush()
    return tape.recording


class _Tape:
    """One connection whose bytes are kept."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sink: BinaryIO,
        progress: Callable[[Recording], None],
    ) -> None:
        self.recording = Recording()
        self._reader = reader
        self._writer = writer
        self._sink = sink
        self._progress = progress
        self._framer = Framer()

    async def sign_in(self, username: str, secret: str, plain: bool) -> None:
        challenge = None
        if not plain:
            self._writer.write(encode(Challenge().headers(), "record-challenge"))
            challenge = (await self._answer("record-challenge")).get("Challenge")
        login = Login(username=username, secret=secret, events="on", challenge=challenge)
        self._writer.write(encode(login.headers(), "record-login"))
        answer = await self._answer("record-login")
        if answer.get("Response") != "Success":
            raise RecordingError(f"the login was refused: {answer.get('Message', 'no reason given')}")
        # Calls in progress are told by lists, which become part of the capture. An account that may not ask
        # for them records all the same.
        for name in ("Ping", *ASKED):
            self._writer.write(encode({"Action": name}, RECORDED))

    async def _answer(self, action_id: str) -> dict[str, str]:
        try:
            async with asyncio.timeout(_ANSWER_S):
                while data := await self._reader.read(1 << 16):
                    for raw in self._keep(data):
                        headers = parse(raw)
                        if headers.get("ActionID") == action_id:
                            return headers
        except OSError as fault:
            raise RecordingError(f"no answer to the login: {fault or 'timed out'}") from None
        raise RecordingError("the switch closed the connection before the login")

    def _keep(self, data: bytes) -> list[bytes]:
        self._sink.write(data)
        messages = self._framer.feed(data)
        recording = self.recording
        recording.bytes += len(data)
        for raw in messages:
            if event_name(raw) and _LISTED not in raw:
                recording.events += 1
                recording.unstamped += b"\r\nTimestamp: " not in raw
        return messages

    async def run(self, seconds: float | None, stop: asyncio.Event | None) -> None:
        reading = asyncio.ensure_future(self._read())
        stopping = asyncio.ensure_future((stop or asyncio.Event()).wait())
        try:
            done, _ = await asyncio.wait(
                (reading, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (reading, stopping):
                task.cancel()
            await asyncio.wait((reading, stopping))
        if reading in done:
            self.recording.ended = reading.result()
        else:
            self.recording.ended = "stopped" if stopping in done else "time is over"

    async def _read(self) -> str:
        silence = 0.0
        while True:
            try:
                async with asyncio.timeout(PING_S):
                    data = await self._reader.read(1 << 18)
            except TimeoutError:
                silence += PING_S
                if silence >= SILENCE_S:
                    return f"nothing was heard from the switch for {silence:.0f} s"
                self._writer.write(encode(Ping().headers(), "record-ping"))
                continue
            except OSError as fault:
                return f"the link was lost: {fault}"
            if not data:
                return "the switch closed the link"
            silence = 0.0
            self._keep(data)
            self._progress(self.recording)
