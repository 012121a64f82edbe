"""Options of the whole suite."""

import gc
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.thorough import THOROUGH, TIMES, examples

# A busy machine is no fault: how long an example takes decides nothing.
settings.register_profile(
    "pbxd",
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow],
    database=DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".cache/hypothesis"),
)
settings.load_profile("pbxd")

pytest_plugins = ["tests.servers"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the golden stories of tests/traces anew from what is told",
    )


@pytest.fixture
def time_played(request: pytest.FixtureRequest) -> int:
    """Which of PBXD_TIMES it is."""
    time: int = request.param
    return time


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if TIMES > 1:
        metafunc.fixturenames.append(time_played.__name__)
        times = range(1, TIMES + 1)
        metafunc.parametrize(time_played.__name__, times, indirect=True, ids=[f"time{n}" for n in times])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests and all of pbxd are made and stay: to look through them for garbage, again and again
    in each worker, is in vain. Afterwards it is done less often than by default, as pbxd itself does it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


#: What waits for people to speak comes first, and what only needs the processor fills the gaps behind it.
_ORDER = ("e2e", "integration", "machines", "replay", "unit", "bench")
_VERSIONS = ("asterisk22", "asterisk16")


def _group(nodeid: str) -> str:
    """What one worker takes as a whole: the tests of one file, of those with an Asterisk the ones on one
    version, since they share that Asterisk."""
    path, _, test = nodeid.partition("::")
    return " ".join([path, *(version for version in _VERSIONS if f"[{version}" in test)])


def _level(item: pytest.Item) -> str:
    """The folder of tests/ that it is in."""
    return item.nodeid.removeprefix("tests/").partition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups into the order in which several workers are done with them soonest.

    What talks to other processes is played once more when it fails: a virtual machine that gets no processor
    for seconds is no fault of pbxd. The summary counts these; with PBXD_THOROUGH=1 there is one try.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not THOROUGH and _level(item) in ("e2e", "integration"):
            item.add_marker(pytest.mark.flaky(reruns=1))
        groups.setdefault(_group(item.nodeid), []).append(item)

    def level_and_size(group: list[pytest.Item]) -> tuple[int, int]:
        level = _level(group[0])
        return _ORDER.index(level) if level in _ORDER else len(_ORDER), -len(group)

    items[:] = [item for group in sorted(groups.values(), key=level_and_size) for item in group]


class _InGroups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """With ``--dist loadscope``; xdist's own marks for groups do nothing under this pytest."""
    return _InGroups(config, log) if config.getvalue("dist") == "loadscope" else None
