"""TLS with certificates made here: the right one is taken, a stranger's or another name's is not."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pbxd.edge.ami_link import AmiLink
from pbxd.ids import NodeId
from pbxd.messages import LinkDown, LinkUp
from pbxd.settings.model import Ami
from tests.integration.ami_peer import AmiPeer, ListInbox, event, until

BOTH_LOOPS = True


def _openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.pem``, and ``switch.pem`` with ``switch.key`` for the name ``switch.example`` signed by it."""
    folder = tmp_path_factory.mktemp("certificates")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for ca in ("ca", "stranger"):
        _openssl(
            *("req", "-x509", *new_key, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN={ca}"),
            *("-addext", "keyUsage=critical,keyCertSign", "-days", "2"),
            cwd=folder,
        )
    _openssl(
        "req", *new_key, "-keyout", "switch.key", "-out", "switch.csr", "-subj", "/CN=switch", cwd=folder
    )
    (folder / "extensions").write_text(
        "subjectAltName=DNS:switch.example\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    _openssl(
        *("x509", "-req", "-in", "switch.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "switch.pem", "-days", "2", "-extfile", "extensions"),
        cwd=folder,
    )
    return folder


@pytest.fixture
def switch_tls(certificates: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "switch.pem", certificates / "switch.key")
    return context


async def first_word(tls: ssl.SSLContext, **settings: Any) -> tuple[Any, AmiPeer]:
    """What the link says first to the world when it meets a switch with this certificate."""
    inbox = ListInbox()
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the peer's side of a failed handshake
    async with AmiPeer(tls=tls) as peer:
        link = AmiLink(NodeId("pbx1"), Ami(port=peer.port, secret=peer.secret, tls=True, **settings), inbox)
        task = asyncio.create_task(link.run())
        await until(lambda: inbox.messages)
        if isinstance(inbox.messages[0], LinkUp):
            peer.emit(*[event("Newchannel", Channel="c", Uniqueid=f"{n}.1") for n in range(2000)])
            await until(lambda: len(inbox.messages) == 2001)  # in spite of pauses, all of it in order
            assert [m.channel.uniqueid for m in inbox.messages[1:]] == [f"{n}.1" for n in range(2000)]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return inbox.messages[0], peer


async def test_a_certificate_of_our_ca_and_name(certificates: Path, switch_tls: ssl.SSLContext) -> None:
    said, _ = await first_word(switch_tls, ca_file=certificates / "ca.pem", server_name="switch.example")
    assert isinstance(said, LinkUp)


async def test_a_certificate_of_a_stranger(certificates: Path, switch_tls: ssl.SSLContext) -> None:
    said, peer = await first_word(
        switch_tls, ca_file=certificates / "stranger.pem", server_name="switch.example"
    )
    assert isinstance(said, LinkDown)
    assert "certificate verify failed" in said.reason
    assert peer.received == []  # the secret did not leave


async def test_a_certificate_of_another_name(certificates: Path, switch_tls: ssl.SSLContext) -> None:
    said, peer = await first_word(switch_tls, ca_file=certificates / "ca.pem", server_name="other.example")
    assert isinstance(said, LinkDown)
    assert "Hostname mismatch" in said.reason
    assert peer.received == []


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of that kind")
    with pytest.raises(ValueError, match=r"ami\.ca_file: .*ca\.pem: "):
        AmiLink(NodeId("pbx1"), Ami(secret="x", tls=True, ca_file=tmp_path / "ca.pem"), ListInbox())
