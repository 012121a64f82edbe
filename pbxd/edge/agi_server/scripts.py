"""Users' Python functions as steps of a flow, each call in a thread of its own, with a deadline.

A thread cannot be killed. A function that does not come back keeps its thread, and what it asks of Asterisk
is refused from its deadline on; the caller goes on. So that such functions cannot use up everything: at most
``most`` run, at most half of them of one function; a function of which a quarter of ``most`` is overdue does
not start again, and when all overdue ones together are half of ``most``, none starts that has one of them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog
from asterisk.agi import AGIHangup

from pbxd.agi.replies import HungUpError
from pbxd.edge.agi_server import pyst
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.session import Session
from pbxd.ivr.asked import RunScript, ScriptDone, ScriptFailed

log = structlog.get_logger(__name__)

BREAK_OFF_S = 5.0
"""How long Asterisk may take to break off what a script played."""


class ScriptError(Exception):
    """A script that is not there or cannot be called; the text tells why."""


class UserScripts:
    """Runs ``module:function`` from one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        most: int = 32,
        deadline: float = 30.0,
        fault: Callable[..., None] = lambda fault, **about: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._most = most
        self._deadline = deadline
        self._fault = fault
        self._clock = clock
        self._free = asyncio.Semaphore(most)
        self._shares: dict[str, asyncio.Semaphore] = {}
        self.overdue_by_function: Counter[str] = Counter()
        self._modules: dict[str, tuple[int, ModuleType]] = {}
        self._loading = threading.Lock()
        pyst.install()

    @property
    def overdue(self) -> int:
        """Threads whose function has not come back in time."""
        return self.overdue_by_function.total()

    async def run(
        self, session: Session, headers: Mapping[str, str], asked: RunScript
    ) -> ScriptDone | ScriptFailed:
        """Run one script to its end or its deadline. Raises HungUpError when the caller left meanwhile."""
        deadline = self._deadline if asked.deadline is None else min(asked.deadline, self._deadline)
        run = _Run(self, session, headers, asked)
        try:
            async with asyncio.timeout(deadline) as limit:
                await self._share(asked.function).acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    self._share(asked.function).release()
                    raise
                run.begin()
                result = await run.done
        except TimeoutError as error:
            if not limit.expired():  # the function's own
                return self._failed(asked, f"TimeoutError: {error}")
            return await self._too_late(run, session, f"took longer than {deadline:g} s")
        except asyncio.CancelledError:
            run.line.cut("the call is over")
            raise
        except AGIHangup as hangup:
            if session.hungup or session.over:
                raise HungUpError(str(hangup)) from None
            return self._failed(asked, f"AGIHangup: {hangup}")
        except Exception as error:
            return self._failed(asked, f"{type(error).__name__}: {error}")
        variables = {str(name): str(value) for name, value in run.variables.items()}
        return ScriptDone(at=self._clock(), result=result, variables=variables)

    def _share(self, function: str) -> asyncio.Semaphore:
        """What one function may have of all places; there are as many functions as flows name."""
        return self._shares.setdefault(function, asyncio.Semaphore(max(1, self._most // 2)))

    def left(self, function: str) -> None:
        """A place is free again."""
        self._free.release()
        self._share(function).release()

    def refuse_stuck(self, function: str) -> None:
        """Raise ScriptError when too many calls of it have not come back."""
        stuck = self.overdue_by_function[function]
        if stuck >= max(1, self._most // 4) or (stuck and self.overdue >= self._most // 2):
            raise ScriptError(f"{stuck} earlier calls of it have not come back")

    async def _too_late(self, run: _Run, session: Session, why: str) -> ScriptFailed:
        run.line.cut(why)
        if run.started:
            run.write_off()
            if not await session.interrupt(BREAK_OFF_S):
                session.abort()
        return self._failed(run.asked, why)

    def _failed(self, asked: RunScript, why: str) -> ScriptFailed:
        self._fault(Fault.SCRIPT_FAILED, function=asked.function, why=why)
        return ScriptFailed(at=self._clock(), why=why)

    def function(self, name: str) -> Callable[..., Any]:
        """``module:function`` from the folder; read again when its file has changed. Raises ScriptError."""
        module, _, attribute = name.partition(":")
        found = getattr(self._module(module), attribute, None)
        if not callable(found):
            raise ScriptError(f"module {module} has no function {attribute}")
        return found  # type: ignore[no-any-return]

    def _module(self, name: str) -> ModuleType:
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        with self._loading:
            try:
                changed = path.stat().st_mtime_ns
            except OSError:
                raise ScriptError(f"there is no file {path}") from None
            known = self._modules.get(name)
            if known is not None and known[0] == changed:
                return known[1]
            module = _executed(f"pbxd_script_{name.replace('.', '_')}", path, self.folder)
            self._modules[name] = changed, module
            return module


def _executed(name: str, path: Path, folder: Path) -> ModuleType:
    if str(folder) not in sys.path:  # so that scripts may import their neighbours
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ScriptError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Run:
    """One call of one function in its thread."""

    def __init__(
        self, scripts: UserScripts, session: Session, headers: Mapping[str, str], asked: RunScript
    ) -> None:
        self.asked = asked
        self.variables = dict(asked.variables)
        self.started = False
        self._loop = asyncio.get_running_loop()
        self.line = pyst.ScriptLine(self._loop, session.ask, session.left_within)
        self.done: asyncio.Future[str] = self._loop.create_future()
        self._scripts = scripts
        self._headers = headers
        self._written_off = False

    def begin(self) -> None:
        """Start the thread; the place for it has been taken. Raises ScriptError."""
        try:
            self._scripts.refuse_stuck(self.asked.function)
        except ScriptError:
            self._scripts.left(self.asked.function)
            raise
        self.started = True
        name = f"script {self.asked.function}"
        # A daemon: a function that never comes back must not keep pbxd from stopping.
        threading.Thread(target=self._thread, name=name, daemon=True).start()

    def write_off(self) -> None:
        """It is overdue: its place is free for others, its thread is counted against its function."""
        self._written_off = True
        self._scripts.overdue_by_function[self.asked.function] += 1
        self._scripts.left(self.asked.function)

    def _thread(self) -> None:
        result = ""
        error: BaseException | None = None
        try:
            with pyst.current_script(self.line, self._headers, self.variables) as agi:
                result = _word(_called(self._scripts.function(self.asked.function), agi))
        except SystemExit as leaving:  # how old AGI scripts end
            if leaving.code not in (None, 0):
                error = ScriptError(f"exit {leaving.code}")
        except BaseException as raised:
            error = raised
        try:
            self._loop.call_soon_threadsafe(self._ended, result, error)
        except RuntimeError:  # pbxd has stopped meanwhile
            log.info("a script came back after pbxd had stopped", function=self.asked.function)

    def _ended(self, result: str, error: BaseException | None) -> None:
        if self._written_off:
            self._scripts.overdue_by_function[self.asked.function] -= 1
            return
        self._scripts.left(self.asked.function)
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error if isinstance(error, Exception) else ScriptError(repr(error)))


def _called(function: Callable[..., Any], agi: pyst.AGI) -> Any:
    """Old scripts have a ``main()`` that makes its own AGI(); new ones take ``agi``."""
    takes = inspect.signature(function).parameters
    return function(agi) if takes else function()


def _word(result: Any) -> str:
    return result if isinstance(result, str) else ""
