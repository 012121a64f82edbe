"""What the queries of several dashboards share: what is chosen, over which time, how a histogram is read."""

from __future__ import annotations

N = 'node=~"$node"'
Q = 'node=~"$node",queue=~"$queue"'
F = 'node=~"$node",flow=~"$flow"'
RANGE, STEP = "$__range", "$__rate_interval"


def quantiles(metric: str, choice: str, by: str, *which: float) -> tuple[tuple[str, str], ...]:
    """These quantiles of a histogram over a quarter of an hour, of each value of a label."""
    legend = f"{{{{{by}}}}} " if by else ""
    labels = f"le, {by}" if by else "le"
    return tuple(
        (
            f"histogram_quantile({one}, sum by ({labels}) (rate({metric}_bucket{{{choice}}}[15m])))",
            f"{legend}p{one * 100:g}",
        )
        for one in which
    )


def median_and_p95(metric: str, choice: str, window: str) -> tuple[tuple[str, str], ...]:
    """Half of them took at most the median, 95 of 100 at most p95; by what was seen in this window."""
    return tuple(
        (f"histogram_quantile({one}, sum by (le) (rate({metric}_bucket{{{choice}}}[{window}])))", name)
        for one, name in ((0.5, "median"), (0.95, "p95"))
    )
