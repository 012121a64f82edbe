"""An open alert as it is kept over pbxd's own end, so that nobody is told of it twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pbxd.alerts.watch import Watch
from pbxd.alerts.words import Kind, State
from pbxd.ids import CallId, NodeId

VERSION = 1


def watch_body(watch: Watch) -> dict[str, Any]:
    """A watch as JSON; ``read_watch`` gives the same back, marked as restored."""
    body = asdict(watch)
    del body["restored"], body["spent_s"]
    return {"version": VERSION, **body, "kind": watch.kind.value, "state": watch.state.value}


def read_watch(body: Mapping[str, Any]) -> Watch:
    """KeyError, TypeError or ValueError when ``body`` is not what ``watch_body`` makes."""
    if body["version"] != VERSION:
        raise ValueError(f"version {body['version']!r} of a kept alert is not known")
    watch = Watch(
        kind=Kind(body["kind"]),
        node=NodeId(str(body["node"])),
        queue=str(body["queue"]),
        call=None if body["call"] is None else CallId(str(body["call"])),
        number=str(body["number"]),
        name=str(body["name"]),
        joined=_time(body["joined"]),
        since=_time(body["since"]),
        state=State(body["state"]),
        between=_time(body["between"]),
        limit_s=float(body["limit_s"]),
        began=_time(body["began"]),
        told={str(sink): float(at) for sink, at in dict(body["told"]).items()},
        waiting=int(body["waiting"]),
        restored=True,
    )
    if not watch.open or watch.began is None or watch.since is None:
        raise ValueError("only open alerts are kept")
    return watch


def _time(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"a time expected, not {type(value).__name__}")
