"""pbxd record against a scripted switch: every byte is in the file, and the file is whole however it ends."""

from __future__ import annotations

import asyncio
import gzip
import io

import pytest

from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name
from pbxd.edge.recorder import Recording, RecordingError, record
from tests.integration.ami_peer import AmiPeer, event, message, until


def account(peer: AmiPeer) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": peer.port, "username": "pbxd", "secret": peer.secret}


def names(capture: bytes) -> list[bytes]:
    return [event_name(raw) for raw in Framer().feed(capture)]


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("plain_secret", [False, True])
async def test_every_byte_until_told_to_stop(gz: bool, plain_secret: bool) -> None:
    out, stop, seen = io.BytesIO(), asyncio.Event(), []
    async with AmiPeer() as peer:
        task = asyncio.create_task(
            record(
                **account(peer), out=out, stop=stop, gz=gz, plain_secret=plain_secret, progress=seen.append
            )
        )
        await until(lambda: peer.sessions and peer.session.signed_in)
        assert any("Secret" in asked for asked in peer.received) is plain_secret
        sent = [
            event("Newchannel", CallerIDName="张三 \udcff".encode("utf-8", "replace").decode()),
            event("Hangup"),
        ]
        for raw in sent:
            peer.emit(raw)
        await until(lambda: seen and seen[-1].events >= 3)
        stop.set()
        recording = await task
    capture = gzip.decompress(out.getvalue()) if gz else out.getvalue()
    assert capture.startswith(b"Asterisk Call Manager/")
    assert b"".join(sent) in capture
    assert recording == Recording(events=3, bytes=len(capture), unstamped=1, ended="stopped")


async def test_the_file_is_whole_when_the_switch_goes() -> None:
    out = io.BytesIO()
    async with AmiPeer() as peer:
        task = asyncio.create_task(record(**account(peer), out=out, gz=True))
        await until(lambda: peer.sessions and peer.session.signed_in)
        peer.emit(event("Newchannel"))
        peer.session.transport.close()
        recording = await task
    assert recording.ended.startswith(("the switch closed the link", "the link was lost"))
    assert names(gzip.decompress(out.getvalue()))[-1] == b"Newchannel"


async def test_it_ends_when_its_time_is_over() -> None:
    async with AmiPeer() as peer:
        recording = await record(**account(peer), out=io.BytesIO(), seconds=0.05)
    assert recording.ended == "time is over"


async def test_a_refused_login_is_told() -> None:
    async with AmiPeer() as peer:
        with pytest.raises(RecordingError, match="refused: Authentication failed"):
            await record(**{**account(peer), "secret": "wrong"}, out=io.BytesIO())


async def test_nobody_there_is_told() -> None:
    async with AmiPeer() as peer:
        port = peer.port
    with pytest.raises(RecordingError, match="cannot be reached"):
        await record(host="127.0.0.1", port=port, username="x", secret="y", out=io.BytesIO())


async def test_something_that_closes_at_once_is_told() -> None:
    async with AmiPeer() as peer:
        peer.greeting = message({"HTTP/1.1 400": "Bad Request"})
        peer.answers["Login"] = lambda session, asked: session.transport.close()
        with pytest.raises(RecordingError, match="closed the connection before the login"):
            await record(**account(peer), out=io.BytesIO())
