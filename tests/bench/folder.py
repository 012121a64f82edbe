"""Where a benchmark keeps its files: on the disk of the checkout, not in memory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"


@contextlib.contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """An empty one, removed at the end."""
    CACHE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-", dir=CACHE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
