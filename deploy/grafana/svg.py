"""What pictures of dashboards are made of: series, boxes, words and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from deploy.grafana.board import BYTES, PER_SECOND, SECONDS, SHARE, YES_NO

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One answer to a query: its legend and points; an instant one has a single point."""

    name: str
    labels: Labels
    points: Sequence[tuple[float, float]]  #: epoch seconds and value; none that is not finite


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    w: float
    h: float


def named(legend: str, labels: Labels) -> str:
    """A legend with its labels filled in."""
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), legend).strip()


def said(value: float, unit: str) -> str:
    """A value as a panel shows it."""
    if unit == SHARE:
        return f"{100 * value:.0f} %"
    if unit == SECONDS:
        if abs(value) < 1:
            return f"{1000 * value:.0f} ms"
        if value < 10 and value != round(value):
            return f"{value:.1f} s"
        return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"
    if unit == BYTES:
        return f"{value / 1e6:.0f} MB"
    if unit == PER_SECOND:
        return f"{value:.2g}/s" if value < 10 else f"{value:.0f}/s"
    if unit == YES_NO:
        return "yes" if value else "no"
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 11,
    colour: str = "#2c3440",
    weight: str = "",
    anchor: str = "",
) -> str:
    more = "".join(
        f' {name}="{value}"'
        for name, value in (
            ("font-size", "" if size == 11 else size),
            ("font-weight", weight),
            ("text-anchor", anchor),
        )
        if value
    )
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}"{more}>{escape(words)}</text>'


def short(words: str, letters: int) -> str:
    return words if len(words) <= letters else words[: max(1, letters - 1)] + "…"


def wrapped(words: str, letters: int) -> list[str]:
    rows = [""]
    for word in words.split():
        if rows[-1] and len(rows[-1]) + 1 + len(word) > letters:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows[:3]


def finite(points: Sequence[Sequence[float | str]]) -> list[tuple[float, float]]:
    """The points of an answer of Prometheus."""
    read = ((float(when), float(value)) for when, value in points)
    return [(when, value) for when, value in read if isfinite(value)]
