"""Holds the counters, reads the gauges at each scrape, and speaks Prometheus' text format.

The values live in plain dicts: moving one costs a few hundred nanoseconds. A scrape writes only those series
anew that have moved (``exposition``); as a Collector, the same figures can join another registry.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from pbxd.edge.exposition import PIECE, Histogram, Values, Writer
from pbxd.effects import Count
from pbxd.figures import CATALOGUE, Figure, Kind, Label, Reading
from pbxd.figures.figure import OTHER, QUEUE

log = structlog.get_logger(__name__)

Source = Callable[[], Iterable[Reading]]

SERIES_LIMIT = 30_000  #: of one figure; what comes beyond is put together as OTHER
LAG_EVERY_S = 0.25
STRETCH_S = 0.004  #: for which a scrape holds the loop before others have their turn
FAULTS = "pbxd_metrics_faults_total"
BEYOND = "pbxd_metrics_beyond_total"


def bound(label: Label) -> int:
    """How many values of this label are told apart."""
    return max(label.most, len(label.values))


class Metrics(Collector):
    """All figures of one pbxd. ``apply`` is the outlet for Count effects, ``text`` what /metrics serves."""

    def __init__(self, *, version: str = "0", agents: bool = False, sources: Iterable[Source] = ()) -> None:
        self._figures = {f.name: f for f in CATALOGUE if agents or not f.opt_in}
        self._labels = {name: figure.label_names for name, figure in self._figures.items()}
        self._without_agents = frozenset(f.name for f in CATALOGUE) - self._figures.keys()
        self._counters: dict[str, dict[Values, float]] = {}
        self._histograms: dict[str, dict[Values, Histogram]] = {}
        self._sources = list(sources)
        self._queues: set[tuple[str, str]] = set()
        self._told_apart: dict[Label, set[str]] = {}
        self._complained: set[str] = set()
        self._build = (version, platform.python_version())
        for each in self._figures.values():
            if each.kind is Kind.COUNTER:
                self._counters[each.name] = {}
            elif each.kind is Kind.HISTOGRAM:
                self._histograms[each.name] = {}
            self._start_at_zero(each, {})
        self._writers = {name: Writer(figure) for name, figure in self._figures.items()}
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)

    # ------------------------------------------------------------ moving

    def apply(self, count: Count) -> None:
        """Carry out a Count. Never raises: a figure that cannot be moved is a counted fault."""
        name, labels, value = count.metric, count.labels, count.value
        figure = self._figures.get(name)
        if figure is None:
            if name not in self._without_agents:
                self._fault("unknown", name)
            return
        names = self._labels[name]
        if labels.keys() != set(names) or figure.kind is Kind.GAUGE:
            self._fault("labels", name, labels)
            return
        if not math.isfinite(value) or value < 0:
            self._fault("value", name, labels)
            return
        if "queue" in labels and "node" in labels:
            self.know_queue(labels["node"], labels["queue"])
        values = tuple([str(labels[label]) for label in names])
        if figure.kind is Kind.COUNTER:
            series = self._counters[name]
            if values not in series:
                values = self._admitted(figure, values, len(series))
            series[values] = series.get(values, 0.0) + value
        else:
            self._observe(figure, values, value, count.call)

    def count(self, metric: str, value: float = 1, **labels: str) -> None:
        """The same, for edges that count for themselves."""
        self.apply(Count(metric=metric, labels=labels, value=value))

    def _observe(self, figure: Figure, values: Values, value: float, call: str | None) -> None:
        histograms = self._histograms[figure.name]
        histogram = histograms.get(values)
        if histogram is None:
            values = self._admitted(figure, values, len(histograms))
            histogram = histograms.get(values)
            if histogram is None:
                histogram = histograms[values] = Histogram(len(figure.buckets))
        bucket = bisect_left(figure.buckets, value)
        histogram.observe(bucket, value)
        if call is not None:
            histogram.exemplify(bucket, call, value, time.time())

    def _admitted(self, figure: Figure, values: Values, series: int) -> Values:
        """The labels of a new series of a figure that has so many. What is beyond the bounds is put together
        under one value: the sums stay right, and nobody can make series without end."""
        admitted = [self._known(label, value) for label, value in zip(figure.labels, values, strict=True)]
        if series >= SERIES_LIMIT:
            self._fault("full", figure.name)
            return (OTHER,) * len(values)
        return tuple(admitted)

    def _known(self, label: Label, value: str) -> str:
        """This value, or OTHER when the label has too many."""
        known = self._told_apart.get(label)
        if known is None:
            known = self._told_apart[label] = set(label.values)
        if value not in known:
            if len(known) >= bound(label):
                beyond = self._counters[BEYOND]
                beyond[(label.name,)] = beyond.get((label.name,), 0.0) + 1
                return OTHER
            known.add(value)
        return value

    def _fault(self, kind: str, name: str, labels: Mapping[str, str] | None = None) -> None:
        faults = self._counters[FAULTS]
        faults[(kind,)] = faults.get((kind,), 0.0) + 1
        if (complaint := f"{kind} {name}") not in self._complained:
            self._complained.add(complaint)
            log.error("a figure could not be moved", kind=kind, metric=name, labels=dict(labels or {}))

    # ------------------------------------------------------------ starting at zero

    def know_node(self, node: str) -> None:
        """Let the counters of this node exist from now on, at 0, so that the first increment is seen."""
        for figure in self._figures.values():
            if "node" in figure.label_names and "queue" not in figure.label_names:
                self._start_at_zero(figure, {"node": node})

    def know_queue(self, node: str, queue: str) -> bool:
        """The same for a queue, with every outcome that it can have. False: there are too many."""
        if (node, queue) in self._queues:
            return True
        if len(self._queues) >= bound(QUEUE) or self._known(QUEUE, queue) != queue:
            return False
        self._queues.add((node, queue))
        for figure in self._figures.values():
            if "queue" in figure.label_names:
                self._start_at_zero(figure, {"node": node, "queue": queue})
        return True

    def know_flow(self, node: str, flow: str, places: Iterable[Mapping[str, str]]) -> None:
        """The same for a call flow; ``places``: the labels of each step at which something is chosen or
        entered, and of each option."""
        for place in ({}, *places):
            known = {"node": node, "flow": flow, **place}
            for figure in self._figures.values():
                if {label.name for label in figure.labels if not label.values} == known.keys():
                    self._start_at_zero(figure, known)

    def _start_at_zero(self, figure: Figure, known: Mapping[str, str]) -> None:
        """Make every series whose labels are known beforehand; none when one of them is not."""
        if figure.kind is Kind.GAUGE:
            return
        choices = [(known[label.name],) if label.name in known else label.values for label in figure.labels]
        for values in itertools.product(*choices):
            if figure.kind is Kind.COUNTER:
                self._counters[figure.name].setdefault(values, 0.0)
            else:
                self._histograms[figure.name].setdefault(values, Histogram(len(figure.buckets)))

    # ------------------------------------------------------------ scraping

    def add_source(self, source: Source) -> None:
        """Read these values too at each scrape."""
        self._sources.append(source)

    def text(self, *, openly: bool = False) -> bytes:
        """All figures in Prometheus' text format, or ``openly`` in OpenMetrics', at one stretch."""
        return b"".join(self._pieces(openly))

    async def scrape(self, *, openly: bool = False) -> bytes:
        """The same without holding the loop: with 500 queues and 10,000 agents it is a hundred thousand
        lines. Each series is as it was at some moment of the scrape, all buckets of one at the same."""
        pieces, began = [], time.monotonic()
        for piece in self._pieces(openly):
            pieces.append(piece)
            if time.monotonic() - began > STRETCH_S:
                await asyncio.sleep(0)
                began = time.monotonic()
        await asyncio.sleep(0)
        return b"".join(pieces)

    def _pieces(self, openly: bool) -> Iterator[bytes]:
        read: dict[str, dict[Values, float]] = {}
        for _ in self._reading(read):
            yield b""
        for figure in self._figures.values():
            yield from self._written(figure, read.get(figure.name), openly)
        write = openmetrics.generate_latest if openly else generate_latest
        yield write(self._process)

    def _written(self, figure: Figure, read: Mapping[Values, float] | None, openly: bool) -> Iterator[bytes]:
        writer = self._writers[figure.name]
        match figure.kind:
            case Kind.COUNTER:
                counters = self._counters[figure.name]
                return writer.values({**counters, **read} if read else counters, openly=openly)
            case Kind.GAUGE:
                return writer.values(read or {}, openly=openly)
            case Kind.HISTOGRAM:
                return writer.histograms(self._histograms[figure.name], openly=openly)

    def collect(self) -> Iterator[Metric]:
        """The same as prometheus-client's objects."""
        read: dict[str, dict[Values, float]] = {}
        for _ in self._reading(read):
            pass
        for figure in self._figures.values():
            match figure.kind:
                case Kind.COUNTER:
                    yield self._counter(figure, read.get(figure.name, {}))
                case Kind.GAUGE:
                    yield self._gauge(figure, read.get(figure.name, {}))
                case Kind.HISTOGRAM:
                    yield self._histogram(figure)

    def _reading(self, read: dict[str, dict[Values, float]]) -> Iterator[None]:
        """Take what the sources say now, with pauses. One that fails is skipped; the others are still worth
        having."""
        read["pbxd_build_info"] = {self._build: 1.0}
        for source in self._sources:
            try:
                for number, reading in enumerate(source(), 1):
                    self._take(reading, read)
                    if number % PIECE == 0:
                        yield
            except Exception:
                log.exception("a source of figures failed")
                self._fault("value", "source")

    def _take(self, reading: Reading, read: dict[str, dict[Values, float]]) -> None:
        name, labels = reading.metric, reading.labels
        figure = self._figures.get(name)
        if figure is None or figure.kind is Kind.HISTOGRAM:
            self._fault("unknown", name)
            return
        names = self._labels[name]
        try:
            values = tuple([str(labels[label]) for label in names])
        except KeyError:
            values = ()
        if len(values) != len(labels):
            self._fault("labels", name, labels)
            return
        if "queue" in labels and not self.know_queue(labels["node"], labels["queue"]):
            return
        series = read.get(name)
        if series is None:
            series = read[name] = {}
        series[values] = reading.value

    def _counter(self, figure: Figure, read: Mapping[Values, float]) -> Metric:
        family = CounterMetricFamily(figure.name, figure.help, labels=figure.label_names)
        for values, value in {**self._counters[figure.name], **read}.items():
            family.add_metric(values, value)
        return family

    def _gauge(self, figure: Figure, read: Mapping[Values, float]) -> Metric:
        family = GaugeMetricFamily(figure.name, figure.help, labels=figure.label_names)
        for values, value in read.items():
            family.add_metric(values, value)
        return family

    def _histogram(self, figure: Figure) -> Metric:
        family = HistogramMetricFamily(figure.name, figure.help, labels=figure.label_names)
        bounds = [str(bound) for bound in (*figure.buckets, math.inf)]
        bounds[-1] = "+Inf"
        for values, histogram in self._histograms[figure.name].items():
            totals = itertools.accumulate(histogram.counts)
            family.add_metric(values, list(zip(bounds, totals, strict=True)), histogram.sum)
        return family


async def watch_lag(metrics: Metrics, *, every_s: float = LAG_EVERY_S) -> None:
    """Measure for ever how late the loop runs what is due (pbxd_loop_lag_seconds)."""
    while True:
        due = time.monotonic() + every_s
        await asyncio.sleep(every_s)
        metrics.count("pbxd_loop_lag_seconds", max(0.0, time.monotonic() - due))
