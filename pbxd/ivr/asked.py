"""What a walk asks for, and what it is told: the words between a flow and whoever drives it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pbxd.agi.replies import Reply
from pbxd.agi.verbs import Verb
from pbxd.ids import NodeId, Uniqueid
from pbxd.messages import FlowEvent

T = TypeVar("T")


class Heard(NamedTuple):
    """A reply and the time at which it came (epoch seconds)."""

    at: float
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript:
    """Run the user's function. ``variables`` is what the flow knows by now."""

    step: str
    function: str
    deadline: float | None
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptDone:
    at: float
    result: str  #: the word it returned, '' for none
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFailed:
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMissing:
    """Asterisk has no such sound file; the caller heard nothing there and goes on."""

    flow: str
    step: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The flow failed at this step; the caller is sent to ``on_failure``. To be logged and counted."""

    flow: str
    step: str
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who walks."""

    node: NodeId
    uniqueid: Uniqueid
    at: float  #: when the call came to the flow, epoch seconds
    number: str
    name: str
    dialled: str
    language: str  #: of the channel


Asked = Verb[Any] | RunScript | FlowEvent | PromptMissing | Broken
Answer = Heard | ScriptDone | ScriptFailed | None
Walk = Generator[Asked, Answer, T]


class FlowError(Exception):
    """The flow cannot go on."""
