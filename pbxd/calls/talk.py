"""What one party and the subject of a journey have talked so far, and how that changes."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.calls.changed import changed
from pbxd.calls.record import Leg, Span
from pbxd.ids import Interface

LEAVING_S = 0.05
"""Whoever hangs up leaves the bridge some milliseconds before his channel ends: that is nobody's hold."""

MOMENT_S = 0.05
"""While it rearranges bridges the switch starts music and stops it again, or parts people and joins them."""


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
    stints: tuple[Span, ...] = ()  #: when they heard each other, but for what goes on
    holds: tuple[Span, ...] = ()  #: when they did not, in between and after
    unsure: bool = False  #: what goes on began while nobody watched
    ended: float | None = None

    @property
    def talk_s(self) -> float:
        """Seconds for which they have heard each other, but for what goes on."""
        return _sum(self.stints)

    @property
    def hold_s(self) -> float:
        """Seconds for which they have not, but for what goes on."""
        return _sum(self.holds)


def paused(talk: Talk, at: float, *, missed: bool = False) -> Talk:
    """They no longer hear each other."""
    since = talk.since if talk.since is not None else at
    if at > since:
        stint = Span(started=since, ended=at, missed=missed or talk.unsure)
        return changed(talk, since=None, silent_since=at, stints=(*talk.stints, stint), unsure=missed)
    # They did not really: the silence before goes on.
    before = talk.holds[-1:]
    if not before or before[0].ended != at:
        return changed(talk, since=None, silent_since=at, unsure=missed)
    return changed(
        talk, since=None, silent_since=before[0].started, holds=talk.holds[:-1], unsure=before[0].missed
    )


def resumed(talk: Talk, at: float, *, missed: bool = False) -> Talk:
    """They hear each other again. A silence of a moment was none."""
    if not missed and (last := _just_now(talk, at)) is not None:
        return changed(
            talk, since=last.started, silent_since=None, stints=talk.stints[:-1], unsure=last.missed
        )
    holds = _with_silence(talk, at, missed)
    return changed(talk, stint=at, since=at, silent_since=None, holds=holds, unsure=missed)


def _just_now(talk: Talk, at: float) -> Span | None:
    """Their last stint, if it ended but a moment ago."""
    last = talk.stints[-1] if talk.stints and not talk.unsure else None
    if last is None or last.ended is None or last.ended != talk.silent_since or last.started != talk.stint:
        return None
    return last if at - last.ended < MOMENT_S else None


def delayed(talk: Talk, until: float) -> Talk:
    """What they seemed to hear until then was an announcement."""
    started = until if talk.started == talk.since else talk.started
    return changed(talk, started=started, stint=until, since=until)


def afresh(talk: Talk, at: float) -> Talk:
    """All that they seemed to hear until then was none of their talk."""
    return changed(talk, started=at, stint=at, since=at, stints=(), holds=())


def voided(talk: Talk, at: float) -> Talk:
    """Their last stint was none."""
    talk = talk if talk.since is None else paused(talk, at)
    if not talk.stints or talk.stints[-1].started != talk.stint:
        return talk
    none = talk.stints[-1]
    holds, stints = _joined((*talk.holds, none)), talk.stints[:-1]
    if talk.silent_since is not None and holds[-1].ended == talk.silent_since:
        # He is on hold still, and has been for longer than it seemed.
        began, unsure = holds[-1].started, talk.unsure or holds[-1].missed
        return changed(talk, stints=stints, holds=holds[:-1], silent_since=began, unsure=unsure)
    return changed(talk, stints=stints, holds=holds)


def ended(talk: Talk, at: float, *, missed: bool = False) -> Talk:
    """This party is out of the journey."""
    since = talk.since
    if since is not None and at > since:
        stint = Span(started=since, ended=at, missed=missed or talk.unsure)
        return changed(talk, since=None, stints=(*talk.stints, stint), ended=at)
    if since is not None:
        talk = paused(talk, at, missed=missed)
    left = talk.silent_since is not None and at - talk.silent_since < LEAVING_S
    holds = talk.holds if left else _with_silence(talk, at, missed)
    return changed(talk, since=None, silent_since=None, holds=holds, ended=at)


def leg_of(talk: Talk, at: float) -> Leg:
    """The account of this party, as it stands at ``at``."""
    counted = talk if talk.ended is not None else ended(talk, at)
    stints, holds = counted.stints, counted.holds
    if talk.ended is None:
        goes_on = Span(started=at, ended=None, missed=talk.unsure)
        if talk.since is not None:
            stints = (*talk.stints, changed(goes_on, started=talk.since))
        elif talk.silent_since is not None:
            holds = (*talk.holds, changed(goes_on, started=talk.silent_since))
    return Leg(
        interface=talk.interface,
        started=talk.started,
        ended=talk.ended,
        talk_s=counted.talk_s,
        hold_s=counted.hold_s,
        queue=talk.queue,
        member=talk.member,
        stints=stints,
        holds=holds,
    )


def _with_silence(talk: Talk, until: float, missed: bool) -> tuple[Span, ...]:
    """The holds, and the one that goes on until then."""
    if talk.silent_since is None or until <= talk.silent_since:
        return talk.holds
    return (*talk.holds, Span(started=talk.silent_since, ended=until, missed=missed or talk.unsure))


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """The same time in as few pieces as possible, in order."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.started):
        if joined and joined[-1].ended == span.started:
            joined[-1] = changed(joined[-1], ended=span.ended, missed=joined[-1].missed or span.missed)
        else:
            joined.append(span)
    return tuple(joined)


def _sum(spans: tuple[Span, ...]) -> float:
    return sum([span.ended - span.started for span in spans if span.ended is not None], 0.0)
