"""Channels tell of themselves each in its own time: the story is the same in whichever order they do."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.replay.captures import LEAST, captures, name_of, played, replayed, stories

_END = b"\r\n\r\n"
_SENT_ON = b"Event: BlindTransfer\r\n"
_TIMESTAMP = re.compile(rb"Timestamp: ([0-9.]+)")
_LATE_S = (0.0001, 0.001, 0.005, 0.02)

# He who dialled hands on his own call and is gone: the journey ends before it is told that it goes on.
HIS_OWN = {"agent_blind_transfers_his_own_call"}


def _sent_on(capture: Path) -> bool:
    return name_of(capture).partition("/")[2] not in HIS_OWN and _SENT_ON in gzip.decompress(
        capture.read_bytes()
    )


def _at(event: bytes) -> float:
    found = _TIMESTAMP.search(event)
    return 0.0 if found is None else float(found[1])


def _told_later(raw: bytes, by_s: float) -> bytes:
    """The same events, but each that says that a caller was sent on comes after those of a while."""
    events = raw.split(_END)
    for place in range(len(events) - 1, -1, -1):
        if _SENT_ON in events[place]:
            later, until = place, _at(events[place]) + by_s
            while later + 1 < len(events) - 1 and _at(events[later + 1]) <= until:
                later += 1
            events.insert(later, events.pop(place))
    return _END.join(events)


@pytest.mark.parametrize("capture", [each for each in captures(LEAST) if _sent_on(each)], ids=name_of)
def test_a_caller_arrives_before_it_is_told_that_he_was_sent(capture: Path) -> None:
    raw, golden = gzip.decompress(capture.read_bytes()), stories(played(capture).calls)
    for by_s in _LATE_S:
        late = replayed(_told_later(raw, by_s))
        assert stories(late.calls) == golden, by_s
        assert (late.channels_left, late.strays, late.faults) == (0, 0, 0)
