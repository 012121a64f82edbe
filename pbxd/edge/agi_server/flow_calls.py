"""Calls that walk through flows: ``agi://host/<node>/<flow>``.

A walk is stepped by its replies, without a task and a future for each command. The replies that one turn of
the event loop brings are worked off together behind it: answering each at once would wake Asterisk for each,
which costs twice as much. Only what takes its own time (a user's script, a doubtful reply) has a task.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache
from typing import Any, Protocol

import structlog

from pbxd.agi import environment, verbs
from pbxd.agi.replies import HungUpError, Reply
from pbxd.agi.verbs import Verb
from pbxd.edge.agi_server.faults import Fault
from pbxd.edge.agi_server.request import HANGUP_FOLLOWS, address, within
from pbxd.edge.agi_server.session import Session
from pbxd.ids import NodeId, Uniqueid
from pbxd.ivr.asked import (
    Answer,
    Asked,
    Broken,
    Caller,
    FlowError,
    Heard,
    PromptMissing,
    RunScript,
    ScriptDone,
    ScriptFailed,
    Walk,
)
from pbxd.ivr.flow import Decision, Flow
from pbxd.ivr.walk import walk
from pbxd.messages import FlowEvent
from pbxd.settings.model import Network

log = structlog.get_logger(__name__)

INTERRUPT_S = 5.0
"""How long Asterisk may take to break off what it plays."""


class Inbox(Protocol):
    """Where the world gets its messages."""

    def put(self, message: FlowEvent, /) -> None: ...


class Scripts(Protocol):
    """Runs users' functions."""

    async def run(
        self, session: Session, headers: Mapping[str, str], asked: RunScript
    ) -> ScriptDone | ScriptFailed: ...


class FlowCalls:
    """Begins the walk of each call that Asterisk hands over, or says why it cannot."""

    def __init__(
        self,
        *,
        nodes: Mapping[NodeId, tuple[Network, ...]],
        flow: Callable[[str], Flow | None],
        prompts: str,
        scripts: Scripts,
        inbox: Inbox,
        fault: Callable[..., None],
        clock: Callable[[], float] = time.time,
        surveys: Mapping[str, str] | None = None,
    ) -> None:
        self.nodes = nodes
        self.flow = flow
        self.prompts = prompts
        self.scripts = scripts
        self.inbox = inbox
        self.fault = fault
        self.clock = clock
        self.surveys = surveys or {}
        self._admitted: dict[tuple[NodeId, str], bool] = {}
        self._replies: list[tuple[FlowCall, Reply]] = []
        self._loop = asyncio.get_running_loop()

    def __call__(self, session: Session, headers: dict[str, str]) -> FlowCall:
        call = FlowCall(self, session, headers)
        path = headers.get("agi_network_script", "").partition("?")[0]
        node, _, name = path.strip("/").partition("/")
        networks = self.nodes.get(NodeId(node))
        if networks is None:
            call.refuse(Fault.UNKNOWN_NODE, f"pbxd knows no node {node!r}")
            return call
        if not self._may_come(NodeId(node), networks, session):
            call.refuse(Fault.FOREIGN_ADDRESS, f"node {node} may not come from this address")
            return call
        flow = self.flow(name)
        if flow is None:
            call.refuse(Fault.UNKNOWN_FLOW, f"pbxd has no flow {name!r}")
            return call
        call.begin(flow, _caller(NodeId(node), headers, self.clock()), self.prompts)
        return call

    def replied(self, call: FlowCall, reply: Reply) -> None:
        """A reply has come; ``call`` hears it when all others of this turn have come as well."""
        self._replies.append((call, reply))
        if len(self._replies) == 1:
            self._loop.call_soon(self._work_off)

    def _work_off(self) -> None:
        replies, self._replies = self._replies, []
        at = self.clock()
        for call, reply in replies:
            call.heard(at, reply)

    def _may_come(self, node: NodeId, networks: tuple[Network, ...], session: Session) -> bool:
        peer = address(session)
        may = self._admitted.get((node, peer))
        if may is None:
            if len(self._admitted) > 10_000:
                self._admitted.clear()
            may = self._admitted[node, peer] = within(peer, networks)
        return may


def _caller(node: NodeId, headers: Mapping[str, str], at: float) -> Caller:
    known = environment.known
    return Caller(
        node=node,
        uniqueid=Uniqueid(headers.get("agi_uniqueid", "")),
        at=at,
        number=known(headers.get("agi_callerid")),
        name=known(headers.get("agi_calleridname")),
        dialled=known(headers.get("agi_dnid")) or headers.get("agi_extension", ""),
        language=headers.get("agi_language", ""),
    )


