"""The captures of real calls in tests/traces, each with its golden story and what people heard."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

from pbxd.calls.record import CallRecord
from pbxd.calls.story import story_of
from pbxd.replay import Replay, replay

TRACES = Path(__file__).parent.parent / "traces"
LEAST = ".least.ami.gz"  #: heard by the account of least privileges
WHOLE = ".ami.gz"  #: heard by one that may read everything


def captures(suffix: str = WHOLE) -> list[Path]:
    """All captures of one kind, in order."""
    paths = sorted(TRACES.glob(f"*/*{WHOLE}"))
    return [path for path in paths if path.name.endswith(LEAST) == (suffix == LEAST)]


def name_of(path: Path) -> str:
    """``22.10.1/queue_answered``."""
    return f"{path.parent.name}/{path.name.partition('.')[0]}"


@cache
def played(path: Path) -> Replay:
    """What it tells; every test of a file asks for the same."""
    with path.open("rb") as stream:
        return replay(stream)


def replayed(raw: bytes) -> Replay:
    """What these bytes of a capture tell."""
    return replay(io.BytesIO(raw))


def stories(calls: tuple[CallRecord, ...]) -> str:
    return "\n".join(story_of(call) for call in calls)


def has_truth(path: Path) -> bool:
    """Of some captures only the story is kept."""
    return _truth_beside(path).exists()


def _truth_beside(path: Path) -> Path:
    return path.parent / f"{path.name.partition('.')[0]}.truth.json"


def truth_of(path: Path) -> dict[str, Any]:
    """What the scenario meant and what its phones heard."""
    truth: dict[str, Any] = json.loads(_truth_beside(path).read_text(encoding="utf-8"))
    return truth
