"""What one caller's journey does to the figures, and what it is to become: an account by who plays it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Transfer:
    by: str
    kind: str
    outcome: str
    from_: str  #: interface
    queue: str = ""  #: through which the caller had come
    to_kind: str = "agent"
    target: str = ""  #: name of a queue or skill
    asked: tuple[float, float] | None = None  #: between when and when pbxd was given the order, epoch seconds


@dataclass
class Journey:
    """One caller, and what was done to him. Queues and interfaces are the switch's names."""

    kind: str
    lane: int
    number: str
    uniqueid: str = ""
    outcome: str = ""
    waits: list[tuple[str, str]] = field(default_factory=list)  #: queue, outcome
    legs: list[tuple[str, str]] = field(default_factory=list)  #: interface, the queue it counts under
    rings: list[tuple[str, str]] = field(default_factory=list)  #: queue, why it stopped
    transfers: list[Transfer] = field(default_factory=list)
    begun_by_phone: int = 0  #: consultations by phone that came to nothing
    rescued: int = 0  #: how often pbxd brought him to the one who had given him away
    flow: list[str] = field(default_factory=list)  #: chosen (by ``key``), hung_up; in their order
    key: str = ""
    label: str = ""  #: what the menu calls it
    wraps_up: str = ""  #: interface of the agent who writes notes afterwards
    subject: str = ""  #: what he chose in the menu
    survey: str = ""  #: what came of asking him how it was
    rating: int | None = None
    disturbed: bool = False  #: pbxd could not see all of it
    spoilt: bool = False  #: it did not become what it was to become
    over: float = 0.0  #: since when nobody who took part is busy any more, epoch seconds

    @property
    def queue(self) -> str:
        return self.waits[0][0] if self.waits else ""


Play = Callable[[], Awaitable[None]]
Shelter = Callable[[Journey, Play, Play], Awaitable[None]]
"""Plays a journey; the last one is for when something from outside has spoilt it: everybody hangs up."""


async def in_the_open(journey: Journey, play: Play, _: Play) -> None:
    """Nothing comes from outside."""
    await play()
