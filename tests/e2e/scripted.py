"""Starting the scripted FastAGI peer, and pointing a switch at it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from deploy.lab.switch import Switch


class ScriptedAgi:
    """The scripted peer as a process of its own, so that it can be killed as pbxd can."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """What it prints next."""
        assert self._process.stdout is not None
        return (await asyncio.wait_for(self._process.stdout.readline(), 10)).decode().strip()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@contextlib.asynccontextmanager
async def scripted(switch: Switch, what: str) -> AsyncIterator[ScriptedAgi]:
    script = Path(__file__).with_name("scripted_agi.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), what, stdout=asyncio.subprocess.PIPE
    )
    agi = ScriptedAgi(process)
    try:
        await switch.set_global("PBXD_AGI", f"127.0.0.1:{await agi.line()}")
        yield agi
    finally:
        await agi.kill()
        process._transport.close()  # type: ignore[attr-defined]
