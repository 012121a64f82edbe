"""What one party and the subject of a journey have talked so far, and how that changes."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.calls.changed import changed
from pbxd.calls.record import Leg
from pbxd.ids import Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What one party and the subject have talked so far."""

    name: str  #: the party's channel
    interface: Interface
    member: Interface | None
    queue: str | None
    started: float
    stint: float  #: when they last began to hear each other
    since: float | None  #: the same while they do, None while they do not
    silent_since: float | None
    talk_s: float = 0.0
    hold_s: float = 0.0
    ended: float | None = None


def paused(talk: Talk, at: float) -> Talk:
    """They no longer hear each other."""
    since = talk.since if talk.since is not None else at
    return changed(talk, since=None, silent_since=at, talk_s=talk.talk_s + max(0.0, at - since))


def resumed(talk: Talk, at: float) -> Talk:
    """They hear each other again."""
    silent = talk.silent_since if talk.silent_since is not None else at
    return changed(talk, stint=at, since=at, silent_since=None, hold_s=talk.hold_s + max(0.0, at - silent))


def delayed(talk: Talk, until: float) -> Talk:
    """What they seemed to hear until then was an announcement."""
    started = until if talk.started == talk.since else talk.started
    return changed(talk, started=started, stint=until, since=until)


def voided(talk: Talk, at: float) -> Talk:
    """Their last stint was none."""
    talk = talk if talk.since is None else paused(talk, at)
    until = talk.silent_since if talk.silent_since is not None else talk.ended
    lasted = max(0.0, (at if until is None else until) - talk.stint)
    return changed(talk, talk_s=talk.talk_s - lasted, hold_s=talk.hold_s + lasted)


def ended(talk: Talk, at: float) -> Talk:
    """This party is out of the journey."""
    talk = paused(talk, at) if talk.since is not None else resumed(talk, at)
    return changed(talk, since=None, silent_since=None, ended=at)


def leg_of(talk: Talk, at: float) -> Leg:
    """The account of this party, as it stands at ``at``."""
    counted = talk if talk.ended is not None else ended(talk, at)
    return Leg(
        interface=talk.interface,
        started=talk.started,
        ended=talk.ended,
        talk_s=counted.talk_s,
        hold_s=counted.hold_s,
        queue=talk.queue,
        member=talk.member,
    )
