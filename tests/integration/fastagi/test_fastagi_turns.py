"""Routes go on at once when a reply comes, and are tasks all the same: cancelled, timed out, many at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from pbxd.agi.replies import HungUpError
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.server import FastAgi
from pbxd.settings.model import Agi
from tests.integration.agi_peer import Peer
from tests.integration.patience import until

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


@contextlib.asynccontextmanager
async def routed(route: Callable[[Any], Awaitable[None]]) -> AsyncIterator[tuple[FastAgi, Peer]]:
    """A call of which nothing is answered yet."""
    app = FastAgi(Agi(port=0, shutdown_timeout=1.0))
    app.add_route("pbx1/main", route)
    await app.listen()
    try:
        yield app, await Peer.call(app.port)
    finally:
        await Peer.close_all()
        await app.stop()


def value(reply: dict[str, Any]) -> str:
    return str(reply["result"][0])


async def test_a_time_out_leaves_the_session_in_step() -> None:
    seen: list[Any] = []

    async def route(request: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await request.send_command("FIRST")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(request.send_command("SECOND"), 0.01)
        task = asyncio.current_task()
        assert task is not None
        seen.append(task.cancelling())
        seen.append(value(await request.send_command("THIRD")))
        seen.append(value(await request.send_command("FOURTH")))

    async with routed(route) as (app, peer):
        assert await peer.command() == "FIRST"
        await until(lambda: seen == [0])
        peer.say("200 result=1\n")
        assert await peer.command() == "THIRD"  # nobody waits for the second any more: it is not sent
        peer.say("200 result=3\n")
        assert await peer.command() == "FOURTH"
        peer.say("200 result=4\n")
        assert await peer.command() == ""
        assert seen == [0, "3", "4"]
        assert not app.faults


async def test_a_route_keeps_its_task_and_its_context() -> None:
    seen: list[Any] = []

    async def route(request: Any) -> None:
        task = asyncio.current_task()
        WHO.set("me")
        for number in range(3):
            await request.send_command(f"NOOP {number}")
            seen.append((asyncio.current_task() is task, WHO.get()))
            await asyncio.sleep(0)

    async with routed(route) as (_, peer):
        await peer.serve()
        assert seen == [(True, "me")] * 3
        assert WHO.get() == "nobody"


async def test_cancelling_twice_does_not_hit_the_next_command() -> None:
    replies: list[str] = []

    async def route(request: Any) -> None:
        first = asyncio.create_task(request.send_command("FIRST"))
        await asyncio.sleep(0)
        second = asyncio.create_task(request.send_command("SECOND"))
        first.cancel()
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        replies.append(value(await second))

    async with routed(route) as (_, peer):
        assert await peer.command() == "FIRST"
        peer.say("200 result=1\n")
        assert await peer.command() == "SECOND"
        peer.say("200 result=2\n")
        assert await peer.command() == ""
        assert replies == ["2"]


async def test_what_comes_with_a_reply_is_not_the_next_commands() -> None:
    replies: list[str] = []

    async def route(request: Any) -> None:
        replies.append(value(await request.send_command("FIRST")))
        replies.append(value(await request.send_command("SECOND")))

    async with routed(route) as (app, peer):
        assert await peer.command() == "FIRST"
        peer.say("200 result=1\n200 result=7\n")
        assert await peer.command() == "SECOND"
        peer.say("200 result=2\n")
        assert await peer.command() == ""
        assert replies == ["1", "2"]
        assert app.faults[Fault.STRAY_LINE] == 1


async def test_the_last_command_is_sent_though_nobody_waits_for_it() -> None:
    async def route(request: Any) -> None:
        await request.send_command("FIRST")
        last = asyncio.create_task(request.send_command("LAST"))
        await asyncio.sleep(0)
        last.cancel()

    async with routed(route) as (_, peer):
        assert await peer.command() == "FIRST"
        peer.say("200 result=1\n")
        assert await peer.command() == "LAST"
        assert await peer.command() == ""


async def test_many_tasks_of_one_route_get_their_own_replies() -> None:
    replies: list[str] = []

    async def route(request: Any) -> None:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(request.send_command(f"ASK {number}")) for number in range(5)]
        both = await asyncio.gather(*(request.send_command(f"ASK {number}") for number in (5, 6)))
        replies.extend(value(reply) for reply in (*(task.result() for task in asked), *both))

    async with routed(route) as (_, peer):
        await peer.serve(lambda command: f"200 result={command.split()[1]}\n")
        assert replies == list("0123456")


async def test_a_reply_may_be_awaited_when_it_is_there() -> None:
    replies: list[str] = []

    async def route(request: Any) -> None:
        early = request.session.ask("EARLY")
        await until(early.done)
        replies.append((await early).result)
        replies.append((await request.session.ask("NEXT")).result)

    async with routed(route) as (_, peer):
        await peer.serve(lambda command: "200 result=1\n" if command == "EARLY" else "200 result=2\n")
        assert replies == ["1", "2"]


async def test_a_closed_connection_fails_what_was_and_will_be_asked() -> None:
    errors: list[type[BaseException]] = []

    async def route(request: Any) -> None:
        early = request.session.ask("EARLY")
        for asked in (request.send_command("WAITING"), early, request.send_command("LATE")):
            try:
                await asked
            except HungUpError as error:
                errors.append(type(error))

    async with routed(route) as (_, peer):
        assert await peer.command() == "EARLY"
        await peer.close()
        await until(lambda: len(errors) == 3)


async def test_a_cancelled_route_is_over_at_once() -> None:
    ends: list[str] = []
    tasks: list[asyncio.Task[None] | None] = []

    async def route(request: Any) -> None:
        tasks.append(asyncio.current_task())
        try:
            await request.send_command("WAIT")
        except asyncio.CancelledError as cancelled:
            ends.append(str(cancelled))
            raise

    async with routed(route) as (_, peer):
        assert await peer.command() == "WAIT"
        (task,) = tasks
        assert task is not None
        assert task.cancel("enough")
        assert await peer.command() == ""
        assert ends == ["enough"]
        assert task.cancelled()
