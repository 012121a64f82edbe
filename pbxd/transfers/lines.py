"""Which call an agent is talking in, and who is at the other end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pbxd.agents.staff import Agent
from pbxd.calls.model import CallModel
from pbxd.ids import CallId, Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An agent and the person he talks with, on one switch."""

    call: CallId
    transferer: str  #: the agent's channel
    interface: Interface  #: his device
    caller: str  #: the other party's channel
    queue: str | None  #: through which the caller came: the last in which he waited
    own: bool  #: the journey is the agent's own: he called
    hears: bool  #: they hear each other now (else one of them is on hold)
    since: float


def lines_of(agent: Agent, calls: CallModel) -> list[Line]:
    """The conversations that this agent is in, the one that goes on now first."""
    devices = {device.lower() for node, device in agent.devices if node in (None, calls.node)}
    found = [line for call in calls.journeys.calls for line in _lines(call, devices, calls)]
    return sorted(found, key=lambda line: (not line.hears, -line.since))


def _lines(call: CallId, devices: set[str], calls: CallModel) -> Iterable[Line]:
    journeys, wiring = calls.journeys, calls.wiring
    journey = journeys.calls[call]
    if journey.ended is not None:
        return
    subject = wiring.named(journey.subject)
    if subject is None:
        return
    own = subject.interface.lower() in devices
    for talk in journeys.open_talks(call):
        channel = wiring.named(talk.name)
        if channel is None or channel.uniqueid not in wiring.chain(subject.uniqueid):
            continue
        if own:
            transferer, device, caller = subject.name, subject.interface, talk.name
        elif talk.interface.lower() in devices or (talk.member or "").lower() in devices:
            transferer, device, caller = talk.name, talk.interface, subject.name
        else:
            continue
        yield Line(
            call=call,
            transferer=transferer,
            interface=device,
            caller=caller,
            queue=talk.queue or (None if own else journeys.came_through(call)),
            own=own,
            hears=talk.since is not None,
            since=talk.stint,
        )
