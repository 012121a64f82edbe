"""The pictures of the dashboards: what is drawn of Prometheus' answers, and what the documents show."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from deploy.grafana.board import BYTES, COUNT, PER_SECOND, SECONDS, SHARE, YES_NO, Board, Panel
from deploy.grafana.boards import BOARDS
from deploy.grafana.drawing import drawn
from deploy.grafana.pictures import FOLDER, MOST_BYTES
from deploy.grafana.svg import Series, finite, named, said

SVG = "{http://www.w3.org/2000/svg}"
every_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def words(picture: str) -> str:
    return " ".join(text.text or "" for text in ElementTree.fromstring(picture).iter(f"{SVG}text"))


def some(panel: Panel) -> list[Series]:
    """Two series for each query, with a gap and a name that is no XML."""
    return [
        Series(
            name=named(legend, {"queue": "<&>", "agent": "anna"}),
            labels={"queue": "<&>", "le": bound},
            points=[(1000.0 + at, number + at / 10) for at in (0, 10, 20, 300, 310)],
        )
        for number, bound in enumerate(("1", "5", "+Inf"))
        for _, legend in panel.queries
    ]


@every_board
def test_every_panel_is_drawn(board: Board) -> None:
    picture = drawn(board, {panel.title: some(panel) for panel in board.panels}, 1000.0, 1400.0)
    told = words(picture)
    assert "no data" not in told
    assert "not by Grafana" in told
    assert all(panel.title in told for panel in board.panels)
    assert words(drawn(board, {}, 1000.0, 1400.0)).count("no data") == len(board.panels)


@every_board
def test_the_documents_have_a_picture_of_it(board: Board) -> None:
    file = FOLDER / f"{board.uid}.svg"
    assert file.stat().st_size <= MOST_BYTES
    told = words(file.read_text("utf-8"))
    assert all(panel.title in told for panel in board.panels), "run: python -m deploy.grafana.pictures"


def test_no_picture_of_a_dashboard_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {board.uid for board in BOARDS}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.125, SHARE, "12 %"),
        (0.25, SECONDS, "250 ms"),
        (7.5, SECONDS, "7.5 s"),
        (90, SECONDS, "90 s"),
        (150, SECONDS, "2.5 min"),
        (3, COUNT, "3"),
        (12345, COUNT, "12,345"),
        (2.5e8, BYTES, "250 MB"),
        (12.3, PER_SECOND, "12/s"),
        (1, YES_NO, "yes"),
    ],
)
def test_values_as_people_read_them(value: float, unit: str, text: str) -> None:
    assert said(value, unit) == text


def test_what_is_no_number_is_no_point() -> None:
    assert finite([[1.0, "NaN"], [2.0, "3"], [3.0, "+Inf"]]) == [(2.0, 3.0)]
