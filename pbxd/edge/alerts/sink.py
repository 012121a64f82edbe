"""What all sinks have in common: one message, delivered or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pbxd.edge.alerts.wording import Wording


class RefusedError(Exception):
    """The other side does not want this message, and would not want it a second time."""


class FailedError(Exception):
    """It did not work this time. ``again_s``: how long the other side asks us to wait."""

    def __init__(self, why: str, *, again_s: float = 0.0) -> None:
        super().__init__(why)
        self.again_s = again_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert's news, as one sink may tell it."""

    body: Mapping[str, Any]
    wording: Wording


class Sink(Protocol):
    """One way to tell. ``send`` raises RefusedError or FailedError; texts without secrets in them."""

    async def send(self, notice: Notice) -> None: ...

    async def close(self) -> None: ...
