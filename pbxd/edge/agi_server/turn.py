"""What a task awaits for the reply to its command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class Turn:
    """Awaited by one task, which goes on at once when the reply comes.

    With a future the event loop would queue the task's next step, which is most of what a command costs.
    To ``asyncio.Task`` this looks like a future (``_asyncio_future_blocking`` says so), and cancelling, and
    with it ``asyncio.timeout``, works as it does there. The one danger of going on at once is a step inside
    another task's step: ``set_result`` must be called by the event loop, never in a task. Failures wait for
    the loop as ever, they may come from anywhere.

    ``free`` after a reply was taken: it may serve for the next command. A failed one never is, for its task
    may still hold it.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_context",
        "_failed",
        "_good",
        "_loop",
        "_over",
        "_result",
        "_wake",
        "free",
    )
    _context: Context

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking: bool | None = None  #: None: no future to those who look for one
        self._loop = loop
        self._good: asyncio.Future[None] = loop.create_future()
        self._good.set_result(None)
        self._wake: Callable[[asyncio.Future[None]], object] | None = None
        self._over = False
        self._result: Any = None
        self._failed: asyncio.Future[None] | None = None
        self.free = False

    def __await__(self) -> Generator[Turn, None, Any]:
        if not self._over:
            self._asyncio_future_blocking = True
            yield self
        elif self._failed is not None:
            self._failed.result()
        result = self._result
        self._over = False
        self._wake = self._asyncio_future_blocking = None
        self.free = True
        return result

    # ---------------------------------------------------------------- what the session calls

    def done(self) -> bool:
        return self._over

    def set_result(self, result: Any) -> None:
        """The task goes on, now, unless it was cancelled. To be called by the event loop itself."""
        if self._over:
            return
        self._over = True
        self._result = result
        if self._wake is not None:
            self._context.run(self._wake, self._good)

    def set_exception(self, error: Exception) -> None:
        """The task will see ``error``; nobody need."""
        failed: asyncio.Future[None] = self._loop.create_future()
        failed.set_exception(error)
        failed.exception()  # whoever asked may be gone as well; that is no error of its own
        self._fail(failed)

    def _fail(self, failed: asyncio.Future[None]) -> None:
        self._over = True
        self._failed = failed
        if self._wake is not None:
            self._loop.call_soon(self._wake, failed, context=self._context)
            self._wake = None

    # ---------------------------------------------------------------- what the task calls

    def add_done_callback(self, wake: Callable[[asyncio.Future[None]], object], *, context: Context) -> None:
        self._wake = wake
        self._context = context

    def cancel(self, msg: object = None) -> bool:
        if self._over:
            return False
        failed: asyncio.Future[None] = self._loop.create_future()
        failed.cancel(msg)
        self._fail(failed)
        return True
