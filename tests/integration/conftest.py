"""What the tests of the edges have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from pbxd.edge.aside import Aside
from pbxd.settings.connections import Store
from tests.integration.store_samples import QUICK, Counts, sqlite_settings


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of a module that says ``BOTH_LOOPS = True`` run on uvloop too, which the daemon uses."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if getattr(getattr(item, "module", None), "BOTH_LOOPS", False):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The store's settings: with them a test is played on an empty database of either kind."""
    if request.param == "sqlite":
        return sqlite_settings(tmp_path)
    server = request.getfixturevalue("postgres_server")
    return Store.model_validate({"url": server.new_database(), **QUICK})


@pytest.fixture(scope="module")
def _one_process() -> Iterator[Aside]:
    beside = Aside()
    yield beside
    beside.end()


@pytest.fixture
def reports_share_a_process(_one_process: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for all tests of a file, none of which ends it: its start takes a second of processor."""
    monkeypatch.setattr("pbxd.edge.store.reports.Aside", lambda: _one_process)


@pytest.fixture
def counts() -> Counts:
    return Counts()
