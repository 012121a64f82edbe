"""Framing: any chunking gives the same messages, and no peer can do harm with what it sends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.ami.frames import Framer

GREETING = b"Asterisk Call Manager/9.0.0\r\n"
A = b"Event: Newchannel\r\nChannel: PJSIP/1001-00000001"
B = b"Response: Success\r\nActionID: 1"


def in_one(stream: bytes, limit: int = 1 << 20) -> list[bytes]:
    return Framer(limit).feed(stream)


def chunked(stream: bytes, cuts: list[int], limit: int = 1 << 20) -> tuple[list[bytes], Framer]:
    framer = Framer(limit)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    messages: list[bytes] = []
    for start, end in pairwise(edges):
        messages += framer.feed(stream[start:end])
    return messages, framer


def test_greeting_is_no_message_and_is_remembered() -> None:
    framer = Framer()
    assert framer.feed(GREETING + A + b"\r\n\r\n") == [A]
    assert framer.greeting == b"Asterisk Call Manager/9.0.0"


def test_greeting_may_be_absent() -> None:
    framer = Framer()
    assert framer.feed(A + b"\r\n\r\n") == [A]
    assert framer.greeting is None


def test_greeting_is_seen_before_any_message() -> None:
    framer = Framer()
    assert framer.feed(GREETING[:5]) == []
    assert framer.greeting is None
    assert framer.feed(GREETING[5:]) == []
    assert framer.greeting == b"Asterisk Call Manager/9.0.0"


def test_a_greeting_that_never_ends_does_not_hold_the_stream() -> None:
    framer = Framer()
    framer.feed(b"Asterisk Call Manager/" + b"9" * 300)
    assert framer.greeting is None
    framer.feed(b"\r\n\r\n")
    assert framer.feed(A + b"\r\n\r\n") == [A]


def test_a_value_that_ends_in_a_newline_leaves_no_empty_message() -> None:
    assert in_one(A + b"\r\n\r\n" + b"\r\n" + B + b"\r\n\r\n") == [A, B]
    assert in_one(A + b"\r\n\r\n\r\n\r\n" + B + b"\r\n\r\n") == [A, B]
    assert in_one(b"\r\n\r\n" + A + b"\r\n\r\n") == [A]


def test_too_long_a_message_costs_itself_only() -> None:
    framer = Framer(limit=100)
    long = b"Event: Huge\r\nValue: " + b"x" * 1000
    assert framer.feed(A + b"\r\n\r\n" + long + b"\r\n\r\n" + B + b"\r\n\r\n") == [A, B]
    assert framer.oversized == 1


def test_a_message_without_end_does_not_fill_the_memory() -> None:
    framer = Framer(limit=10_000)
    for _ in range(1000):
        assert framer.feed(b"x" * 1000) == []
        assert framer.pending <= 11_003
    assert framer.feed(b"\r\n\r\n" + A + b"\r\n\r\n") == [A]
    assert framer.oversized == 1


def test_a_message_of_just_the_limit_passes_in_any_chunking() -> None:
    for cut in range(len(A) + 4):
        messages, framer = chunked(A + b"\r\n\r\n" + B + b"\r\n\r\n", [cut], limit=len(A))
        assert messages == [A, B]
        assert framer.oversized == 0


PIECES = [
    A,
    B,
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"x" * 70,
    b"Event: X\r\nName: \xe5\xbc\xa0\xe4",
    GREETING,
]


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=20),
    cuts=st.lists(st.integers(0, 2000), max_size=30),
    limit=st.sampled_from([60, 1 << 20]),
)
def test_any_chunking_gives_the_same_messages(pieces: list[bytes], cuts: list[int], limit: int) -> None:
    stream = b"".join(pieces) + b"\r\n\r\n"
    whole = Framer(limit)
    expected = whole.feed(stream)
    messages, framer = chunked(stream, cuts, limit)
    assert messages == expected
    assert (framer.greeting, framer.oversized) == (whole.greeting, whole.oversized)
    bytewise, _ = chunked(stream, list(range(len(stream))), limit)
    assert bytewise == expected
    assert all(messages)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 4096])
def test_a_long_message_in_small_chunks_is_joined_once_it_is_complete(size: int) -> None:
    framer = Framer()
    message = b"Event: X\r\nOutput: " + b"y" * 50_000
    stream = message + b"\r\n\r\n"
    got = [m for at in range(0, len(stream), size) for m in framer.feed(stream[at : at + size])]
    assert got == [message]
