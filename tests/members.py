"""A queue's member as an Asterisk tells it."""

from __future__ import annotations

from typing import Any

from pbxd.ami.snapshots import MemberSnapshot
from pbxd.ids import Interface

FREE, TALKS, BUSY, GONE, RINGS, ON_HOLD = 1, 2, 3, 5, 6, 8  #: Asterisk's device states


def member_of(queue: str, device: str = "PJSIP/1001", **more: Any) -> MemberSnapshot:
    """One who is free and not paused; ``more`` may say otherwise."""
    usual: dict[str, Any] = {
        "queue": queue,
        "interface": Interface(device),
        "name": "Anna",
        "state_interface": device,
        "status": FREE,
        "paused": False,
        "paused_reason": "",
        "last_call": 0.0,
    }
    return MemberSnapshot(**{**usual, **more})
