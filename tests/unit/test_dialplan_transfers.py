"""The dialplan of transfers as text: what is easily forgotten when somebody adds to it."""

from __future__ import annotations

from pathlib import Path

import pytest

LINES = [
    line
    for line in (Path(__file__).parents[2] / "dialplans/pbxd-transfer.conf").read_text().splitlines()
    if line.startswith((" same", "exten"))
]
BRIDGES = [number for number, line in enumerate(LINES) if "?Bridge(" in line]


def test_there_are_bridges() -> None:
    assert len(BRIDGES) == 2


@pytest.mark.parametrize("number", BRIDGES)
def test_who_is_still_leaving_another_bridge_is_tried_again(number: int) -> None:
    """Bridge() fails then; whoever went on would look for somebody else, as if his partner were gone."""
    before, after = LINES[number - 2 : number], LINES[number + 1 : number + 3]
    assert any("?FAILURE:NONEXISTENT)" in line for line in before)
    assert any('"${BRIDGERESULT}" = "FAILURE"' in line and line.endswith("?again)") for line in after)


@pytest.mark.parametrize("number", BRIDGES)
def test_who_hangs_up_is_not_bridged(number: int) -> None:
    """Asked in the same step: every step between the question and Bridge() lets somebody hang up unseen."""
    whom = LINES[number].partition("?Bridge(")[2].partition(",")[0]
    assert f'"${{IMPORT({whom},CHANNEL(checkhangup))}}" = "0"]?Bridge({whom},' in LINES[number]
