"""The garbage collector's setting: rarer, but not never."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pbxd.edge import garbage


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
    gc.enable()


class Knot:
    def __init__(self) -> None:
        self.me = self


def test_cycles_still_go() -> None:
    garbage.settle()
    assert gc.get_freeze_count() > 0
    knot = weakref.ref(Knot())
    kept = [[] for _ in range(garbage.YOUNG + 1000)]  # type: ignore[var-annotated]
    assert knot() is None
    assert kept


def test_it_waits_until_everything_is_loaded() -> None:
    garbage.wait()
    assert not gc.isenabled()
    garbage.settle()
    assert gc.isenabled()
