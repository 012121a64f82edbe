"""Each defect of the bare library that the link mends: the same scenario on both, and the bare one fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from panoramisk.manager import Manager

from pbxd.ami.actions import UnsafeHeaderError
from pbxd.edge.ami_link import AmiClient, LinkLostError, LinkState, LoginRefusedError, NoAnswerError
from tests.integration.ami_peer import AmiPeer, Headers, Session, event, message, until

BOTH_LOOPS = True

BARE, OURS = Manager, AmiClient
both = pytest.mark.parametrize("manager", [BARE, OURS], ids=["bare", "ours"])


@pytest.fixture
async def peer() -> AsyncIterator[AmiPeer]:
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)
    async with AmiPeer() as peer:
        yield peer


@pytest.fixture(autouse=True)
async def no_exception_reaches_the_loop(manager: type) -> AsyncIterator[None]:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    yield
    assert manager is BARE or not faults


@asynccontextmanager
async def signed_in(kind: type, peer: AmiPeer, **config: Any) -> AsyncIterator[Any]:
    """A connected manager of either kind, which leaves nothing behind."""
    config = {"username": "pbxd", "secret": peer.secret, "reconnect_timeout": 0, **config}
    if kind is OURS:
        config["retry_first"] = 0.001
    manager = kind(host="127.0.0.1", port=peer.port, loop=asyncio.get_running_loop(), **config)
    try:
        await manager.connect()
        await until(lambda: manager.authenticated)
        yield manager
    finally:
        await shut(manager)


async def shut(manager: Any) -> None:
    manager.connect = lambda *_: None  # the bare one would go on for ever
    manager.close()
    if isinstance(manager, OURS):
        await manager.wait_closed()


async def ends(future: asyncio.Future[Any], limit_s: float = 0.5) -> Any:
    """What the future gave: its result, its exception, or 'never'."""
    try:
        return await asyncio.wait_for(asyncio.shield(future), limit_s)
    except TimeoutError as fault:
        return fault if future.done() else "never"
    except Exception as fault:
        return fault


def _queued(session: Session, asked: Headers) -> None:
    session.respond(asked, Message="Originate successfully queued")


@both
async def test_originate_without_async(manager: type, peer: AmiPeer) -> None:
    peer.answers["Originate"] = _queued
    async with signed_in(manager, peer) as link:
        answer = await ends(link.send_action({"Action": "Originate", "Channel": "Local/1@x"}))
        if manager is BARE:
            assert answer == "never"
            await until(lambda: len(peer.sessions) > 1)  # the connection died of it
        else:
            assert answer.success
            assert len(peer.sessions) == 1


@both
async def test_a_listener_that_raises(manager: type, peer: AmiPeer) -> None:
    heard: list[str] = []
    async with signed_in(manager, peer) as link:

        @link.register_event("Newchannel")
        def broken(_: Any, message: Any) -> None:
            raise RuntimeError("a user's mistake")

        link.register_event("Newchannel", lambda _, message: heard.append("second listener"))
        link.register_event("Hangup", lambda _, message: heard.append("event behind"))
        peer.emit(event("Newchannel", Channel="c"), event("Hangup", Channel="c"))
        if manager is BARE:
            await until(lambda: len(peer.sessions) > 1)
            assert heard == []
        else:
            await until(lambda: len(heard) == 2)
            assert heard == ["second listener", "event behind"]
            assert len(peer.sessions) == 1
            assert link.counts.listener_faults == 1


@both
async def test_an_unanswered_action_after_a_reconnect(manager: type, peer: AmiPeer) -> None:
    peer.answers["Redirect"] = lambda session, asked: session.cut() if peer.count("Redirect") == 1 else None
    async with signed_in(manager, peer) as link:
        future = link.send_action({"Action": "Redirect", "Channel": "c", "Context": "x"})
        await until(lambda: len(peer.sessions) == 2 and peer.session.signed_in)
        if manager is BARE:
            await until(lambda: peer.count("Redirect") == 2)  # executed twice
        else:
            assert isinstance(await ends(future), LinkLostError)
            assert (await link.send_action({"Action": "Ping"})).success  # whatever was to come has come
            assert peer.count("Redirect") == 1


@both
async def test_a_line_break_in_a_value(manager: type, peer: AmiPeer) -> None:
    async with signed_in(manager, peer) as link:
        evil = {"Action": "Hangup", "Channel": "x\r\n\r\nAction: Originate\r\nChannel: Local/1@x"}
        if manager is BARE:
            link.send_action(evil)
            await until(lambda: peer.count("Originate") == 1)
        else:
            with pytest.raises(UnsafeHeaderError):
                link.send_action(evil)
            assert (await link.send_action({"Action": "Ping"})).success
            assert peer.count("Originate") == peer.count("Hangup") == 0


@both
async def test_a_name_cut_by_a_packet(manager: type, peer: AmiPeer) -> None:
    names: list[str] = []
    async with signed_in(manager, peer) as link:
        link.register_event("Newchannel", lambda _, message: names.append(message["CallerIDName"]))
        raw = event("Newchannel", CallerIDName="张三丰", Channel="c")
        cut = raw.index("张".encode()) + 1
        whole, part = asyncio.get_running_loop().create_future(), raw[:cut]
        link.register_event("Marker", lambda *_: whole.done() or whole.set_result(None))
        peer.emit(event("Marker"), part)
        await whole
        peer.emit(raw[cut:])
        await until(lambda: names)
        assert names == ["三丰" if manager is BARE else "张三丰"]


@both
async def test_a_half_open_peer(manager: type, peer: AmiPeer) -> None:
    quick = (
        {"ping_delay": 0, "ping_interval": 0} if manager is BARE else {"ping_every": 0.05, "dead_after": 0.2}
    )
    async with signed_in(manager, peer, **quick) as link:
        peer.deaf = True
        future = link.send_action({"Action": "CoreShowChannels"})
        answer = await ends(future, 1.0)
        if manager is BARE:
            assert answer == "never"
            assert not peer.sessions[0].closed
        else:
            assert isinstance(answer, LinkLostError)
            assert "nothing was heard" in str(answer)


@both
async def test_a_list_cut_half_way(manager: type, peer: AmiPeer) -> None:
    def half(session: Session, asked: Headers) -> None:
        session.respond(asked, EventList="start", Message="Channels will follow")
        session.send(message({"Event": "CoreShowChannel", "ActionID": asked["ActionID"], "Channel": "c"}))
        asyncio.get_running_loop().call_later(0.05, session.cut)

    peer.answers["CoreShowChannels"] = half
    async with signed_in(manager, peer) as link:
        future = link.send_action({"Action": "CoreShowChannels"})
        await until(lambda: len(peer.sessions) == 2 and peer.session.signed_in)
        answer = await ends(future)
        assert answer == "never" if manager is BARE else isinstance(answer, LinkLostError)


@both
async def test_a_bad_secret(manager: type, peer: AmiPeer) -> None:
    link: Any = manager(
        host="127.0.0.1",
        port=peer.port,
        username="pbxd",
        secret="wrong",
        reconnect_timeout=0,
        retry_first=0.001,
        loop=asyncio.get_running_loop(),
    )
    try:
        if manager is BARE:
            await link.connect()
            link.on_disconnect = lambda *_: link.close()
            await until(lambda: peer.count("Login") > 5)  # and so on, although it was closed each time
        else:
            with pytest.raises(LoginRefusedError, match="Authentication failed"):
                await link.connect()
            await link.wait_closed()
            assert link.state is LinkState.REFUSED
            assert link.why == "Authentication failed"
            assert peer.count("Login") == 1
    finally:
        await shut(link)


@both
async def test_an_attribute_that_is_not_there(manager: type, peer: AmiPeer) -> None:
    seen: list[Any] = []
    async with signed_in(manager, peer) as link:
        link.register_event("Hangup", lambda _, message: seen.append(message))
        peer.emit(event("Hangup", Channel="c", CallerIDName=""))
        await until(lambda: seen)
        assert seen[0].calleridname == ""
        if manager is BARE:
            assert seen[0].uniqeid == ""
        else:
            with pytest.raises(AttributeError, match="no header 'uniqeid' in 'Event: Hangup'"):
                _ = seen[0].uniqeid
            assert seen[0].get("uniqeid", "none") == "none"


@both
async def test_an_action_that_is_never_answered(manager: type, peer: AmiPeer) -> None:
    peer.answers["Redirect"] = lambda session, asked: None
    async with signed_in(manager, peer, action_timeout=0.05) as link:
        answer = await ends(link.send_action({"Action": "Redirect"}))
        assert answer == "never" if manager is BARE else isinstance(answer, NoAnswerError)


@both
async def test_a_switch_that_never_answers_the_login(manager: type, peer: AmiPeer) -> None:
    peer.deaf = True
    link: Any = manager(
        host="127.0.0.1",
        port=peer.port,
        username="pbxd",
        secret="x",
        login_timeout=0.05,
        retry_first=0.001,
        ping_delay=60,
        loop=asyncio.get_running_loop(),
    )
    try:
        task = link.connect()
        if manager is BARE:
            await task
            assert await ends(link.authenticated_future) == "never"
            assert len(peer.sessions) == 1
        else:
            await until(lambda: len(peer.sessions) > 2)
            task.cancel()
    finally:
        await shut(link)


@both
async def test_asking_without_a_link(manager: type, peer: AmiPeer) -> None:
    link: Any = manager(host="127.0.0.1", port=peer.port, loop=asyncio.get_running_loop())
    call: Callable[[], Any] = lambda: link.send_action({"Action": "Ping"})  # noqa: E731
    if manager is BARE:
        with pytest.raises(AttributeError):
            call()
    else:
        assert isinstance(await ends(call()), ConnectionError)
