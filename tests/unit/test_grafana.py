"""The dashboards: as they are kept, readable, and about figures that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.grafana.board import CHOICES, UNITS, WIDTH, Board, Panel
from deploy.grafana.boards import BOARDS, FOLDER, text
from pbxd.figures import CATALOGUE, Kind

PANELS = [
    pytest.param(board, panel, id=f"{board.uid}: {panel.title}") for board in BOARDS for panel in board.panels
]

#: What Prometheus' client exports of every process.
OF_PROCESSES = {"process_resident_memory_bytes", "process_start_time_seconds"}

#: what Grafana fills in
TIMES = {"__range", "__rate_interval", "__all"}


def exported() -> dict[str, set[str]]:
    """Every series' name, and the labels that it has."""
    names: dict[str, set[str]] = {name: set() for name in OF_PROCESSES}
    for one in CATALOGUE:
        labels = set(one.label_names)
        if one.kind is Kind.HISTOGRAM:
            names |= {
                one.name + "_sum": labels,
                one.name + "_count": labels,
                one.name + "_bucket": labels | {"le"},
            }
        else:
            names[one.name] = labels
    return names


def every_text(thing: Any) -> Iterator[str]:
    match thing:
        case dict():
            for value in thing.values():
                yield from every_text(value)
        case list():
            for value in thing:
                yield from every_text(value)
        case str():
            yield thing


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_file_is_what_the_code_makes(board: Board) -> None:
    kept = (FOLDER / f"{board.uid}.json").read_text("utf-8")
    assert kept == text(board), "run: python -m deploy.grafana"


def test_no_file_is_left_of_a_dashboard_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {board.uid for board in BOARDS}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_a_dashboard_can_be_imported_anywhere(board: Board) -> None:
    document = json.loads(text(board))
    assert re.fullmatch(r"[a-z-]{1,40}", document["uid"])
    assert document["description"].endswith(".")
    assert "id" not in document  # that of one Grafana, which another one would take for its own
    sources = [panel["datasource"]["uid"] for panel in document["panels"]]
    sources += [target["datasource"]["uid"] for panel in document["panels"] for target in panel["targets"]]
    assert set(sources) == {"${source}"}
    names = {variable["name"] for variable in document["templating"]["list"]}
    used = {name for each in every_text(document) for name in re.findall(r"\$\{?(\w+)", each)}
    assert used <= TIMES | {"source", *CHOICES}
    assert used - TIMES <= names
    assert names - used <= {"source"}, "a variable that chooses nothing"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_no_panel_covers_another(board: Board) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board.document()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_titles_tell_panels_apart() -> None:
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert len(set(titles)) == len(titles)
    assert len({board.title for board in BOARDS}) == len({board.uid for board in BOARDS}) == len(BOARDS)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_says_what_it_shows(board: Board, panel: Panel) -> None:
    assert panel.title
    assert panel.title[0].isupper()
    assert not panel.title.endswith(".")
    assert len(panel.description) > 20
    assert panel.description.endswith(".")
    assert {panel.unit, *panel.units.values()} <= UNITS
    assert panel.units.keys() <= {legend for _, legend in panel.queries if panel.kind == "table"}
    assert panel.queries
    assert len(panel.queries) <= 6
    assert panel.colours[0][0] is None
    for query, legend in panel.queries:
        assert legend
        asked = {"le"} if panel.kind == "heatmap" else set()
        by = {name.strip() for found in re.findall(r"by \(([^)]*)\)", query) for name in found.split(",")}
        named = set(re.findall(r"{{(\w+)}}", legend))
        assert named <= by | {"node", "instance"} | asked


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_asks_for_figures_and_labels_that_exist(board: Board, panel: Panel) -> None:
    names = exported()
    for query, _ in panel.queries:
        used = set(re.findall(r"\b(?:pbxd|process)_[a-z0-9_]+", query))
        assert used
        assert used <= names.keys()
        for name, selectors in re.findall(r"(pbxd_[a-z0-9_]+){([^}]*)}", query):
            assert set(re.findall(r"(\w+)=", selectors)) <= names[name]
        labels = set().union(*(names[name] for name in used))
        for group in re.findall(r"(?:by|on) \(([^)]*)\)", query):
            assert {label.strip() for label in group.split(",")} - {"", "instance"} <= labels


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_counters_are_never_shown_raw(board: Board, panel: Panel) -> None:
    """They begin at 0 when pbxd is started anew."""
    for query, _ in panel.queries:
        for found in re.finditer(r"pbxd_[a-z0-9_]+(?:_total|_sum|_count|_bucket)\b(?:{[^}]*})?", query):
            assert query[found.end()] == "[", query


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_picture_of_a_histogram_shows_the_calls_behind_it(board: Board, panel: Panel) -> None:
    (drawn,) = [each for each in board.document()["panels"] if each["title"] == panel.title]
    for target in drawn["targets"]:
        over_time = panel.kind in ("timeseries", "heatmap")
        assert target["exemplar"] == (over_time and "_bucket" in target["expr"])
