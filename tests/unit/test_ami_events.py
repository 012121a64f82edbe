"""Headers become typed events, and odd headers become one documented error or a harmless value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.ami.event_types import (
    AgentComplete,
    BridgeEnter,
    CallerRescued,
    DialBegin,
    HangupRequest,
    OriginateFailed,
    QueueMember,
)
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.headers import event_name, parse
from pbxd.ami.snapshots import MalformedEventError
from pbxd.ids import NodeId

NODE = NodeId("lab")

CALLER = {
    "Channel": "PJSIP/trunk-00000001",
    "ChannelState": "6",
    "CallerIDNum": "+8613800138000",
    "CallerIDName": "张三",
    "Exten": "501",
    "Uniqueid": "1700000000.1",
    "Linkedid": "1700000000.1",
}


def built(name: str, headers: dict[str, str], received: float = 5.0) -> object:
    return WANTED[name.encode()](NODE, received, {"Event": name, **headers})


def test_time_is_the_switch_s_own_else_that_of_receipt() -> None:
    assert built("Newchannel", {**CALLER, "Timestamp": "1700000000.25"}).at == 1700000000.25  # type: ignore[attr-defined]
    assert built("Newchannel", CALLER).at == 5.0  # type: ignore[attr-defined]
    for odd in ("", "soon", "nan", "-1", "1e99"):
        assert built("Newchannel", {**CALLER, "Timestamp": odd}).at == 5.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("withheld", ["<unknown>", "", "anonymous", "Anonymous"])
def test_a_withheld_number_is_no_number(withheld: str) -> None:
    assert built("Newchannel", {**CALLER, "CallerIDNum": withheld}).channel.caller == ""  # type: ignore[attr-defined]


def test_who_swaps_with_whom() -> None:
    bridge = {"BridgeUniqueid": "b", "BridgeTechnology": "simple_bridge"}
    event = built("BridgeEnter", {**CALLER, **bridge, "SwapUniqueid": "1700000000.2"})
    assert isinstance(event, BridgeEnter)
    assert event.swap == "1700000000.2"
    plain = built("BridgeEnter", {**CALLER, **bridge, "SwapUniqueid": ""})
    assert isinstance(plain, BridgeEnter)
    assert plain.swap is None


def test_a_consult_s_dial_has_no_side_that_dials() -> None:
    event = built("DialBegin", {f"Dest{key}": value for key, value in CALLER.items()})
    assert isinstance(event, DialBegin)
    assert event.channel is None
    assert event.dest.uniqueid == "1700000000.1"


def test_agent_complete_may_come_without_channels() -> None:
    event = built("AgentComplete", {"Queue": "support", "Interface": "PJSIP/1001"})
    assert isinstance(event, AgentComplete)
    assert (event.channel, event.dest, event.member) == (None, None, "PJSIP/1001")


def test_why_an_originate_failed() -> None:
    rang = built("OriginateResponse", {"Response": "Failure", "Reason": "3", "Uniqueid": "pbxd-t-1-near"})
    refused = built("OriginateResponse", {"Response": "Failure", "Reason": "0", "Uniqueid": "pbxd-t-1-near"})
    assert isinstance(rang, OriginateFailed)
    assert isinstance(refused, OriginateFailed)
    assert (rang.uniqueid, rang.no_answer, refused.no_answer) == ("pbxd-t-1-near", True, False)


def test_the_dialplan_tells_when_nobody_was_left_for_a_caller() -> None:
    headers = {"UserEvent": "PbxdRescue", "Transfer": "t-1", "Channel": "PJSIP/trunk-1", "Uniqueid": "1.1"}
    event = WANTED[b"UserEvent"](NODE, 5.0, headers)
    assert isinstance(event, CallerRescued)
    assert (event.transfer, event.channel.name) == ("t-1", "PJSIP/trunk-1")


def test_a_request_to_hang_up_says_who_asked() -> None:
    soft = built("SoftHangupRequest", CALLER)
    hard = built("HangupRequest", CALLER)
    assert isinstance(soft, HangupRequest)
    assert isinstance(hard, HangupRequest)
    assert (soft.soft, hard.soft) == (True, False)


def test_a_member_with_odd_numbers() -> None:
    odd = {"Queue": "q", "Interface": "PJSIP/1", "Status": "many", "LastCall": "never"}
    event = built("QueueMemberStatus", odd)
    assert isinstance(event, QueueMember)
    assert (event.member.status, event.member.last_call) == (0, 0.0)


@pytest.mark.parametrize(
    ("name", "headers", "missing"),
    [
        ("Newchannel", {}, "Uniqueid"),
        ("BridgeEnter", CALLER, "BridgeUniqueid"),
        ("DialBegin", CALLER, "DestUniqueid"),
        ("QueueCallerJoin", CALLER, "Queue"),
        ("AgentCalled", {"Queue": "q"}, "Interface"),
        ("AttendedTransfer", CALLER, "OrigTransfererUniqueid"),
        ("Rename", CALLER, "Newname"),
        ("QueueMemberStatus", {"Interface": "PJSIP/1"}, "Queue"),
    ],
)
def test_what_an_event_cannot_do_without_is_named(name: str, headers: dict[str, str], missing: str) -> None:
    with pytest.raises(MalformedEventError, match=missing) as caught:
        built(name, headers)
    assert caught.value.event == name


@given(
    st.sampled_from(sorted(WANTED)),
    st.dictionaries(
        st.sampled_from([*CALLER, "Timestamp", "Queue", "Interface", "BridgeUniqueid", "Status", "Cause"]),
        st.text(max_size=20),
    ),
)
def test_nothing_but_the_documented_error_gets_out(name: bytes, headers: dict[str, str]) -> None:
    try:
        event = WANTED[name](NODE, 5.0, headers)
    except MalformedEventError:
        return
    assert event is None or event.node == NODE


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"Digit": "7", "Direction": "Received"}, "7"),
        ({"Digit": "7", "Direction": "Sent"}, None),
        ({"Digit": "7"}, None),
    ],
)
def test_a_key_that_somebody_has_pressed(headers: dict[str, str], key: str | None) -> None:
    event = WANTED[b"DTMFEnd"](NODE, 5.0, {**CALLER, **headers})
    assert getattr(event, "key", None) == key
    assert "key" not in repr(event)
    with pytest.raises(MalformedEventError, match="Digit"):
        WANTED[b"DTMFEnd"](NODE, 5.0, {**CALLER, "Direction": "Received"})


def test_needles_let_through_what_their_builders_take() -> None:
    samples = {
        b"VarSet": b"Variable: QUEUESTATUS\r\nValue: TIMEOUT",
        b"Newexten": b"Application: Queue\r\nAppData: support,t",
        b"UserEvent": b"UserEvent: PbxdQueueLeft\r\nQueue: support\r\nStatus: JOINEMPTY",
        b"DTMFEnd": b"Exten: consult\r\nUniqueid: 1.1\r\nDigit: 1\r\nDirection: Received",
        b"Newstate": b"ChannelState: 5\r\nChannelStateDesc: Ringing",
        b"OriginateResponse": b"ActionID: x\r\nResponse: Failure\r\nReason: 3",
    }
    assert samples.keys() == NEEDLES.keys()
    for name, text in samples.items():
        raw = b"Event: " + name + b"\r\nChannel: PJSIP/1-1\r\n" + text + b"\r\nUniqueid: 1.1"
        assert NEEDLES[name] in raw
        assert event_name(raw) == name
        WANTED[name](NODE, 5.0, parse(raw))
