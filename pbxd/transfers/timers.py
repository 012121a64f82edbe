"""Times of open transfers. The world has no clock: a time begins to run with the Tick after it was set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbxd.effects import Effect, Wake
from pbxd.ids import TransferId
from pbxd.journal import Journal, Table


class Timer(StrEnum):
    STATE = "state"  #: this state lasts too long
    APPEAR = "appear"  #: the target's channel should be there by now
    UNREACHED = "unreached"  #: the target was not reached; events of its channel may still be on their way
    RING = "ring"  #: the target has rung for long enough
    GUARD = "guard"  #: the caller has been on hold for long enough
    SWEEP = "sweep"  #: after the end: is anything left behind?
    HIDE = "hide"  #: after the end: nobody looks at it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    in_s: float
    at: float | None = None  #: None: not yet running


class Timers:
    def __init__(self, journal: Journal) -> None:
        self._due: Table[tuple[TransferId, Timer], Due] = Table(journal)
        self._ended: Table[TransferId, float] = Table(journal)  #: until when to know them, the oldest first
        self._now: Table[None, float] = Table(journal)

    def started(self, at: float) -> None:
        """pbxd begins at this time."""
        self._now[None] = at

    def set(self, transfer: TransferId, timer: Timer, in_s: float) -> list[Effect]:
        """Fire in so many seconds. A Tick is asked for at once, so that it knows from when on."""
        self._due[transfer, timer] = Due(in_s=in_s)
        return [Wake(in_s=0.0)]

    def stop(self, transfer: TransferId, *timers: Timer) -> None:
        for timer in timers:
            self._due.pop((transfer, timer), None)

    def runs(self, transfer: TransferId, timer: Timer) -> bool:
        return (transfer, timer) in self._due

    def remember(self, transfer: TransferId, for_s: float) -> None:
        """It has ended; it is to be known for so long. There may be thousands of these: exact to a second."""
        self._ended[transfer] = self._now.get(None, 0.0) + for_s

    def forgotten(self, at: float) -> list[TransferId]:
        """Those whose time is over."""
        found: list[TransferId] = []
        for transfer, until in self._ended.items():
            if until > at:
                break
            found.append(transfer)
        for transfer in found:
            del self._ended[transfer]
        return found

    def tick(self, at: float) -> tuple[list[tuple[TransferId, Timer]], list[Effect]]:
        """Those that have fired (and are stopped), and when the next Tick is wanted."""
        self._now[None] = at
        fired: list[tuple[TransferId, Timer]] = []
        effects: list[Effect] = []
        for key, due in list(self._due.items()):
            if due.at is None:
                self._due[key] = Due(in_s=due.in_s, at=at + due.in_s)
                effects.append(Wake(in_s=due.in_s))
            elif due.at <= at:
                del self._due[key]
                fired.append(key)
        return fired, effects
