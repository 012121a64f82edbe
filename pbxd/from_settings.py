"""What the settings say, in the words of those who act on it."""

from __future__ import annotations

from urllib.parse import urlsplit

from pbxd.agents.staff import Agent, Staff
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.edge.web import Patience, WebAgent
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.settings.model import Settings, Web
from pbxd.world import Rules


def rules(settings: Settings) -> Rules:
    """How pbxd decides: for the world."""
    callers, repeat = settings.callers, settings.callers.repeat
    staff = Staff(
        Agent(
            id=AgentId(agent.id),
            name=agent.display_name,
            language=agent.language,
            devices=tuple(
                (NodeId(node) if node else None, Interface(device)) for node, device in agent.devices
            ),
        )
        for agent in settings.agents
    )
    return Rules(
        nodes=tuple(NodeId(node.name) for node in settings.nodes),
        staff=staff,
        callers=CallerRules(default_region=callers.default_region or "", language=callers.language),
        repeat=RepeatRule(windows=repeat.windows, same_subject=repeat.same_subject, least=repeat.least),
        agent_figures=settings.metrics.per_agent,
    )


def web_agents(settings: Settings) -> list[WebAgent]:
    """Who may sign in: for the web edge."""
    return [
        WebAgent(
            id=AgentId(agent.id),
            name=agent.display_name,
            password_hash=agent.password_hash or "",
            language=agent.language,
        )
        for agent in settings.agents
    ]


def patience(web: Web) -> Patience:
    """How long a page may be silent or slow: for the web edge."""
    return Patience(
        alive_every_s=web.ping_every,
        silent_after_s=web.silent_after,
        send_timeout_s=web.send_timeout,
        moments=web.client_queue,
    )


def origin(url: str) -> str:
    """Scheme, host and port of an address, as browsers name where a request comes from."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
