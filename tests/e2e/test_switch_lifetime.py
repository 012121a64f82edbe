"""A private Asterisk goes with whoever started it, however that ends, and several live side by side."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from pathlib import Path

import pytest

from deploy.lab.phones import until
from deploy.lab.switch import Switch

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
async def test_it_goes_with_its_parent(suite: str, sign: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.lab", "--suite", suite),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    first = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    match = re.search(r" in (/\S+)", first)
    assert match is not None, first
    folder = Path(match[1])
    assert (folder / "etc/asterisk.conf").exists()
    programs = _programs_of(folder)
    assert len(programs) == 2, "a keeper and an Asterisk"
    process.send_signal(sign)
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]
    await until(lambda: not folder.exists(), lambda: f"{folder} is still there")
    await until(lambda: not _programs_of(folder), lambda: f"{_programs_of(folder)} still run")


def _programs_of(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


async def test_two_at_once(suite: str) -> None:
    async with Switch(suite) as one, Switch(suite) as two:
        assert {one.ami_port, one.sip_port}.isdisjoint({two.ami_port, two.sip_port})
        assert one.folder != two.folder
        for switch in (one, two):
            assert "1 modules loaded" in await switch.cli("module show like app_queue.so")
            await switch.leak_check()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
async def test_it_can_be_started_again(suite: str, sign: signal.Signals) -> None:
    async with Switch(suite) as switch:
        before = (switch.folder, switch.ami_port, switch.sip_port)
        first = switch.pid
        await switch.restart(sign)
        assert (switch.folder, switch.ami_port, switch.sip_port) == before
        assert switch.pid != first
        await switch.leak_check()
    assert not switch.folder.exists()


async def test_nothing_to_complain_about(suite: str) -> None:
    """The operator's files and the laboratory's load without a warning or an error."""
    async with Switch(suite) as switch:
        faults = [line for line in switch.log().splitlines() if "WARNING" in line or "ERROR" in line]
    assert faults == []
