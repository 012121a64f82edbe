"""Who of several targets is tried."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from pbxd.agents.refused import Reason, Refused
from pbxd.ids import AgentId, NodeId
from pbxd.orders import Target, TargetKind


class Chosen(Protocol):
    """Somebody who can be tried now."""

    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def agent(self) -> AgentId | None: ...
    @property
    def dial(self) -> str: ...


class Choose(Protocol):
    """Says whether, and by which device, a target can be reached now."""

    def __call__(
        self, target: Target, *, by: AgentId, node: NodeId, at: float, tried: Collection[AgentId] = ()
    ) -> Chosen | Refused: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The first target of a list that can be tried now, and those behind it."""

    target: Target
    chosen: Chosen
    left: tuple[Target, ...]


def first_possible(
    choose: Choose,
    targets: tuple[Target, ...],
    *,
    by: AgentId,
    node: NodeId,
    at: float,
    tried: Collection[AgentId] = (),
) -> Found | Refused:
    """The first who can be tried now; why the first of all cannot, when none can."""
    why: Refused | None = None
    for number, target in enumerate(targets):
        if target.kind is TargetKind.AGENT and target.id in tried:
            continue  # he has not taken this caller
        chosen = choose(target, by=by, node=node, at=at, tried=tried)
        if not isinstance(chosen, Refused):
            # A skill may be had by others, too, should this one not take the call.
            again = (target,) if target.kind is TargetKind.SKILL else ()
            return Found(target=target, chosen=chosen, left=(*again, *targets[number + 1 :]))
        why = why or chosen
    return why or Refused(code=Reason.NO_SUCH, text="no target was named")
