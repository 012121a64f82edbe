"""Why somebody or something cannot be a transfer's target, for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    OFFLINE = "target_offline"
    PAUSED = "target_paused"
    BUSY = "target_busy"
    YOURSELF = "target_yourself"
    NO_SUCH = "no_such_target"
    NOT_ALLOWED = "not_allowed"
    RATE_LIMITED = "rate_limited"
    NOT_PREPARED = "not_prepared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    code: Reason
    text: str  #: for the person who asked
