"""The rows of one journey, made from the model's account of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pbxd.calls.record import CallRecord, Leg
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.ledger.stretch import Stage, Stretch

Whose = Callable[[NodeId, Interface], AgentId | None]
"""Whose device this is."""


def nobodys(node: NodeId, interface: Interface) -> None:
    """Where no settings name agents."""


def stretches_of(record: CallRecord, whose: Whose = nobodys) -> tuple[Stretch, ...]:
    """All rows but wrap-ups, numbered in the order in which they began; the same for the same account."""
    made = [*_stays(record), *_rings(record, whose), *_consults(record, whose)]
    for leg in record.legs:
        made += _leg(record, leg, whose)
    order = list(Stage)
    made.sort(key=lambda one: (one.started, order.index(one.stage), one.interface or "", one.ended or 0.0))
    return tuple(replace(stretch, position=position) for position, stretch in enumerate(made))


def rows_of(record: CallRecord) -> int:
    """How many ``stretches_of`` makes: the position of the first wrap-up."""
    spans = sum(len(leg.stints) + len(leg.holds) for leg in record.legs)
    return spans + len(record.visits) + len(record.waits) + len(record.rings) + len(record.consults)


def _stays(record: CallRecord) -> Iterator[Stretch]:
    """Where the caller was while nobody talked with him."""
    for visit in record.visits:
        yield Stretch(
            call=record.id,
            position=0,
            node=record.node,
            stage=Stage.IVR,
            started=visit.entered,
            ended=visit.left,
            outcome=visit.result,
            missed=visit.missed,
        )
    for wait in record.waits:
        yield Stretch(
            call=record.id,
            position=0,
            node=record.node,
            stage=Stage.WAIT,
            started=wait.joined,
            ended=wait.left,
            queue=wait.queue,
            outcome=wait.outcome,
            missed=wait.missed,
        )


def _rings(record: CallRecord, whose: Whose) -> Iterator[Stretch]:
    for ring in record.rings:
        yield Stretch(
            call=record.id,
            position=0,
            node=record.node,
            stage=Stage.RING,
            started=ring.started,
            ended=ring.ended,
            queue=ring.queue,
            interface=ring.interface,
            agent=_agent(record, ring.interface, ring.member, whose),
            outcome=None if ring.outcome is None else str(ring.outcome),
            missed=ring.missed,
        )


def _consults(record: CallRecord, whose: Whose) -> Iterator[Stretch]:
    for consult in record.consults:
        yield Stretch(
            call=record.id,
            position=0,
            node=record.node,
            stage=Stage.CONSULT,
            started=consult.started,
            ended=consult.ended,
            interface=consult.target,
            agent=_agent(record, consult.target, None, whose),
            missed=consult.missed,
        )


def _leg(record: CallRecord, leg: Leg, whose: Whose) -> Iterator[Stretch]:
    agent = _agent(record, leg.interface, leg.member, whose)
    for stage, spans in ((Stage.TALK, leg.stints), (Stage.HOLD, leg.holds)):
        for span in spans:
            yield Stretch(
                call=record.id,
                position=0,
                node=record.node,
                stage=stage,
                started=span.started,
                ended=span.ended,
                queue=leg.queue,
                interface=leg.interface,
                agent=agent,
                missed=span.missed,
            )


def _agent(
    record: CallRecord, interface: Interface, member: Interface | None, whose: Whose
) -> AgentId | None:
    """Settings may name the phone, or what the queue calls it."""
    found = whose(record.node, interface)
    return found if found is not None or member is None else whose(record.node, member)
