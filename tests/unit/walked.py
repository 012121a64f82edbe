"""A walk through a flow without a switch: what a caller does goes in, what comes of it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbxd.agi.quoting import encoded
from pbxd.agi.replies import ReplyReader
from pbxd.agi.verbs import Verb
from pbxd.edge.flow_files.load import parse_flow
from pbxd.ids import NodeId, Uniqueid
from pbxd.ivr.asked import Caller, Heard, RunScript, ScriptDone, ScriptFailed
from pbxd.ivr.flow import Decision, Flow
from pbxd.ivr.walk import walk
from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep

ME = Caller(
    node=NodeId("pbx1"),
    uniqueid=Uniqueid("1700000000.1"),
    at=1000.0,
    number="13800138000",
    name="张三",
    dialled="4000",
    language="en",
)

DEAD = "511 Command Not Permitted on a dead channel or intercept routine"

Script = Callable[[RunScript, float], ScriptDone | ScriptFailed]


class Walked:
    """One walk, made at once. ``doing`` is what the caller does, one word for each time he is listened to.

    ``1`` or ``711#`` are keys pressed when pbxd waits for some, '' is silence, ``x`` hangs up. With ``~`` in
    front it happens during the next prompt that can be broken off. After the last word the caller is silent.
    Commands and times: the clock goes on by one second with each reply.
    """

    def __init__(
        self,
        flow: Flow,
        *doing: str,
        caller: Caller = ME,
        scripts: dict[str, Script] | None = None,
        missing: str = "no such sound",
        replies: dict[str, str] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.events: list[FlowEvent] = []
        self.notices: list[Any] = []
        self.decision: Decision | None = None
        self.at = caller.at
        self._doing = list(doing)
        self._scripts = scripts or {}
        self._missing = missing
        self._replies = replies or {}
        self._walk(flow, caller)

    def _walk(self, flow: Flow, caller: Caller) -> None:
        walking = walk(flow, caller, "/prompts")
        answer: Heard | ScriptDone | ScriptFailed | None = None
        while True:
            try:
                asked = walking.send(answer)
            except StopIteration as end:
                self.decision = end.value
                return
            answer = None
            match asked:
                case Verb():
                    answer = self._heard(asked.line)
                case RunScript():
                    self.at += 1
                    answer = self._scripts[asked.function](asked, self.at)
                case FlowEntered() | FlowStep() | FlowLeft():
                    self.events.append(asked)
                case _:
                    self.notices.append(asked)

    def _heard(self, line: str) -> Heard:
        encoded(line)
        self.lines.append(line)
        self.at += 1
        text = self._replies.get(line) or self._reply(line)
        (reply,) = ReplyReader().feed(text.encode() + b"\n")
        return Heard(self.at, reply)

    def _reply(self, line: str) -> str:
        verb = line.partition(" ")[0]
        if verb in ("STREAM", "SAY"):
            return self._during(line)
        if verb == "SET":
            return "200 result=1"
        keys = self._doing.pop(0) if self._doing else ""
        assert not keys.startswith("~"), f"{keys} is for a prompt, but this waits: {line}"
        if keys == "x":
            return DEAD
        if verb == "WAIT":
            assert len(keys) <= 1, f"one key is waited for, not {keys}"
            return f"200 result={ord(keys) if keys else 0}"
        assert verb == "GET"
        most = int(line.rpartition(" ")[2])
        digits, ended, _ = keys.partition("#")
        in_time = ended or len(digits) >= most
        return f"200 result={digits[:most]}{'' if in_time else ' (timeout)'}"

    def _during(self, line: str) -> str:
        if self._missing in line:
            return "200 result=0 endpos=0"
        doing = self._doing[0] if self._doing else ""
        if doing == "~x":
            self._doing.pop(0)
            return DEAD
        if doing.startswith("~") and doing[1] in line.rpartition(" ")[2]:
            self._doing.pop(0)
            return f"200 result={ord(doing[1])} endpos=8000"
        return "200 result=0 endpos=16000"

    # ------------------------------------------------------------ what came of it

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Step, digits, result."""
        return [(e.step, e.digits, e.result) for e in self.events if isinstance(e, FlowStep)]

    @property
    def left(self) -> tuple[str, str | None, str | None]:
        """Result, queue, subject."""
        last = self.events[-1]
        assert isinstance(last, FlowLeft)
        assert sum(isinstance(e, FlowLeft) for e in self.events) == 1
        return last.result, last.queue, last.subject

    @property
    def played(self) -> list[str]:
        return [line.split(" ")[2].removeprefix("/prompts/") for line in self.lines if line[:3] == "STR"]


HEAD = "languages: [en]\nstart: a\non_failure: { queue: rescue, subject: broken }\n"


def small(steps: str, *, prompts: str = "p: { en: Hello. }, q: { en: Wrong. }", head: str = HEAD) -> Flow:
    """A flow that starts at step ``a`` and may end at ``end``, queue ``q``."""
    text = f"{head}prompts: {{ {prompts} }}\nsteps:\n{steps}\n  end: {{ type: queue, queue: q }}\n"
    return parse_flow(text, "small.yaml", "small").flow
