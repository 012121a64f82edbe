"""One thread that does one thing after the other."""

import asyncio
import threading

import pytest

from pbxd.edge.store.thread import OneThread


async def test_work_is_done_in_order_on_one_thread_that_is_not_ours() -> None:
    thread = OneThread("test")
    done: list[int] = []

    def work(number: int) -> tuple[int, int]:
        done.append(number)
        return number, threading.get_ident()

    answers = await asyncio.gather(*(thread.call(lambda n=n: work(n)) for n in range(50)))  # type: ignore[misc]
    assert [number for number, _ in answers] == done == list(range(50))
    assert {ident for _, ident in answers}.isdisjoint({threading.get_ident()})
    assert len({ident for _, ident in answers}) == 1
    await thread.end(lambda: None)


async def test_an_error_is_the_answer_and_the_thread_goes_on() -> None:
    thread = OneThread("test")
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 / 0)
    assert await thread.call(lambda: 7) == 7
    await thread.end(lambda: None)


async def test_work_that_nobody_waits_for_any_more_is_not_begun() -> None:
    thread = OneThread("test")
    hold, ran = threading.Event(), []
    first = thread.call(lambda: hold.wait(10))
    second = thread.call(lambda: ran.append(2))
    third = thread.call(lambda: ran.append(3))
    second.cancel()
    hold.set()
    await asyncio.gather(first, third)
    assert ran == [3]
    await thread.end(lambda: None)


async def test_the_end_comes_after_everything_else_and_ends_the_thread() -> None:
    thread = OneThread("pbxd-test-thread")
    done: list[str] = []
    thread.call(lambda: done.append("work"))
    await thread.end(lambda: done.append("end"))
    assert done == ["work", "end"]
    for other in threading.enumerate():
        if other.name == "pbxd-test-thread":
            other.join(10)
            assert not other.is_alive()


def test_an_answer_that_comes_after_the_loop_has_ended_harms_nobody() -> None:
    """A disk that answers at last when pbxd is already gone."""
    thread, hold, did = OneThread("test"), threading.Event(), threading.Event()

    async def ask_and_leave() -> None:
        thread.call(lambda: (hold.wait(10), did.set()))
        thread._queue.put(None)

    asyncio.run(ask_and_leave())
    assert thread._thread is not None
    assert thread._thread.daemon
    hold.set()
    thread._thread.join(10)
    assert did.is_set()
    assert not thread._thread.is_alive()
