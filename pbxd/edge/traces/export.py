"""Sends traces to a collector, by OTLP over HTTP, from a thread of its own: calls never wait for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from pbxd.edge.traces.spans import Spans
from pbxd.effects import Count
from pbxd.ledger.stretch import Stretch
from pbxd.messages import Contact
from pbxd.settings.traces import Traces as Settings

log = structlog.get_logger(__name__)

_BATCH = 512
_EVERY_MS = 1000.0


class Traces:
    """Where journeys go that have ended. Takes them at once; when the queue is full the oldest spans go."""

    def __init__(self, settings: Settings, count: Callable[[Count], None], *, version: str) -> None:
        self._spans = Spans(
            service=settings.service,
            version=version,
            instance=settings.instance or socket.gethostname(),
            numbers=settings.numbers,
        )
        self._count = count
        self._timeout_s = settings.timeout
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint,
            headers=dict(settings.all_headers()),
            timeout=settings.timeout,
            certificate_file=None if settings.ca_file is None else str(settings.ca_file),
        )
        self._batches = BatchSpanProcessor(
            _Counted(exporter, self._told_on_thread),
            max_queue_size=settings.queue,
            max_export_batch_size=min(_BATCH, settings.queue),
            schedule_delay_millis=_EVERY_MS,
        )
        self._loop = asyncio.get_running_loop()

    def ended(self, contact: Contact) -> None:
        """A call is over."""
        self._send(list(self._spans.journey(contact)))

    def appended(self, row: Stretch) -> None:
        """Something that ended after its call."""
        self._send([self._spans.stretch(row)])

    async def close(self) -> None:
        """Send what is still here, and wait for it no longer than one request may take."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.to_thread(self._batches.shutdown)
        except TimeoutError:
            log.warning("the collector of traces takes too long; the last spans are lost")

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        self._tell("offered", len(spans))
        for span in spans:
            self._batches.on_end(span)

    def _told_on_thread(self, result: str, spans: int) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, result, spans)

    def _tell(self, result: str, spans: int) -> None:
        self._count(Count(metric="pbxd_trace_spans_total", labels={"result": result}, value=float(spans)))


class _Counted(SpanExporter):
    """An exporter whose results are counted."""

    def __init__(self, exporter: SpanExporter, tell: Callable[[str, int], None]) -> None:
        self._exporter = exporter
        self._tell = tell

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        self._tell("sent" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
