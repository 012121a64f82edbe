"""The FastAGI server against peers that are slow, broken, hostile or many."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest

from pbxd.agi import verbs
from pbxd.agi.replies import FailedError, HungUpError
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.server import FastAgi
from pbxd.effects import Count
from pbxd.settings.model import Agi
from tests.integration.agi_peer import Peer, environment
from tests.integration.patience import until

KNOCKS = 10_000


class Served:
    """A server with one route at pbx1/main, and what came of its calls."""

    def __init__(self, **settings: Any) -> None:
        self.counts: list[Count] = []
        self.app = FastAgi(
            Agi(port=0, **{"shutdown_timeout": 1.0, **settings}),
            count=self.counts.append,
            allowed=(ip_network("127.0.0.0/8"),),
        )
        self.app.add_route("pbx1/main", self.route)
        self.finished = 0
        self.errors: list[BaseException] = []

    async def route(self, request: Any) -> None:
        try:
            await request.do(verbs.answer())
            await request.do(verbs.stream_file("hello", "1"))
        except BaseException as error:
            self.errors.append(error)
            raise
        self.finished += 1

    async def faulted(self, fault: Fault, times: int = 1) -> None:
        await until(lambda: self.app.faults[fault] >= times)
        assert self.app.faults[fault] == times
        assert sum(c.labels == {"kind": fault.value} for c in self.counts) == times


@contextlib.asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[Served]:
    """Whatever happened, the server can be stopped and nothing of it is left."""
    before = asyncio.all_tasks()
    serving = Served(**settings)
    await serving.app.listen()
    try:
        yield serving
        await Peer.close_all()
    finally:
        await serving.app.stop()
        await Peer.close_all()
    await until(lambda: asyncio.all_tasks() <= before)
    assert serving.app.open_sessions == 0


async def well(serving: Served) -> None:
    """The server still serves calls."""
    commands = await (await Peer.call(serving.app.port)).serve()
    assert commands == ["ANSWER", 'STREAM FILE hello "1"']


async def test_a_call_is_served_and_counted() -> None:
    async with served() as serving:
        await well(serving)
        await until(lambda: serving.app.open_sessions == 0)
        assert serving.finished == 1
        assert [count.metric for count in serving.counts] == ["pbxd_agi_served_total"]


async def test_an_environment_in_single_bytes() -> None:
    async with served() as serving:
        peer = await Peer.connect(serving.app.port)
        for byte in environment():
            peer.say(bytes([byte]))
            await peer.writer.drain()
        assert await peer.serve() == ["ANSWER", 'STREAM FILE hello "1"']


async def test_an_environment_with_cr_lf() -> None:
    async with served() as serving:
        peer = await Peer.connect(serving.app.port)
        peer.say(environment().replace(b"\n", b"\r\n"))
        assert await peer.command() == "ANSWER"
        peer.say("200 result=0\r\n")
        assert await peer.command() == 'STREAM FILE hello "1"'


async def test_many_connect_and_close() -> None:
    """10,000 peers that come and go; calls in between are served at once."""
    async with served() as serving:
        where = ("127.0.0.1", serving.app.port)
        served_meanwhile = threading.Event()

        def knock() -> int:
            number = 0
            while number < KNOCKS or not served_meanwhile.is_set():
                with socket.create_connection(where) as peer:
                    if number % 3 == 1:
                        peer.sendall(b"agi_network: yes\n")
                    elif number % 3 == 2:
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset
                number += 1
            return number

        knocking = asyncio.create_task(asyncio.to_thread(knock))
        try:
            for _ in range(10):
                await well(serving)
        finally:
            served_meanwhile.set()
        await serving.faulted(Fault.CLOSED_EARLY, await knocking)
        await well(serving)


async def test_a_slow_route_does_not_slow_others() -> None:
    async with served() as serving:
        hold = asyncio.Event()

        async def slow(request: Any) -> None:
            await hold.wait()

        serving.app.add_route("pbx1/slow", slow)
        waiting = [await Peer.call(serving.app.port, network_script="pbx1/slow") for _ in range(50)]
        await until(lambda: serving.app.open_sessions == 50)
        await well(serving)
        hold.set()
        for peer in waiting:
            assert await peer.command() == ""


async def test_peers_that_send_nothing_are_closed_in_time() -> None:
    async with served(header_timeout=0.1) as serving:
        silent = await Peer.connect(serving.app.port)
        half = await Peer.connect(serving.app.port)
        half.say(environment()[:50])
        assert await gone(silent)
        assert await gone(half)
        await serving.faulted(Fault.HEADER_TIMEOUT, 2)


async def gone(peer: Peer) -> bool:
    try:
        return await peer.command() == ""
    except ConnectionError:
        return True


async def test_too_many_silent_peers_make_room_the_oldest_first() -> None:
    async with served(sessions_most=3) as serving:
        silent = [await Peer.connect(serving.app.port) for _ in range(4)]
        assert await gone(silent[0])
        await serving.faulted(Fault.TOO_MANY_CONNECTIONS)
        silent[3].say(environment())
        assert await silent[3].command() == "ANSWER"


async def test_too_many_calls_are_left_to_the_dialplan() -> None:
    async with served(sessions_most=2) as serving:
        busy = [await Peer.call(serving.app.port) for _ in range(2)]
        for peer in busy:
            await peer.command()
        assert await gone(await Peer.call(serving.app.port))
        await serving.faulted(Fault.TOO_MANY_SESSIONS)
        busy[0].say("200 result=0\n")
        await busy[0].serve()
        await until(lambda: serving.app.open_sessions == 1)
        await well(serving)


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"agi_x: " + b"y" * 70_000 + b"\n\n", Fault.HEADER_TOO_LONG),
        (b"y" * 70_000, Fault.HEADER_TOO_LONG),
        (b"agi_x: y\n" * 600 + b"\n", Fault.HEADER_TOO_LONG),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Fault.NOT_AGI),
        (b"\n\n", Fault.NOT_AGI),
        (b"\x16\x03\x01\x02\x00\n\n", Fault.NOT_AGI),
        (environment(network_script="no/such"), Fault.NO_ROUTE),
    ],
)
async def test_what_is_no_call_is_closed_and_counted(sent: bytes, fault: Fault) -> None:
    async with served() as serving:
        peer = await Peer.connect(serving.app.port)
        peer.say(sent)
        assert await gone(peer)
        await serving.faulted(fault)
        await well(serving)


async def test_a_callers_name_of_10_kb_is_no_fault() -> None:
    async with served() as serving:
        peer = await Peer.call(serving.app.port, calleridname="${SHELL(id)}\"'<b>," * 500)
        assert await peer.command() == "ANSWER"


async def test_an_address_that_may_not_come() -> None:
    async with served() as serving:
        serving.app._allowed = (ip_network("192.0.2.0/24"),)
        assert await gone(await Peer.connect(serving.app.port))
        await serving.faulted(Fault.FOREIGN_ADDRESS)


async def test_a_reply_that_does_not_come() -> None:
    async with served(reply_timeout=0.1) as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        assert await gone(peer)
        await serving.faulted(Fault.REPLY_TIMEOUT)
        assert isinstance(serving.errors[0], HungUpError)


async def test_a_command_that_plays_may_take_its_time() -> None:
    async with served(reply_timeout=0.1) as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        peer.say("200 result=0\n")
        await peer.command()
        await asyncio.sleep(0.4)
        peer.say("200 result=0 endpos=1\n")
        await until(lambda: serving.finished == 1)


async def test_a_call_that_never_ends_is_ended() -> None:
    async with served(session_timeout=0.1, header_timeout=0.1) as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        peer.say("200 result=0\n")
        await peer.command()
        assert await gone(peer)
        assert serving.app.faults[Fault.SESSION_TIMEOUT] == 1


async def test_a_reply_without_end() -> None:
    async with served() as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        peer.say(b"200 result=1 (" + b"x" * 70_000)
        assert await gone(peer)
        await serving.faulted(Fault.REPLY_TOO_LONG)


async def test_lines_that_answer_nothing_are_counted_and_passed_over() -> None:
    async with served() as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        peer.say("what is this\n200 result=0\n")
        assert await peer.command() == 'STREAM FILE hello "1"'
        peer.say("200 result=0 endpos=1\n")
        assert await peer.command() == ""
        assert serving.finished == 1
        await serving.faulted(Fault.STRAY_LINE)


@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("how", ["close", "hangup", "dead", "minus"])
async def test_a_hang_up_at_every_moment(moment: int, how: str) -> None:
    """Before, between and after commands; the route sees HungUpError, and the next call is served."""
    async with served() as serving:
        peer = await Peer.call(serving.app.port)
        words = {
            "hangup": "200 result=-1\nHANGUP\n",
            "dead": "511 Command Not Permitted on a dead channel or intercept routine\n",
            "minus": "200 result=-1\n",
        }
        if moment >= 1:
            await peer.command()
        if moment >= 2:
            peer.say("200 result=0\n")
            await peer.command()
        if moment == 3:
            peer.say("200 result=0 endpos=1\n")
            await until(lambda: serving.finished == 1)
        if how == "close":
            await peer.close()
        else:
            if moment == 0:
                await peer.command()
            with contextlib.suppress(ConnectionError):
                peer.say(words[how])
                await gone(peer)
        await until(lambda: serving.app.open_sessions == 0)
        if moment < 3:
            (error,) = serving.errors
            assert isinstance(error, FailedError if how == "minus" else HungUpError)
        await well(serving)


async def test_hangup_comes_a_moment_after_the_reply() -> None:
    async with served() as serving:
        peer = await Peer.call(serving.app.port)
        await peer.command()
        peer.say("200 result=-1\n")
        await peer.writer.drain()
        await asyncio.sleep(0.02)
        peer.say("HANGUP\n")
        await until(lambda: bool(serving.errors))
        assert isinstance(serving.errors[0], HungUpError)


async def test_after_a_hang_up_variables_can_still_be_read() -> None:
    async with served() as serving:
        values: list[str | None] = []

        async def route(request: Any) -> None:
            with contextlib.suppress(HungUpError):
                await request.do(verbs.stream_file("x"))
            values.append(await request.do(verbs.get_variable("CDR(billsec)")))

        serving.app.add_route("pbx1/late", route)
        peer = await Peer.call(serving.app.port, network_script="pbx1/late")
        await peer.command()
        peer.say("200 result=-1 endpos=0\nHANGUP\n")
        assert await peer.command() == 'GET VARIABLE "CDR(billsec)"'
        peer.say("200 result=1 (7)\n")
        await until(lambda: values == ["7"])


async def test_a_command_that_was_given_up_keeps_its_reply_to_itself() -> None:
    async with served() as serving:
        values: list[str | None] = []

        async def route(request: Any) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await request.do(verbs.get_variable("A"))
            values.append(await request.do(verbs.get_variable("B")))

        serving.app.add_route("pbx1/hasty", route)
        peer = await Peer.call(serving.app.port, network_script="pbx1/hasty")
        assert await peer.command() == 'GET VARIABLE "A"'
        await asyncio.sleep(0.1)
        peer.say("200 result=1 (late)\n")
        assert await peer.command() == 'GET VARIABLE "B"'
        peer.say("200 result=1 (right)\n")
        await until(lambda: values == ["right"])


async def test_a_route_that_breaks_is_counted() -> None:
    async with served() as serving:

        async def broken(request: Any) -> None:
            raise KeyError("x")

        serving.app.add_route("pbx1/broken", broken)
        assert await gone(await Peer.call(serving.app.port, network_script="pbx1/broken"))
        await serving.faulted(Fault.ROUTE_FAILED)


async def test_stopping_lets_calls_end_and_then_closes_the_rest() -> None:
    serving = Served(shutdown_timeout=0.3)
    await serving.app.listen()
    port = serving.app.port
    ending, staying = await Peer.call(port), await Peer.call(port)
    await ending.command()
    await staying.command()
    silent = await Peer.connect(port)
    stopping = asyncio.create_task(serving.app.stop())
    await until(lambda: serving.app._stopping)
    with pytest.raises(OSError):
        await Peer.connect(port)
    ending.say("200 result=0\n")
    await ending.command()
    ending.say("200 result=0 endpos=1\n")
    assert await ending.command() == ""
    assert await gone(silent)
    assert await gone(staying)
    await stopping
    assert serving.finished == 1
    assert serving.app.faults[Fault.SHUT_DOWN] == 1
    await Peer.close_all()


async def test_a_route_for_streams_servers_moves_in_unchanged() -> None:
    """``asyncio.start_server(app.handler, …)``, as panoramisk's own manual has it."""
    serving = Served()
    server = await asyncio.start_server(serving.app.handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer = await Peer.call(port)
    assert await peer.serve() == ["ANSWER", 'STREAM FILE hello "1"']
    await (await Peer.connect(port)).close()
    await serving.faulted(Fault.CLOSED_EARLY)
    server.close()
    await server.wait_closed()
    await serving.app.stop()
    await Peer.close_all()


async def test_send_command_is_a_coroutine_as_it_was() -> None:
    async with served() as serving:
        replies: list[Any] = []

        async def route(request: Any) -> None:
            replies.append(await asyncio.create_task(request.send_command("NOOP")))
            replies.append(await asyncio.wait_for(request.send_command("NOOP"), 5))

        serving.app.add_route("pbx1/tasks", route)
        assert await (await Peer.call(serving.app.port, network_script="pbx1/tasks")).serve() == [
            "NOOP",
            "NOOP",
        ]
        assert [reply["result"] for reply in replies] == [("0", ""), ("0", "")]
