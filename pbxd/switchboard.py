"""The one loop that owns the state: messages in, one at a time, effects out to their edges.

An edge calls ``put`` and goes on; it never waits here. Messages are worked off in the order in which they
came, in slices short enough that sockets and timers get their turn between them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from pbxd.ami.event_types import SwitchEvent
from pbxd.effects import Effect, gathered
from pbxd.ids import NodeId
from pbxd.messages import LinkUp, Message, Tick

log = structlog.get_logger(__name__)

Outlet = Callable[[Any], None]
"""Carries out one kind of effect. Must not block and must not raise."""


class Steps(Protocol):
    """What the switchboard needs of the world."""

    def step(self, message: Message) -> list[Effect]: ...


class Switchboard:
    """A bounded, ordered inbox before a world.

    When the inbox is full, events of a switch are dropped, because a fresh inventory of that switch can
    replace them: ``overflowed`` is called with the node (once, until its next inventory comes), and its
    link must take one. Orders, answers and ticks are never dropped.
    """

    def __init__(
        self,
        world: Steps,
        outlets: Mapping[type, Outlet],
        *,
        capacity: int = 100_000,
        slice_s: float = 0.005,
        overflowed: Callable[[NodeId], None] = lambda node: None,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._world = world
        self._outlets = dict(outlets)
        self._capacity = capacity
        self._slice_s = slice_s
        self._overflowed = overflowed
        self._ticked = ticked
        self._messages: deque[Message] = deque()
        self._deaf: set[NodeId] = set()
        self._scheduled = False
        self.steps = 0
        self.failed_steps = 0
        self.dropped_events = 0
        self.failed_effects = 0

    @property
    def depth(self) -> int:
        """Messages that wait for their step."""
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Hand in one message. Returns at once; must be called on the loop's own thread."""
        if len(self._messages) >= self._capacity and isinstance(message, SwitchEvent):
            self._drop(message)
            return
        if isinstance(message, LinkUp):
            self._deaf.discard(message.node)
        self._messages.append(message)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._work)

    def _drop(self, event: SwitchEvent) -> None:
        self.dropped_events += 1
        if event.node not in self._deaf:
            self._deaf.add(event.node)
            log.error("inbox full: the switch will be asked for an inventory", node=event.node)
            self._overflowed(event.node)

    def _work(self) -> None:
        until = time.monotonic() + self._slice_s
        messages = self._messages
        while messages:
            self._step(messages.popleft())
            if time.monotonic() >= until:
                break
        if messages:
            asyncio.get_running_loop().call_soon(self._work)
        else:
            self._scheduled = False

    def _step(self, message: Message) -> None:
        self.steps += 1
        try:
            effects = self._world.step(message)
        except Exception:
            # The world has put its state back. One bad message must not cost the calls in progress.
            self.failed_steps += 1
            log.exception("a step failed; the state is as it was before", message=repr(message))
            return
        for effect in gathered(effects):
            self._carry_out(effect)
        if isinstance(message, Tick):
            self._ticked()

    def _carry_out(self, effect: Effect) -> None:
        outlet = self._outlets.get(type(effect))
        if outlet is None:
            return
        try:
            outlet(effect)
        except Exception:
            # An edge that breaks its word must not take the loop, and with it every call, along.
            self.failed_effects += 1
            log.exception("an effect failed", effect=repr(effect))
