"""Pacing of reads, and the pauses between attempts: plain arithmetic on given times."""

from __future__ import annotations

import pytest

from pbxd.edge.ami_link.backoff import STABLE_S, BackOff
from pbxd.edge.ami_link.pacing import PAUSE_S, Pacing


def test_lone_events_never_wait() -> None:
    pacing = Pacing()
    assert not any(pacing.pause_after(0.01 * i, 435, 1) for i in range(100))


def test_the_first_few_of_a_bunch_never_wait() -> None:
    pacing = Pacing()
    assert [pacing.pause_after(i * 0.0001, 435, 1) for i in range(4)] == [False, False, False, True]


def test_fast_events_are_gathered_until_they_come_slowly_again() -> None:
    pacing = Pacing()
    now, reads, pauses = 0.0, 0, 0
    while now < 1.0:  # 8,000 events a second, one in a segment, read as pacing says
        reads += 1
        if pacing.pause_after(now, 435 * 16, 16 if reads > 4 else 1):
            pauses += 1
            now += PAUSE_S
        now += 0.000125
    assert reads < 600  # instead of 8,000
    now += 0.05
    assert not pacing.pause_after(now, 435, 1)
    assert not pacing.pause_after(now + 0.002, 435, 1)


def test_a_pause_that_gathers_nothing_is_not_repeated() -> None:
    pacing = Pacing()
    for i in range(4):
        pacing.pause_after(i * 0.0001, 435, 1)
    after = 0.0003 + PAUSE_S
    assert not any(pacing.pause_after(after + i * 0.001, 435, 1) for i in range(3))


def test_full_reads_are_not_paused() -> None:
    pacing = Pacing()
    assert not any(pacing.pause_after(i * 0.0001, 65536, 150) for i in range(100))


def test_pauses_between_attempts_double_up_to_the_most() -> None:
    backoff = BackOff(0.25, 15.0, lambda: 0.0)
    assert [backoff.next() for _ in range(8)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15]


def test_chance_cuts_a_pause_by_up_to_a_half() -> None:
    assert BackOff(1.0, 15.0, lambda: 1.0).next() == 0.5
    assert BackOff(1.0, 15.0, lambda: 0.5).next() == 0.75


@pytest.mark.parametrize(("stood", "next_pause"), [(STABLE_S, 0.25), (STABLE_S / 2, 1.0)])
def test_only_a_link_that_stood_makes_the_next_attempt_soon(stood: float, next_pause: float) -> None:
    backoff = BackOff(0.25, 15.0, lambda: 0.0)
    backoff.next()
    backoff.next()
    backoff.up(100.0)
    backoff.down(100.0 + stood)
    assert backoff.next() == next_pause


def test_ever_so_many_failures_do_not_overflow() -> None:
    backoff = BackOff(0.25, 15.0, lambda: 0.0)
    assert {backoff.next() for _ in range(5000)} >= {15.0}
