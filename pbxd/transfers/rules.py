"""What the settings say about transfers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pbxd.agents.outside import OutsideRules
from pbxd.orders import Verb


class Acknowledge(StrEnum):
    """When the target's phone may ring."""

    AT_ONCE = "at_once"
    WAIT = "wait"  #: not before the target's page shows the hand-over, or ``up_to`` has passed


class OnHangup(StrEnum):
    """What it means when the transferer hangs up while he consults."""

    COMPLETE = "complete"  #: the caller goes to the target
    BACK = "back"  #: it was a slip: the transferer is called again


class GuardThen(StrEnum):
    """What becomes of a caller who has been on hold for too long."""

    BACK = "back"  #: he is back with the transferer
    OFFER = "offer"  #: … unless he presses 1 to be called back instead


class Unprepared(StrEnum):
    """What is done on a switch that lacks the dialplan of transfers."""

    REFUSE = "refuse"  #: none
    BLIND = "blind"  #: blind ones, in which the caller stays with the transferer until the target answers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """What is different for callers who came through one queue; None: as for everybody."""

    music: str | None = None
    reassure_prompt: str | None = None
    priority: int | None = None  #: of callers who are handed over to this queue, in it


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules:
    """Durations are seconds."""

    music: str = "default"  #: Asterisk's music class for a caller on hold
    reassure_after_s: float = 20.0  #: 0: never
    reassure_every_s: float = 30.0
    reassure_prompt: str = "pls-hold-while-try"
    guard_after_s: float = 180.0  #: so long a caller is on hold; 0: without an end
    guard_then: GuardThen = GuardThen.BACK
    offer_prompt: str = ""  #: what he hears with ``GuardThen.OFFER``
    ring_timeout_s: float = 25.0  #: how long the target rings
    queue_timeout_s: float = 120.0  #: how long the transferer waits in a queue for somebody to answer
    acknowledge: Acknowledge = Acknowledge.AT_ONCE
    acknowledge_up_to_s: float = 0.3
    on_hangup: OnHangup = OnHangup.COMPLETE
    unprepared: Unprepared = Unprepared.REFUSE
    keys: Mapping[str, Verb] = field(default_factory=dict)  #: what a transferer can order by his phone
    recall_timeout_s: float = 25.0  #: how long the transferer rings when nobody took the caller
    recall_queue: str = ""  #: where the caller goes when he does not answer; '': the queue he came from
    outside: OutsideRules = field(default_factory=OutsideRules)
    queues: Mapping[str, QueueRules] = field(default_factory=dict)
    surveys: Mapping[str, str] = field(default_factory=dict)  #: queue → flow that its callers hear afterwards

    def music_for(self, queue: str | None) -> str:
        """The music class for a caller who came through this queue."""
        special = self.queues.get(queue or "")
        return self.music if special is None or special.music is None else special.music

    def prompt_for(self, queue: str | None) -> str:
        """The reassurance for a caller who came through this queue."""
        special = self.queues.get(queue or "")
        if special is None or special.reassure_prompt is None:
            return self.reassure_prompt
        return special.reassure_prompt

    def priority_in(self, queue: str) -> int | None:
        """The priority that a caller has in this queue who is handed over to it; None: as everybody."""
        special = self.queues.get(queue)
        return None if special is None else special.priority
