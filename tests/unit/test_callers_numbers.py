"""What a presented number tells: E.164, place, country, carrier; and what it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.callers.numbers import NUMBER_LENGTH, NumberKind, preload, read_number


@pytest.mark.parametrize(
    ("presented", "region", "e164"),
    [
        ("+8613800138000", "", "+8613800138000"),
        ("008613800138000", "", "+8613800138000"),
        ("8613800138000", "", "+8613800138000"),
        ("8613800138000", "CN", "+8613800138000"),
        ("13800138000", "CN", "+8613800138000"),
        ("013800138000", "CN", "+8613800138000"),
        ("+86 (138) 0013-8000", "", "+8613800138000"),
        ("０１３８００１３８０００", "CN", "+8613800138000"),
        ("02584456789", "CN", "+862584456789"),
        ("025-84456789", "cn", "+862584456789"),
        ("4008001234", "CN", "+864008001234"),
        ("tel:+442079460000;phone-context=x", "", "+442079460000"),
        ("sip:+442079460000@example.org", "", "+442079460000"),
        ("02079460000", "GB", "+442079460000"),
        ("+12125551234", "CN", "+12125551234"),
        ("0012125551234", "CN", "+12125551234"),
        ("0012125551234", "", "+12125551234"),
    ],
)
def test_public_numbers_become_e164(presented: str, region: str, e164: str) -> None:
    card = read_number(presented, default_region=region)
    assert (card.kind, card.number) == (NumberKind.PUBLIC, e164)


@pytest.mark.parametrize("presented", ["1001", "100", "7", "110", "95588", "*67", "#31#"])
def test_short_numbers_stay_as_they_are(presented: str) -> None:
    card = read_number(presented, default_region="CN")
    assert card.kind in (NumberKind.INTERNAL, NumberKind.TEXT)
    assert card.number == presented
    assert (card.place, card.country, card.carrier) == ("", "", "")


def test_how_short_is_internal_is_for_the_operator_to_say() -> None:
    """In Iceland seven digits are a whole number; in a country with five-digit numbers so are five."""
    assert read_number("4106000", default_region="IS").number == "+3544106000"
    assert read_number("4106000", default_region="IS", internal_digits=7).kind is NumberKind.INTERNAL


def test_national_numbers_need_a_region() -> None:
    card = read_number("02584456789", default_region="")
    assert (card.kind, card.number) == (NumberKind.INTERNAL, "02584456789")


@pytest.mark.parametrize(
    "presented",
    [
        "",
        " ",
        "anonymous",
        "Anonymous",
        "<unknown>",
        "unknown",
        "restricted",
        "private",
        "sip:anonymous@anonymous.invalid",
        "+",
        "-",
    ],
)
def test_withheld_numbers_have_no_number(presented: str) -> None:
    card = read_number(presented, default_region="CN")
    assert (card.kind, card.number) == (NumberKind.WITHHELD, "")


@pytest.mark.parametrize(
    "presented", ["alice", "alice@example.org", "1800FLOWERS", "12; DROP TABLE", "${SHELL(id)}"]
)
def test_what_is_no_number_is_not_forced_into_one(presented: str) -> None:
    card = read_number(presented, default_region="US")
    assert card.kind is NumberKind.TEXT
    assert card.presented == presented


def test_a_number_range_younger_than_the_tables_keeps_its_e164() -> None:
    assert read_number("+8610000000000").number == "+8610000000000"
    assert read_number("+999123456").kind is NumberKind.INTERNAL


def test_place_and_carrier_in_the_language_asked_for() -> None:
    zh = read_number("013800138000", default_region="CN", language="zh")
    assert (zh.place, zh.country, zh.region, zh.carrier) == ("北京市", "中国", "CN", "中国移动")
    en = read_number("013800138000", default_region="CN", language="en")
    assert (en.place, en.country, en.carrier) == ("Beijing", "China", "China Mobile")
    assert read_number("02584456789", default_region="CN", language="zh").place == "江苏省南京市"


def test_a_place_known_in_english_only_beats_none() -> None:
    card = read_number("+442079460000", language="zh")
    assert (card.place, card.country) == ("London", "英国")


def test_a_number_of_no_place_has_none() -> None:
    card = read_number("+864008001234", language="zh")
    assert (card.place, card.country) == ("", "中国")
    assert read_number("+80012345678").kind is NumberKind.PUBLIC
    assert read_number("+80012345678").country == ""


def test_very_long_and_odd_input_is_bounded() -> None:
    card = read_number("1" * 10_000, default_region="CN")
    assert len(card.presented) <= NUMBER_LENGTH
    assert len(card.number) <= NUMBER_LENGTH


@given(st.text(st.characters(codec=None), max_size=80), st.sampled_from(["", "CN", "GB", "US", "XX"]))
def test_nothing_that_a_switch_presents_raises(presented: str, region: str) -> None:
    card = read_number(presented, default_region=region)
    assert (card.number == "") == (card.kind is NumberKind.WITHHELD)
    assert card.number == "" or card.number.splitlines() == [card.number]
    card.number.encode("utf-8")


@given(st.text("0123456789+-() ", max_size=20))
def test_reading_a_read_number_again_changes_nothing(presented: str) -> None:
    card = read_number(presented, default_region="CN")
    assert read_number(card.number, default_region="CN").number == card.number


def test_the_cards_kept_are_bounded() -> None:
    preload()
    for number in range(100):
        read_number(f"+8613800{number:06}")
    info = read_number.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize <= 10_000
