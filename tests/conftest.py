"""Options of the whole suite."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault: how long an example takes decides nothing.
settings.register_profile("pbxd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pbxd")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the golden stories of tests/traces anew from what is told",
    )
