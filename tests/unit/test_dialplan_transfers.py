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
    assert any("Set(BRIDGERESULT=NONEXISTENT)" in line for line in before)
    assert any('"${BRIDGERESULT}" = "FAILURE"' in line and line.endswith("?again)") for line in after)
