"""A journey as spans: one for the whole call, below it one for each stretch of the ledger, below an IVR
stretch one for each step of the flow.

All ids are made from the call's own id and the row's position. A wrap-up that ends after the call therefore
joins the trace of its call, and a call that is told twice (a restart) is still one trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from pbxd.calls.record import Transfer
from pbxd.ids import CallId
from pbxd.ledger.stretch import Stage, Stretch
from pbxd.messages import Contact, PathStep

Attributes = Mapping[str, str | bool | float | None]


class Spans:
    """Makes spans. ``numbers``: whether the caller's number is among what they tell."""

    def __init__(self, *, service: str, version: str, instance: str, numbers: bool) -> None:
        self._resource = Resource(
            {"service.name": service, "service.version": version, "service.instance.id": instance}
        )
        self._scope = InstrumentationScope("pbxd", version)
        self._numbers = numbers

    def journey(self, contact: Contact) -> Iterator[ReadableSpan]:
        """The spans of a call that has ended, the root first."""
        record = contact.record
        ended = record.arrived if record.ended is None else record.ended
        yield self._span(
            "call",
            record.id,
            "",
            (record.arrived, ended),
            {
                "pbxd.call": record.id,
                "pbxd.node": record.node,
                "pbxd.dialled": record.dialled,
                "pbxd.caller": contact.number if self._numbers else None,
                "pbxd.queue": record.queue,
                "pbxd.subject": contact.subject,
                "pbxd.outcome": None if record.outcome is None else record.outcome.value,
                "pbxd.wait_s": round(record.wait_s, 3),
                "pbxd.talk_s": round(sum(leg.talk_s for leg in record.legs), 3),
                "pbxd.missed": record.missed or None,
            },
            events=tuple(map(_handed_over, record.transfers)),
        )
        for row in contact.stretches:
            yield self.stretch(row)
            if row.stage is Stage.IVR:
                yield from self._steps(row, contact.path)

    def stretch(self, row: Stretch) -> ReadableSpan:
        """One row of the ledger."""
        return self._span(
            row.stage.value,
            row.call,
            str(row.position),
            (row.started, row.started if row.ended is None else row.ended),
            {
                "pbxd.call": row.call,
                "pbxd.node": row.node,
                "pbxd.queue": row.queue,
                "pbxd.agent": row.agent,
                "pbxd.interface": row.interface,
                "pbxd.outcome": row.outcome,
                "pbxd.missed": row.missed or None,
            },
            parent="",
        )

    def _steps(self, row: Stretch, path: tuple[PathStep, ...]) -> Iterator[ReadableSpan]:
        """What the caller did in the flow; what he keyed in stays here. A step is told when it is over."""
        until = float("inf") if row.ended is None else row.ended
        began = row.started
        for number, step in enumerate(path):
            if row.started <= step.at <= until:
                yield self._span(
                    f"ivr {step.kind}",
                    row.call,
                    f"{row.position}/{number}",
                    (began, step.at),
                    {"pbxd.step": step.step, "pbxd.label": step.label, "pbxd.result": step.result},
                    parent=str(row.position),
                )
                began = step.at

    def _span(
        self,
        name: str,
        call: CallId,
        place: str,
        times: tuple[float, float],
        attributes: Attributes,
        *,
        parent: str | None = None,
        events: tuple[Event, ...] = (),
    ) -> ReadableSpan:
        started, ended = times
        return ReadableSpan(
            name=name,
            context=_context(call, place),
            parent=None if parent is None else _context(call, parent),
            resource=self._resource,
            attributes={key: value for key, value in attributes.items() if value is not None},
            events=events,
            kind=SpanKind.SERVER if parent is None else SpanKind.INTERNAL,
            start_time=_ns(started),
            end_time=_ns(max(started, ended)),
            instrumentation_scope=self._scope,
        )


def trace_id(call: CallId) -> int:
    """The trace of a call, 128 bits: to be found by whoever knows the call."""
    return int.from_bytes(blake2b(call.encode(), digest_size=16).digest(), "big") or 1


def _context(call: CallId, place: str) -> SpanContext:
    span = int.from_bytes(blake2b(f"{call} {place}".encode(), digest_size=8).digest(), "big") or 1
    return SpanContext(trace_id(call), span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _handed_over(transfer: Transfer) -> Event:
    attributes = {
        "pbxd.kind": transfer.kind.value,
        "pbxd.outcome": transfer.outcome.value,
        "pbxd.from": transfer.from_,
        "pbxd.to_kind": transfer.to_kind or "",
        "pbxd.by": transfer.by.value,
    }
    return Event("transfer", attributes, _ns(transfer.at))


def _ns(seconds: float) -> int:
    return round(seconds * 1e6) * 1000
