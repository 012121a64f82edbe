"""A dashboard as an SVG: its panels in their places, with what a Prometheus answered to their queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log10

from deploy.grafana.board import BARS, HEAT, LINES, SECONDS, STAT, Board, Panel
from deploy.grafana.svg import Box, Series, said, short, text, wrapped

UNIT_X, UNIT_Y, GAP, TOP = 46, 30, 6, 44
PALETTE = ("#3274d9", "#e0752d", "#299c46", "#a352cc", "#e24d42", "#1f9e9e", "#c4a000", "#7a7a7a")
COLOURS = {"green": "#299c46", "orange": "#e0752d", "red": "#d44a3a", "blue": "#3274d9"}
MOST_LINES, MOST_ROWS = 8, 8


def drawn(board: Board, answers: Mapping[str, Sequence[Series]], since: float, until: float) -> str:
    """The picture. ``answers``: by panel's title, the series of all its queries."""
    panels = board.document()["panels"]
    height = max(place["gridPos"]["y"] + place["gridPos"]["h"] for place in panels) * UNIT_Y + TOP + GAP
    width = 24 * UNIT_X + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="DejaVu Sans,Helvetica,Arial,sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#f4f5f8"/>',
        text(GAP + 4, 27, board.title, size=18, weight="bold"),
        text(
            width - GAP - 4,
            27,
            "drawn by deploy/grafana/pictures.py, not by Grafana",
            colour="#7a7a7a",
            anchor="end",
        ),
    ]
    for panel, place in zip(board.panels, panels, strict=True):
        grid = place["gridPos"]
        box = Box(
            grid["x"] * UNIT_X + GAP,
            grid["y"] * UNIT_Y + TOP,
            grid["w"] * UNIT_X - GAP,
            grid["h"] * UNIT_Y - GAP,
        )
        parts += _panel(panel, box, answers.get(panel.title, ()), since, until)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, box: Box, series: Sequence[Series], since: float, until: float) -> Iterator[str]:
    yield (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.w:.0f}" height="{box.h:.0f}" rx="3" '
        'fill="#fff" stroke="#dde4ed"/>'
    )
    for row, words in enumerate(wrapped(panel.title, int((box.w - 12) / 6.6))):
        yield text(box.x + 8, box.y + 17 + 13 * row, words, weight="bold", colour="#404854")
    inside = Box(box.x + 8, box.y + 28, box.w - 16, box.h - 36)
    if not series:
        yield text(box.x + box.w / 2, box.y + box.h / 2 + 8, "no data", colour="#a0a7b4", anchor="middle")
    elif panel.kind == STAT:
        yield from _stat(panel, inside, series)
    elif panel.kind == LINES:
        yield from _lines(panel, inside, series, since, until)
    elif panel.kind == BARS:
        yield from _bars(panel, inside, series)
    elif panel.kind == HEAT:
        yield from _heat(inside, series, since, until)
    else:
        yield from _table(panel, inside, series)


def _stat(panel: Panel, box: Box, series: Sequence[Series]) -> Iterator[str]:
    value = series[0].points[-1][1]
    yield text(
        box.x + box.w / 2,
        box.y + box.h / 2 + 20,
        said(value, panel.unit),
        size=30,
        weight="bold",
        colour=_colour(panel, value),
        anchor="middle",
    )


def _colour(panel: Panel, value: float) -> str:
    reached = [colour for start, colour in panel.colours if start is None or value >= start]
    return COLOURS.get(reached[-1], "#3274d9")


# ---------------------------------------------------------------- over time


