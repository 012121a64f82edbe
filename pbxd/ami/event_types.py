"""The typed events: what a switch told, in the past tense. Built by ``pbxd.ami.events``."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbxd.ami.snapshots import ChannelSnapshot, MemberSnapshot
from pbxd.ids import Interface, NodeId, TransferId, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEvent:
    """Common to all: which Asterisk, and when by its own clock (epoch seconds)."""

    node: NodeId
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfChannel(SwitchEvent):
    channel: ChannelSnapshot


# ------------------------------------------------------------------ channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Newchannel(_OfChannel):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Newstate(_OfChannel):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(SwitchEvent):
    """A channel changed its name: two channels swapped their bodies (a masquerade)."""

    uniqueid: Uniqueid
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupRequest(SwitchEvent):
    """The far end hung up (or, ``soft``, somebody on the switch asked for it). Hangup follows."""

    channel: ChannelSnapshot
    soft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(SwitchEvent):
    channel: ChannelSnapshot
    cause: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(_OfChannel):
    """This phone put its peer on hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(_OfChannel):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicOnHoldStart(_OfChannel):
    """This channel hears music from now on, whatever bridge it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicOnHoldStop(_OfChannel):
    pass


# ------------------------------------------------------------------ bridges


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEnter(SwitchEvent):
    bridge: str
    technology: str  #: simple_bridge, native_rtp, softmix, holding_bridge …
    channel: ChannelSnapshot
    swap: Uniqueid | None  #: the channel whose place is taken
    name: str = ""  #: as whoever made the bridge calls it, e.g. ``pbxd-hold-…``


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLeave(SwitchEvent):
    bridge: str
    channel: ChannelSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeDestroy(SwitchEvent):
    bridge: str


# ------------------------------------------------------------------ dialling


@dataclass(frozen=True, slots=True, kw_only=True)
class DialBegin(SwitchEvent):
    channel: ChannelSnapshot | None  #: who dials; a consult and a recall do not say
    dest: ChannelSnapshot
    dialstring: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialEnd(SwitchEvent):
    channel: ChannelSnapshot | None
    dest: ChannelSnapshot
    status: str  #: ANSWER, BUSY, NOANSWER, CANCEL, CHANUNAVAIL, CONGESTION …


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginateFailed(SwitchEvent):
    """A channel that Originate was to make was not answered, or never came to be: nothing else says so."""

    uniqueid: Uniqueid  #: as the action chose it (ChannelId)
    no_answer: bool  #: it rang for as long as it was given; else it was refused or cannot be reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup(SwitchEvent):
    """``channel`` answers the call that rings on ``target``'s phone."""

    channel: ChannelSnapshot
    target: ChannelSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class UnParkedCall(SwitchEvent):
    """``retriever`` takes ``parkee`` out of the parking lot."""

    parkee: ChannelSnapshot
    retriever: ChannelSnapshot


# ------------------------------------------------------------------ queues


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerJoin(SwitchEvent):
    channel: ChannelSnapshot
    queue: str
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerLeave(SwitchEvent):
    """The caller waits no longer, for whatever reason."""

    channel: ChannelSnapshot
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCallerAbandon(SwitchEvent):
    """The caller left unanswered: hung up, *or* was sent on by a time-out or an empty queue."""

    channel: ChannelSnapshot
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatusSet(SwitchEvent):
    """VarSet of QUEUESTATUS: why Queue() returned. Seen only by accounts that may read ``dialplan``."""

    channel: ChannelSnapshot
    status: str  #: TIMEOUT, FULL, JOINEMPTY, LEAVEEMPTY, JOINUNAVAIL, LEAVEUNAVAIL, CONTINUE, WITHDRAW


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntered(SwitchEvent):
    """Newexten of Queue(): the caller asks to join, and may be refused without another word."""

    channel: ChannelSnapshot
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowBegan(SwitchEvent):
    """Our own dialplan: the caller is given to a call flow."""

    channel: ChannelSnapshot
    flow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOver(SwitchEvent):
    """Our own dialplan: the flow is done with the caller, who is still there."""

    channel: ChannelSnapshot
    flow: str
    next: str  #: what it decided: queue, hangup, done; '' when pbxd failed


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRescued(SwitchEvent):
    """Our own dialplan: nobody was left for a caller who is being transferred; it looks for somebody."""

    channel: ChannelSnapshot
    transfer: TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackWanted(SwitchEvent):
    """Our own dialplan: a caller who is being transferred would rather be called back."""

    channel: ChannelSnapshot
    transfer: TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxEntered(SwitchEvent):
    """Our own dialplan: a caller who is being transferred is about to leave a message."""

    channel: ChannelSnapshot
    transfer: TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed(SwitchEvent):
    """Somebody has pressed a key of his phone, and let it go."""

    channel: ChannelSnapshot
    key: str = field(repr=False)  #: in no log


@dataclass(frozen=True, slots=True, kw_only=True)
class _MemberCall(SwitchEvent):
    channel: ChannelSnapshot | None  #: the caller; often missing
    dest: ChannelSnapshot | None  #: the member's channel; often missing
    queue: str
    interface: Interface
    member: str  #: the member's display name, or the interface


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCalled(_MemberCall):
    """The queue rings a member for a caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnect(_MemberCall):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentComplete(_MemberCall):
    """The queue has done with this member. Late, and often without channels: match by queue and interface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRingNoAnswer(_MemberCall):
    """The member did not answer, or declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMember(SwitchEvent):
    """A member was added or paused, or his device changed: this is how he stands now."""

    member: MemberSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberRemoved(SwitchEvent):
    queue: str
    interface: Interface


# ------------------------------------------------------------------ transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedTransfer(SwitchEvent):
    """Told *after* the bridges were rearranged. Transferee and target may be missing."""

    success: bool
    orig: ChannelSnapshot  #: the transferer's channel towards the transferee
    second: ChannelSnapshot  #: … and towards the target; may be the same channel
    transferee: ChannelSnapshot | None
    target: ChannelSnapshot | None
    dest_type: str  #: Bridge, App, Link, Threeway, Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindTransfer(SwitchEvent):
    success: bool
    transferer: ChannelSnapshot
    transferee: ChannelSnapshot | None
    exten: str
    context: str


# ------------------------------------------------------------------ the switch itself


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyBooted(SwitchEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(SwitchEvent):
    restart: bool


AmiEvent = (
    Newchannel
    | Newstate
    | Rename
    | HangupRequest
    | Hangup
    | Hold
    | Unhold
    | MusicOnHoldStart
    | MusicOnHoldStop
    | BridgeEnter
    | BridgeLeave
    | BridgeDestroy
    | DialBegin
    | DialEnd
    | OriginateFailed
    | Pickup
    | UnParkedCall
    | QueueCallerJoin
    | QueueCallerLeave
    | QueueCallerAbandon
    | QueueStatusSet
    | QueueEntered
    | FlowBegan
    | FlowOver
    | CallerRescued
    | CallbackWanted
    | MailboxEntered
    | KeyPressed
    | AgentCalled
    | AgentConnect
    | AgentComplete
    | AgentRingNoAnswer
    | QueueMember
    | QueueMemberRemoved
    | AttendedTransfer
    | BlindTransfer
    | FullyBooted
    | Shutdown
)
