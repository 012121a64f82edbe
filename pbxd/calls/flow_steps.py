"""Steps for what our own dialplan says of call flows."""

from __future__ import annotations

from pbxd.ami import event_types as ami
from pbxd.calls.belonging import Belonging

_RESULTS = frozenset({"queue", "hangup", "done"})


class FlowSteps:
    def __init__(self, belonging: Belonging) -> None:
        self.belonging = belonging
        self.journeys = belonging.journeys

    def began(self, event: ami.FlowBegan) -> None:
        channel = self.belonging.known(event.channel, event.at)
        call = None if channel is None else self.journeys.of(channel.uniqueid)
        if call is not None and self.journeys.calls[call].ended is None:
            self.journeys.enter_flow(call, event.flow, event.at)

    def over(self, event: ami.FlowOver) -> None:
        call = self.journeys.of(event.channel.uniqueid)
        if call is not None and self.journeys.calls[call].ended is None:
            # Without a decision pbxd was not there to the end: the dialplan goes on by itself.
            result = event.next if event.next in _RESULTS else "failed"
            self.journeys.leave_flow(call, result, event.at)
