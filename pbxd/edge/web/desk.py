"""What the web edge needs of the rest of pbxd, and the values that cross between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pbxd.edge.replies import Asked
from pbxd.effects import Reply
from pbxd.ids import AgentId, CallId
from pbxd.orders import Order


class OrderRefusedError(Exception):
    """An order that cannot be carried out; the text is for the person who gave it."""


class Desk(Protocol):
    """The state as one agent may see it, and the way in for his orders."""

    def snapshot(self, agent: AgentId) -> Mapping[str, Any]:
        """Everything that this agent's page shows, as JSON-able values.

        The body of a ``state`` message (``agent``, ``queues``, ``links``) and ``pops``: the bodies of his
        screen pops, oldest first. A pop that is over carries ``"closed": reason`` as well. ``transfers``: the
        views of the transfers that he makes or is the target of; ``handovers``: the documents that he was
        handed and still needs; ``callbacks``: the callers who want to be called back.
        """
        ...

    def order(self, order: Order) -> None:
        """Hand in an order and return at once. Its result comes back as Tell(kind="order").

        Raises OrderRefusedError when the order can be turned down on the spot.
        """
        ...

    async def ask(self, order: Asked) -> Reply:
        """Hand in an order and wait for its reply; ``unknown`` when none comes within the deadline."""
        ...

    def transfers(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        """The views of the transfers that this agent makes or is the target of; None: of everybody."""
        ...

    def callbacks(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        """The callers whom this agent may call back, the oldest first; None: all."""
        ...

    def targets(self, agent: AgentId, call: CallId | None, query: str) -> Sequence[Mapping[str, Any]]:
        """To whom this agent can hand this call over, best first; ``query``: part of a name, or a number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAgent:
    """A person who may sign in."""

    id: AgentId
    name: str
    password_hash: str  #: argon2, as ``pbxd`` prints it; '' for an agent who cannot sign in
    language: str = "en"
    supervises: frozenset[str] | None = frozenset()  #: queues on his wallboard; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Whether one part of pbxd can do its work, e.g. the AMI link of one node."""

    name: str
    ready: bool
    reason: str = ""
    required: bool = True  #: a part that is not required is shown but does not make pbxd unready


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentContact:
    """One contact of an agent, as the page lists it. Times are epoch seconds."""

    call: CallId
    number: str
    name: str
    arrived: float
    ended: float
    queue: str | None
    subject: str | None
    outcome: str
    talk_s: float
    handovers: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """Each transfer of it: who handed over to whom, why, what was written, how it ended."""
    repeated: int = 0  #: agents who reported that the caller had to repeat himself


RecentContacts = Callable[[AgentId, int], Awaitable[Sequence[RecentContact]]]
"""Finds an agent's last contacts, newest first, at most so many. Raises OSError when the store is gone."""
