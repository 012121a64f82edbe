"""Orders: what a person (at a page, by the API, MQTT or the command line) wants pbxd to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.ids import AgentId, CallId, TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAgent:
    """An agent pauses or resumes himself in all queues in which he is a member."""

    order: str  #: the order's id, echoed in the reply to the page
    agent: AgentId
    at: float
    paused: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOpened:
    """An agent signed in at a page; from now on he is told what changes."""

    agent: AgentId
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageClosed:
    """The last page of this agent is gone."""

    agent: AgentId
    at: float


# ---------------------------------------------------------------- transfers


class TargetKind(StrEnum):
    """To whom a caller can be handed over."""

    AGENT = "agent"  #: id: an agent of the settings
    SKILL = "skill"  #: id: a skill; whoever has it, is free and has it best
    QUEUE = "queue"  #: id: a queue of the caller's switch
    OUTSIDE = "outside"  #: id: a number in E.164 that the settings allow
    VOICEMAIL = "voicemail"  #: id: mailbox@context; takes the caller at once, whatever the mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    kind: TargetKind
    id: str


class TransferMode(StrEnum):
    ATTENDED = "attended"  #: the transferer talks with the target first
    BLIND = "blind"  #: the caller is sent to the target at once, and back when nobody takes the call


class Verb(StrEnum):
    """What can be done to a transfer that was started."""

    CANCEL = "cancel"  #: the target goes, the caller is back with the transferer
    SWAP = "swap"  #: the transferer changes between caller and target
    MERGE = "merge"  #: all three hear each other
    LEAVE = "leave"  #: the transferer leaves the three; caller and target go on
    COMPLETE = "complete"  #: caller and target are joined, the transferer is free
    REQUEUE = "requeue"  #: the caller goes to a queue with the waiting time he has, the transferer is free


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransfer:
    """Hand a caller over. The first target is tried, then the others in turn."""

    order: str
    agent: AgentId  #: the transferer
    at: float
    transfer: TransferId  #: given by the edge, unique for ever; the same again means the same order again
    targets: tuple[Target, ...]
    call: CallId | None = None  #: None: the call that this agent is talking in
    mode: TransferMode = TransferMode.ATTENDED
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTransfer:
    order: str
    agent: AgentId | None  #: None: somebody who may act for everybody
    at: float
    transfer: TransferId
    verb: Verb
    queue: str | None = None  #: for requeue; None: the queue that the caller came from


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateTransfer:
    """The transferer writes while he talks; None leaves a field as it is."""

    order: str
    agent: AgentId | None
    at: float
    transfer: TransferId
    reason: str | None = None
    note: str | None = None
    disposition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeHandover:
    """The target's page says that it shows the hand-over of this transfer."""

    agent: AgentId
    at: float
    transfer: TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRepeat:
    """The receiving agent says that the caller had to repeat himself."""

    order: str
    agent: AgentId
    at: float
    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWrapUp:
    """The agent is done with his notes and ready for the next caller."""

    order: str
    agent: AgentId
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCallback:
    """A caller who wanted to be called back was called, or need not be any more."""

    order: str
    agent: AgentId | None  #: None: somebody who may act for everybody
    at: float
    callback: TransferId


Order = (
    PauseAgent
    | PageOpened
    | PageClosed
    | StartTransfer
    | MoveTransfer
    | AnnotateTransfer
    | AcknowledgeHandover
    | ReportRepeat
    | EndWrapUp
    | EndCallback
)
