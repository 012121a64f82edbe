"""docs/transfers.md: its diagram is the table's, its words are the code's."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from pbxd.calls.record import TransferOutcome
from pbxd.cli import app
from pbxd.transfers.draw import mermaid, rows
from pbxd.transfers.table import PUBLIC, TABLE
from pbxd.transfers.words import State

TEXT = (Path(__file__).parents[2] / "docs" / "transfers.md").read_text()


def test_the_diagram_is_current() -> None:
    (block,) = re.findall(r"^```mermaid\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert block == mermaid(), "write the output of `pbxd draw transfers` into docs/transfers.md"


def test_the_states_of_the_page_and_the_inner_ones_belong_together() -> None:
    told = {
        (inner, public)
        for public, inners in re.findall(r"^\| `(\w+)` \|.*\| ([\w, ]+) \|$", TEXT, re.MULTILINE)
        for inner in inners.split(", ")
    }
    assert told == {(state.value, public) for state, public in PUBLIC.items()} | {("ringing", "created")}


def test_every_outcome_is_named() -> None:
    for outcome in TransferOutcome:
        assert f"`{outcome}`" in TEXT


def test_the_command_prints_the_diagram_and_the_rows() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["draw", "transfers"]).stdout == mermaid()
    assert runner.invoke(app, ["draw", "transfers", "--rows"]).stdout == rows()


def test_the_rows_are_all_that_the_table_does() -> None:
    does = [step for step in TABLE.values() if not step.stay]
    assert len(rows().splitlines()) == len(does) + 2


def test_every_state_is_in_the_diagram() -> None:
    for state in set(State) - {State.ENDED}:
        assert re.search(rf"--> {state}\b", mermaid()), state
