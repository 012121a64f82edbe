"""What the log may show of callers, and what it must go on showing of calls."""

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.edge.logs.masking import LONGEST, clean, mask_text
from pbxd.edge.visible import visible

NUMBERS = [
    "13800138000",
    "+8613800138000",
    "008613800138000",
    "+86 138 0013 8000",
    "138-0013-8000",
    "010-12345678",
    "(0755) 8888 8888",
    "+1 (202) 555-0123",
    "1-202-555-0123",
    "202.555.0123",
    "01.23.45.67.89",
    "+33 1 23 45 67 89",
    "8 800 555-35-35",
    "2025550123",
    "95588",
    "10086",
    "１３８００１３８０００",
    "%2B8613800138000",
    "138\u00a00013\u00a08000",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "around",
    ["{}", "call from {} arrived", "来自{}的电话", "<sip:{}@pbx>", "Local/{}@from-queue/n", "x{},{}"],
)
def test_numbers_are_masked(number: str, around: str) -> None:
    if around.startswith("Local") and len(number) < 7:
        return  # an extension in a device's name stays
    masked = mask_text(around.format(number, number))
    assert "***" in masked
    assert number not in masked
    assert not re.search(r"\d{4}", masked)


@pytest.mark.parametrize(
    "text",
    [
        "pbx1:1732227712.33",
        "pbx-1-1732227712.33",
        "channel 2 1732227712.33",
        "at=1732227712.123456",
        "2026-11-21T22:14:23.123456Z",
        "2026-11-21 22:14:23,123",
        "2026-11-21T22:14:23+08:00",
        "0.150000 s, 12345.678901",
        "http://127.0.0.1:45731/metrics",
        "192.168.100.200:5038 [::1]:45731 pbx.example:50380",
        "Asterisk 22.10.1",
        "550e8400-e29b-41d4-a716-446655440000",
        "<Task at 0x7f1234567890>",
        "pop 3f2a9c881b23456d",
        "PJSIP/1001-00000012 PJSIP/10001-0000002a PJSIP/10001 Local/100001@q-00000012;1",
        "limit 65536 bytes, 100000 events",
        "Connection reset by peer (104), retry 3 of 10",
        "wait 10-20 30",
    ],
)
def test_what_a_log_is_for_stays_legible(text: str) -> None:
    assert mask_text(text) == text


def test_a_number_inside_a_channel_goes_but_its_serial_stays() -> None:
    assert mask_text("PJSIP/+8613800138000-0000002a") == "PJSIP/***000-0000002a"
    assert mask_text("Local/13800138000@from-queue-00000012;2") == "Local/***000@from-queue-00000012;2"


def test_numbers_are_shown_when_asked_for_but_secrets_never() -> None:
    text = "13800138000 Secret: hunter2 password='pass word' $argon2id$v=19$m=65536,t=3,p=4$abc$def"
    shown = mask_text(text, show_numbers=True)
    assert shown == "13800138000 Secret: *** password=*** $argon2***"
    assert clean("ami_secret", "hunter2", show_numbers=True) == "***"
    assert clean("headers", {"Cookie": "x", "Host": "pbx"}, show_numbers=True) == {
        "Cookie": "***",
        "Host": "pbx",
    }


def test_what_a_caller_keyed_in_goes_whatever_its_length() -> None:
    step = "FlowStep(step='pin', digits='4711', result='entered', at=1732227712.5)"
    assert mask_text(step) == "FlowStep(step='pin', digits=***, result='entered', at=1732227712.5)"
    assert mask_text('{"digits": "47"}') == '{"digits": ***}'
    assert mask_text(step, show_numbers=True) == step


def test_values_are_masked_by_their_key_and_in_depth() -> None:
    event = {"number": "1001", "digits": "42", "caller": 10086, "port": 45731, "list": ["13800138000", 7]}
    assert clean("event", event, show_numbers=False) == {
        "number": "***",
        "digits": "***",
        "caller": "***",
        "port": 45731,
        "list": ["***000", 7],
    }
    assert clean("number", "anonymous", show_numbers=False) == "anonymous"
    assert clean("number", "1001", show_numbers=True) == "1001"


@pytest.mark.parametrize(
    ("hostile", "written"),
    [
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\u2028b\u0085c", "a\\u2028b\\x85c"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
        ("张三 \u3000丰", "张三  丰"),
        ('"quoted" ${SHELL(id)}', '"quoted" ${SHELL(id)}'),
    ],
)
def test_hostile_text_stays_on_its_line(hostile: str, written: str) -> None:
    assert visible(hostile) == written


def test_a_very_long_value_is_cut() -> None:
    written = clean("name", "Ä" * 10_000, show_numbers=True)
    assert written == "Ä" * LONGEST + "… (cut)"


_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


@given(
    st.sampled_from(_REGIONS), st.sampled_from(_FORMATS), st.sampled_from(["", "from ", "caller=", "电话"])
)
def test_numbers_of_every_country_as_it_writes_them(region: str, how: int, before: str) -> None:
    example = phonenumbers.example_number(region)
    if example is None:
        return
    text = phonenumbers.format_number(example, how)
    shown = re.sub(r"\D", "", mask_text(before + text + " rang"))
    digits = re.sub(r"\D", "", text)
    assert len(shown) <= 3 or len(digits) < 7


@given(st.text())
def test_any_text_becomes_one_visible_line(text: str) -> None:
    line = visible(mask_text(text))
    assert line.isprintable() or set(line) <= {" "} or line.replace(" ", "").isprintable()
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
