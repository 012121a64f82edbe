"""Who works here: the agents of the settings, and whose device is whose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pbxd.ids import AgentId, Interface, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A person who takes calls."""

    id: AgentId
    name: str
    language: str
    devices: tuple[tuple[NodeId | None, Interface], ...]  #: node None: the device of this name on every node
    skills: Mapping[str, int] = field(default_factory=dict)  #: level 1 to 10, 10 is best


class Staff:
    """All agents, found by id or by device. Never changes while pbxd runs."""

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        self.agents: dict[AgentId, Agent] = {}
        self._anywhere: dict[str, Agent] = {}
        self._on_node: dict[tuple[NodeId, str], Agent] = {}
        for agent in agents:
            self.agents[agent.id] = agent
            for node, device in agent.devices:
                if node is None:
                    self._anywhere[device.lower()] = agent
                else:
                    self._on_node[node, device.lower()] = agent

    def whose(self, node: NodeId, interface: Interface) -> Agent | None:
        """The agent whose device this is. Asterisk compares technology names without regard to case."""
        device = interface.lower()
        return self._on_node.get((node, device)) or self._anywhere.get(device)

    def id_of(self, node: NodeId, interface: Interface) -> AgentId | None:
        """The same, as an id."""
        agent = self.whose(node, interface)
        return None if agent is None else agent.id
