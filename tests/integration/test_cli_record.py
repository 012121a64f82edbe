"""``pbxd record`` as a command: what it writes, to whom it is readable, and how it ends."""

import asyncio
import gzip
import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests import command_line
from tests.integration.ami_peer import AmiPeer, event, until


async def pbxd(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pbxd.cli",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if not key.startswith("PBXD_")},
    )


def settings(folder: Path, peer: AmiPeer, *names: str, secret: str = "s3cret") -> str:
    path = folder / "pbxd.yaml"
    nodes = [f"- {{name: {n}, ami: {{port: {peer.port}, secret: {secret}}}}}" for n in names or ("pbx1",)]
    path.write_text("nodes:\n" + "\n".join(nodes) + "\n")
    return str(path)


@pytest.mark.parametrize("name", ["a.ami", "a.ami.gz"])
async def test_a_recording_that_is_stopped_is_whole_and_its_owners_alone(tmp_path: Path, name: str) -> None:
    capture = tmp_path / name
    async with AmiPeer() as peer:
        recorder = await pbxd("record", str(capture), "-c", settings(tmp_path, peer))
        await until(lambda: bool(peer.sessions) and peer.session.signed_in, 30)
        peer.session.send(event("Hold", Uniqueid="1732227712.1", Channel="PJSIP/1001-00000001"))
        recorder.send_signal(signal.SIGINT)
        _, told = await asyncio.wait_for(recorder.communicate(), 30)
    assert recorder.returncode == 0, told
    raw = gzip.decompress(capture.read_bytes()) if name.endswith(".gz") else capture.read_bytes()
    assert raw.startswith(b"Asterisk Call Manager/9.0.0\r\n")
    assert b"s3cret" not in raw
    assert stat.S_IMODE(capture.stat().st_mode) == 0o600
    assert f"{capture}: ".encode() in told
    assert b"stopped" in told
    replayed = await asyncio.to_thread(command_line.pbxd, "replay", str(capture), "--json")
    assert json.loads(replayed.stdout)["events"] >= 2  # and what came by then of the lists of calls


async def test_what_cannot_be_recorded_leaves_no_file(tmp_path: Path) -> None:
    async with AmiPeer() as peer:
        refused = await pbxd("record", str(tmp_path / "a"), "-c", settings(tmp_path, peer, secret="wrong!"))
        _, told = await asyncio.wait_for(refused.communicate(), 30)
        assert refused.returncode == 1
        assert not (tmp_path / "a").exists()
        assert b"login was refused" in told
        assert b"wrong!" not in told


async def test_command_lines_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    async with AmiPeer() as peer:
        two = settings(tmp_path, peer, "pbx1", "pbx2")
        for arguments, why in (
            (["x"], b"say which node to record with --node: pbx1, pbx2"),
            (["x", "--node", "pbx3"], b"there is no node 'pbx3'; nodes are pbx1, pbx2"),
            (["x", "--node", "pbx1", "--for", "10"], b"a duration needs a unit"),
            ([str(tmp_path / "there"), "--node", "pbx1"], b"exists; --force replaces it"),
            (["/nowhere/x", "--node", "pbx1"], b"/nowhere/x: No such file or directory"),
        ):
            ended = await asyncio.to_thread(command_line.pbxd, "record", *arguments, "-c", two)
            assert ended.returncode == 2, arguments
            assert why in ended.stderr, arguments
    assert (tmp_path / "there").read_text() == "precious"
    assert peer.sessions == []