class FlowCall:
    """One call's walk: asks Asterisk what the walk asks, and steps it on with each reply."""

    __slots__ = ("_calls", "_doing", "_headers", "_over", "_session", "_walk")

    def __init__(self, calls: FlowCalls, session: Session, headers: dict[str, str]) -> None:
        self._calls = calls
        self._session = session
        self._headers = headers
        self._walk: Generator[Asked, Answer, None] = _nothing()
        self._doing: asyncio.Task[None] | None = None
        self._over = False

    def refuse(self, fault: Fault, why: str) -> None:
        """Tell Asterisk's console why its call is not served here; the dialplan serves it."""
        self._calls.fault(fault, why=why)
        self._walk = _refusal(why)
        self._step(None)

    def begin(self, flow: Flow, caller: Caller, prompts: str) -> None:
        self._session.overdue = self._overdue
        self._walk = _to_its_end(walk(flow, caller, prompts), self._calls.surveys)
        self._step(None)

    # ---------------------------------------------------------------- as waiter for replies

    def done(self) -> bool:
        return self._over

    def set_result(self, reply: Reply) -> None:
        self._calls.replied(self, reply)

    def heard(self, at: float, reply: Reply) -> None:
        if self._over:
            return
        if reply.result == "-1" and not reply.hungup and reply.code == 200:
            self._do(self._doubtful(reply))
        else:
            self._step(Heard(at, reply))

    def set_exception(self, error: Exception) -> None:
        self._step(None, error)

    # ---------------------------------------------------------------- stepping

    def _step(self, answer: Answer, error: Exception | None = None) -> None:
        walk, session = self._walk, self._session
        try:
            asked = walk.send(answer) if error is None else walk.throw(error)
            while True:
                if isinstance(asked, Verb):
                    session.send(asked.line, asked.plays, self)
                    return
                if isinstance(asked, RunScript):
                    self._do(self._script(asked))
                    return
                self._tell(asked)
                asked = walk.send(None)
        except StopIteration:
            self._over = True
            session.finish()
        except Exception as bug:
            self._over = True
            # The walk catches what happens in it, so this is ours. The dialplan's fallback serves the caller.
            self._calls.fault(Fault.ROUTE_FAILED, why=repr(bug))
            log.exception("a flow call broke")
            session.finish()

    def _tell(self, asked: FlowEvent | Broken | PromptMissing) -> None:
        match asked:
            case Broken():
                self._calls.fault(Fault.FLOW_FAILED, flow=asked.flow, step=asked.step, why=repr(asked.error))
            case PromptMissing():
                self._calls.fault(Fault.PROMPT_MISSING, flow=asked.flow, step=asked.step, path=asked.path)
            case _:
                self._calls.inbox.put(asked)

    # ---------------------------------------------------------------- what takes its own time

    def _do(self, work: Any) -> None:
        self._doing = asyncio.get_running_loop().create_task(work)

    async def _doubtful(self, reply: Reply) -> None:
        """-1 means that the caller hung up, or that the command failed. HANGUP tells, a moment later."""
        left = await self._session.left_within(HANGUP_FOLLOWS)
        self._step(Heard(self._calls.clock(), reply._replace(hungup=left)))

    async def _script(self, asked: RunScript) -> None:
        try:
            answer = await self._calls.scripts.run(self._session, self._headers, asked)
        except Exception as error:
            self._step(None, error)
        else:
            self._step(answer)

    def _overdue(self) -> bool:
        """The call has been in the flow for too long: break off, and let it go where failed calls go."""
        if self._doing is not None and not self._doing.done():
            self._doing.cancel()
        self._do(self._break_off("the flow took longer than agi.session_timeout"))
        self._session.overdue = lambda: False
        return True

    async def _break_off(self, why: str) -> None:
        if await self._session.interrupt(INTERRUPT_S):
            self._step(None, FlowError(why))
        else:
            self._session.abort()

    def cancel(self) -> None:
        """pbxd stops: the dialplan's own fallback serves the caller."""
        self._over = True
        if self._doing is not None:
            self._doing.cancel()
        self._walk.close()
        self._session.abort()


def _to_its_end(walking: Walk[Decision | None], surveys: Mapping[str, str]) -> Generator[Asked, Answer, None]:
    """The walk, and then its decision for the dialplan."""
    decision = yield from walking
    survey = surveys.get(decision.queue) if decision is not None and decision.queue is not None else None
    for verb in _last_words(decision, survey) if decision is not None else ():
        try:
            heard = yield verb
            if isinstance(heard, Heard):
                verb.read(heard.reply)
        except HungUpError:
            return


@lru_cache(1024)  # there are as many as flows have ends
def _last_words(decision: Decision, survey: str | None) -> tuple[Verb[None], ...]:
    before = () if survey is None else (verbs.set_variable("PBXD_SURVEY", survey),)
    return before + tuple(verbs.set_variable(name, value) for name, value in decision.variables())


def _refusal(why: str) -> Generator[Asked, Answer, None]:
    yield verbs.verbose(why)


def _nothing() -> Generator[Asked, Answer, None]:
    yield from ()
