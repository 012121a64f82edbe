"""What is told of real calls is what the phones heard: counts and parties exactly, durations nearly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.replay.captures import captures, has_truth, name_of, played, truth_of

KNOWN = [capture for capture in captures() if has_truth(capture)]

#: In the JSON a call without a queue is direct whether somebody answered or not.
OUTCOMES = {"busy": "direct", "unanswered": "direct"}

#: How far an ear may be off for each stretch of conversation: it needs some tenths of a second to be sure.
EAR_S = 0.35


def _call(capture: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    truth = truth_of(capture)
    calls = [call for call in played(capture).as_json()["calls"] if call["caller"] == truth["caller"]]
    assert len(calls) == 1
    return calls[0], truth


@pytest.mark.parametrize("capture", KNOWN, ids=name_of)
def test_caller_way_and_outcome(capture: Path) -> None:
    call, truth = _call(capture)
    assert (call["dialled"], call["queue"]) == (truth["dialled"], truth["queue"])
    assert call["outcome"] == OUTCOMES.get(truth["outcome"], truth["outcome"])
    assert call["arrived"] == pytest.approx(truth["arrived"], abs=0.5)
    assert (call["answered"] is None) == (not truth["legs"])


@pytest.mark.parametrize("capture", KNOWN, ids=name_of)
def test_who_talked_how_long(capture: Path) -> None:
    call, truth = _call(capture)
    assert [leg["interface"] for leg in call["legs"]] == [leg["interface"] for leg in truth["legs"]]
    for leg, heard in zip(call["legs"], truth["legs"], strict=True):
        assert leg["talk_s"] == pytest.approx(heard["talk_s"], abs=EAR_S * len(heard["talks"]))


@pytest.mark.parametrize("capture", KNOWN, ids=name_of)
def test_transfers(capture: Path) -> None:
    call, truth = _call(capture)
    assert call["transfers"] == truth["transfers"]
