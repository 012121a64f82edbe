"""What is told again to a new life of pbxd of a journey that the one before knew, and that goes on."""

from __future__ import annotations

from collections.abc import Container, Iterable

from pbxd.calls.call import Ringing
from pbxd.calls.facts import CallArrived, CallQueued, Fact, LegStarted, MemberRinging
from pbxd.calls.journeys import Journeys
from pbxd.ids import CallId, Uniqueid


def told_again(journeys: Journeys, calls: Container[CallId], news: Iterable[Fact]) -> list[Fact]:
    """Who called, and with it who waits, whose phones ring and who talks, but for what is among the ``news``.

    Times are those at which it happened.
    """
    known = {_about(fact) for fact in news}
    ringing: dict[CallId, list[tuple[Uniqueid, Ringing]]] = {}
    for uniqueid, ring in journeys.ringing.items():
        ringing.setdefault(journeys.final(ring.call), []).append((uniqueid, ring))
    facts: list[Fact] = []
    for call, journey in journeys.calls.items():
        if call in calls and journey.ended is None:
            facts += (
                fact for fact in _journey(journeys, call, ringing.get(call, ())) if _about(fact) not in known
            )
    return facts


def _about(fact: Fact) -> tuple[type, CallId, str]:
    match fact:
        case CallQueued(queue=what) | LegStarted(interface=what) | MemberRinging(interface=what):
            return type(fact), fact.call, what
        case _:
            return type(fact), fact.call, ""


def _journey(journeys: Journeys, call: CallId, ringing: Iterable[tuple[Uniqueid, Ringing]]) -> Iterable[Fact]:
    journey, node = journeys.calls[call], journeys.node
    yield CallArrived(
        call=call,
        node=node,
        at=journey.arrived,
        again=True,
        caller=journey.caller,
        caller_name=journey.caller_name,
        dialled=journey.dialled,
        channel=journeys.wiring.by_name.get(journey.subject, Uniqueid("")),
    )
    for wait in journeys.waits.get(call, ()):
        if wait.left is None:
            yield CallQueued(
                call=call, node=node, at=wait.joined, again=True, queue=wait.queue, position=None
            )
    for _, ring in ringing:
        if ring.told:
            yield MemberRinging(
                call=call,
                node=node,
                at=ring.since,
                again=True,
                interface=ring.interface,
                member=ring.interface,
                queue=ring.queue,
                waited_s=journeys.waited(call, ring.since),
            )
    for talk in journeys.open_talks(call):
        yield LegStarted(
            call=call,
            node=node,
            at=talk.started,
            again=True,
            interface=talk.interface,
            queue=talk.queue,
            waited_s=journeys.waited(call, talk.started),
            member=talk.member,
        )
