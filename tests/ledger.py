"""What must hold for the rows of every journey."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from pbxd.calls.record import CallRecord
from pbxd.ledger.rows import rows_of
from pbxd.ledger.stretch import Stage, Stretch

MS = 0.001


def check(call: CallRecord, rows: tuple[Stretch, ...]) -> None:
    """What must hold for every journey that is over."""
    assert call.ended is not None
    assert [row.position for row in rows] == list(range(rows_of(call)))
    assert [row.started for row in rows] == sorted(row.started for row in rows)
    for row in rows:
        assert (row.call, row.node) == (call.id, call.node)
        assert row.ended is not None, row
        assert call.arrived - MS <= row.started <= row.ended <= call.ended + MS, row
        assert (row.interface is None) == (row.stage in (Stage.IVR, Stage.WAIT)), row
        assert (row.outcome is None) == (row.stage in (Stage.TALK, Stage.HOLD, Stage.CONSULT)), row
    no_overlaps(rows)
    same_waits(call, rows)
    same_sums(call, rows)


def no_overlaps(rows: tuple[Stretch, ...]) -> None:
    by_kind: dict[Any, list[Stretch]] = defaultdict(list)
    for row in rows:
        by_kind[row.stage, row.interface].append(row)
    for same in by_kind.values():
        for before, after in pairwise(same):
            assert before.ended is not None
            assert before.ended <= after.started + MS, (before, after)


def same_waits(call: CallRecord, rows: tuple[Stretch, ...]) -> None:
    told = [(row.queue, row.started, row.ended, row.outcome) for row in rows if row.stage is Stage.WAIT]
    assert told == sorted(
        ((wait.queue, wait.joined, wait.left, wait.outcome) for wait in call.waits), key=lambda one: one[1]
    )


def same_sums(call: CallRecord, rows: tuple[Stretch, ...]) -> None:
    for stage, of_leg in ((Stage.TALK, "talk_s"), (Stage.HOLD, "hold_s")):
        sums: dict[Any, float] = defaultdict(float)
        for row in rows:
            if row.stage is stage:
                sums[row.interface] += row.seconds
        legs: dict[Any, float] = defaultdict(float)
        for leg in call.legs:
            legs[leg.interface] += getattr(leg, of_leg)
        for interface in {*sums, *legs}:
            assert sums[interface] == pytest.approx(legs[interface], abs=MS)
