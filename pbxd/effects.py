"""What the world wants done, as data. The edges carry it out; the world never waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbxd.ids import AgentId, AskId, CallId, NodeId, TransferId
from pbxd.ledger.attendance import Attendance
from pbxd.ledger.stretch import Stretch
from pbxd.messages import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Send one AMI action, once. Ends as AskDone, AskRefused or AskUnknown."""

    ask: AskId
    node: NodeId
    #: headers without ActionID, e.g. {"Action": "QueuePause", ...}; several values repeat their header
    action: Mapping[str, str | Sequence[str]]
    timeout_s: float = 5.0
    #: what one step asks in the same name goes as one, all of it or nothing (see ``gathered``)
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Send these actions to one switch in one go, or none of them. Each ends in an answer of its own.

    None is sent when one of them cannot be sent. What the switch refuses it refuses alone: it has the others
    already.
    """

    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A JSON document for an MQTT topic (below the configured prefix). Retained topics hold state."""

    topic: str
    body: Mapping[str, Any]
    retain: bool = False
    record: bool = False  #: must arrive, however late: never dropped while the broker is away


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """A message for every page on which this agent is signed in, and for nobody else."""

    agent: AgentId
    kind: str  #: screenpop, screenpop_closed, transfer, transfer_event, handover, state, order …
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One more row of the ledger, for a journey whose contact was remembered before."""

    stretch: Stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Find the contacts of a number. Ends as HistoryFound or HistoryMissing."""

    call: CallId
    number: str
    before: float  #: only contacts that arrived before this (epoch seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """Send a Tick so many seconds from now, or earlier if another Wake asks for it.

    Relative, because a switch on another machine has a clock of its own.
    """

    in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Move one counter or histogram. ``value`` is an increment, or an observation in base units."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float = 1.0
    call: CallId | None = None  #: an example of what was observed; never a label


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of an order, for whoever gave it (a page, the API, MQTT); once for each order."""

    order: str
    agent: AgentId | None
    outcome: str  #: done, refused, unknown
    code: str = ""  #: for programs, of a refusal: not_yours, no_such_transfer, target_busy, …
    text: str = ""  #: for people
    body: Mapping[str, Any] = field(default_factory=dict)  #: e.g. the transfer as it stands now


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepTransfer:
    """Keep an open transfer over a restart; ``body`` None: it is over, forget it. The last one counts."""

    transfer: TransferId
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepDossier:
    """Keep what a caller in progress has entered, and what was written about him, over a restart; ``body``
    None: the call is over, forget it. The last one counts."""

    call: CallId
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepJourney:
    """Keep what is known of a journey over a restart, within a fraction of a second: it is no longer what was
    kept last. What there is to keep then, ``World.journey`` says."""

    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCallback:
    """Keep a caller's wish to be called back; ``body`` None: it is done, forget it. The last one counts."""

    callback: TransferId
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """One more row of who was signed in when."""

    row: Attendance


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAttendance:
    """Keep the row that this agent has open; ``body`` None: he has none. Without an agent: until when all
    open rows were seen to go on. The last one counts."""

    agent: AgentId | None
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Tell people outside of an alert: a message, a mail, a chat. Best effort, each sink for itself."""

    sinks: tuple[str, ...]  #: the names of those that are to tell it
    body: Mapping[str, Any]  #: the alert's document; its ``event`` is begun, repeated or ended


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlert:
    """Keep an open alert over a restart; ``body`` None: it is over, forget it. The last one counts."""

    alert: str
    body: Mapping[str, Any] | None


Effect = (
    Ask
    | Together
    | Publish
    | Tell
    | Remember
    | Append
    | LookUp
    | Wake
    | Count
    | Reply
    | KeepTransfer
    | KeepDossier
    | KeepJourney
    | KeepAlert
    | KeepCallback
    | Attended
    | KeepAttendance
    | Announce
)


def gathered(effects: list[Effect]) -> list[Effect]:
    """The effects of one step with the asks of each group together, in the place of the last of them: so
    whatever had to be said before any of them, is said before."""
    groups: dict[tuple[NodeId, str], list[Ask]] = {}
    for effect in effects:
        if isinstance(effect, Ask) and effect.group:
            groups.setdefault((effect.node, effect.group), []).append(effect)
    if all(len(asks) == 1 for asks in groups.values()):
        return effects
    merged: list[Effect] = []
    for effect in effects:
        asks = groups.get((effect.node, effect.group)) if isinstance(effect, Ask) else None
        if asks is None or len(asks) == 1:
            merged.append(effect)
        elif effect is asks[-1]:
            merged.append(Together(asks=tuple(asks)))
    return merged
