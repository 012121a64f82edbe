"""A small call centre on this machine: private Asterisks, a real pbxd beside them, pages for its agents."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import httpx
from argon2 import PasswordHasher
from ruamel.yaml import YAML

from deploy.lab import tools
from deploy.lab.files import Wishes
from deploy.lab.pages import AgentPage
from deploy.lab.ports import free_port
from deploy.lab.switch import Switch
from deploy.lab.unpack import CHECKOUT
from pbxd.edge.flow_files.book import FlowBook
from pbxd.edge.prompts import espeak, make_prompts

_READY_LIMIT_S = 120.0
_STOP_LIMIT_S = 25.0


class CentreError(Exception):
    """pbxd did not start, or did not become what was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One agent of the call centre."""

    id: str
    name: str
    phones: tuple[str, ...]
    language: str = "en"
    skills: Mapping[str, int] = field(default_factory=dict)  #: to their level, 1 to 10
    supervises: tuple[str, ...] = ()  #: queues on the wallboard, or all
    members: tuple[str, ...] = ()  #: by which queues know him as well, e.g. Local/1001@from-queue/n


DESKS = (
    Desk(id="anna", name="Anna", phones=("1001",)),
    Desk(id="bruno", name="Bruno", phones=("1002",)),
    Desk(id="carla", name="Carla", phones=("1003",)),
    Desk(id="dora", name="Dora", phones=("1004",), language="zh"),
)


class Daemon(Protocol):
    """A process of pbxd, as ``asyncio.subprocess.Process`` has it."""

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


async def start_command(arguments: Sequence[str], log: Path) -> Daemon:
    """Start ``pbxd ARGUMENTS``; what it says is appended to ``log``."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbxd.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C goes to everybody in the terminal's group: pbxd is stopped by us, in order.
            start_new_session=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )


