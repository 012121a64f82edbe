"""Whether a target can be tried: until everybody's state is looked at, whoever exists."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pbxd.agents.refused import Reason, Refused
from pbxd.agents.staff import Staff
from pbxd.ids import AgentId, NodeId
from pbxd.orders import Target, TargetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    id: str
    name: str
    agent: AgentId | None
    dial: str


class Anybody:
    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def __call__(
        self, target: Target, *, by: AgentId, node: NodeId, at: float, tried: Collection[AgentId] = ()
    ) -> Reachable | Refused:
        if target.kind is TargetKind.QUEUE:
            return Reachable(id=target.id, name=target.id, agent=None, dial=target.id)
        agent = self._staff.agents.get(AgentId(target.id))
        if target.kind is not TargetKind.AGENT or agent is None:
            return Refused(code=Reason.NO_SUCH, text=f"there is no {target.kind.value} {target.id}")
        if agent.id == by:
            return Refused(code=Reason.YOURSELF, text="that is yourself")
        if agent.id in tried:
            return Refused(code=Reason.BUSY, text=f"{agent.name} has been tried")
        for wanted, device in agent.devices:
            if wanted in (None, node):
                return Reachable(id=target.id, name=agent.name, agent=agent.id, dial=device)
        return Refused(code=Reason.OFFLINE, text=f"{agent.name} has no phone on {node}")
