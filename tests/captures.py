"""Captures of a real Asterisk as typed events, for tests of what is built on them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pbxd.ami.event_types import AmiEvent
from pbxd.ami.events import NEEDLES, WANTED
from pbxd.ami.frames import Framer
from pbxd.ami.headers import event_name, parse
from pbxd.ids import NodeId
from pbxd.replay import unpacked

TRACES = Path(__file__).parent / "traces"


def events_of(version: str, name: str, node: NodeId) -> list[AmiEvent]:
    """The wanted events of one capture, in order, as if ``node`` had sent them."""
    return list(_read(version, name, node))


@cache
def _read(version: str, name: str, node: NodeId) -> tuple[AmiEvent, ...]:
    framer = Framer()
    events: list[AmiEvent] = []
    with (TRACES / version / f"{name}.ami.gz").open("rb") as file:
        for chunk in unpacked(file):
            for raw in framer.feed(chunk):
                kind = event_name(raw)
                if kind in WANTED and NEEDLES.get(kind, b"") in raw:
                    event = WANTED[kind](node, 0.0, parse(raw))
                    if event is not None:
                        events.append(event)
    return tuple(events)
