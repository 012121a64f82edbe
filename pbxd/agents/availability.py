"""Whether somebody or something can take a caller now, and how it is dialled; the checks before a transfer.

The picker asks the same questions as the transfer itself, so that nothing is offered that is then refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from pbxd.agents.mailboxes import Mailbox
from pbxd.agents.outside import OutsideRules, outside_number
from pbxd.agents.pausing import Served
from pbxd.agents.refused import Reason, Refused
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.state import AgentState, agent_state
from pbxd.agents.wrapup import WrapUp
from pbxd.ami.snapshots import MemberSnapshot
from pbxd.calls.model import CallModel
from pbxd.calls.names import Kind
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.orders import Target, TargetKind
from pbxd.queues.model import MemberState, QueueModel, member_state

_DIALLABLE = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
"""What a queue's name may hold for a channel or a dialplan to reach it."""

_MAILBOX = re.compile(r"[A-Za-z0-9_.-]{1,79}@[A-Za-z0-9_.-]{1,79}\Z")


class Switch(Protocol):
    """What is known of one Asterisk."""

    @property
    def calls(self) -> CallModel: ...
    @property
    def queues(self) -> QueueModel: ...
    @property
    def voicemail_lack(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Everybody and every queue as they stand now."""

    staff: Staff
    switches: Mapping[NodeId, Switch]
    served: Served
    wrapping: Mapping[AgentId, WrapUp]
    called: Collection[AgentId]  #: whose phones are about to ring for a transfer, or do
    outside: OutsideRules
    outside_calls: Mapping[AgentId, tuple[float, ...]]  #: when each agent called numbers outside
    mailboxes: tuple[Mailbox, ...] = ()  #: those that are offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """A target that can be tried now."""

    kind: TargetKind
    id: str  #: of a number outside: in E.164
    name: str
    agent: AgentId | None  #: whose phone rings, where that is one person's
    dial: str  #: the device; of a queue its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One agent as seen from one switch."""

    agent: Agent
    state: AgentState
    device: Interface | None  #: the one to ring on this switch; None: he has none there
    idle_since: float  #: when his last call ended, epoch seconds; 0: never or unknown
    level: int = 0  #: of the skill that is asked for


def available(
    floor: Floor,
    target: Target,
    *,
    by: AgentId,
    node: NodeId,
    at: float,
    tried: Collection[AgentId] = (),
) -> Available | Refused:
    """How ``target`` is reached from a call on ``node`` that agent ``by`` wants to hand over, or why not.

    Of those who have a skill the best who is free is chosen, leaving out those ``tried`` already. ``at``:
    epoch seconds by pbxd's clock.
    """
    match target.kind:
        case TargetKind.AGENT:
            return _agent(floor, target.id, by, node)
        case TargetKind.SKILL:
            return _skilled(floor, target.id, by, node, tried)
        case TargetKind.QUEUE:
            return _queue(floor, target.id, node)
        case TargetKind.OUTSIDE:
            return _outside(floor, target.id, by, at)
        case TargetKind.VOICEMAIL:
            return _voicemail(floor, target.id, node)
        case _:
            assert_never(target.kind)


# ---------------------------------------------------------------- agents


def standings(floor: Floor, agents: Iterable[Agent], node: NodeId) -> list[Standing]:
    """How these agents stand, as seen from this switch.

    Queues tell what a member's device does. But an agent may serve no queue, and a queue does not always see
    that a member talks (behind a Local channel, or in a call that he made himself), so the channels of his
    devices are looked at as well.
    """
    use = {node_: _use(switch.calls) for node_, switch in floor.switches.items()}
    return [_standing(floor, agent, node, use) for agent in agents]


def _use(calls: CallModel) -> dict[str, AgentState]:
    """What each device with a channel does: it talks, or it only rings."""
    found: dict[str, AgentState] = {}
    ringing = calls.rings.ringing
    for channel in calls.wiring.channels.values():
        if channel.kind is Kind.DEVICE:
            device = channel.interface.lower()
            if channel.uniqueid not in ringing:
                found[device] = AgentState.TALKING
            else:
                found.setdefault(device, AgentState.RINGING)
    return found


def _standing(
    floor: Floor, agent: Agent, node: NodeId, use: Mapping[NodeId, Mapping[str, AgentState]]
) -> Standing:
    served = list(floor.served(agent))
    members = [member for _, member in served]
    state = agent_state(members, wrap_up=agent.id in floor.wrapping)
    doing = {
        use[node_].get(device.lower())
        for wanted, device in (*agent.devices, *((n, Interface(m.state_interface)) for n, m in served))
        for node_ in floor.switches
        if wanted in (None, node_)
    }
    here = [device for wanted, device in agent.devices if wanted in (None, node)]
    if AgentState.TALKING in doing:
        state = AgentState.TALKING
    elif state is not AgentState.TALKING and (AgentState.RINGING in doing or agent.id in floor.called):
        state = AgentState.RINGING
    elif not members and here:
        # Nobody tells whether the phone of somebody who serves no queue is there. It is rung to find out.
        state = AgentState.WRAPUP if agent.id in floor.wrapping else AgentState.READY
    return Standing(
        agent=agent,
        state=state,
        device=_device([member for node_, member in served if node_ == node], here),
        idle_since=max((member.last_call for member in members), default=0.0),
    )


def _device(members: list[MemberSnapshot], here: list[Interface]) -> Interface | None:
    """Of several devices one that a queue could ring; else one of which no queue tells anything."""
    ready = next((m.interface for m in members if member_state(m) is not MemberState.OFFLINE), None)
    if ready is not None:
        return ready
    known = {member.interface.lower() for member in members}
    return next((device for device in here if device.lower() not in known), here[0] if here else None)


_WHY = {
    AgentState.OFFLINE: (Reason.OFFLINE, "{} is not signed in, or his phone cannot be reached"),
    AgentState.PAUSED: (Reason.PAUSED, "{} is paused"),
    AgentState.WRAPUP: (Reason.BUSY, "{} still has notes to write"),
    AgentState.RINGING: (Reason.BUSY, "{}'s phone rings already"),
    AgentState.TALKING: (Reason.BUSY, "{} is talking"),
}


def why_not(standing: Standing, by: AgentId, node: NodeId) -> Refused | None:
    """Why this agent cannot be tried; None: he can."""
    agent = standing.agent
    if agent.id == by:
        return Refused(code=Reason.YOURSELF, text="that is yourself")
    if standing.device is None:
        return Refused(code=Reason.OFFLINE, text=f"{agent.name} has no phone on {node}")
    if standing.state is AgentState.READY:
        return None
    code, text = _WHY[standing.state]
    return Refused(code=code, text=text.format(agent.name))


def _agent(floor: Floor, name: str, by: AgentId, node: NodeId) -> Available | Refused:
    agent = floor.staff.agents.get(AgentId(name))
    if agent is None:
        return Refused(code=Reason.NO_SUCH, text=f"there is no agent {name!r}")
    (standing,) = standings(floor, [agent], node)
    refused = why_not(standing, by, node)
    if refused is not None or standing.device is None:
        return refused or Refused(code=Reason.OFFLINE, text=f"{agent.name} has no phone on {node}")
    return Available(
        kind=TargetKind.AGENT, id=agent.id, name=agent.name, agent=agent.id, dial=standing.device
    )


# ---------------------------------------------------------------- skills


def with_skill(staff: Staff, skill: str) -> list[Agent]:
    """Who has this skill, the best first."""
    able = [agent for agent in staff.agents.values() if skill in agent.skills]
    return sorted(able, key=lambda agent: (-agent.skills[skill], agent.id))


def best_first(standings_: Iterable[Standing], skill: str) -> list[Standing]:
    """By level; of equals the one who has been without a call for longest, so that calls are spread."""
    return sorted(standings_, key=lambda one: (-one.agent.skills.get(skill, 0), one.idle_since, one.agent.id))


def _skilled(
    floor: Floor, skill: str, by: AgentId, node: NodeId, tried: Collection[AgentId]
) -> Available | Refused:
    able = with_skill(floor.staff, skill)
    if not able:
        return Refused(code=Reason.NO_SUCH, text=f"nobody has the skill {skill!r}")
    left = [agent for agent in able if agent.id not in tried]
    found = standings(floor, left, node)
    refusals = [why_not(standing, by, node) for standing in found]
    free = [standing for standing, refusal in zip(found, refusals, strict=True) if refusal is None]
    for best in best_first(free, skill):
        if best.device is not None:
            return Available(
                kind=TargetKind.SKILL, id=skill, name=best.agent.name, agent=best.agent.id, dial=best.device
            )
    return nobody_free(skill, [refusal for refusal in refusals if refusal is not None])


def nobody_free(skill: str, refusals: list[Refused]) -> Refused:
    """Why nobody with this skill can be tried: what would change soonest counts."""
    codes = {refusal.code for refusal in refusals}
    if Reason.BUSY in codes:
        return Refused(code=Reason.BUSY, text=f"everybody with the skill {skill!r} is busy")
    if Reason.PAUSED in codes:
        return Refused(code=Reason.PAUSED, text=f"everybody with the skill {skill!r} is paused or away")
    if codes == {Reason.YOURSELF}:
        return Refused(code=Reason.YOURSELF, text=f"nobody else has the skill {skill!r}")
    if not codes:
        return Refused(code=Reason.BUSY, text=f"everybody with the skill {skill!r} was tried")
    return Refused(code=Reason.OFFLINE, text=f"nobody with the skill {skill!r} is here")


# ---------------------------------------------------------------- queues and numbers outside


def _queue(floor: Floor, queue: str, node: NodeId) -> Available | Refused:
    switch = floor.switches.get(node)
    if switch is None or queue not in switch.queues.names:
        return Refused(code=Reason.NO_SUCH, text=f"there is no queue {queue!r} on {node}")
    if not _DIALLABLE.match(queue):
        return Refused(code=Reason.NO_SUCH, text=f"the name of queue {queue!r} cannot be dialled")
    if not serving(switch.queues.members(queue)):
        return Refused(code=Reason.OFFLINE, text=f"nobody serves the queue {queue!r} now")
    return Available(kind=TargetKind.QUEUE, id=queue, name=queue, agent=None, dial=queue)


def serving(members: Iterable[MemberSnapshot]) -> list[MemberSnapshot]:
    """The members who take calls, now or when they are done with what they do: signed in and not paused.

    Whom pbxd has paused itself (a wrap-up, a declined caller) is back soon and counts.
    """
    return [
        member
        for member in members
        if member_state(member) is not MemberState.OFFLINE
        and (not member.paused or member.paused_reason.startswith("pbxd:"))
    ]


def _outside(floor: Floor, typed: str, by: AgentId, at: float) -> Available | Refused:
    found = outside_number(floor.outside, typed, called=floor.outside_calls.get(by, ()), at=at)
    if isinstance(found, Refused):
        return found
    return Available(kind=TargetKind.OUTSIDE, id=found.number, name=found.number, agent=None, dial=found.dial)


def _voicemail(floor: Floor, mailbox: str, node: NodeId) -> Available | Refused:
    """Whether this mailbox exists only Asterisk knows; a caller whom it does not take is brought back."""
    if not _MAILBOX.match(mailbox):
        return Refused(code=Reason.NO_SUCH, text=f"{mailbox!r} is no mailbox: it is called 1001@default")
    switch = floor.switches.get(node)
    lack = "it is not known" if switch is None else switch.voicemail_lack
    if lack:
        return Refused(code=Reason.NOT_PREPARED, text=f"the switch {node} takes no messages: {lack}")
    named = (each for each in floor.mailboxes if each.id == mailbox and each.is_on(node))
    name = next(named, Mailbox(id=mailbox)).title
    return Available(kind=TargetKind.VOICEMAIL, id=mailbox, name=name, agent=None, dial=mailbox)
