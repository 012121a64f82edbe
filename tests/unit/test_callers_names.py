"""Names and texts that callers choose are made harmless, and nothing more than that."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.callers.names import NAME_LENGTH, TEXT_LENGTH, caller_name, safe_text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Anna", "Anna"),
        ("张三丰", "张三丰"),
        ("  two   spaces ", "two spaces"),
        ("Anna\r\nAction: Originate\r\n", "Anna Action: Originate"),
        ("${SHELL(id)}", "${SHELL(id)}"),
        ("\"quoted\", <b>bold</b> & 'single'", "\"quoted\", <b>bold</b> & 'single'"),
        ("bell\x07 escape\x1b[31m nul\0", "bell escape [31m nul"),
        ("left\u202eright", "left right"),
        ("zero\u200bwidth", "zero width"),
        ("line\u2028separator", "line separator"),
        ("broken \udce5\udcbc utf-8", "broken \ufffd\ufffd utf-8"),
        ("\x85next", "next"),
        ("emoji 👍", "emoji 👍"),
        ("", ""),
    ],
)
def test_what_acts_goes_and_what_reads_stays(text: str, safe: str) -> None:
    assert safe_text(text) == safe


def test_a_long_text_is_cut_and_shows_it() -> None:
    cut = safe_text("x" * 10_000)
    assert len(cut) == TEXT_LENGTH
    assert cut.endswith("x…")
    assert safe_text("x" * TEXT_LENGTH) == "x" * TEXT_LENGTH
    assert safe_text("x" * (TEXT_LENGTH + 1)) == "x" * (TEXT_LENGTH - 1) + "…"


def test_spaces_in_front_do_not_push_a_cut_text_out_of_sight() -> None:
    assert safe_text(" " * 10_000 + "x", 10) == "…"


@given(st.text(st.characters(codec=None), max_size=400), st.integers(1, 50))
def test_any_text_becomes_one_line_of_valid_unicode(text: str, limit: int) -> None:
    safe = safe_text(text, limit)
    assert len(safe) <= limit
    assert {unicodedata.category(letter) for letter in safe}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    safe.encode("utf-8")
    assert safe_text(safe, limit) == safe


@pytest.mark.parametrize(
    ("presented", "number", "name"),
    [
        ("Anna", "+8613800138000", "Anna"),
        ("<unknown>", "+8613800138000", ""),
        ("Anonymous", "", ""),
        ("", "+8613800138000", ""),
        ("13800138000", "+8613800138000", ""),
        ("013800138000", "+8613800138000", ""),
        ("+86 138 0013 8000", "+8613800138000", ""),
        ("1001", "1001", ""),
        ("42", "+8613800138000", "42"),
        ("Anna 1001", "1001", "Anna 1001"),
        ("007", "", "007"),
        ("0", "+8613800138000", "0"),
    ],
)
def test_a_name_that_only_repeats_the_number_is_none(presented: str, number: str, name: str) -> None:
    assert caller_name(presented, number) == name


def test_a_name_is_bounded() -> None:
    assert len(caller_name("n" * 10_000)) == NAME_LENGTH
