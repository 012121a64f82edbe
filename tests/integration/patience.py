"""Waiting for something to become true, with a limit."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    true: Callable[[], Any | Awaitable[Any]],
    what: Callable[[], object] = lambda: "",
    *,
    limit_s: float = 30.0,
) -> Any:
    """The first true value of ``true()``; AssertionError with ``what()`` when there is none in time."""
    limit = time.monotonic() + limit_s
    while True:
        value = true()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < limit, f"not within {limit_s} s: {what()}"
        await asyncio.sleep(0.01)
