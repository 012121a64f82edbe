"""The ledger after a gap: what began or ended while nobody watched says so, and nothing stays open."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbxd.ami.inventory import Inventory
from pbxd.calls.facts import CallEnded
from pbxd.calls.model import CallModel
from pbxd.calls.record import CallRecord
from pbxd.journal import Journal
from pbxd.ledger.rows import stretches_of
from pbxd.ledger.stretch import Stage, Stretch
from tests.replay.captures import captures, name_of
from tests.unit.test_calls_resync import NODE, events_of, inventory_of


def of(name: str) -> Path:
    return next(capture for capture in captures() if name_of(capture) == f"22.10.1/{name}")


def ended(facts: list[object]) -> list[CallRecord]:
    return [fact.record for fact in facts if isinstance(fact, CallEnded)]


def rows_with_gap(name: str, start: Stage, stop: Stage) -> tuple[tuple[Stretch, ...], float]:
    """The rows of a call whose events from the one that ends ``start`` to the one that begins ``stop`` were
    lost; and when the inventory came."""
    events = events_of(of(name))
    full, holed = CallModel(NODE, Journal()), CallModel(NODE, Journal())
    records: list[CallRecord] = []
    began = at = 0.0
    for event in events:
        records += ended(list(full.reduce(event)))
    (whole,) = [stretches_of(record) for record in records]
    lost_from = next(row.ended for row in whole if row.stage is start)
    lost_to = next(row.started for row in whole if row.stage is stop)
    assert lost_from is not None
    full, records, gone = CallModel(NODE, Journal()), [], False
    for event in events:
        full.reduce(event)
        if not lost_from <= event.at <= lost_to + 0.005:
            if gone and not at:
                at = event.at
                holed.resync(inventory_of(full, at), at)
                continue
            records += ended(list(holed.reduce(event)))
        else:
            gone = True
            began = began or event.at
    (record,) = records
    return stretches_of(record), at


def test_an_answer_that_was_missed_has_the_inventorys_time() -> None:
    rows, at = rows_with_gap("queue_answered", Stage.RING, Stage.TALK)
    by_stage = {row.stage: row for row in rows}
    assert set(by_stage) == {Stage.WAIT, Stage.RING, Stage.TALK}
    for stage in (Stage.WAIT, Stage.RING):
        assert (by_stage[stage].ended, by_stage[stage].missed) == (at, True)
        assert by_stage[stage].outcome == "answered"
    assert (by_stage[Stage.TALK].started, by_stage[Stage.TALK].missed) == (at, True)


def test_what_was_seen_whole_is_not_missed() -> None:
    rows, _ = rows_with_gap("queue_overflow", Stage.RING, Stage.TALK)
    first = rows[0]
    assert (first.stage, first.queue, first.missed) == (Stage.WAIT, "q501", True)
    assert [row.missed for row in rows if row.stage is Stage.TALK] == [True]


def test_a_call_that_was_over_when_the_link_came_back_ends_with_the_inventory() -> None:
    full = CallModel(NODE, Journal())
    events = events_of(of("queue_answered"))
    for event in events:
        full.reduce(event)
        if any(full.journeys.talks.values()):
            break
    until = event.at + 30
    (record,) = ended(list(full.resync(Inventory(node=NODE, at=until), until)))
    rows = stretches_of(record)
    talk = rows[-1]
    assert (talk.stage, talk.ended, talk.missed) == (Stage.TALK, until, True)
    assert [row.missed for row in rows[:-1]] == [False, False]


def test_a_pbxd_that_starts_in_the_middle_writes_what_it_finds() -> None:
    """As after a kill: he waits, a phone rings for him, and it is answered."""
    events = events_of(of("queue_answered"))
    full, late = CallModel(NODE, Journal()), None
    records: list[CallRecord] = []
    for event in events:
        full.reduce(event)
        if late is not None:
            records += ended(list(late.reduce(event)))
        elif full.journeys.waiting:
            late = CallModel(NODE, Journal())
            late.resync(inventory_of(full, event.at), event.at)
    (record,) = records
    rows = stretches_of(record)
    assert record.missed
    assert [(row.stage, row.outcome) for row in rows if row.stage in (Stage.WAIT, Stage.TALK)] == [
        (Stage.WAIT, "answered"),
        (Stage.TALK, None),
    ]
    # Since when he waits the queue knows; that he talks was seen.
    assert [row.missed for row in rows if row.stage is Stage.WAIT] == [True]
    assert [row.missed for row in rows if row.stage is Stage.TALK] == [False]


@pytest.mark.parametrize("capture", captures()[::4], ids=name_of)
def test_a_gap_anywhere_leaves_no_row_open(capture: Path) -> None:
    events = events_of(capture)
    for start in range(0, len(events), max(1, len(events) // 5)):
        full, holed = CallModel(NODE, Journal()), CallModel(NODE, Journal())
        stop = min(len(events), start + len(events) // 3)
        records: list[CallRecord] = []
        for index, event in enumerate(events):
            full.reduce(event)
            if not start <= index < stop:
                records += ended(list(holed.reduce(event)))
            if index == stop - 1:
                records += ended(list(holed.resync(inventory_of(full, event.at), event.at)))
        for record in records:
            for row in stretches_of(record):
                assert row.ended is not None, row
                assert row.started <= row.ended, row
                assert record.ended is not None
                assert row.ended <= record.ended + 0.001, row