def _lines(panel: Panel, box: Box, series: Sequence[Series], since: float, until: float) -> Iterator[str]:
    shown = sorted(series, key=lambda one: -max(value for _, value in one.points))[:MOST_LINES]
    shown.sort(key=lambda one: one.name)
    rows = (len(shown) + 2) // 3
    plot = Box(box.x + 44, box.y + 4, box.w - 60, box.h - 24 - 14 * rows)
    stacks = _stacked(shown) if panel.stacked else [one.points for one in shown]
    most = _round_up(max((value for points in stacks for _, value in points), default=1.0))
    if panel.most is not None:
        most = max(most, panel.most) if most > panel.most else panel.most
    yield from _axes(panel.unit, plot, most, since, until)
    below: Sequence[tuple[float, float]] = ()
    for number, points in enumerate(stacks):
        colour = PALETTE[number % len(PALETTE)]
        for run in _runs(points, (until - since) / 25):
            path = _path(run, plot, most, since, until)
            if panel.stacked:
                at = {when for when, _ in run}
                back = [point for point in below if point[0] in at] or [(when, 0.0) for when, _ in run]
                area = path + "L" + _path(back[::-1], plot, most, since, until)[1:] + "Z"
                yield f'<path d="{area}" fill="{colour}" fill-opacity=".3"/>'
            yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        below = points
    for number, one in enumerate(shown):
        x = box.x + 6 + (number % 3) * box.w / 3
        y = box.y + box.h - 14 * (rows - 1 - number // 3) + 2
        colour = PALETTE[number % len(PALETTE)]
        yield f'<rect x="{x:.0f}" y="{y - 7:.0f}" width="12" height="4" fill="{colour}"/>'
        yield text(x + 17, y, short(one.name, int(box.w / 3 / 6.6) - 4), size=10, colour="#5a6270")


def _stacked(series: Sequence[Series]) -> list[list[tuple[float, float]]]:
    """Each on top of those before it."""
    times = sorted({when for one in series for when, _ in one.points})
    sums = dict.fromkeys(times, 0.0)
    stacks = []
    for one in series:
        own = dict(one.points)
        for when in times:
            sums[when] += own.get(when, 0.0)
        stacks.append(list(sums.items()))
    return stacks


def _runs(points: Sequence[tuple[float, float]], gap_s: float) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > gap_s:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _path(points: Sequence[tuple[float, float]], plot: Box, most: float, since: float, until: float) -> str:
    return "M" + "L".join(
        f"{plot.x + (when - since) / (until - since) * plot.w:.0f} "
        f"{plot.y + plot.h - value / most * plot.h:.1f}"
        for when, value in points
    )


def _axes(unit: str, plot: Box, most: float, since: float, until: float) -> Iterator[str]:
    for number in range(5):
        y = plot.y + plot.h * (1 - number / 4)
        yield f'<path d="M{plot.x:.0f} {y:.1f}h{plot.w:.0f}" stroke="#e4e8ef"/>'
        yield text(plot.x - 5, y + 4, said(most * number / 4, unit), size=9, colour="#7a8290", anchor="end")
    yield from _times(plot, since, until)


def _times(plot: Box, since: float, until: float) -> Iterator[str]:
    """In minutes from the beginning: when it was is of no interest."""
    minutes = (until - since) / 60
    step = next(each for each in (1, 2, 5, 10, 15, 30, 60, 10**6) if minutes / each <= 8)
    for minute in range(0, int(minutes) + 1, step):
        x = plot.x + minute / minutes * plot.w
        yield text(x, plot.y + plot.h + 13, f"{minute} min", size=9, colour="#7a8290", anchor="middle")


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    size = 10 ** int(log10(value) - (value < 1))
    return next(size * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 20) if size * step >= value)


