"""The catalogue as docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable

from pbxd.figures.catalogue import CHAPTERS, DERIVED
from pbxd.figures.figure import Figure, Kind, Label

_HEAD = """# Figures

<!-- Made from the catalogue in pbxd/figures by `python -m pbxd.figures`; edit that, not this. -->

pbxd serves these figures at `/metrics` in Prometheus' text format. They complement what Asterisk's own
`res_prometheus` exports (channels, bridges, endpoints) and do not repeat it.

- Every figure is computed from pbxd's own account of each call, never from app_queue's counters, which are
  wrong after transfers.
- Counters and histograms move on facts, and start anew when pbxd is started; use `rate()` and `increase()`.
  Those of the nodes and queues that pbxd knows exist from the start, at 0.
- Gauges are computed from the state at each scrape, so they cannot drift.
- No label ever holds a phone number, a caller's name or a call's id. Figures that carry agents' ids exist
  only when `metrics.per_agent` is on.
- Times are seconds. A time measured between two events of a switch uses that switch's clock.
"""


def document() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    for title, figures in CHAPTERS:
        parts.append(f"## {title}\n")
        parts.extend(_figure(figure) for figure in figures)
    parts.append("## Figures made of these\n")
    parts.append("A ratio is only worth as much as its definition. These are the ones in use.\n")
    parts.extend(f"### {d.name}\n\n{d.definition}\n\n```promql\n{d.promql}\n```\n" for d in DERIVED)
    return "\n".join(parts)


def _figure(figure: Figure) -> str:
    rows = [("Formula", figure.formula), ("From", figure.source)]
    if figure.edge_cases:
        rows.append(("Note", figure.edge_cases))
    if figure.opt_in:
        rows.append(("Only with", "`metrics.per_agent`"))
    if figure.kind is Kind.HISTOGRAM:
        rows.append(("Buckets", ", ".join(f"{bound:g}" for bound in figure.buckets) + " s"))
    lines = [f"### `{figure.name}`\n", f"{figure.help}\n", f"{figure.kind.value}, in {figure.unit}\n"]
    lines += _labels(figure.labels)
    lines += [f"- **{name}**: {text}" for name, text in rows]
    return "\n".join(lines) + "\n"


def _labels(labels: Iterable[Label]) -> list[str]:
    lines = []
    for label in labels:
        values = ", ".join(f"`{value}`" for value in label.values)
        lines.append(f"- label `{label.name}`: {label.meaning}" + (f" ({values})" if values else ""))
    return lines