class Centre:
    """Asterisk, pbxd and the agents' desks, as an async context.

    ``suites`` names one Asterisk each (see Switch); the nodes are called ``lab``, ``lab2`` … ``more`` is
    merged over the settings, section by section. ``between`` is given a switch's AMI port and returns the one
    that pbxd is to use, e.g. that of a door which can be slammed.
    """

    #: How pbxd is started, for all centres of a process.
    starter: ClassVar[Callable[[Sequence[str], Path], Awaitable[Daemon]]] = staticmethod(start_command)

    def __init__(
        self,
        *suites: str | None,
        wishes: Wishes | None = None,
        desks: Sequence[Desk] = DESKS,
        more: Mapping[str, Any] | None = None,
        flows: Path = CHECKOUT / "dialplans/flows",
        web_port: int | None = None,
        say: Callable[[str], None] = lambda _: None,
        between: Callable[[int], Awaitable[int]] | None = None,
    ) -> None:
        self.desks = tuple(desks)
        self._between = between
        self._ami_ports: dict[str, int] = {}
        self.password = secrets.token_urlsafe(6)
        self.folder = Path()
        self._http: httpx.AsyncClient | None = None
        self._say = say
        self._more = dict(more or {})
        self._flows = flows
        self._web_port = web_port
        wishes = wishes or Wishes()
        names = [wishes.node, *(f"{wishes.node}{n}" for n in range(2, len(suites) + 1))]
        self.switches = [
            Switch(suite, replace(wishes, node=name), say=say)
            for suite, name in zip(suites or (None,), names, strict=True)
        ]
        self.process: Daemon | None = None

    # ------------------------------------------------------------ what it is

    @property
    def switch(self) -> Switch:
        """The first, usually the only, Asterisk."""
        return self.switches[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['web']}"

    @property
    def agi(self) -> str:
        """Where callers' flows are served, as the dialplan has it."""
        return f"127.0.0.1:{self._ports['agi']}"

    @property
    def settings_file(self) -> Path:
        return self.folder / "pbxd.yaml"

    def page(self, agent: str) -> AgentPage:
        """This agent's page; sign in with ``async with`` or ``open``."""
        return AgentPage(self.url, agent, self.password)

    def log(self) -> str:
        """What pbxd has logged so far."""
        return (self.folder / "pbxd.log").read_text(errors="replace")

    def keep_logs(self, folder: Path) -> None:
        """Write down what pbxd and each Asterisk have said so far, for whoever wants to know why."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pbxd.log").write_text(self.log())
        for switch in self.switches:
            (folder / f"{switch.wishes.node}-full.log").write_text(switch.log("full.log"))

    async def metrics(self) -> dict[str, float]:
        """The figures now: ``name{labels}`` as in the text format, to value."""
        text = (await self._ask("/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    async def _ask(self, path: str) -> httpx.Response:
        assert self._http is not None
        return await self._http.get(self.url + path)

    async def ready(self) -> bool:
        try:
            return (await self._ask("/-/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def quiet(self) -> None:
        """Wait until pbxd knows of no call, has nothing to work off, and no caller in a flow."""
        wanted = ("pbxd_calls_in_progress", "pbxd_agi_sessions", "pbxd_inbox_messages", "pbxd_queue_waiting")

        async def nothing() -> bool:
            metrics = await self.metrics()
            return all(sums(metrics, name) == 0 for name in wanted)

        await self.until(nothing, "pbxd has nothing left to do")

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pbxd-centre-"))
        self._ports = {"agi": free_port(), "web": self._web_port or free_port()}
        # One for all that is asked, without certificates: reading those costs more than the question.
        # No connection is kept: pbxd may be killed at any time.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.AsyncClient(trust_env=False, verify=False, limits=limits)
        async with asyncio.TaskGroup() as starting:
            for switch in self.switches:
                starting.create_task(switch.start())
        for switch in self.switches:
            await switch.set_global("PBXD_AGI", self.agi)
            port = switch.ami_port
            self._ami_ports[switch.wishes.node] = await self._between(port) if self._between else port
        await asyncio.to_thread(self._speak_prompts)
        self._write_settings()
        await self.start_pbxd()

    async def stop(self) -> None:
        """Stop everything and remove its folder. Harmless when it is stopped already."""
        try:
            await self.stop_pbxd()
        finally:
            for switch in self.switches:
                await switch.stop()
            if self._http is not None:
                await self._http.aclose()
            if self.folder != Path():
                shutil.rmtree(self.folder, ignore_errors=True)

    async def start_pbxd(self) -> None:
        """Start the daemon and wait until it says that it is ready."""
        arguments = ("run", "--config", str(self.settings_file))
        self.process = await self.starter(arguments, self.folder / "pbxd.log")
        await self.until(self.ready, "pbxd is ready", _READY_LIMIT_S)

    async def revive_pbxd(self) -> None:
        """Start it if it is dead, as a test may leave it that has failed in the middle."""
        if self.process is None or self.process.returncode is not None:
            await self.start_pbxd()

    async def stop_pbxd(self) -> int | None:
        """Ask it to end, and insist when it does not. Returns its exit code."""
        process, self.process = self.process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise CentreError(
                f"pbxd did not end within {_STOP_LIMIT_S:g} s of SIGTERM\n{self.log()}"
            ) from None

    def reload_pbxd(self) -> None:
        """SIGHUP: read the flows again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    async def kill_pbxd(self) -> None:
        """SIGKILL: no good-bye, no flush."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def until(self, true: Callable[[], Any], what: str, within_s: float = 10.0) -> None:
        """Poll until something is so (a plain or an async predicate). Raises CentreError with the log."""
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            answer = true()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            if self.process is not None and self.process.returncode is not None:
                raise CentreError(f"pbxd ended with {self.process.returncode}\n{self.log()}")
            if asyncio.get_running_loop().time() > deadline:
                raise CentreError(f"not within {within_s:g} s: {what}\n{self.log()[-4000:]}")
            await asyncio.sleep(0.05)

    # ------------------------------------------------------------ settings

    def _speak_prompts(self) -> None:
        """What the flows say, as sound files; spoken texts are kept for the next time."""
        speaker = tools.espeak()
        flows = [file.flow for file in FlowBook(self._flows).files.values()]
        make_prompts(
            flows,
            self.folder / "prompts",
            espeak(speaker.argv, speaker.environment),
            cache=CHECKOUT / ".cache/prompts",
        )

    def _write_settings(self) -> None:
        hashed = PasswordHasher(time_cost=1, memory_cost=1024).hash(self.password)
        settings: dict[str, Any] = {
            "nodes": [
                {
                    "name": switch.wishes.node,
                    "ami": {
                        "host": switch.host,
                        "port": self._ami_ports[switch.wishes.node],
                        "username": switch.ami_username,
                        "secret": switch.ami_secret,
                        "retry_first": "50ms",
                    },
                }
                for switch in self.switches
            ],
            "agents": [_agent(desk, hashed) for desk in self.desks],
            "agi": {"port": self._ports["agi"]},
            "web": {"port": self._ports["web"], "session_key_file": str(self.folder / "session.key")},
            # A busy machine may take longer than the usual 150 ms; the story is about a store that answers.
            "store": {"url": f"sqlite:///{self.folder}/pbxd.db", "lookup_timeout": "3s"},
            "callers": {"default_region": "CN", "repeat": {"windows": ["24h", "7d"]}},
            "flows": {"folder": str(self._flows), "scripts": str(CHECKOUT / "dialplans/scripts")},
            "prompts": {"folder": str(self.folder / "prompts"), "languages": ["en", "zh"]},
            "log": {"format": "console"},
        }
        for section, values in self._more.items():
            mine = settings.get(section)
            settings[section] = {**mine, **values} if isinstance(mine, dict) else values
        with self.settings_file.open("w") as file:
            YAML(typ="safe").dump(settings, file)


def _agent(desk: Desk, password_hash: str) -> dict[str, Any]:
    more: dict[str, Any] = {"skills": dict(desk.skills)} if desk.skills else {}
    if desk.supervises:
        more["supervises"] = list(desk.supervises)
    return more | {
        "id": desk.id,
        "name": desk.name,
        "interfaces": [*(f"PJSIP/{phone}" for phone in desk.phones), *desk.members],
        "password_hash": password_hash,
        "language": desk.language,
    }


def sums(metrics: Mapping[str, float], name: str, labels: Iterable[str] = ()) -> float:
    """The sum of all series of one metric whose labels hold each of these texts (``outcome="answered"``)."""
    wanted = tuple(labels)
    return sum(
        value
        for series, value in metrics.items()
        if series.partition("{")[0] == name and all(text in series for text in wanted)
    )
