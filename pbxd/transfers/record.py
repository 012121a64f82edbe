"""One open transfer: all that has to be known to go on with it, also after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pbxd.calls.record import TransferKind, TransferOutcome
from pbxd.ids import AgentId, CallId, Interface, NodeId, TransferId, Uniqueid
from pbxd.orders import Target, TargetKind, TransferMode
from pbxd.transfers.words import Profile, State

VERSION = 1


class UnreadableError(Exception):
    """A kept transfer that this pbxd cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTransfer:
    """People are known by the names of their channels, which stay when Asterisk swaps bodies."""

    id: TransferId
    call: CallId
    node: NodeId
    state: State
    mode: TransferMode
    kind: TransferKind

    agent: AgentId  #: the transferer
    agent_name: str
    interface: Interface  #: his device
    transferer: str  #: his channel
    caller: str  #: the caller's channel
    caller_number: str
    caller_name: str
    queue: str | None  #: through which the caller came: the last in which he waited

    target: Target  #: who is, or was last, tried
    target_name: str
    target_agent: AgentId | None
    dial: str  #: how the switch reaches him; of a queue its name
    left: tuple[Target, ...] = ()  #: who else may be tried
    tried: tuple[AgentId, ...] = ()
    attempt: int = 0
    channel: Uniqueid | None = None  #: the target's channel, named by us before it exists
    up: bool = False  #: it has been answered
    back_to: str | None = None  #: the queue to which the caller is sent

    profile: Profile = Profile.OWN  #: what its switch could do when it began

    outcome: TransferOutcome | None = None  #: how it ended; before that how it will if all goes well
    went: TransferOutcome | None = None  #: what became of the last attempt to reach the target
    why: str = ""  #: the same for people
    created: float
    rang: float | None = None  #: when the phone of the present target began to ring
    first_rang: float | None = None  #: … the first of them
    answered: float | None = None
    ended: float | None = None
    held_since: float | None = None  #: since when the caller has been with nobody
    held_s: float = 0.0
    consult_since: float | None = None
    consult_s: float = 0.0
    repairs: int = 0  #: how often in a row the switch had to be told again

    @property
    def over(self) -> bool:
        return self.state is State.ENDED


_TARGETS = ("target",)
_LISTS = {"left": Target, "tried": AgentId}
_ENUMS = {
    "state": State,
    "mode": TransferMode,
    "kind": TransferKind,
    "profile": Profile,
    "outcome": TransferOutcome,
    "went": TransferOutcome,
}


def body_of(record: OpenTransfer) -> dict[str, Any]:
    """The record as JSON."""
    body: dict[str, Any] = {"version": VERSION}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Target):
            value = _target_body(value)
        elif field.name == "left":
            value = [_target_body(target) for target in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif field.name in _ENUMS and value is not None:
            value = value.value
        body[field.name] = value
    return body


def _target_body(target: Target) -> dict[str, str]:
    return {"kind": target.kind.value, "id": target.id}


def read_body(body: Mapping[str, Any]) -> OpenTransfer:
    """The record that ``body_of`` wrote. UnreadableError, naming the field, when it is none."""
    if body.get("version") != VERSION:
        raise UnreadableError(f"version {body.get('version')!r} is not {VERSION}")
    values: dict[str, Any] = {}
    for field in fields(OpenTransfer):
        if field.name not in body:
            continue
        try:
            values[field.name] = _read(field.name, body[field.name])
        except (KeyError, TypeError, ValueError) as fault:
            raise UnreadableError(f"{field.name}: {fault}") from None
    try:
        return OpenTransfer(**values)
    except TypeError as fault:
        raise UnreadableError(str(fault)) from None


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "target":
        return _target(value)
    if name == "left":
        return tuple(_target(one) for one in value)
    if name == "tried":
        return tuple(AgentId(str(one)) for one in value)
    enum = _ENUMS.get(name)
    return value if enum is None else enum(value)


def _target(body: Mapping[str, str]) -> Target:
    return Target(kind=TargetKind(body["kind"]), id=str(body["id"]))
