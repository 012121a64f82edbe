"""Which keys are an order: the last ones count, and a pause between two begins anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.ids import TransferId
from pbxd.journal import Journal
from pbxd.orders import Verb
from pbxd.transfers.keys import PAUSE_S, Keys

CODES = {"*1": Verb.CANCEL, "*3": Verb.MERGE, "##44": Verb.SWAP}
T1, T2 = TransferId("t1"), TransferId("t2")


def played(keys: Keys, pressed: str, gap_s: float = 0.2) -> list[Verb]:
    verbs = [keys.pressed(T1, key, number * gap_s) for number, key in enumerate(pressed)]
    return [verb for verb in verbs if verb is not None]


@pytest.mark.parametrize(
    ("pressed", "expected"),
    [
        ("*1", [Verb.CANCEL]),
        ("**1", [Verb.CANCEL]),
        ("*2*1", [Verb.CANCEL]),
        ("*1*3", [Verb.CANCEL, Verb.MERGE]),
        ("*11", [Verb.CANCEL]),
        ("###44", [Verb.SWAP]),
        ("##*14", [Verb.CANCEL]),
        ("1*", []),
        ("#44", []),
        ("", []),
    ],
)
def test_the_last_keys_count(pressed: str, expected: list[Verb]) -> None:
    assert played(Keys(Journal(), CODES), pressed) == expected


def test_a_pause_begins_anew() -> None:
    assert played(Keys(Journal(), CODES), "*1", PAUSE_S) == [Verb.CANCEL]
    assert played(Keys(Journal(), CODES), "*1", PAUSE_S + 0.01) == []


def test_each_transfer_has_its_own() -> None:
    keys = Keys(Journal(), CODES)
    assert [keys.pressed(T1, "*", 0.0), keys.pressed(T2, "1", 0.1)] == [None, None]
    assert keys.pressed(T1, "1", 0.2) is Verb.CANCEL


def test_a_transfer_that_is_over_is_forgotten() -> None:
    keys = Keys(Journal(), CODES)
    keys.pressed(T1, "*", 0.0)
    keys.forget(T1)
    keys.forget(T2)
    assert keys.pressed(T1, "1", 0.1) is None


@given(st.text("0123456789*#", max_size=60), st.sampled_from([CODES, {}]))
def test_as_a_search_in_all_keys_says(pressed: str, codes: dict[str, Verb]) -> None:
    """The reference: read from the left, take a code where the keys since the last one end with it."""
    expected, since = [], ""
    for key in pressed:
        since += key
        found = [verb for code, verb in codes.items() if since.endswith(code)]
        if found:
            expected += found
            since = ""
    assert played(Keys(Journal(), codes), pressed) == expected
