"""What an agent is doing, from what his devices do in the queues he serves."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pbxd.agents.pausing import DECLINED, WRAP_UP
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.queues.model import MemberState, member_state


class AgentState(StrEnum):
    OFFLINE = "offline"  #: no device of his is reachable, or he serves no queue
    READY = "ready"
    PAUSED = "paused"  #: in all his queues
    WRAPUP = "wrapup"  #: has notes to write; paused by pbxd
    RINGING = "ringing"
    TALKING = "talking"


def agent_state(memberships: Iterable[MemberSnapshot], *, wrap_up: bool = False) -> AgentState:
    """The state of an agent who stands in his queues like this; ``wrap_up``: his last call was just now.

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
    if is_paused(reachable):
        return AgentState.PAUSED
    return AgentState.WRAPUP if wrap_up or _is_wrapping_up(reachable) else AgentState.READY


def is_paused(memberships: Iterable[MemberSnapshot]) -> bool:
    """Whether he is paused wherever he serves (and serves somewhere), and not just for a wrap-up.

    A pause because he declined a caller is no pause of his; where he has only those, he is ready.
    """
    members = [member for member in memberships if not _spared(member)]
    return (
        bool(members)
        and all(member.paused for member in members)
        and any(member.paused_reason != WRAP_UP for member in members)
    )


def pause_reason(memberships: Iterable[MemberSnapshot]) -> str:
    """What was said when somebody who ``is_paused`` was paused; empty when nothing was."""
    said = (member.paused_reason for member in memberships if member.paused and not _spared(member))
    return next((reason for reason in said if reason not in ("", WRAP_UP)), "")


def _is_wrapping_up(members: list[MemberSnapshot]) -> bool:
    return all(member.paused for member in members) and any(
        member.paused_reason == WRAP_UP for member in members
    )


def _spared(member: MemberSnapshot) -> bool:
    return member.paused and member.paused_reason == DECLINED
