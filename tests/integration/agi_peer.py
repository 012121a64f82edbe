"""The Asterisk side of FastAGI for tests: sends an environment, answers commands as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import ClassVar

ENVIRONMENT = {
    "agi_network": "yes",
    "agi_network_script": "pbx1/main",
    "agi_request": "agi://127.0.0.1/pbx1/main",
    "agi_channel": "PJSIP/caller-00000001",
    "agi_language": "en",
    "agi_type": "PJSIP",
    "agi_uniqueid": "1700000000.1",
    "agi_version": "22.10.1",
    "agi_callerid": "13800138000",
    "agi_calleridname": "Li Wei",
    "agi_dnid": "4000",
    "agi_rdnis": "unknown",
    "agi_context": "pbxd-in",
    "agi_extension": "4000",
    "agi_priority": "3",
    "agi_accountcode": "",
}

Answers = Callable[[str], str]


def environment(**changes: str) -> bytes:
    """The opening block; keys without their ``agi_``."""
    lines = ENVIRONMENT | {f"agi_{key}": value for key, value in changes.items()}
    return "".join(f"{key}: {value}\n" for key, value in lines.items()).encode() + b"\n"


def all_well(command: str) -> str:
    return "200 result=0\n"


class Peer:
    """One connection to a FastAGI server."""

    all: ClassVar[list[Peer]] = []  #: of the running test

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        Peer.all.append(self)
        self.reader = reader
        self.writer = writer
        self.commands: list[str] = []

    @classmethod
    async def connect(cls, port: int) -> Peer:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def call(cls, port: int, **changes: str) -> Peer:
        """Connect and send the environment."""
        peer = await cls.connect(port)
        peer.writer.write(environment(**changes))
        return peer

    async def command(self) -> str:
        """The next command, '' when the server has closed. Fails after 5 s."""
        async with asyncio.timeout(5):
            line = (await self.reader.readline()).decode().removesuffix("\n")
        if line:
            self.commands.append(line)
        return line

    def say(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)

    async def serve(self, answers: Answers = all_well) -> list[str]:
        """Answer every command until the server closes; returns the commands."""
        while command := await self.command():
            self.say(answers(command))
        await self.close()
        return self.commands

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    @classmethod
    async def close_all(cls) -> None:
        """At the end of a test, however it ended."""
        while cls.all:
            await cls.all.pop().close()
