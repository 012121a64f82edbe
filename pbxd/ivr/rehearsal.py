"""A rehearsal of a flow: what a caller does goes in, what comes of it can be looked at. No switch, no time.

This is how the author of a flow tests it; docs/flows.md shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbxd.agi.quoting import encoded
from pbxd.agi.replies import ReplyReader
from pbxd.agi.verbs import Verb
from pbxd.ids import NodeId, Uniqueid
from pbxd.ivr.asked import Caller, Heard, RunScript, ScriptDone, ScriptFailed
from pbxd.ivr.flow import Decision, Flow
from pbxd.ivr.walk import walk
from pbxd.messages import FlowEntered, FlowEvent, FlowLeft, FlowStep

SOMEBODY = Caller(
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


class Rehearsal:
    """One walk, made at once. ``doing`` is what the caller does, one word for each time pbxd listens.

    ``1`` or ``711#`` are keys pressed when pbxd waits for some, '' is silence, ``x`` hangs up. With ``~`` in
    front it happens during the next prompt that can be broken off. After the last word the caller is silent.
    ``scripts`` answers script steps by ``module:function``; ``missing`` is part of the names of sounds that
    Asterisk does not have; ``replies`` are replies to whole commands. The clock goes on by one second with
    each reply. Raises ValueError when ``doing`` does not fit what the flow asks.
    """

    def __init__(
        self,
        flow: Flow,
        *doing: str,
        caller: Caller = SOMEBODY,
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
        if keys.startswith("~"):
            raise ValueError(f"{keys} is for a prompt, but pbxd waits: {line}")
        if keys == "x":
            return DEAD
        if verb == "WAIT":
            if len(keys) > 1:
                raise ValueError(f"one key is waited for, not {keys}; the rest comes with the next word")
            return f"200 result={ord(keys) if keys else 0}"
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
        """Step, digits and result of each step."""
        return [(e.step, e.digits, e.result) for e in self.events if isinstance(e, FlowStep)]

    @property
    def left(self) -> tuple[str, str | None, str | None]:
        """How the caller left: result, queue, subject."""
        (left,) = [event for event in self.events if isinstance(event, FlowLeft)]
        return left.result, left.queue, left.subject

    @property
    def played(self) -> list[str]:
        """The sounds: language/flow/prompt, or the name of a sound of Asterisk's."""
        return [line.split(" ")[2].removeprefix("/prompts/") for line in self.lines if line[:3] == "STR"]
