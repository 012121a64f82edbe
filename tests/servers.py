"""Real servers and a real browser for the tests of every level that need one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError
from tests.integration.mosquitto_broker import MosquittoBroker
from tests.integration.postgres_server import PostgresServer

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no PostgreSQL can be had here: {missing}")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_server(postgres_session: PostgresServer) -> Iterator[PostgresServer]:
    """A running PostgreSQL; a test that stops or freezes it finds it running again the next time."""
    yield postgres_session
    postgres_session.recover()


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoBroker]:
    """A Mosquitto that is not started yet."""
    broker = _mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoBroker]:
    """A Mosquitto that runs for a module's tests."""
    broker = _mosquitto(tmp_path_factory.mktemp("broker"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def _mosquitto(folder: Path) -> MosquittoBroker:
    try:
        return MosquittoBroker(folder)
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no Mosquitto can be had here: {missing}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium that runs for a module's tests."""
    # Loaded only where somebody looks at a page: it takes a while, and unit tests start at once.
    from tests.integration.chromium import NoBrowserError, browsing

    try:
        async with browsing() as browser:
            yield browser
    except NoBrowserError as missing:
        pytest.skip(str(missing))
