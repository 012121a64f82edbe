"""Every setting there is, with its default and what it means. docs/settings.md is made from these models.

Durations are seconds here, and ``5s``, ``150ms`` or ``24h`` in the file.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pbxd.settings.alerts import Alerts, AlertSink, CallerWaits, MailServer, QuietHoursSection, Unattended
from pbxd.settings.connections import Agi, Ami, Mqtt, Network, Node, Store, Token, Web
from pbxd.settings.figures import Figures, QueueFigures
from pbxd.settings.house import (
    Agent,
    Callers,
    Flows,
    Log,
    Metrics,
    Prompts,
    Repeat,
    Switchboard,
    split_device,
)
from pbxd.settings.reports import Reconcile, Reports
from pbxd.settings.section import Section
from pbxd.settings.traces import Traces
from pbxd.settings.transfers import (
    Acknowledge,
    HoldGuard,
    Mailbox,
    Outside,
    QueueTransfers,
    Reassure,
    Recall,
    TransferKeys,
    Transfers,
    WrapUp,
)

__all__ = [
    "Acknowledge",
    "Agent",
    "Agi",
    "AlertSink",
    "Alerts",
    "Ami",
    "CallerWaits",
    "Callers",
    "Figures",
    "Flows",
    "HoldGuard",
    "Log",
    "MailServer",
    "Mailbox",
    "Metrics",
    "Mqtt",
    "Network",
    "Node",
    "Outside",
    "Prompts",
    "QueueFigures",
    "QueueTransfers",
    "QuietHoursSection",
    "Reassure",
    "Recall",
    "Reconcile",
    "Repeat",
    "Reports",
    "Section",
    "Settings",
    "Store",
    "Switchboard",
    "Token",
    "Traces",
    "TransferKeys",
    "Transfers",
    "Unattended",
    "Web",
    "WrapUp",
    "split_device",
]


class Settings(Section):
    """The whole file."""

    nodes: tuple[Node, ...] = Field(min_length=1, description="The Asterisks that pbxd serves.")
    agents: tuple[Agent, ...] = Field((), description="The people who take calls.")
    agi: Agi = Agi()
    web: Web = Web()
    store: Store = Store()
    mqtt: Mqtt | None = None
    callers: Callers = Callers()
    transfers: Transfers = Transfers()
    wrap_up: WrapUp = WrapUp()
    alerts: Alerts = Alerts()
    flows: Flows = Flows()
    prompts: Prompts = Prompts()
    log: Log = Log()
    metrics: Metrics = Metrics()
    traces: Traces | None = None
    figures: Figures = Figures()
    reports: Reports = Reports()
    reconcile: Reconcile | None = None
    switchboard: Switchboard = Switchboard()

    @model_validator(mode="after")
    def _whose_books(self) -> Self:
        names = [node.name for node in self.nodes]
        seen = set[str | None]()
        for place, books in enumerate(() if self.reconcile is None else self.reconcile.books):
            node = books.node if books.node or len(names) > 1 else names[0]
            if node not in names:
                raise ValueError(f"reconcile.books[{place}].node: must be one of {', '.join(names)}")
            if node in seen:
                raise ValueError(f"reconcile.books[{place}].node: the books of {node} are there already")
            seen.add(node)
        return self

    @model_validator(mode="after")
    def _whose_mailboxes(self) -> Self:
        names = [node.name for node in self.nodes]
        for place, mailbox in enumerate(self.transfers.mailboxes):
            if mailbox.node is not None and mailbox.node not in names:
                raise ValueError(f"transfers.mailboxes[{place}].node: must be one of {', '.join(names)}")
        return self
