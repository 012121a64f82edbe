"""From headers to the typed events that mean something here. All other events are not even parsed.

``WANTED`` maps an event's name to the function that builds it from its headers. A header that the event
cannot do without, and that is missing, raises :class:`MalformedEventError` and nothing else; the
caller counts it as a fault of the peer and goes on.

Some chatty events are wanted only in one of their forms. ``NEEDLES`` names the bytes that must be in the raw
message; look there before parsing it.
"""

from __future__ import annotations

from collections.abc import Callable

from pbxd.ami import snapshots as read
from pbxd.ami.event_types import (
    AgentCalled,
    AgentComplete,
    AgentConnect,
    AgentRingNoAnswer,
    AmiEvent,
    AttendedTransfer,
    BlindTransfer,
    BridgeDestroy,
    BridgeEnter,
    BridgeLeave,
    CallbackWanted,
    CallerRescued,
    DialBegin,
    DialEnd,
    FlowBegan,
    FlowOver,
    FullyBooted,
    Hangup,
    HangupRequest,
    Hold,
    KeyPressed,
    MailboxEntered,
    MusicOnHoldStart,
    MusicOnHoldStop,
    Newchannel,
    Newstate,
    OriginateFailed,
    Pickup,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    QueueEntered,
    QueueMember,
    QueueMemberRemoved,
    QueueStatusSet,
    Rename,
    Shutdown,
    Unhold,
    UnParkedCall,
)
from pbxd.ami.snapshots import Headers, MalformedEventError, event_time
from pbxd.ids import Interface, NodeId, TransferId, Uniqueid

Builder = Callable[[NodeId, float, Headers], AmiEvent | None]
"""Node, time of receipt (taken where the event has no Timestamp), headers."""

_ChannelEvent = Newchannel | Newstate | Hold | Unhold | MusicOnHoldStart | MusicOnHoldStop
_Going = QueueCallerLeave | QueueCallerAbandon
_MemberCall = AgentCalled | AgentConnect | AgentComplete | AgentRingNoAnswer


def _need(headers: Headers, header: str) -> str:
    value = headers.get(header)
    if not value:
        raise MalformedEventError(headers, header)
    return value


def _of_channel(kind: type[_ChannelEvent]) -> Builder:
    def build(node: NodeId, received: float, headers: Headers) -> AmiEvent:
        return kind(node=node, at=event_time(headers, received), channel=read.channel(headers))

    return build


def _member_call(kind: type[_MemberCall]) -> Builder:
    def build(node: NodeId, received: float, headers: Headers) -> AmiEvent:
        interface = _need(headers, "Interface")
        return kind(
            node=node,
            at=event_time(headers, received),
            channel=read.own(headers),
            dest=read.dest(headers),
            queue=_need(headers, "Queue"),
            interface=Interface(interface),
            member=headers.get("MemberName") or interface,
        )

    return build


def _rename(node: NodeId, received: float, headers: Headers) -> Rename:
    return Rename(
        node=node,
        at=event_time(headers, received),
        uniqueid=Uniqueid(_need(headers, "Uniqueid")),
        old=headers.get("Channel", ""),
        new=_need(headers, "Newname"),
    )


def _hangup_request(node: NodeId, received: float, headers: Headers) -> HangupRequest:
    return HangupRequest(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        soft=headers.get("Event") == "SoftHangupRequest",
    )


def _hangup(node: NodeId, received: float, headers: Headers) -> Hangup:
    return Hangup(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        cause=read.whole(headers, "Cause", 0),
    )


def _bridge_enter(node: NodeId, received: float, headers: Headers) -> BridgeEnter:
    swap = headers.get("SwapUniqueid")
    return BridgeEnter(
        node=node,
        at=event_time(headers, received),
        bridge=_need(headers, "BridgeUniqueid"),
        technology=headers.get("BridgeTechnology", ""),
        channel=read.channel(headers),
        swap=Uniqueid(swap) if swap else None,
        name=headers.get("BridgeName", ""),
    )


def _bridge_leave(node: NodeId, received: float, headers: Headers) -> BridgeLeave:
    return BridgeLeave(
        node=node,
        at=event_time(headers, received),
        bridge=_need(headers, "BridgeUniqueid"),
        channel=read.channel(headers),
    )


def _bridge_destroy(node: NodeId, received: float, headers: Headers) -> BridgeDestroy:
    return BridgeDestroy(node=node, at=event_time(headers, received), bridge=_need(headers, "BridgeUniqueid"))


