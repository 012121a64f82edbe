"""Options of the whole suite."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

# A busy machine is no fault: how long an example takes decides nothing.
settings.register_profile(
    "pbxd",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".cache/hypothesis"),
)
settings.load_profile("pbxd")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the golden stories of tests/traces anew from what is told",
    )
