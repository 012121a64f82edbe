"""What the terminal shows while the demonstration runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.lab.pages import AgentPage


def screen(
    invitation: str, pages: Sequence[AgentPage], metrics: dict[str, float], said: deque[str]
) -> RenderableType:
    """The whole screen, from what the agents' pages show and /metrics tells at this moment."""
    return Group(
        Panel(Text(invitation), title="pbxd demo", subtitle="Ctrl-C ends it and cleans up"),
        _queues(pages),
        _agents(pages),
        _pops(pages),
        _figures(metrics),
        Text("\n".join(said), style="dim"),
    )


def _queues(pages: Sequence[AgentPage]) -> Table:
    queues = {queue["name"]: queue for page in pages for queue in page.state.get("queues", ())}
    table = Table("queue", "waiting", "longest wait", "members", expand=True)
    for name, queue in sorted(queues.items()):
        since = queue.get("longest_since")
        longest = f"{max(0.0, time.time() - since):.0f} s" if since else ""
        members = ", ".join(f"{member['name']} {member['state']}" for member in queue["members"])
        table.add_row(name, str(queue["waiting"]), longest, members)
    return table


def _agents(pages: Sequence[AgentPage]) -> Table:
    table = Table("agent", "state", "last screen pop", expand=True)
    for page in pages:
        agent = page.state.get("agent", {})
        last = next(reversed(page.pops.values()), None) if page.pops else None
        text = ""
        if last:
            caller = last["caller"]
            number = caller["number"] or "withheld"
            text = f"{number} {caller['name']} ({caller['place']}) {last['repeat']['text']}"
        table.add_row(agent.get("name", page.agent), agent.get("state", ""), Text(text))
    return table


def _pops(pages: Sequence[AgentPage]) -> Table:
    table = Table("open screen pop", "way through the menu", "queue", "waited", expand=True)
    for page in pages:
        for pop in page.pops.values():
            if "closed" not in pop:
                path = " › ".join(
                    f"{step['label']} {step['digits']}".strip() for step in pop["path"] if step["digits"]
                )
                table.add_row(
                    f"{page.agent}: {pop['caller']['number']}",
                    Text(path),
                    pop["queue"] or "",
                    f"{pop['waited_s']:.0f} s",
                )
    return table


def _figures(metrics: dict[str, float]) -> Table:
    table = Table("figure", "value", expand=True)
    for series, value in sorted(metrics.items()):
        if series.startswith(
            (
                "pbxd_calls_total{",
                "pbxd_repeat_calls_total",
                "pbxd_calls_in_progress",
                "pbxd_transfers_total",
                "pbxd_transfer_orphans_total",
            )
        ) and (value or "orphans" in series):
            table.add_row(Text(series), f"{value:g}")
    return table
