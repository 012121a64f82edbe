"""Channels tell of themselves each in its own time: the story is the same in whichever order they do."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pbxd.ledger.rows import stretches_of
from pbxd.ledger.stretch import Stage
from pbxd.replay import Replay
from tests.replay.captures import LEAST, captures, name_of, played, replayed, stories

_END = b"\r\n\r\n"
_SENT_ON = b"Event: BlindTransfer\r\n"
_TIMESTAMP = re.compile(rb"Timestamp: ([0-9.]+)")
_DEST = re.compile(rb"DestUniqueid: \S+")
_LATE_S = (0.0001, 0.001, 0.005, 0.02)

# He who dialled hands on his own call and is gone: the journey ends before it is told that it goes on.
HIS_OWN = {"agent_blind_transfers_his_own_call"}


def _sent_on(capture: Path) -> bool:
    return name_of(capture).partition("/")[2] not in HIS_OWN and _SENT_ON in gzip.decompress(
        capture.read_bytes()
    )


def _by_local_channel(capture: Path) -> bool:
    return any(map(_of_a_local_member, gzip.decompress(capture.read_bytes()).split(_END)))


def _of_a_local_member(event: bytes) -> bool:
    return (
        event.startswith((b"Event: AgentCalled", b"Event: DialBegin")) and b"\r\nDestChannel: Local/" in event
    )


def _is_sent_on(event: bytes) -> bool:
    return _SENT_ON in event


def _dest(event: bytes) -> bytes | None:
    """Whoever is dialled: one thread tells all that is said of that, in its order."""
    found = _DEST.search(event)
    return None if found is None else found[0]


def _at(event: bytes) -> float:
    found = _TIMESTAMP.search(event)
    return 0.0 if found is None else float(found[1])


def _told_later(raw: bytes, by_s: float, these: Callable[[bytes], bool]) -> bytes:
    """The same events, but each of these comes after those of a while."""
    events = raw.split(_END)
    for place in range(len(events) - 1, -1, -1):
        if these(events[place]):
            later, until, dest = place, _at(events[place]) + by_s, _dest(events[place])
            while (
                later + 1 < len(events) - 1
                and _at(events[later + 1]) <= until
                and (dest is None or _dest(events[later + 1]) != dest)
            ):
                later += 1
            events.insert(later, events.pop(place))
    return _END.join(events)


@pytest.mark.parametrize("capture", [each for each in captures(LEAST) if _sent_on(each)], ids=name_of)
def test_a_caller_arrives_before_it_is_told_that_he_was_sent(capture: Path) -> None:
    raw, golden = gzip.decompress(capture.read_bytes()), stories(played(capture).calls)
    for by_s in _LATE_S:
        late = replayed(_told_later(raw, by_s, _is_sent_on))
        assert stories(late.calls) == golden, by_s
        assert (late.channels_left, late.strays, late.faults) == (0, 0, 0)


def _rings(told: Replay) -> list[tuple[str | None, ...]]:
    rows = [row for call in told.calls for row in stretches_of(call)]
    return sorted((row.interface, row.queue, row.outcome) for row in rows if row.stage is Stage.RING)


@pytest.mark.parametrize(
    "capture", [each for each in captures(LEAST) if _by_local_channel(each)], ids=name_of
)
def test_a_phone_is_rung_before_it_is_told_that_its_queue_does(capture: Path) -> None:
    """The member is a Local channel, which dials at once, on a thread of its own."""
    raw, golden = gzip.decompress(capture.read_bytes()), played(capture)
    for by_s in _LATE_S:
        late = replayed(_told_later(raw, by_s, _of_a_local_member))
        assert _rings(late) == _rings(golden), by_s
        assert stories(late.calls) == stories(golden.calls), by_s
        assert (late.channels_left, late.strays, late.faults) == (0, 0, 0)
