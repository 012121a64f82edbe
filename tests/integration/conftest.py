"""Real servers for the tests that need one, each started once in a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop

from deploy.lab.archive import NoArchiveError
from deploy.lab.unpack import UnpackError
from tests.integration.mosquitto_broker import MosquittoBroker
from tests.integration.postgres_server import PostgresServer


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of a module that says ``BOTH_LOOPS = True`` run on uvloop too, which the daemon uses."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if getattr(getattr(item, "module", None), "BOTH_LOOPS", False):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


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
    try:
        broker = MosquittoBroker(tmp_path_factory.mktemp("mosquitto"))
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no Mosquitto can be had here: {missing}")
    yield broker
    broker.stop()
