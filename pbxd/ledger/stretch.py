"""One row of the ledger: what was going on for one caller, with whom, from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.ids import AgentId, CallId, Interface, NodeId


class Stage(StrEnum):
    """What was going on."""

    IVR = "ivr"  #: the caller was in a call flow
    WAIT = "wait"  #: … waited in a queue
    RING = "ring"  #: a phone rang for him
    TALK = "talk"  #: he and somebody heard each other
    HOLD = "hold"  #: somebody who had talked with him, and was not out yet, did not hear him
    CONSULT = "consult"  #: transferer and target talked without him
    WRAP_UP = "wrap_up"  #: somebody who had talked with him wrote his notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One row. Times are epoch seconds, the switch's own."""

    call: CallId
    position: int  #: in the journey, from 0; with ``call`` it names the row for ever
    node: NodeId
    stage: Stage
    started: float
    ended: float | None  #: None while it goes on
    queue: str | None = None  #: whose queue it was, or which one had brought the two together
    interface: Interface | None = None  #: the phone; None for IVR and WAIT
    agent: AgentId | None = None  #: whose phone that is
    outcome: str | None = None
    """RING: answered, no_answer, declined, busy, cancelled, failed. WAIT: as ``Wait.outcome``. IVR: how the
    flow was left. Of all others, and while it goes on, None."""
    missed: bool = False  #: began or ended while nobody watched: the times are the best that is known

    @property
    def seconds(self) -> float:
        """How long it was; 0 while it goes on."""
        return 0.0 if self.ended is None else max(0.0, self.ended - self.started)
