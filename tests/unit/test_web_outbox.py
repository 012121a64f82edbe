"""What may be lost on the way to a slow page, and how the page learns of it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pbxd.edge.web.outbox import Change, Outbox, encode


def pop(name: str) -> Change:
    return Change(kind="screenpop", body=encode({"id": name}), pop=name)


def state(number: int) -> Change:
    return Change(kind="state", body=encode({"n": number}))


def order(name: str) -> Change:
    return Change(kind="order", body=encode({"id": name}))


def drain(outbox: Outbox) -> list[tuple[int, Change]]:
    taken = []
    while (one := outbox.take()) is not None:
        taken.append(one)
    return taken


def test_moments_keep_their_order_and_go_before_state() -> None:
    outbox = Outbox(8)
    for change in (pop("a"), state(1), pop("b")):
        outbox.put(change)
    assert [(seq, change.kind, change.pop) for seq, change in drain(outbox)] == [
        (1, "screenpop", "a"),
        (2, "screenpop", "b"),
        (3, "state", ""),
    ]


def test_a_newer_state_takes_the_place_of_the_older_one() -> None:
    outbox = Outbox(8)
    for number in range(5):
        outbox.put(state(number))
    [(seq, change)] = drain(outbox)
    assert (seq, json.loads(change.body)) == (1, {"n": 4})


def test_a_state_that_is_not_due_is_held_back() -> None:
    outbox = Outbox(8)
    outbox.put(state(1))
    assert outbox.take(state_due=False) is None
    assert outbox.has_state
    assert outbox.take() is not None
    assert not outbox.has_state


def test_when_full_the_oldest_pop_goes_and_leaves_a_gap() -> None:
    outbox = Outbox(2)
    for change in (order("o"), pop("a"), pop("b"), pop("c")):
        outbox.put(change)
    assert outbox.dropped == 2
    assert [(seq, change.pop or change.kind) for seq, change in drain(outbox)] == [(3, "order"), (4, "c")]


def test_a_snapshot_takes_the_place_of_all_but_replies() -> None:
    outbox = Outbox(8)
    for change in (pop("a"), order("o"), state(1)):
        outbox.put(change)
    assert outbox.restart() == 1
    assert [(seq, change.kind) for seq, change in drain(outbox)] == [(2, "order")]


def test_broken_characters_do_not_stop_a_message() -> None:
    body = encode({"name": "\udc80\x00\u2028</script>张"})
    assert body.isascii()
    assert json.loads(Change(kind="screenpop", body=body).text(7))["body"]["name"].endswith("张")


@given(
    st.lists(st.sampled_from(["pop", "state", "order", "take", "held", "restart"]), max_size=200),
    st.integers(1, 5),
)
def test_it_never_grows_and_a_page_that_follows_the_numbers_always_has_the_newest_state(
    story: list[str], capacity: int
) -> None:
    """A page knows the newest state unless it waits for one or has seen (or will see) a gap."""
    outbox = Outbox(capacity)
    told = page = seen = 0
    for step, what in enumerate(story, start=1):
        if what == "pop":
            outbox.put(pop(str(step)))
        elif what == "state":
            outbox.put(state(step))
            told = step
        elif what == "order":
            outbox.put(order(str(step)))
        elif what == "restart":
            seen, page = outbox.restart(), told
        elif (taken := outbox.take(state_due=what == "take")) is not None:
            seq, change = taken
            assert seq > seen
            seen = seq
            if change.kind == "state":
                page = json.loads(change.body)["n"]
        assert len(outbox) <= capacity + 1
        assert page == told or outbox.has_state
        assert outbox.seq >= seen
