"""Python's garbage collector, set for a daemon."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""New objects before the collector looks for cycles among them. Python's own 700 is for short programs: calls
and events come and go without cycles, and looking for some took a tenth of what a FastAGI session costs."""


def wait() -> None:
    """Call first of all: hardly anything of what is loaded ever goes, and looking for it until ``settle`` is
    called takes a tenth of the start."""
    gc.disable()


def settle() -> None:
    """Call once, when everything is loaded: what is there now stays, and is never looked through again."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
