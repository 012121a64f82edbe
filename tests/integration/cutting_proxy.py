"""A TCP proxy that cuts connections at byte positions chosen by a seeded chance, in either direction."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Self

SPANS = (80, 400, 4_000, 40_000)
"""At most so many bytes a direction carries before the cut: in the login, in the lists, while events flow."""


class _Side(asyncio.Protocol):
    """One half of a proxied connection. Forwards to ``other`` what its budget allows, then cuts both."""

    def __init__(self, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        self.other: _Side | None = None
        self.budget: int | None = None
        self.waiting: list[bytes] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        cut = False
        if self.budget is not None:
            cut = len(data) >= self.budget
            data = data[: self.budget]
            self.budget -= len(data)
        if self.other is None:
            self.waiting.append(data)
        elif not self.other.transport.is_closing():
            self.other.transport.write(data)
        if cut:
            self.proxy.cut(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.close()


class CuttingProxy:
    """``async with CuttingProxy(port, seed)``: listens on ``.port``; every connection is cut once while
    ``cutting``; ``cuts`` counts them."""

    def __init__(self, target: int, seed: int) -> None:
        self.cutting = True
        self.cuts = 0
        self._target = target
        self._chance = random.Random(seed)
        self._sides: set[_Side] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self) -> _Side:
        near = _Side(self)
        task = asyncio.get_running_loop().create_task(self._join(near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    async def _join(self, near: _Side) -> None:
        _, far = await asyncio.get_running_loop().create_connection(
            lambda: _Side(self), "127.0.0.1", self._target
        )
        if near.transport.is_closing():
            far.transport.abort()
            return
        self._sides |= {near, far}
        if self.cutting:
            side = near if self._chance.random() < 0.3 else far
            # What the link sends is little: its budget must be small to be used up.
            span = self._chance.choice(SPANS[:3] if side is near else SPANS)
            side.budget = self._chance.randint(0, span)
        far.other, near.other = near, far
        for data in near.waiting:
            far.transport.write(data)
        for data in far.waiting:
            near.transport.write(data)

    def cut(self, side: _Side) -> None:
        """End this connection on both sides: with what was forwarded still delivered, or at once."""
        self.cuts += 1
        for half in (side, side.other):
            if half is not None:
                self._sides.discard(half)
                half.transport.close() if self._chance.random() < 0.5 else half.transport.abort()

    def cut_all(self) -> None:
        """Cut what is connected now, without counting it."""
        for side in list(self._sides):
            self._sides.discard(side)
            side.transport.abort()
