"""What an agent is doing, from what his devices do in the queues he serves."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pbxd.ami.snapshots import MemberSnapshot
from pbxd.queues.model import MemberState, member_state


class AgentState(StrEnum):
    OFFLINE = "offline"  #: no device of his is reachable, or he serves no queue
    READY = "ready"
    PAUSED = "paused"  #: in all his queues
    RINGING = "ringing"
    TALKING = "talking"


def agent_state(memberships: Iterable[MemberSnapshot]) -> AgentState:
    """The state of an agent who stands in his queues like this.

    A conversation outweighs a ring, both outweigh a pause: they are what the agent is doing *now*.
    """
    members = tuple(memberships)
    states = {member_state(member) for member in members}
    if MemberState.TALKING in states:
        return AgentState.TALKING
    if MemberState.RINGING in states:
        return AgentState.RINGING
    reachable = [member for member in members if member_state(member) is MemberState.READY]
    if not reachable:
        return AgentState.OFFLINE
    return AgentState.PAUSED if is_paused(reachable) else AgentState.READY


def is_paused(memberships: Iterable[MemberSnapshot]) -> bool:
    """Whether he is paused wherever he serves (and serves somewhere)."""
    members = tuple(memberships)
    return bool(members) and all(member.paused for member in members)
