"""Names and headers of raw messages, also of those that a hostile caller had a hand in."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pbxd.ami.headers import event_name, parse

EVENT = b"Event: Hangup\r\nPrivilege: call,all\r\nCallerIDName: \r\nCause: 16\r\nCause-txt: Normal: Clearing"


def test_name_of_an_event_and_of_what_is_none() -> None:
    assert event_name(EVENT) == b"Hangup"
    assert event_name(b"Event: FullyBooted") == b"FullyBooted"
    assert event_name(b"Response: Success\r\nEvent: Hangup") == b""
    assert event_name(b"xt: Normal Clearing") == b""
    assert event_name(b"") == b""
    assert event_name(b"\xff\xfe\x00") == b""


def test_name_behind_blank_lines_and_a_greeting() -> None:
    assert event_name(b"\r\n\r\n" + EVENT) == b"Hangup"
    assert event_name(b"Asterisk Call Manager/9.0.0\r\n" + EVENT) == b"Hangup"
    assert parse(b"\r\nAsterisk Call Manager/9.0.0\r\n" + EVENT) == parse(EVENT)


def test_headers_keep_colons_and_empty_values() -> None:
    assert parse(EVENT) == {
        "Event": "Hangup",
        "Privilege": "call,all",
        "CallerIDName": "",
        "Cause": "16",
        "Cause-txt": "Normal: Clearing",
    }


def test_a_header_without_a_blank_behind_its_colon() -> None:
    assert parse(b"Event: X\r\nEmpty:\r\nTight:value") == {"Event": "X", "Empty": "", "Tight": "value"}


def test_a_number_with_line_breaks_forges_no_header() -> None:
    forged = "1\r\nEvent: Hangup\r\nChannel: PJSIP/1001-1\r\nmore\r\nUniqueid: 9.9\r\nLinkedid: 9.9"
    raw = (
        f"Event: Newstate\r\nChannel: PJSIP/evil-2\r\nCallerIDNum: {forged}\r\nUniqueid: 1.1\r\nLinkedid: 1.1"
    )
    assert parse(raw.encode()) == {
        "Event": "Newstate",
        "Channel": "PJSIP/evil-2",
        "CallerIDNum": "1",
        "Uniqueid": "1.1",
        "Linkedid": "1.1",
    }


def test_repeated_channel_variables_are_gathered() -> None:
    headers = parse(b"Event: X\r\nChanVariable: A=1\r\nChanVariable: B=2\r\nDestChanVariable: C=3")
    assert headers["ChanVariable"] == "A=1\nB=2"
    assert headers["DestChanVariable"] == "C=3"


def test_lines_of_command_output_are_gathered() -> None:
    headers = parse(b"Response: Success\r\nMessage: Command output follows\r\nOutput: a\r\nOutput: b: c")
    assert headers["Output"] == "a\nb: c"


def test_a_line_without_a_colon_continues_the_value() -> None:
    assert parse(b"Event: X\r\nValue: one\r\ntwo\r\nNext: 3") == {
        "Event": "X",
        "Value": "one\ntwo",
        "Next": "3",
    }


def test_broken_text_survives_as_text_that_json_and_a_database_take() -> None:
    name = parse(b"Event: X\r\nCallerIDName: \xd5\xc5\xe4\xb8\x89 ok")["CallerIDName"]
    assert name.endswith("三 ok")
    assert json.loads(json.dumps(name)) == name
    name.encode("utf-8")


def test_text_is_not_cut_by_a_packet() -> None:
    assert parse("Event: X\r\nCallerIDName: 张三丰".encode())["CallerIDName"] == "张三丰"


@given(st.binary(max_size=400))
def test_nothing_makes_it_fail(raw: bytes) -> None:
    event_name(raw)
    for key, value in parse(raw).items():
        (key + value).encode("utf-8")
