"""One thread that does one thing after the other, for a driver that blocks.

A lighter hand than concurrent.futures' executor (half the time there and back), and a daemon thread: a disk
that does not answer must not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_Work = tuple[asyncio.Future[Any], Callable[[], Any]]


class OneThread:
    """Belongs to the loop on which it is first used."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: Thread | None = None

    def call(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` on the thread when everything asked for before is done. Work not yet begun may be
        cancelled."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.answer(answer, work)
        return answer

    def answer(self, answer: asyncio.Future[T], work: Callable[[], T]) -> None:
        """The same for a future that the caller has made."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put((answer, work))

    async def end(self, last: Callable[[], None]) -> None:
        """Run ``last`` after everything else and let the thread go."""
        try:
            await self.call(last)
        finally:
            self._queue.put(None)
            self._thread = None

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            answer, work = asked
            if answer.done():
                continue
            try:
                result = work()
            except BaseException as error:
                _tell(answer, _fail, error)
            else:
                _tell(answer, _succeed, result)
            # Nothing of the last work may stay alive while the thread waits for the next.
            del asked, answer, work


def _tell(answer: asyncio.Future[Any], how: Callable[[asyncio.Future[Any], Any], None], what: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended before us
        answer.get_loop().call_soon_threadsafe(how, answer, what)


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
