"""A TCP door in front of a server that the test can open, shut and slam."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Self


class Gate:
    """Forwards connections to ``port`` on loopback; use as an asynchronous context manager."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open = True
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self.port = 0
        self.passed = 0  #: connections that went through so far
        self.upstream = 0  #: bytes from our side so far
        self.said = bytearray()  #: what they were, since somebody cleared it last
        self._deaf = asyncio.Event()
        self._mute = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.slam()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        await self._server.wait_closed()

    def open(self, to: int | None = None) -> None:
        """Let through again; ``to``: the server has another port now."""
        self._to = self._to if to is None else to
        self._open = True

    def deafen(self) -> None:
        """Nothing that the server says reaches our side any more, until the connection is a new one."""
        self._deaf.set()

    def mute(self) -> None:
        """Nothing that our side says reaches the server any more, until the connection is a new one."""
        self._mute.set()

    def actions(self) -> list[str]:
        """The names of the AMI actions that our side has sent, muted or not."""
        return [name.decode() for name in re.findall(rb"^Action: (\w+)", bytes(self.said), re.MULTILINE)]

    def slam(self) -> None:
        """Cut every connection now; new ones still pass if the gate is open."""
        for pipe in self._pipes:
            pipe.cancel()

    def shut(self) -> None:
        """Cut every connection and let nothing through until it is opened again."""
        self._open = False
        self.slam()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        task.add_done_callback(self._pipes.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if self._open:
                await self._forward(reader, writer)
        writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self.passed += 1
        self._deaf, self._mute = asyncio.Event(), asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._pump(reader, to_writer, True))
                down = group.create_task(self._pump(to_reader, writer, False))
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        finally:
            to_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        with contextlib.suppress(OSError):
            swallows = self._mute if up else self._deaf
            while data := await reader.read(65536):
                if up:
                    self.upstream += len(data)
                    self.said += data
                if not swallows.is_set():
                    writer.write(data)
                    await writer.drain()
