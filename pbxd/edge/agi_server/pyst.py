"""pyst2's AGI interface over our session, for users' scripts that run in a thread of their own.

pyst2 reads and writes files, installs a signal handler and puts quotes around arguments without looking
into them; none of that works here. Its verbs, which scripts know, are inherited; what is below them is ours.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asterisk.agi as pyst2

from pbxd.agi.quoting import quoted
from pbxd.agi.replies import HungUpError, Reply

Ask = Callable[[str], Awaitable[Reply]]

_current = threading.local()


class ScriptLine:
    """The way from a script's thread to its session. ``cut`` ends it; the script's next command raises."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ask: Ask, left: Callable[[float], Any]) -> None:
        self._loop = loop
        self._ask = ask
        self._left = left
        self.why: str | None = None  #: why it was cut

    def cut(self, why: str) -> None:
        self.why = why

    def execute(self, line: str) -> tuple[Reply, bool]:
        """Run one command; also whether the caller has hung up. Blocks the script's thread."""
        if self.why is not None:
            raise pyst2.AGISIGHUPHangup(self.why)
        try:
            return asyncio.run_coroutine_threadsafe(self._run(line), self._loop).result()
        except HungUpError as gone:
            raise pyst2.AGISIGPIPEHangup(str(gone)) from None

    async def _run(self, line: str) -> tuple[Reply, bool]:
        if self.why is not None:
            raise HungUpError(self.why)
        reply = await self._ask(line)
        if self.why is not None:
            raise HungUpError(self.why)
        doubtful = reply.code == 200 and reply.result == "-1"
        return reply, reply.hungup or (doubtful and bool(await self._left(0.25)))


class AGI(pyst2.AGI):  # type: ignore[misc]
    """What a script gets as ``agi``, and what ``AGI()`` makes inside a script's thread.

    A caller who hangs up raises AGIHangup (AGIResultHangup, AGISIGHUPHangup, AGISIGPIPEHangup) as ever. A
    value with a line end raises ValueError. ``variables`` is what the flow knows; what a script sets there
    and the flow file names under ``sets`` goes on to later steps.
    """

    def __init__(self, stdin: Any = None, stdout: Any = None, stderr: Any = None) -> None:
        line: ScriptLine | None = getattr(_current, "line", None)
        if line is None:  # not in a script of ours: pyst2's own, over files
            super().__init__(stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr)
            self._line = None
            return
        self._line = line
        self._got_sighup = False
        self.stdin = self.stdout = None
        self.stderr = stderr or sys.stderr
        self.env: dict[str, str] = dict(_current.env)
        self.variables: dict[str, str] = _current.variables

    def _quote(self, value: Any) -> str:
        return quoted(value)

    def execute(self, command: str, *arguments: Any) -> dict[str, Any]:
        if self._line is None:
            return dict(super().execute(command, *arguments))
        self.test_hangup()
        line = " ".join([command.strip(), *map(str, arguments)]).strip()
        reply, left = self._line.execute(line)
        return _result(reply, left)

    def database_get(self, family: str, key: str) -> str:
        """pyst2 quotes both twice, which is no longer harmless when quotes are escaped."""
        result, value = self.execute("DATABASE GET", self._quote(family), self._quote(key))["result"]
        if result != "1":
            raise pyst2.AGIDBError(f"Key not found in database: family={family}, key={key}")
        return str(value)


def _result(reply: Reply, left: bool) -> dict[str, Any]:
    """The reply as pyst2's ``get_result`` gives it, or its exception."""
    if reply.code == 511 or (reply.code == 200 and reply.data == "hangup"):
        raise pyst2.AGIResultHangup("User hungup during execution")
    if reply.code == 200 and reply.result == "-1":
        if left:
            raise pyst2.AGIResultHangup("User hungup during execution")
        raise pyst2.AGIAppError("Error executing application, or hangup")
    if reply.code == 510:
        raise pyst2.AGIInvalidCommand(reply.text)
    if reply.code == 520:
        raise pyst2.AGIUsageError(reply.text)
    if reply.code != 200:
        raise pyst2.AGIUnknownError(reply.code, "Unhandled code or undefined response")
    result: dict[str, Any] = {"result": (reply.result, reply.data or "")}
    if reply.endpos is not None:
        result["endpos"] = (str(reply.endpos), "")
    return result


class current_script:  # noqa: N801  a context manager, used as a verb
    """In this thread, ``AGI()`` speaks over ``line``."""

    def __init__(self, line: ScriptLine, env: Mapping[str, str], variables: dict[str, str]) -> None:
        self._parts = line, env, variables

    def __enter__(self) -> AGI:
        _current.line, _current.env, _current.variables = self._parts
        return AGI()

    def __exit__(self, *_: object) -> None:
        _current.line = None


def install() -> None:
    """Make ``asterisk.agi.AGI`` ours, so that scripts that make their own ``AGI()`` move in unchanged.

    Outside of a script's thread it is what it was.
    """
    pyst2.AGI = AGI
