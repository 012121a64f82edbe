"""The link as a panoramisk Manager: what its users know stays as it is, and a few things get better."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
from panoramisk.actions import Action, Command
from panoramisk.message import Message

from pbxd.edge.ami_link import AmiClient, AmiMessage
from tests.integration.ami_peer import AmiPeer, Headers, Session, event, message, until

BOTH_LOOPS = True


@pytest.fixture
async def peer() -> AsyncIterator[AmiPeer]:
    async with AmiPeer() as peer:
        yield peer


@pytest.fixture
async def link(peer: AmiPeer) -> AsyncIterator[AmiClient]:
    before = asyncio.all_tasks()
    async with AmiClient(host="127.0.0.1", port=peer.port, username="pbxd", secret=peer.secret) as link:
        yield link
    assert asyncio.all_tasks() - {asyncio.current_task()} <= before


MESSAGES = [
    b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/1-1\r\nCause-txt: Normal: Clearing",
    b"Event: CoreShowChannel\r\nChanVariable: A=1\r\nChanVariable: B=2\r\nChanVariable: C=3\r\nX: y",
    b"Response: Success\r\nActionID: 1\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput: c",
    b"Response: Follows\r\nPrivilege: Command\r\nline one\nline two\n--END COMMAND--",
    b"Event: AsyncAGIExec\r\nResult: 200%20result%3D1%0A\r\nCommandID: 7",
    "Event: Newchannel\r\nCallerIDName: 张三丰\r\nUniqueid: 1.1".encode(),
]


@pytest.mark.parametrize("raw", MESSAGES)
def test_a_message_reads_as_the_library_reads_it(raw: bytes) -> None:
    theirs, ours = Message.from_line(raw.decode()), AmiMessage(raw)
    for key in (*theirs, *(key.upper() for key in theirs)):
        assert AmiMessage(raw)[key] == AmiMessage(raw).get(key) == ours[key] == theirs[key]
        assert key in AmiMessage(raw)
    assert dict(ours.items()) == dict(theirs.items())
    assert (ours.id, ours.action_id, ours.success) == (theirs.id, theirs.action_id, theirs.success)
    assert list(ours.iter_lines()) == list(theirs.iter_lines())
    assert "absent" not in AmiMessage(raw)
    assert copy.copy(ours).raw == raw


async def test_wildcards_decorators_and_coroutines(peer: AmiPeer, link: AmiClient) -> None:
    heard: list[str] = []

    @link.register_event("Queue*")
    def queue(manager: Any, message: Any) -> None:
        assert manager is message.manager is link
        heard.append(f"queue {message.event}")

    @link.register_event("*")
    async def each(manager: Any, message: Any) -> None:
        await asyncio.sleep(0)
        heard.append(f"each {message.event}")

    peer.emit(event("QueueCallerJoin"), event("Hangup"))
    await until(lambda: len(heard) == 3)
    assert heard == ["queue QueueCallerJoin", "each QueueCallerJoin", "each Hangup"]


async def test_a_listener_that_comes_later_hears_names_met_before(peer: AmiPeer, link: AmiClient) -> None:
    heard: list[str] = []
    link.register_event("Hangup", lambda *_: heard.append("first"))
    peer.emit(event("Hangup"))
    await until(lambda: heard == ["first"])
    link.register_event("Hang*", lambda *_: heard.append("second"))
    peer.emit(event("Hangup"))
    await until(lambda: heard == ["first", "first", "second"])


async def test_names_made_up_by_a_peer_do_not_fill_the_memory(peer: AmiPeer, link: AmiClient) -> None:
    heard: list[str] = []
    link.register_event("Last", lambda *_: heard.append("last"))
    peer.emit(*[event(f"Made{n}") for n in range(10_000)], event("Last"))
    await until(lambda: heard)
    assert len(link.routes.table) <= 4096


async def test_a_coroutine_that_fails_is_counted(peer: AmiPeer, link: AmiClient) -> None:
    @link.register_event("Hangup")
    async def broken(*_: Any) -> None:
        raise RuntimeError("a user's mistake")

    peer.emit(event("Hangup"))
    await until(lambda: link.counts.listener_faults == 1)


async def test_a_raw_sink_that_fails_costs_nobody_else_anything(peer: AmiPeer, link: AmiClient) -> None:
    heard: list[str] = []

    def broken(raw: bytes) -> None:
        raise RuntimeError("a mistake")

    link.register_raw(b"Hangup", broken)
    link.register_raw(b"Hangup", lambda raw: heard.append("second sink"))
    link.register_event("Hangup", lambda *_: heard.append("listener"))
    link.register_event("Newchannel", lambda *_: heard.append("event behind"))
    peer.emit(event("Hangup"), event("Newchannel"))
    await until(lambda: len(heard) == 3)
    assert heard == ["second sink", "listener", "event behind"]
    assert link.counts.listener_faults == 1


async def test_lists_commands_and_single_answers(peer: AmiPeer, link: AmiClient) -> None:
    peer.lists["CoreShowChannels"] = lambda: [{"Event": "CoreShowChannel", "Channel": n} for n in "ab"]
    peer.answers["Command"] = lambda s, asked: s.send(
        message([("Response", "Success"), ("ActionID", asked["ActionID"]), ("Output", "1"), ("Output", "2")])
    )
    answers = await link.send_action(Action({"Action": "CoreShowChannels"}))
    assert [answer.get("channel") for answer in answers] == [None, "a", "b", None]
    assert (await link.send_action({"Action": "CoreShowChannels"}, as_list=False)).eventlist == "start"
    assert (await link.send_command("core show uptime")).output == ["1", "2"]
    assert (await link.send_action({"Action": "QueuePause"})).success


async def test_originate_with_async_waits_for_its_outcome(peer: AmiPeer, link: AmiClient) -> None:
    def originate(session: Session, asked: Headers) -> None:
        session.respond(asked, Message="Originate successfully queued")
        session.send(event("Hangup"))
        session.send(event("OriginateResponse", ActionID=asked["ActionID"], Response="Failure"))

    peer.answers["Originate"] = originate
    answers = await link.send_action({"Action": "Originate", "Channel": "Local/1@x", "Async": "true"})
    assert [answer.get("event") for answer in answers] == [None, "OriginateResponse"]


async def test_asynchronous_agi_waits_for_its_result(peer: AmiPeer, link: AmiClient) -> None:
    def agi(session: Session, asked: Headers) -> None:
        session.respond(asked, Message="Added AGI command to queue")
        session.send(event("AsyncAGIExec", CommandID=asked["CommandID"], Result="200%20result%3D1%0A"))

    peer.answers["AGI"] = agi
    answers = await link.send_agi_command("PJSIP/1-1", "ANSWER")
    assert answers[-1].parsed_result()["result"] == ("1", "")


async def test_adding_to_a_queue_is_answered_at_once(peer: AmiPeer, link: AmiClient) -> None:
    peer.answers["QueueAdd"] = lambda s, asked: s.respond(asked, Message="Added interface to queue")
    answer = await asyncio.wait_for(link.send_action({"Action": "QueueAdd", "Queue": "q"}), 5)
    assert answer.success  # the bare library waits for a second message, which never comes


async def test_connecting_twice_makes_one_link(peer: AmiPeer, link: AmiClient) -> None:
    await link.connect()
    assert len(peer.sessions) == 1


async def test_connecting_in_vain_ends_when_closed(peer: AmiPeer) -> None:
    peer.deaf = True
    link = AmiClient(host="127.0.0.1", port=peer.port, username="pbxd", secret=peer.secret)
    waiting = link.connect()
    await until(lambda: peer.sessions)
    link.close()
    with pytest.raises(ConnectionError, match="closed before the first login"):
        await waiting
    await link.wait_closed()


async def test_users_own_action_objects_and_callbacks(peer: AmiPeer) -> None:
    called: list[str] = []
    link = AmiClient(
        host="127.0.0.1",
        port=peer.port,
        username="pbxd",
        secret=peer.secret,
        on_connect=lambda manager: called.append("connect"),
        on_login=lambda manager: called.append("login"),
        on_disconnect=lambda manager, fault: called.append(str(fault)),
        reconnect_timeout=0.001,
    )
    await link.connect()
    command = Command({"Command": "core show uptime", "Action": "Command"})
    assert await link.send_action(command) is command.future.result()
    peer.session.transport.close()
    await until(lambda: len(called) == 5)
    link.close()
    await link.wait_closed()
    assert called == ["connect", "login", "the switch closed the link", "connect", "login"]
