"""What switch events mean for callers: the facts that every other part of pbxd works with."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.calls.record import CallRecord, Transfer
from pbxd.ids import CallId, Interface, NodeId, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact:
    """Common to all: whose journey, on which node, when by the switch's clock (epoch seconds)."""

    call: CallId
    node: NodeId
    at: float
    missed: bool = False  #: it happened while pbxd was not looking; ``at`` is when it was found out
    again: bool = (
        False  #: pbxd knew it before its last end: told to those who do not know yet, counted by nobody
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived(CallFact):
    caller: str  #: number as the switch presents it, '' when withheld
    caller_name: str
    dialled: str
    channel: Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(CallFact):
    queue: str
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRinging(CallFact):
    """A queue member's phone rings (AgentCalled), or a directly dialled phone does (queue is None)."""

    interface: Interface
    member: str  #: the member's display name, or the interface
    queue: str | None
    waited_s: float
    transferer: Interface | None = None  #: it rings because this party hands the caller over


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStoppedRinging(CallFact):
    interface: Interface
    queue: str | None
    reason: str  #: answered, elsewhere, no_answer, busy, caller_left, failed


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStarted(CallFact):
    """This party and the caller hear each other for the first time."""

    interface: Interface  #: the phone that talks
    queue: str | None
    waited_s: float
    member: Interface | None = None  #: the queue member behind whose interface this phone is


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(CallFact):
    interface: Interface
    queue: str | None
    talk_s: float
    hold_s: float
    member: Interface | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft(CallFact):
    """The caller is no longer waiting in this queue. ``outcome`` as in Wait.outcome."""

    queue: str
    outcome: str
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSeen(CallFact):
    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultEnded(CallFact):
    """A phone was rung so that the caller could be handed over to it, and he was not."""

    transferer: Interface
    target: Interface  #: the phone that was rung last


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFolded(CallFact):
    """This call turned out to be a consultation inside another one: it is no call of its own."""

    into: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallFact):
    record: CallRecord


Fact = (
    CallArrived
    | CallQueued
    | MemberRinging
    | MemberStoppedRinging
    | LegStarted
    | LegEnded
    | QueueLeft
    | TransferSeen
    | ConsultEnded
    | CallFolded
    | CallEnded
)