def _dial_begin(node: NodeId, received: float, headers: Headers) -> DialBegin:
    return DialBegin(
        node=node,
        at=event_time(headers, received),
        channel=read.own(headers),
        dest=read.needed(read.dest, headers, "DestUniqueid"),
        dialstring=headers.get("DialString", ""),
    )


def _dial_end(node: NodeId, received: float, headers: Headers) -> DialEnd:
    return DialEnd(
        node=node,
        at=event_time(headers, received),
        channel=read.own(headers),
        dest=read.needed(read.dest, headers, "DestUniqueid"),
        status=headers.get("DialStatus", ""),
    )


def _originate_failed(node: NodeId, received: float, headers: Headers) -> OriginateFailed:
    if headers.get("Response") != "Failure":
        raise MalformedEventError(headers, "Response: Failure")
    return OriginateFailed(
        node=node,
        at=event_time(headers, received),
        uniqueid=Uniqueid(_need(headers, "Uniqueid")),
        no_answer=headers.get("Reason") == "3",
    )


def _pickup(node: NodeId, received: float, headers: Headers) -> Pickup:
    return Pickup(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        target=read.needed(read.target, headers, "TargetUniqueid"),
    )


def _unparked(node: NodeId, received: float, headers: Headers) -> UnParkedCall:
    return UnParkedCall(
        node=node,
        at=event_time(headers, received),
        parkee=read.needed(read.parkee, headers, "ParkeeUniqueid"),
        retriever=read.needed(read.retriever, headers, "RetrieverUniqueid"),
    )


def _caller_join(node: NodeId, received: float, headers: Headers) -> QueueCallerJoin:
    return QueueCallerJoin(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        queue=_need(headers, "Queue"),
        position=read.whole(headers, "Position", 0) or None,
    )


def _caller_goes(kind: type[_Going]) -> Builder:
    def build(node: NodeId, received: float, headers: Headers) -> AmiEvent:
        return kind(
            node=node,
            at=event_time(headers, received),
            channel=read.channel(headers),
            queue=_need(headers, "Queue"),
        )

    return build


def _var_set(node: NodeId, received: float, headers: Headers) -> QueueStatusSet:
    if headers.get("Variable") != "QUEUESTATUS":
        raise MalformedEventError(headers, "Variable: QUEUESTATUS")
    return QueueStatusSet(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        status=headers.get("Value", ""),
    )


def _newexten(node: NodeId, received: float, headers: Headers) -> QueueEntered:
    if headers.get("Application") != "Queue":
        raise MalformedEventError(headers, "Application: Queue")
    return QueueEntered(
        node=node,
        at=event_time(headers, received),
        channel=read.channel(headers),
        queue=headers.get("AppData", "").partition(",")[0],
    )


def _user_event(
    node: NodeId, received: float, headers: Headers
) -> QueueEntered | QueueStatusSet | FlowBegan | FlowOver | CallerRescued | CallbackWanted | MailboxEntered:
    """What our own dialplan tells: before and after Queue() and AGI(), for an account that may not read
    dialplan; when nobody was left for a caller, and when one wants to be called back."""
    at, channel = event_time(headers, received), read.channel(headers)
    match headers.get("UserEvent"):
        case "PbxdQueueEntered":
            return QueueEntered(node=node, at=at, channel=channel, queue=headers.get("Queue", ""))
        case "PbxdQueueLeft":
            return QueueStatusSet(node=node, at=at, channel=channel, status=headers.get("Status", ""))
        case "PbxdFlowEntered":
            return FlowBegan(node=node, at=at, channel=channel, flow=headers.get("Flow", ""))
        case "PbxdFlowLeft":
            flow, chosen = headers.get("Flow", ""), headers.get("Next", "")
            return FlowOver(node=node, at=at, channel=channel, flow=flow, next=chosen)
        case "PbxdRescue":
            transfer = TransferId(headers.get("Transfer", ""))
            return CallerRescued(node=node, at=at, channel=channel, transfer=transfer)
        case "PbxdVoicemail":
            transfer = TransferId(headers.get("Transfer", ""))
            return MailboxEntered(node=node, at=at, channel=channel, transfer=transfer)
        case "PbxdCallback":
            transfer = TransferId(headers.get("Transfer", ""))
            return CallbackWanted(node=node, at=at, channel=channel, transfer=transfer)
        case _:
            raise MalformedEventError(headers, "UserEvent: one that pbxd's dialplan sends")


def _key_pressed(node: NodeId, received: float, headers: Headers) -> KeyPressed | None:
    if headers.get("Direction") != "Received":
        return None
    key = headers.get("Digit", "")
    if len(key) != 1:
        raise MalformedEventError(headers, "Digit: one key")
    return KeyPressed(node=node, at=event_time(headers, received), channel=read.channel(headers), key=key)


