"""pbxd's dialplan as text: what is easily forgotten when somebody adds to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pbxd.transfers.prepared import MARK

DIALPLANS = Path(__file__).parents[2] / "dialplans"


def lines_of(name: str) -> list[str]:
    text = (DIALPLANS / name).read_text()
    return [line for line in text.splitlines() if line.startswith((" same", "exten", "["))]


LINES = lines_of("pbxd-transfer.conf")
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


def test_who_waits_with_a_sound_has_a_place_without_one() -> None:
    """``ready`` sends him to the label, and knows the place by the end of its options."""
    places = [line for line in LINES if line.startswith(" same => n(quiet),")]
    assert len(places) == 2  # of consult and aside
    assert all(re.fullmatch(r".*,BridgeWait\(.*,participant,S\(\d\)e\(n\)\)", line) for line in places)
    assert sum('= "e(n)"]?seen)' in line for line in LINES) == 1


# ---------------------------------------------------------------- aims

LOST = "pbxd-transfer-lost"
NAMES = ("pbxd.conf", "pbxd-transfer.conf")
_JUMP = re.compile(r"(Goto|GotoIf|Gosub)\((.*)\)")

Extensions = dict[tuple[str, str], list[str]]


def extensions() -> Extensions:
    """What each extension does, priority by priority."""
    found: Extensions = {}
    for name in NAMES:
        context = ""
        for line in lines_of(name):
            if line.startswith("["):
                context = line[1 : line.index("]")]
            elif line.startswith("exten => "):
                exten, priority, app = line.removeprefix("exten => ").split(",", 2)
                steps = found[context, exten] = [""] * (int(priority) - 1) + [app]
            else:
                steps.append(line.partition(",")[2])
    return found


EXTENSIONS = extensions()


def aims() -> list[tuple[str, str, str, str]]:
    """Context, extension and priority of every jump that leaves its extension, with the step."""
    found = []
    for (context, _), steps in EXTENSIONS.items():
        for step in steps:
            if context == LOST or not (jump := _JUMP.fullmatch(step)):
                continue
            where = jump[2] if jump[1] != "GotoIf" else jump[2].rpartition("]?")[2]
            for aim in where.split(":") if jump[1] == "GotoIf" else [where]:
                parts = aim.split(",")
                if len(parts) > 1:
                    found.append(((parts[0] if len(parts) == 3 else context), *parts[-2:], step))
    return found


def test_there_are_aims() -> None:
    assert all(steps[0] for (context, _), steps in EXTENSIONS.items() if context != LOST)
    jumps = [step for steps in EXTENSIONS.values() for step in steps if re.match(r"Go(to|toIf|sub)\(", step)]
    assert [step for step in jumps if not _JUMP.fullmatch(step)] == []
    assert len(aims()) > 60


@pytest.mark.parametrize("aim", aims(), ids=lambda aim: ",".join(aim[:3]))
def test_who_is_redirected_in_the_moment_of_a_jump_stays_in_the_dialplan(
    aim: tuple[str, str, str, str],
) -> None:
    """Asterisk goes on one priority before the aim then: priority 0 would be the end of the call, and any
    other step than a NoOp would be done twice."""
    context, exten, priority, step = aim
    assert priority == "2", step
    assert EXTENSIONS[context, exten][0] == "NoOp()", step


def test_who_is_redirected_between_two_steps_finds_his_way() -> None:
    """Asterisk goes on at the number of the old step in the new extension then: each number is there.

    Or it looks for a name that is half old, half new: each that begins like a place to go to is there.
    """
    ((pattern, lost),) = [(exten, steps) for (context, exten), steps in EXTENSIONS.items() if context == LOST]
    assert pattern == "_[a-eg-z][a-z]!"
    assert lost[:2] == ["NoOp()", "Goto(pbxd-transfer,rescue,2)"]
    assert {*lost[2:]} == {"Goto(pbxd-transfer,${EXTEN},2)"}
    assert "include => pbxd-transfer-lost" in (DIALPLANS / "pbxd-transfer.conf").read_text().splitlines()
    for (context, exten), steps in EXTENSIONS.items():
        assert context == LOST or len(steps) < len(lost), exten
        if context == "pbxd-transfer":
            assert (re.match(r"[a-eg-z][a-z]", exten) is None) == (exten in (MARK, "fetch")), exten
            assert len(steps) > 1 or exten == MARK, exten
            # Nobody comes there by counting on.
            assert re.match(r"(Goto|Hangup|Return)\(|GotoIf\(.*\]\?.+:.+\)", steps[-1]), exten


@pytest.mark.parametrize("aim", ["offer", "rescue", "requeue"])
def test_nobody_starts_in_the_middle_where_it_could_do_harm(aim: str) -> None:
    steps = EXTENSIONS["pbxd-transfer", aim]
    assert steps[0] == "NoOp()"
    assert len(steps) == 2
    assert steps[1].startswith("Goto(")
