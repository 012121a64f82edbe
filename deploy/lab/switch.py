"""A private Asterisk: its own folder, free ports on loopback, gone without a trace when it is closed.

async with Switch("forky") as switch:
    print(await switch.cli("core show version"))
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from deploy.lab.ami import Ami, AmiError
from deploy.lab.files import LAB_ACCOUNT, PBXD_ACCOUNT, SECRET, Ports, Wishes, write_configuration
from deploy.lab.ports import free_port
from deploy.lab.tools import Asterisk, asterisk

_BOOT_LIMIT_S = 45.0
_ATTEMPTS = 3
_UNREACHABLE = ("0", "4", "5")  #: a member's Status in AMI: unknown, invalid, unavailable


class SwitchError(Exception):
    """The private Asterisk did not start, or holds something that it should not."""


class Switch:
    """One private Asterisk, as an async context.

    ``suite`` as for :func:`deploy.lab.tools.asterisk`: forky (22), bullseye (16), own, installed, None (any).
    Raises SwitchError, UnpackError, NoArchiveError.
    """

    ami_username = PBXD_ACCOUNT
    ami_secret = SECRET
    host = "127.0.0.1"

    def __init__(
        self,
        suite: str | None = None,
        wishes: Wishes | None = None,
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.suite = suite
        self.wishes = wishes or Wishes()
        self._say = say
        self.folder = Path()
        self.asterisk: Asterisk
        self._ports: Ports
        self._keeper: asyncio.subprocess.Process | None = None
        self._ami: Ami | None = None
        self.pid = 0

    # ------------------------------------------------------------ what it is

    @property
    def ami_port(self) -> int:
        return self._ports.ami

    @property
    def sip_port(self) -> int:
        return self._ports.sip

    @property
    def version(self) -> str:
        return self.asterisk.version

    @property
    def ami(self) -> Ami:
        """The laboratory's own connection, which may do and hear everything."""
        if self._ami is None:
            raise SwitchError("the switch is not running")
        return self._ami

    async def connect(self, username: str = LAB_ACCOUNT) -> Ami:
        """One more AMI connection, as ``lab`` (everything) or ``pbxd`` (the operator's account)."""
        return await Ami.connect(self.ami_port, username, SECRET)

    async def cli(self, command: str) -> str:
        """What Asterisk's console prints for this command."""
        response = await self.ami.action("Command", Command=command)
        return response.get("Output", "")

    async def set_global(self, name: str, value: str) -> None:
        """Set a global variable of the dialplan, e.g. PBXD_AGI."""
        await self.ami.action("Setvar", Variable=name, Value=value)

    def log(self, name: str = "messages.log") -> str:
        """What Asterisk has logged: ``messages.log`` (warnings), ``full.log``, or its own ``output.log``."""
        path = self.folder / name if name == "output.log" else self.folder / "log" / name
        return path.read_text(errors="replace") if path.exists() else ""

    async def knows(self, number: str, within_s: float = 10.0) -> None:
        """Wait until every queue takes this phone for reachable, which it does some time after REGISTER.

        Before that a caller finds the queue empty (joinempty) and is refused.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            members = await self.ami.listing("QueueStatus")
            mine = [one for one in members if one.get("StateInterface") == f"PJSIP/{number}"]
            if not any(member["Status"] in _UNREACHABLE for member in mine):
                return
            if asyncio.get_running_loop().time() > deadline:
                raise SwitchError(f"the queues do not see PJSIP/{number}")
            await asyncio.sleep(0.02)

    # ------------------------------------------------------------ leaks

    async def held(self) -> dict[str, list[str]]:
        """The channels and bridges that the switch holds now, by name."""
        channels = [message["Channel"] for message in await self.ami.listing("CoreShowChannels")]
        bridges = [message["BridgeUniqueid"] for message in await self.ami.listing("BridgeList")]
        return {"channels": channels, "bridges": bridges}

    async def leak_check(self, within_s: float = 10.0) -> None:
        """Wait until no channel and no bridge is left; SwitchError that names them when they stay."""
        deadline = asyncio.get_running_loop().time() + within_s
        while any(left := await self.held()):
            if not any(left.values()):
                return
            if asyncio.get_running_loop().time() > deadline:
                raise SwitchError(f"left behind after {within_s:.0f} s: {left}")
            await asyncio.sleep(0.1)

    async def hang_up_everything(self) -> None:
        """End every call, whatever state it is in; more than once those that come to be meanwhile."""
        for _ in range(3):
            for channel in (await self.held())["channels"]:
                with contextlib.suppress(AmiError):
                    await self.ami.action("Hangup", Channel=channel)
            with contextlib.suppress(SwitchError):
                await self.leak_check(3.0)
                return
        await self.leak_check()

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self.asterisk = await asyncio.to_thread(asterisk, self.suite, say=self._say)
        for attempt in range(_ATTEMPTS):
            try:
                await self._start_once()
                return
            except SwitchError:
                # Between finding a free port and binding it somebody else may have taken it.
                if attempt == _ATTEMPTS - 1:
                    raise
            except BaseException:
                await self.stop()
                raise

    async def _start_once(self) -> None:
        self._ports = Ports(ami=free_port(), sip=free_port(socket.SOCK_DGRAM))
        # Not below .cache: the path of Asterisk's control socket may have 107 characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="pbxd-lab-"))
        conf = write_configuration(self.folder, self.asterisk, self._ports, self.wishes)
        program = self.asterisk.program
        self._keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), str(self.folder)),
            *(*program.argv, "-f", "-C", str(conf)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=program.environment,
            # Ctrl-C goes to everybody in the terminal's group: the switch is stopped by us, in order.
            start_new_session=True,
        )
        await self._begun()

    async def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it in the middle of its calls, and start it again: same folder, same ports, no call."""
        await self.end(how)
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(b"again\n")
        await self._begun()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """It is no more; its folder is. ``restart`` starts it again."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)
        if self._ami is not None:
            await self._ami.over()
            await self._ami.close()
            self._ami = None

    async def _begun(self) -> None:
        """Wait until the keeper has started it, and it is ready."""
        assert self._keeper is not None
        assert self._keeper.stdout is not None
        self.pid = int(await self._keeper.stdout.readline() or 0)
        try:
            async with asyncio.timeout(_BOOT_LIMIT_S):
                self._ami = await self._boot()
        except (TimeoutError, AmiError, OSError) as failure:
            tail = "\n".join((self.log() or self.log("output.log")).splitlines()[-15:])
            await self.stop()
            raise SwitchError(
                f"Asterisk {self.version} did not start: {failure or 'too slow'}\n{tail}"
            ) from None

    async def _boot(self) -> Ami:
        """Log in as soon as that is possible, and wait until every module is loaded."""
        while True:
            if not self._alive():
                raise AmiError("the program ended")
            with contextlib.suppress(OSError, AmiError, TimeoutError):
                ami = await Ami.connect(self.ami_port, LAB_ACCOUNT, SECRET)
                break
            await asyncio.sleep(0.05)
        # Answers when the last module is loaded.
        await ami.action("Command", Command="core waitfullybooted")
        transports = (await ami.action("Command", Command="pjsip show transports")).get("Output", "")
        if str(self.sip_port) not in transports:
            await ami.close()
            raise AmiError(f"SIP port {self.sip_port} could not be bound")
        return ami

    def _alive(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    async def stop(self) -> None:
        """Stop it and remove its folder. Harmless when it is stopped already."""
        if self._ami is not None:
            await self._ami.close()
            self._ami = None
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            assert keeper.stdin is not None
            keeper.stdin.close()
            await keeper.wait()
            # Closes the pipe's transport now instead of when the garbage is collected.
            keeper._transport.close()  # type: ignore[attr-defined]
        shutil.rmtree(self.folder, ignore_errors=True) if self.folder != Path() else None
