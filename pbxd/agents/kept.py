"""What agents still have to do after a call, as it is kept over pbxd's own end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.frozen_json import read, written
from pbxd.ids import AgentId, NodeId
from pbxd.ledger.wrapups import Progress

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWrapUp:
    """One agent's wrap-up; how his pauses stand the switch tells. Times are by pbxd's own clock."""

    agent: AgentId
    node: NodeId
    queue: str | None
    length_s: float
    since: float | None = None  #: None: he is still on the phone
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterOneCall:
    """Who is out of a call, which wrap-ups are over, and which are not."""

    progress: Progress | None = None
    wrap_ups: tuple[KeptWrapUp, ...] = ()


def after_body(after: AfterOneCall) -> dict[str, Any]:
    """As JSON; ``read_after`` gives the same back."""
    return {"version": VERSION, **written(after)}


def read_after(body: Mapping[str, Any]) -> AfterOneCall:
    """KeyError, TypeError or ValueError when ``body`` is not what ``after_body`` makes."""
    rest = dict(body)
    if (version := rest.pop("version")) != VERSION:
        raise ValueError(f"version {version!r} of kept wrap-ups is not known")
    return read(AfterOneCall, rest)
