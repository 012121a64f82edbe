"""A real Asterisk and real phones for the end-to-end tests, and proof that a test leaves nothing behind."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.lab.archive import NoArchiveError
from deploy.lab.centre import Centre
from deploy.lab.files import Wishes
from deploy.lab.phones import Phones, until
from deploy.lab.switch import Switch
from deploy.lab.tools import BULLSEYE, FORKY, asterisk
from deploy.lab.unpack import UnreachableError
from tests.e2e.floor import OUTSIDE, REVIVING, SETTINGS, SKILLED, Floor
from tests.e2e.proof.days import Days, opened
from tests.e2e.warm import start_warm
from tests.integration.gate import Gate

Centre.starter = staticmethod(start_warm)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What pbxd and Asterisk said is kept of a test that fails, below the folder PBXD_KEEP."""
    report = yield
    if report.failed and "PBXD_KEEP" in os.environ:
        for name, fixture in item.funcargs.items():
            if isinstance(fixture, Centre):
                folder = Path(os.environ["PBXD_KEEP"], re.sub(r"[^\w.+-]+", "_", item.name))
                fixture.keep_logs(folder / name)
    return report


@pytest.fixture(scope="module", params=[FORKY, BULLSEYE], ids=["asterisk22", "asterisk16"])
def suite(request: pytest.FixtureRequest) -> str:
    """The Debian suite whose Asterisk the test runs on."""
    name: str = request.param
    try:
        asterisk(name)
    except (UnreachableError, NoArchiveError) as missing:
        pytest.skip(f"no Asterisk of {name} can be unpacked here: {missing}")
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_switch(suite: str) -> AsyncIterator[Switch]:
    """One Asterisk for a module's tests; in the end it has no more files open than before the first one."""
    async with Switch(suite) as switch:
        # Asterisk opens its queue log with the first line of it, and keeps it open.
        await switch.ami.action("QueueLog", Queue="none", Event="LAB")
        files = _open_files(switch.pid)
        yield switch
        # A SIP transaction keeps the sound's sockets for some seconds after a call transferred by REFER.
        await until(
            lambda: _open_files(switch.pid) <= files,
            lambda: f"Asterisk had {files} files open and has {_open_files(switch.pid)} now",
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_phones(suite: str) -> AsyncIterator[Phones]:
    """One set of phones for each Asterisk of a module: a process can hold one set at a time."""
    async with Phones() as phones:
        yield phones


@pytest_asyncio.fixture(loop_scope="module")
async def switch(running_switch: Switch, all_phones: Phones) -> AsyncIterator[Switch]:
    """A private Asterisk, as empty after the test as it was before it: no channel, no bridge."""
    yield running_switch
    await all_phones.hang_up_everything()
    await running_switch.leak_check()


@pytest_asyncio.fixture(loop_scope="module")
async def phones(switch: Switch, all_phones: Phones) -> Phones:
    """The phones; all on the hook again after the test."""
    all_phones.forget()
    return all_phones


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_centre(suite: str) -> AsyncIterator[Centre]:
    """An Asterisk and a real pbxd for a module's tests."""
    async with Centre(suite) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="module")
async def centre(running_centre: Centre, all_phones: Phones) -> AsyncIterator[Centre]:
    """The call centre; after the test no call is left on the switch, in pbxd, or at a phone."""
    all_phones.forget()
    yield running_centre
    await all_phones.hang_up_everything()
    await running_centre.revive_pbxd()
    for switch in running_centre.switches:
        await switch.leak_check()
    await running_centre.quiet()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor_centre(suite: str, request: pytest.FixtureRequest) -> AsyncIterator[Centre]:
    """A call centre in which callers are handed over. A module's MORE is merged over its settings."""
    more = {**SETTINGS, **getattr(request.module, "MORE", {})}
    wishes = Wishes(extensions=OUTSIDE + REVIVING)
    async with Centre(suite, wishes=wishes, desks=SKILLED, more=more) as centre:
        yield centre


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gated(suite: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Centre, Gate]]:
    """For a module's own ``floor_centre``, with its MORE: pbxd reaches its switch through a gate."""
    gates: list[Gate] = []
    async with AsyncExitStack() as standing:

        async def through(port: int) -> int:
            gates.append(await standing.enter_async_context(Gate(port)))
            return gates[0].port

        async with Centre(suite, desks=SKILLED, more=request.module.MORE, between=through) as centre:
            yield centre, gates[0]


@pytest.fixture
def gate(gated: tuple[Centre, Gate]) -> Gate:
    return gated[1]


@pytest_asyncio.fixture(loop_scope="module")
async def floor(floor_centre: Centre, all_phones: Phones) -> AsyncIterator[Floor]:
    """The floor; after the test no call, no transfer and no orphan is left."""
    all_phones.forget()
    switch = floor_centre.switch
    async with Floor(floor_centre, all_phones) as floor:
        yield floor
        await all_phones.hang_up_everything()
        await floor_centre.revive_pbxd()
        await switch.leak_check()
        await floor_centre.quiet()
        await floor.nothing_left()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def days(
    suite: str, all_phones: Phones, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Days]:
    """The call centre of the proof, for a module's tests."""
    async with opened(suite, all_phones, tmp_path_factory.mktemp("proof")) as opened_days:
        yield opened_days


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