def _heat(box: Box, series: Sequence[Series], since: float, until: float) -> Iterator[str]:
    """Buckets hold all that is below their bound: each row is what is new in it."""
    bounds = sorted(
        (one for one in series if one.labels.get("le") != "+Inf"), key=lambda one: float(one.labels["le"])
    )
    plot = Box(box.x + 44, box.y + 4, box.w - 60, box.h - 22)
    below: dict[float, float] = {}
    cells = []
    for row, one in enumerate(bounds):
        for when, value in one.points:
            cells.append((row, when, max(0.0, value - below.get(when, 0.0))))
        below = dict(one.points)
    most = max((value for *_, value in cells), default=0.0) or 1.0
    height = plot.h / max(1, len(bounds))
    width = plot.w / max(1, len({when for _, when, _ in cells}))
    for row, one in enumerate(bounds):
        y = plot.y + plot.h - (row + 0.5) * height + 3
        if row % 2 == 0:
            yield text(
                plot.x - 5, y, said(float(one.labels["le"]), SECONDS), size=9, colour="#7a8290", anchor="end"
            )
    for row, when, value in cells:
        if value > 0.02 * most:
            x = plot.x + (when - since) / (until - since) * plot.w
            y = plot.y + plot.h - (row + 1) * height
            yield (
                f'<rect x="{min(x, plot.x + plot.w - width):.0f}" y="{y + 0.5:.1f}" width="{width:.1f}" '
                f'height="{height - 1:.1f}" fill="#e0752d" fill-opacity="{0.15 + 0.85 * value / most:.2f}"/>'
            )
    yield from _times(plot, since, until)


# ---------------------------------------------------------------- now


def _bars(panel: Panel, box: Box, series: Sequence[Series]) -> Iterator[str]:
    rows = sorted(series, key=lambda one: -one.points[-1][1])[:MOST_ROWS]
    most = max(panel.most or 0.0, *(one.points[-1][1] for one in rows)) or 1.0
    names = min(box.w * 0.45, 8 + 6.3 * max(len(one.name) for one in rows))
    height = min(24.0, box.h / len(rows))
    for number, one in enumerate(rows):
        value = one.points[-1][1]
        y = box.y + 4 + number * height
        length = max(0.0, value / most) * (box.w - names - 60)
        yield text(box.x + names - 6, y + height / 2 + 3, short(one.name, int(names / 6.1)), anchor="end")
        yield (
            f'<rect x="{box.x + names:.0f}" y="{y + 2:.1f}" width="{max(1.0, length):.1f}" '
            f'height="{height - 5:.1f}" rx="2" fill="{_colour(panel, value)}"/>'
        )
        yield text(
            box.x + names + max(1.0, length) + 5,
            y + height / 2 + 3,
            said(value, panel.unit),
            colour="#404854",
        )


def _table(panel: Panel, box: Box, series: Sequence[Series]) -> Iterator[str]:
    """A row for each set of labels, a column for each query."""
    rows: dict[str, dict[str, float]] = {}
    keys = sorted({key for one in series for key in one.labels if not key.startswith("__")})
    titles = list(dict.fromkeys(one.name for one in series))
    if len(titles) > len(panel.queries):  # the legend tells rows apart, not columns
        titles = ["value"]
    for one in series:
        row = " · ".join(one.labels.get(key, "") for key in keys)
        rows.setdefault(row, {})[one.name if one.name in titles else titles[0]] = one.points[-1][1]
    left = box.w * 0.42
    step = (box.w - left) / len(titles)
    for number, title in enumerate(titles):
        x = box.x + left + (number + 1) * step - 4
        yield text(x, box.y + 12, short(title, int(step / 6)), colour="#7a8290", anchor="end")
    yield text(box.x, box.y + 12, " · ".join(keys), colour="#7a8290")
    order = sorted(rows, key=lambda row: -max(rows[row].values()))[:MOST_ROWS]
    for number, row in enumerate(order):
        y = box.y + 32 + number * 20
        yield f'<path d="M{box.x:.0f} {y - 14:.0f}h{box.w:.0f}" stroke="#eef1f5"/>'
        yield text(box.x, y, short(row, int(left / 6)))
        for column, title in enumerate(titles):
            if title in rows[row]:
                x = box.x + left + (column + 1) * step - 4
                yield text(x, y, said(rows[row][title], panel.units.get(title, panel.unit)), anchor="end")
