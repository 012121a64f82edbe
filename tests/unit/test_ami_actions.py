"""Actions as bytes: what is meant is what is sent, or nothing is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.ami.actions import (
    Bridge,
    Hangup,
    Login,
    Place,
    QueuePause,
    QueueStatus,
    Redirect,
    UnsafeHeaderError,
    encode,
)
from pbxd.ami.headers import parse
from pbxd.ids import Interface


def test_action_comes_first_and_its_id_second() -> None:
    assert encode({"Channel": "PJSIP/1", "Action": "Hangup", "ActionID": "old"}, "7") == (
        b"Action: Hangup\r\nActionID: 7\r\nChannel: PJSIP/1\r\n\r\n"
    )


def test_a_sequence_repeats_its_header() -> None:
    assert b"Variable: A=1\r\nVariable: B=2\r\n" in encode(
        {"Action": "Originate", "Variable": ["A=1", "B=2"]}, "1"
    )


@pytest.mark.parametrize("evil", ["x\r\nAction: Originate", "x\nChannel: y", "x\0y", "\r", "\n"])
@pytest.mark.parametrize("key", ["Channel", "ActionID"])
def test_a_line_break_in_a_value_is_refused_and_named(evil: str, key: str) -> None:
    headers = {"Action": "Hangup", "Channel": evil if key == "Channel" else "c"}
    with pytest.raises(UnsafeHeaderError, match=f"'Hangup', header {key}: .* at character"):
        encode(headers, evil if key == "ActionID" else "1")


@pytest.mark.parametrize("key", ["", "A\r\nB", "A: B", " A", "A\0"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(UnsafeHeaderError, match="cannot be the name of a header"):
        encode({"Action": "Hangup", key: "x"}, "1")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(UnsafeHeaderError, match="half a character"):
        encode({"Action": "Hangup", "Channel": "\udce5"}, "1")


@pytest.mark.parametrize("headers", [{}, {"Action": ""}, {"Channel": "x"}])
def test_an_action_needs_a_name(headers: dict[str, str]) -> None:
    with pytest.raises(UnsafeHeaderError, match="needs a header Action"):
        encode(headers, "1")


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_is_sent_reads_back_as_it_was_meant(headers: dict[str, str]) -> None:
    headers = {k: v for k, v in headers.items() if k.lower() not in ("action", "actionid")}
    try:
        raw = encode({"Action": "X", **headers}, "1")
    except UnsafeHeaderError:
        return
    assert raw.count(b"\r\n\r\n") == 1
    assert parse(raw.removesuffix(b"\r\n\r\n")) == {"Action": "X", "ActionID": "1", **headers}


def test_pause_names_its_queue_and_reason_only_where_given() -> None:
    member = Interface("PJSIP/1001")
    assert QueuePause(interface=member, paused=True).headers() == {
        "Action": "QueuePause",
        "Interface": "PJSIP/1001",
        "Paused": "true",
    }
    assert QueuePause(interface=member, paused=False, queue="sales", reason="lunch").headers() == {
        "Action": "QueuePause",
        "Interface": "PJSIP/1001",
        "Paused": "false",
        "Queue": "sales",
        "Reason": "lunch",
    }


def test_redirect_of_two_needs_two_places() -> None:
    hold, consult = Place(context="hold", exten="s"), Place(context="consult", exten="200")
    with pytest.raises(ValueError, match="go together"):
        Redirect(channel="a", to=hold, extra_channel="b")
    headers = Redirect(channel="a", to=hold, extra_channel="b", extra_to=consult).headers()
    assert headers["ExtraContext"] == "consult"
    assert headers["ExtraPriority"] == "1"
    assert "ExtraChannel" not in Redirect(channel="a", to=hold).headers()


def test_login_by_challenge_sends_a_proof_and_not_the_secret() -> None:
    login = Login(username="pbxd", secret="s3cret", events="call", challenge="1234")
    assert "s3cret" not in str(login.headers())
    assert login.headers()["Key"] == "8976463dcc32cc56eb96a7534820c96e"
    assert "s3cret" not in repr(login)


def test_the_rest_reads_as_asterisk_wants_it() -> None:
    assert QueueStatus(queue="sales").headers() == {"Action": "QueueStatus", "Queue": "sales"}
    assert Bridge(channel1="a", channel2="b").headers()["Tone"] == "no"
    assert Hangup(channel="a").headers()["Cause"] == "16"
