"""Everything that can reach the world, and what it knows of a contact.

Five kinds and no more: Event (from a switch, past tense), Order (from a person, imperative), Answer (the
result of an effect), Fact (what an event means: ``pbxd.calls.facts``), Effect (``pbxd.effects``). A Tick is
an event from the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.ami.event_types import AmiEvent
from pbxd.ami.inventory import Inventory
from pbxd.calls.record import CallRecord
from pbxd.ids import AgentId, AskId, CallId, NodeId, TransferId, Uniqueid
from pbxd.ledger.stretch import Stretch
from pbxd.orders import Order
from pbxd.survey import Survey

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """The AMI link to a node is up (again); this is what the switch holds now."""

    node: NodeId
    at: float
    inventory: Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    node: NodeId
    at: float
    reason: str
    fatal: bool = False  #: the switch refused the login: nobody will try again before the settings change


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanSeen:
    """Whether a switch has the dialplan of transfers, and takes messages; told when that has changed."""

    node: NodeId
    at: float
    lacks: str  #: what is wrong and what to do about it; empty: nothing
    no_voicemail: str = ""  #: why nobody can be sent to a mailbox; empty: one can


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEntered:
    """A call reached a call flow over FastAGI."""

    node: NodeId
    at: float
    uniqueid: Uniqueid
    flow: str
    number: str
    name: str
    dialled: str
    language: str
    survey: bool = False  #: after the talk: he is asked how it was


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """The caller did something at one step of a flow (or failed to)."""

    node: NodeId
    at: float
    uniqueid: Uniqueid
    flow: str
    step: str  #: the step's name in the flow file
    kind: str  #: play, menu, rate, collect, say, queue, script, hangup
    label: str  #: what the step, or the chosen option, is called for people
    digits: str  #: what was keyed in; masked where the flow says secret
    result: str  #: chosen, rated, entered, invalid, no_input, played, failed
    took_s: float = 0.0  #: since the caller came to this step
    survey: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLeft:
    node: NodeId
    at: float
    uniqueid: Uniqueid
    flow: str
    result: str  #: queue, hangup, done, caller_left, failed
    queue: str | None
    subject: str | None  #: what the call is about, as the flow says
    step: str = ""  #: the last step that the caller came to
    survey: bool = False


FlowEvent = FlowEntered | FlowStep | FlowLeft


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """pbxd is about to end, in order. The last message."""

    at: float


# ---------------------------------------------------------------- what is known of a contact


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One step of the way through the call flow, for people to read."""

    at: float
    step: str
    kind: str
    label: str
    digits: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverNote:
    """What was written when a caller was handed over, for those who read it later."""

    transfer: TransferId
    at: float  #: when it began
    by: str  #: pbxd or phone
    kind: str | None  #: attended, blind, blonde, threeway; None: it never came to that
    outcome: str | None  #: None: it was still under way
    from_agent: AgentId | None
    to_kind: str | None
    to: str  #: the target's id, device or number
    reason: str = ""
    note: str = ""
    disposition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One finished journey as the history keeps it."""

    record: CallRecord
    number: str  #: E.164 where the number could be read, else as presented; '' when withheld
    subject: str | None
    path: tuple[PathStep, ...]
    agents: tuple[AgentId | None, ...]  #: who each leg of the record was, in the same order
    handovers: tuple[HandoverNote, ...] = ()  #: of each transfer, oldest first
    repeated: int = 0  #: agents who reported that the caller had to repeat himself
    stretches: tuple[Stretch, ...] = ()  #: the ledger's rows, but for wrap-ups that end later
    survey: Survey | None = None  #: None: he was not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class PastContact:
    """A contact as the history returns it, newest first."""

    call: CallId
    arrived: float
    ended: float
    queue: str | None
    subject: str | None
    agent: AgentId | None  #: the last person who talked with the caller
    outcome: str
    talk_s: float


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDone:
    """The switch took the action. That it *worked* is told by events only."""

    ask: AskId
    at: float
    response: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRefused:
    ask: AskId
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskUnknown:
    """Nobody knows whether the switch did it: the link was lost or the deadline passed."""

    ask: AskId
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFound:
    call: CallId
    at: float
    name: str | None  #: the name kept for this number, if any
    contacts: tuple[PastContact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMissing:
    """The store was too slow or gone; the call goes on without its history and says so."""

    call: CallId
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransfersKept:
    """The transfers that were open when pbxd last stopped, as kept (``KeepTransfer``). The first message."""

    at: float
    bodies: Mapping[TransferId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DossiersKept:
    """What was known of the callers in progress when pbxd last stopped (``KeepDossier``); comes second."""

    at: float
    bodies: Mapping[CallId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneysKept:
    """The journeys in progress when pbxd last stopped, and the wrap-ups (``KeepJourney``); comes after the
    dossiers, before anything is heard of a switch."""

    at: float
    bodies: Mapping[CallId, Mapping[str, Any]]
    stored: frozenset[CallId] = frozenset()  #: those that were over: their contacts are in the history


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbacksKept:
    """The callers who wanted to be called back when pbxd last stopped (``KeepCallback``); comes last."""

    at: float
    bodies: Mapping[TransferId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsKept:
    """The alerts that were open when pbxd last stopped (``KeepAlert``); comes third."""

    at: float
    bodies: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceKept:
    """Who was signed in when pbxd last stopped (``KeepAttendance``), seen to be so until ``seen``."""

    at: float
    seen: float | None
    bodies: Mapping[AgentId, Mapping[str, Any]]


Answer = (
    AskDone
    | AskRefused
    | AskUnknown
    | HistoryFound
    | HistoryMissing
    | TransfersKept
    | DossiersKept
    | JourneysKept
    | AlertsKept
    | CallbacksKept
    | AttendanceKept
)

Message = AmiEvent | LinkUp | LinkDown | DialplanSeen | FlowEvent | Tick | Stopping | Order | Answer
