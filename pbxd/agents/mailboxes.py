"""Mailboxes that callers can be sent to when nobody can be had."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One that the settings name. Whether it exists only the switch knows."""

    id: str  #: mailbox@context
    name: str = ""  #: for people
    node: NodeId | None = None  #: the switch that has it; None: each has one of that id

    def is_on(self, node: NodeId) -> bool:
        return self.node in (None, node)

    @property
    def title(self) -> str:
        return self.name or f"mailbox {self.id}"
