"""Prometheus' text format from lines that are kept: few series move between two scrapes.

prometheus-client writes the same text, but from objects that are made for each sample of each scrape: with a
hundred queues that holds the loop, and every call, for a quarter of a second.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from prometheus_client.utils import floatToGoString

from pbxd.figures import Figure, Kind

Values = tuple[str, ...]


class Histogram:
    """The observations of one series."""

    __slots__ = ("counts", "sum", "written")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.sum = 0.0
        self.written: bytes | None = None  #: its lines, until the next observation

    def observe(self, bucket: int, value: float) -> None:
        self.counts[bucket] += 1
        self.sum += value
        self.written = None


class Writer:
    """Writes one figure, byte for byte as prometheus-client would."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._names = figure.label_names
        help_ = figure.help.replace("\\", r"\\").replace("\n", r"\n")
        self._head = f"# HELP {figure.name} {help_}\n# TYPE {figure.name} {figure.kind.value}\n".encode()
        self._bounds = [_number(bound) for bound in (*figure.buckets, math.inf)]
        self._kept: dict[Values, tuple[float, bytes]] = {}

    def values(self, series: Mapping[Values, float]) -> bytes:
        """A counter or a gauge."""
        assert self._figure.kind is not Kind.HISTOGRAM
        if len(self._kept) > 2 * len(series) + 100:
            self._kept.clear()  # of gauges whose queue is gone
        kept, name = self._kept, self._figure.name
        lines = [self._head]
        for values, value in series.items():
            line = kept.get(values)
            if line is None or line[0] != value:
                text = f"{name}{self._labels(values)} {_number(value)}\n"
                line = kept[values] = value, text.encode("utf-8", "replace")
            lines.append(line[1])
        return b"".join(lines)

    def histograms(self, series: Mapping[Values, Histogram]) -> bytes:
        lines = [self._head]
        for values, histogram in series.items():
            if histogram.written is None:
                histogram.written = self._histogram(values, histogram)
            lines.append(histogram.written)
        return b"".join(lines)

    def _histogram(self, values: Values, histogram: Histogram) -> bytes:
        name, labels = self._figure.name, self._labels(values)
        before, behind = self._around_bound(values)
        lines = [
            f"{name}_bucket{before}{bound}{behind} {_number(total)}\n"
            for bound, total in zip(self._bounds, itertools.accumulate(histogram.counts), strict=True)
        ]
        lines.append(f"{name}_count{labels} {_number(sum(histogram.counts))}\n")
        lines.append(f"{name}_sum{labels} {_number(histogram.sum)}\n")
        return "".join(lines).encode("utf-8", "replace")

    def _labels(self, values: Sequence[str]) -> str:
        pairs = sorted(zip(self._names, values, strict=True))
        return f"{{{','.join(_pair(*pair) for pair in pairs)}}}" if pairs else ""

    def _around_bound(self, values: Sequence[str]) -> tuple[str, str]:
        """What stands before and behind a bucket's bound; its label has its place in the alphabet, too."""
        pairs = sorted(zip(self._names, values, strict=True))
        first = "".join(f"{_pair(*pair)}," for pair in pairs if pair[0] < "le")
        last = "".join(f",{_pair(*pair)}" for pair in pairs if pair[0] > "le")
        return f'{{{first}le="', f'"{last}}}'


def _number(value: float) -> str:
    if -1e6 < value < 1e6:
        return repr(float(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _pair(name: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'
