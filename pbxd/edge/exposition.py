"""Prometheus' text format, and OpenMetrics, from lines that are kept: few series move between two scrapes.

The two differ in their heads, and in the exemplars of histograms, which only OpenMetrics has.

prometheus-client writes the same text, but from objects that are made for each sample of each scrape: with a
hundred queues that holds the loop, and every call, for a quarter of a second.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.utils import floatToGoString

from pbxd.figures import Figure, Kind

Values = tuple[str, ...]

EXEMPLAR_LENGTH = 128 - len("call")  #: characters that OpenMetrics allows

PIECE = 500  #: lines that are written at a stretch: a millisecond or two when all of them are new


class Histogram:
    """The observations of one series."""

    __slots__ = ("counts", "examples", "openly", "sum", "written")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.sum = 0.0
        #: of each bucket the last call that is an example of it, what was observed, and when
        self.examples: dict[int, tuple[str, float, float]] | None = None
        self.written: bytes | None = None  #: its lines, until the next observation
        self.openly: bytes | None = None  #: the same for OpenMetrics

    def observe(self, bucket: int, value: float) -> None:
        self.counts[bucket] += 1
        self.sum += value
        self.written = self.openly = None

    def exemplify(self, bucket: int, call: str, value: float, at: float) -> None:
        """Keep this call as the example of its bucket. ``at``: epoch seconds."""
        if len(call) > EXEMPLAR_LENGTH:
            return
        if self.examples is None:
            self.examples = {}
        self.examples[bucket] = call, value, at


class _Piece:
    """The lines of some series of one figure, as they were written last.

    Lists are compared as a whole, and their numbers mostly are the very same objects: a hundredth of what
    looking each series up would cost.
    """

    __slots__ = ("_before", "_lines", "_numbers", "_text", "keys")

    def __init__(self, keys: list[Values], before: list[str]) -> None:
        self.keys = keys
        self._before = before  #: what stands before each number
        self._numbers: list[float | None] = [None] * len(keys)
        self._lines = [b""] * len(keys)
        self._text = b""

    def text(self, numbers: list[float]) -> bytes:
        """The lines with these numbers, in the order of ``keys``."""
        if numbers != self._numbers:
            for place, (new, old) in enumerate(zip(numbers, self._numbers, strict=True)):
                if new != old:
                    line = f"{self._before[place]}{_number(new)}\n"
                    self._lines[place] = line.encode("utf-8", "replace")
            self._numbers = [*numbers]
            self._text = b"".join(self._lines)
        return self._text


class Writer:
    """Writes one figure, byte for byte as prometheus-client would, in pieces of some ``PIECE`` lines.

    Between two pieces the series may move, and new ones may come; those come with the next scrape.
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._names = figure.label_names
        help_ = figure.help.replace("\\", r"\\").replace("\n", r"\n")
        kind, family = figure.kind.value, figure.name.removesuffix("_total")
        self._head = f"# HELP {figure.name} {help_}\n# TYPE {figure.name} {kind}\n".encode()
        help_ = help_.replace('"', r"\"")
        self._open_head = f"# HELP {family} {help_}\n# TYPE {family} {kind}\n".encode()
        self._bounds = [_number(bound) for bound in (*figure.buckets, math.inf)]
        self._kept: list[_Piece] = []

    def values(self, series: Mapping[Values, float], *, openly: bool = False) -> Iterator[bytes]:
        """A counter or a gauge; ``openly``: for OpenMetrics."""
        assert self._figure.kind is not Kind.HISTOGRAM
        yield self._open_head if openly else self._head
        keys, numbers = list(series), list(series.values())
        starts = range(0, len(keys), PIECE)
        del self._kept[len(starts) :]
        for place, start in enumerate(starts):
            names = keys[start : start + PIECE]
            piece = self._kept[place] if place < len(self._kept) else None
            if piece is None or piece.keys != names:  # a new series, or a gauge whose queue is gone
                piece = self._piece(names)
                self._kept[place : place + 1] = [piece]  # beyond the end when another scrape has cut it off
            yield piece.text(numbers[start : start + PIECE])

    def _piece(self, keys: list[Values]) -> _Piece:
        return _Piece(keys, [f"{self._figure.name}{self._labels(values)} " for values in keys])

    def histograms(self, series: Mapping[Values, Histogram], *, openly: bool = False) -> Iterator[bytes]:
        yield self._open_head if openly else self._head
        everything, size = list(series.items()), PIECE // (len(self._bounds) + 2)
        for start in range(0, len(everything), size):
            lines = []
            for values, histogram in everything[start : start + size]:
                lines.append(self._openly(values, histogram) if openly else self._plainly(values, histogram))
            yield b"".join(lines)

    def _plainly(self, values: Values, histogram: Histogram) -> bytes:
        if histogram.written is None:
            histogram.written = self._histogram(values, histogram)
        return histogram.written

    def _openly(self, values: Values, histogram: Histogram) -> bytes:
        """The same lines, those of buckets with an example behind them."""
        if histogram.examples is None:
            return self._plainly(values, histogram)
        if histogram.openly is None:
            lines = self._plainly(values, histogram).split(b"\n")
            for bucket, (call, value, at) in histogram.examples.items():
                lines[bucket] += f" # {{{_pair('call', call)}}} {_number(value)} {at:.3f}".encode()
            histogram.openly = b"\n".join(lines)
        return histogram.openly

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
