"""The finished (or running) account of one caller's journey: one logical call is one record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.ids import CallId, Interface, NodeId, TransferId, Uniqueid


class Outcome(StrEnum):
    """How a caller's journey ended, from the caller's point of view."""

    ANSWERED = "answered"  #: somebody from a queue talked with the caller
    ABANDONED = "abandoned"  #: the caller hung up while waiting in a queue
    TIMEOUT = "timeout"  #: the queue's time ran out and nobody else took the call
    NO_AGENT = "no_agent"  #: the queue was left or could not be joined because nobody was there to answer
    IVR_HANGUP = "ivr_hangup"  #: the call never went beyond menus and announcements
    DIRECT = "direct"  #: answered by somebody without any queue
    UNANSWERED = "unanswered"  #: dialled somebody directly, who did not answer
    LEFT = "left"  #: left the queue by a key, or was taken out of it, and talked with nobody after that
    BUSY = "busy"  #: dialled somebody directly, who was busy or declined


class TransferKind(StrEnum):
    ATTENDED = "attended"
    BLIND = "blind"
    BLONDE = "blonde"
    THREEWAY = "threeway"


class TransferOutcome(StrEnum):
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CALLER_LEFT = "caller_left"
    FAILED = "failed"
    REQUEUED = "requeued"  #: the transferer sent the caller to a queue instead
    RECALLED = "recalled"  #: the target did not take the caller, and the transferer was rung again


class TransferMaker(StrEnum):
    """By what means the transferer did it."""

    PBXD = "pbxd"  #: by an order to pbxd
    PHONE = "phone"  #: by his phone's own keys or menu, or by another program


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when, epoch seconds."""

    started: float
    ended: float | None  #: None while it goes on
    missed: bool = False  #: began or ended while nobody watched: the time is when it was found out


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One party's share of the journey. Times are epoch seconds, durations seconds."""

    interface: Interface
    started: float  #: when this party and the caller first heard each other
    ended: float | None
    talk_s: float  #: time in which this party and the caller really could hear each other
    hold_s: float = 0.0  #: time in which the caller was on this party's hold
    queue: str | None = None  #: the queue that brought them together
    member: Interface | None = None  #: the queue member behind whose interface this phone is
    stints: tuple[Span, ...] = ()  #: what ``talk_s`` is the sum of
    holds: tuple[Span, ...] = ()  #: what ``hold_s`` is the sum of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One stay in one queue."""

    queue: str
    joined: float
    left: float | None
    outcome: (
        str | None
    )  #: answered, abandoned, timeout, no_agent, left (by key, or sent on); None while waiting
    missed: bool = False  #: joined or left while nobody watched


class RingOutcome(StrEnum):
    """Why a phone stopped ringing."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"  #: its time was over
    DECLINED = "declined"  #: it rang, and then it refused
    BUSY = "busy"  #: it refused without ringing
    CANCELLED = "cancelled"  #: somebody else answered, or the caller left
    FAILED = "failed"  #: it could not be reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One phone rang for the caller, or for somebody who was to hand him over."""

    channel: Uniqueid
    interface: Interface  #: the phone
    member: Interface | None  #: the queue member behind whose interface it is
    queue: str | None
    started: float
    ended: float | None
    outcome: RingOutcome | None
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult:
    """Transferer and target heard each other without the caller."""

    transferer: Interface | None  #: None: nobody can tell who of them it is
    target: Interface
    started: float
    ended: float | None
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit of the caller to a call flow, as the switch tells it."""

    flow: str
    entered: float
    left: float | None
    result: str | None  #: queue, hangup, done, failed, caller_left, moved (sent elsewhere); None while there
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    kind: TransferKind
    at: float
    from_: Interface
    to: str  #: the target's interface, or the queue or extension that was dialled
    outcome: TransferOutcome
    by: TransferMaker = TransferMaker.PHONE
    id: TransferId | None = None  #: of one that pbxd made
    began: float | None = None  #: when the transferer asked for it, or began to dial
    rang: float | None = None  #: when the first target's phone began to ring, of one that pbxd made
    answered: float | None = None  #: when the target first heard the transferer or the caller
    consult_s: float = 0.0  #: time in which transferer and target talked without the caller
    hold_s: float = 0.0  #: time in which the caller heard nobody because of it
    to_kind: str | None = None  #: agent, skill, queue or outside; None where nobody knows
    queue: str | None = None  #: through which the caller came: the last in which he had waited


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    id: CallId
    node: NodeId
    caller: str
    caller_name: str
    dialled: str
    queue: str | None  #: the first queue entered
    arrived: float
    answered: float | None  #: when the caller first heard a person
    ended: float | None
    wait_s: float  #: sum of all stays in queues
    outcome: Outcome | None  #: None while the call is in progress
    legs: tuple[Leg, ...]
    waits: tuple[Wait, ...]
    transfers: tuple[Transfer, ...]
    missed: bool = False  #: part of it happened while pbxd was not looking
    rings: tuple[Ring, ...] = ()  #: in the order in which they stopped
    consults: tuple[Consult, ...] = ()
    visits: tuple[Visit, ...] = ()
