"""One trouble that is watched: its step of the table, who is to be told of it, and in which document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pbxd.alerts.calling_back import call_back_link
from pbxd.alerts.rules import AlertRules
from pbxd.alerts.table import TABLE
from pbxd.alerts.words import How, Input, Kind, State, Step
from pbxd.callers.names import NAME_LENGTH, safe_text
from pbxd.ids import CallId, NodeId

BETWEEN_S = 30.0
"""So long a caller who has left a queue may take to reach the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """``joined`` is by the switch's clock, every other time by pbxd's own."""

    kind: Kind
    node: NodeId
    queue: str
    call: CallId | None = None
    number: str = ""
    name: str = ""
    joined: float | None = None  #: when the caller began to wait
    spent_s: float = 0.0  #: how long it had lasted already when pbxd learnt of it
    since: float | None = None  #: None: before the next tick
    state: State = State.COUNTING
    between: float | None = None  #: since when he has been between; None: before the next tick
    limit_s: float = 0.0  #: the one that was passed
    began: float | None = None  #: when it became an alert
    told: Mapping[str, float] = field(default_factory=dict)  #: which sink was told last when
    waiting: int = 0  #: callers in an unattended queue
    restored: bool = False  #: known from before pbxd's last end, and not seen since

    @property
    def key(self) -> str:
        """One trouble at a time has it."""
        return caller_key(self.call) if self.call is not None else queue_key(self.node, self.queue)

    @property
    def id(self) -> str:
        """Of the alert, for ever; the same through a restart."""
        return f"{self.key}/{0.0 if self.began is None else self.began:.0f}"

    @property
    def open(self) -> bool:
        return self.state in (State.OPEN, State.OPEN_BETWEEN)


def caller_key(call: CallId) -> str:
    return f"{Kind.CALLER_WAITS}/{call}"


def queue_key(node: NodeId, queue: str) -> str:
    return f"{Kind.QUEUE_UNATTENDED}/{node}/{queue}"


def take(watch: Watch, input_: Input) -> tuple[Watch, Step] | None:
    """The watch after this input, and the step that did it; None when its state does not know the input."""
    step = TABLE.get((watch.state, input_))
    if step is None:
        return None
    between = watch.between if step.to is watch.state else None
    return replace(watch, state=step.to, between=between), step


def time_input(watch: Watch, rules: AlertRules, at: float) -> Input | None:
    """What the clock says of it at ``at``."""
    if watch.state is State.COUNTING and watch.since is not None:
        limit = rules.limit(watch.queue, unattended=watch.kind is Kind.QUEUE_UNATTENDED)
        return Input.LONG if 0.0 < limit <= at - watch.since else None
    if watch.between is not None and at - watch.between >= BETWEEN_S:
        return Input.LAPSED
    return None


def to_tell(watch: Watch, rules: AlertRules, at: float) -> dict[str, tuple[str, ...]]:
    """Which sinks are to be told of this open alert at ``at``: begun, or repeated."""
    quiet = rules.quiet.at(at)
    open_for = at - (at if watch.began is None else watch.began)
    due: dict[str, tuple[str, ...]] = {}
    for audience in rules.audiences:
        if not audience.wants(watch.queue) or open_for < audience.after_s or (quiet and audience.heeds_quiet):
            continue
        last = watch.told.get(audience.name)
        if last is None:
            due["begun"] = (*due.get("begun", ()), audience.name)
        elif rules.repeat_s and at - last >= rules.repeat_s:
            due["repeated"] = (*due.get("repeated", ()), audience.name)
    return due


def to_tell_the_end(watch: Watch, rules: AlertRules, at: float) -> tuple[str, ...]:
    """Which sinks are to be told that it is over: those that were told of it."""
    quiet = rules.quiet.at(at)
    return tuple(
        audience.name
        for audience in rules.audiences
        if audience.ended and audience.name in watch.told and not (quiet and audience.heeds_quiet)
    )


def document(
    watch: Watch, event: str, at: float, *, waited_s: float, call_back: str, how: How | None = None
) -> dict[str, Any]:
    """The alert as MQTT, the wallboard and the sinks get it; ``event``: begun, repeated, ended or open.

    ``call_back``: the template of the link.
    """
    caller = link = None
    if watch.call is not None:
        places = {
            "number": watch.number,
            "call": watch.call,
            "queue": watch.queue,
            "node": watch.node,
            "id": watch.id,
        }
        link = None if how is How.ANSWERED else call_back_link(call_back, places)
        caller = {"number": watch.number, "name": safe_text(watch.name, NAME_LENGTH)}
    return {
        "version": 1,
        "id": watch.id,
        "event": event,
        "at": at,
        "kind": watch.kind.value,
        "node": watch.node,
        "queue": watch.queue,
        "call": watch.call,
        "caller": caller,
        "since": watch.joined if watch.call is not None else watch.since,
        "waited_s": round(max(0.0, waited_s), 1),
        "limit_s": watch.limit_s,
        "began": watch.began,
        "waiting": watch.waiting if watch.call is None else None,
        "how": None if how is None else how.value,
        "call_back": link,
    }
