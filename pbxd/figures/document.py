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
- Counters and histograms move on facts. Those of the nodes, queues and call flows that pbxd knows exist from
  the start, at 0.
- Gauges are computed from the state at each scrape, so they cannot drift.
- No label ever holds a phone number, a caller's name or a call's id. Figures that carry agents' ids exist
  only when `metrics.per_agent` is on.
- Every label has a bound, told below for those that are open; what comes beyond it counts under the value
  `other`, and in `pbxd_metrics_beyond_total`.
- To a scraper that asks for OpenMetrics (Prometheus does) the histograms of callers' waits, talks and
  transfers name the id of one call for each bucket, as its exemplar: with that the call is found in the
  history. Prometheus keeps them when it is started with `--enable-feature=exemplar-storage`.
- Times are seconds. A time measured between two events of a switch uses that switch's clock.

## After a restart

When pbxd is started anew, counters and histograms begin at 0, as Prometheus expects it: `rate()` and
`increase()` see the fall and go on. So never subtract two raw values, and never show one as a total. What
happened between the last scrape and the end of pbxd is missing in Prometheus; what happened while pbxd was
down, and the next inventory finds out, counts as missed (`pbxd_resync_corrections_total`,
`pbxd_calls_missed_total`). The history in the store loses neither: where a number must be exact to the call,
take it from `pbxd report`.
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
        rows.append(("Edge cases", figure.edge_cases))
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
        known = f" ({values})" if values else f" (at most {label.most})"
        lines.append(f"- label `{label.name}`: {label.meaning}{known}")
    return lines
