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

_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the golden stories of tests/traces anew from what is told",
    )


#: What waits for people to speak comes first, and what only needs the processor fills the gaps behind it.
_ORDER = ("e2e", "integration", "machines", "replay", "unit", "bench")


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into the order in which several workers are done with them soonest.

    A worker takes a whole group: the tests of one file, of those with an Asterisk the ones on one version,
    since they share that Asterisk.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        version = next((v for v in ("asterisk22", "asterisk16") if f"[{v}" in item.nodeid), "")
        group = f"{item.path.stem}-{version}" if version else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
        groups.setdefault(group, []).append(item)

    def level_and_size(group: list[pytest.Item]) -> tuple[int, int]:
        level = group[0].path.relative_to(_TESTS).parts[0]
        return _ORDER.index(level) if level in _ORDER else len(_ORDER), -len(group)

    items[:] = [item for group in sorted(groups.values(), key=level_and_size) for item in group]
