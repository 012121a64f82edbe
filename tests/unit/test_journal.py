"""A step that fails must leave no trace, whatever it wrote, and however often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbxd.journal import Journal, Table

KEYS = st.sampled_from("abcd")
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, st.integers(0, 9)),
        st.tuples(st.just("pop"), KEYS, st.none()),
        st.tuples(st.just("del"), KEYS, st.none()),
    ),
    max_size=20,
)


def apply(table: Table[str, int], writes: list) -> None:
    for verb, key, value in writes:
        if verb == "set":
            table[key] = value
        elif verb == "pop":
            table.pop(key, None)
        elif key in table:
            del table[key]


@given(WRITES, WRITES, WRITES)
def test_rollback_restores_the_last_commit_over_several_tables(before, first, second) -> None:
    journal = Journal()
    one: Table[str, int] = Table(journal)
    two: Table[str, int] = Table(journal)
    apply(one, before)
    journal.commit()
    kept = dict(one), dict(two)

    apply(one, first)
    apply(two, second)
    journal.rollback()

    assert (dict(one), dict(two)) == kept


@given(WRITES)
def test_commit_keeps_what_a_plain_dict_would_hold(writes) -> None:
    journal = Journal()
    table: Table[str, int] = Table(journal)
    plain: dict[str, int] = {}
    apply(table, writes)
    for verb, key, value in writes:
        if verb == "set":
            plain[key] = value
        else:
            plain.pop(key, None)
    journal.commit()
    journal.rollback()
    assert table == plain


def test_pop_without_default_names_the_key() -> None:
    table: Table[str, int] = Table(Journal())
    with pytest.raises(KeyError, match="absent"):
        table.pop("absent")


@pytest.mark.parametrize("write", ["clear", "popitem"])
def test_writes_that_could_not_be_taken_back_are_refused(write: str) -> None:
    table: Table[str, int] = Table(Journal())
    with pytest.raises(TypeError, match="one key at a time"):
        getattr(table, write)()