def _queue_member(node: NodeId, received: float, headers: Headers) -> QueueMember:
    return QueueMember(node=node, at=event_time(headers, received), member=read.member(headers))


def _member_removed(node: NodeId, received: float, headers: Headers) -> QueueMemberRemoved:
    return QueueMemberRemoved(
        node=node,
        at=event_time(headers, received),
        queue=_need(headers, "Queue"),
        interface=Interface(_need(headers, "Interface")),
    )


def _attended_transfer(node: NodeId, received: float, headers: Headers) -> AttendedTransfer:
    orig = read.needed(read.orig_transferer, headers, "OrigTransfererUniqueid")
    return AttendedTransfer(
        node=node,
        at=event_time(headers, received),
        success=headers.get("Result", "Success") == "Success",
        orig=orig,
        second=read.second_transferer(headers) or orig,
        transferee=read.transferee(headers),
        target=read.transfer_target(headers),
        dest_type=headers.get("DestType", ""),
    )


def _blind_transfer(node: NodeId, received: float, headers: Headers) -> BlindTransfer:
    return BlindTransfer(
        node=node,
        at=event_time(headers, received),
        success=headers.get("Result", "Success") == "Success",
        transferer=read.needed(read.transferer, headers, "TransfererUniqueid"),
        transferee=read.transferee(headers),
        exten=headers.get("Extension", ""),
        context=headers.get("Context", ""),
    )


def _fully_booted(node: NodeId, received: float, headers: Headers) -> FullyBooted:
    return FullyBooted(node=node, at=event_time(headers, received))


def _shutdown(node: NodeId, received: float, headers: Headers) -> Shutdown:
    return Shutdown(node=node, at=event_time(headers, received), restart=headers.get("Restart") == "True")


WANTED: dict[bytes, Builder] = {
    b"Newchannel": _of_channel(Newchannel),
    b"Newstate": _of_channel(Newstate),
    b"Rename": _rename,
    b"HangupRequest": _hangup_request,
    b"SoftHangupRequest": _hangup_request,
    b"Hangup": _hangup,
    b"Hold": _of_channel(Hold),
    b"Unhold": _of_channel(Unhold),
    b"MusicOnHoldStart": _of_channel(MusicOnHoldStart),
    b"MusicOnHoldStop": _of_channel(MusicOnHoldStop),
    b"BridgeEnter": _bridge_enter,
    b"BridgeLeave": _bridge_leave,
    b"BridgeDestroy": _bridge_destroy,
    b"DialBegin": _dial_begin,
    b"DialEnd": _dial_end,
    b"OriginateResponse": _originate_failed,
    b"Pickup": _pickup,
    b"UnParkedCall": _unparked,
    b"QueueCallerJoin": _caller_join,
    b"QueueCallerLeave": _caller_goes(QueueCallerLeave),
    b"QueueCallerAbandon": _caller_goes(QueueCallerAbandon),
    b"VarSet": _var_set,
    b"Newexten": _newexten,
    b"UserEvent": _user_event,
    b"DTMFEnd": _key_pressed,
    b"AgentCalled": _member_call(AgentCalled),
    b"AgentConnect": _member_call(AgentConnect),
    b"AgentComplete": _member_call(AgentComplete),
    b"AgentRingNoAnswer": _member_call(AgentRingNoAnswer),
    b"QueueMemberAdded": _queue_member,
    b"QueueMemberPause": _queue_member,
    b"QueueMemberStatus": _queue_member,
    b"QueueMemberPenalty": _queue_member,
    b"QueueMemberRinginuse": _queue_member,
    b"QueueMemberRemoved": _member_removed,
    b"AttendedTransfer": _attended_transfer,
    b"BlindTransfer": _blind_transfer,
    b"FullyBooted": _fully_booted,
    b"Shutdown": _shutdown,
}
"""What is built of which event. Everything else is dropped by its name, unparsed."""

NEEDLES: dict[bytes, bytes] = {
    b"Newstate": b"\r\nChannelState: 5\r\n",  # ringing; all other states are told by other events, too
    b"VarSet": b"\r\nVariable: QUEUESTATUS\r\n",
    b"Newexten": b"\r\nApplication: Queue\r\n",
    b"UserEvent": b"\r\nUserEvent: Pbxd",
    b"DTMFEnd": b"\r\nExten: consult\r\n",  # there is who hands a caller over
    b"OriginateResponse": b"\r\nResponse: Failure\r\n",
}
"""Events that are wanted only when these bytes are in the raw message (more than half of all are VarSet)."""
