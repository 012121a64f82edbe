"""A dashboard as a few words, and as the JSON that Grafana imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH = 24  #: of Grafana's grid

#: What the numbers of a panel are, in Grafana's words.
SECONDS, SHARE, COUNT, PER_SECOND, BYTES, YES_NO = "s", "percentunit", "short", "cps", "bytes", "bool_yes_no"
UNITS = frozenset({SECONDS, SHARE, COUNT, PER_SECOND, BYTES, YES_NO})

STAT, LINES, TABLE, BARS, HEAT = "stat", "timeseries", "table", "bargauge", "heatmap"
#: width and height of each kind
SIZES = {STAT: (4, 4), LINES: (12, 8), TABLE: (12, 8), BARS: (12, 8), HEAT: (12, 8)}

#: Those of a dashboard's variables that choose what of a figure is shown.
CHOICES = ("node", "queue", "flow", "agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. ``queries``: PromQL, each with the legend of its lines."""

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = LINES
    stacked: bool = False
    #: of a table: columns, by their legend, whose unit is another one
    units: Mapping[str, str] = field(default_factory=dict)
    #: value from which on it is shown in this colour, rising; the first at ``None``
    colours: Sequence[tuple[float | None, str]] = ((None, "blue"),)
    most: float | None = None  #: end of the scale

    @property
    def size(self) -> tuple[int, int]:
        return SIZES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard; ``uid`` names it in links and as a file, for ever."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    choices: Sequence[str] = ("node",)
    since: str = "now-6h"

    def document(self) -> Json:
        """The dashboard as Grafana imports it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["pbxd"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "refresh": "15s",
            "links": [_links()],
            "annotations": {"list": [_restarts()]},
            "templating": {"list": [_sources(), *(_choice(name) for name in self.choices)]},
            "panels": list(_placed(self.panels)),
        }


def _placed(panels: Sequence[Panel]) -> Sequence[Json]:
    """From left to right and from top to bottom, as they fit."""
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        width, height = panel.size
        if x + width > WIDTH:
            x, y, row = 0, y + row, 0
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": width, "h": height}))
        x, row = x + width, max(row, height)
    return placed


def _panel(number: int, panel: Panel, place: Json) -> Json:
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "palette-classic" if panel.kind == LINES else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.colours],
        },
    }
    if panel.most is not None:
        defaults["max"] = panel.most
    if panel.kind == LINES:
        defaults["custom"] = {
            "fillOpacity": 20 if panel.stacked else 5,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "showPoints": "never",
        }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": _units(panel)},
        "options": _options(panel.kind),
        "targets": [_target(panel, *query, ref) for query, ref in zip(panel.queries, "ABCDEF", strict=False)],
        **({"transformations": _columns(panel)} if panel.kind == TABLE else {}),
    }


def _target(panel: Panel, expr: str, legend: str, ref: str) -> Json:
    at_once = panel.kind in (STAT, TABLE, BARS)
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": expr,
        "legendFormat": legend,
        "instant": at_once,
        "range": not at_once,
        # The calls behind a histogram are shown as dots: a long wait leads to its call.
        "exemplar": not at_once and "_seconds_bucket" in expr,
        "format": {TABLE: "table", HEAT: "heatmap"}.get(panel.kind, "time_series"),
    }


def _options(kind: str) -> Json:
    last = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    match kind:
        case "stat":
            return {**last, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
        case "bargauge":
            return {**last, "orientation": "horizontal", "displayMode": "gradient"}
        case "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        case "heatmap":
            return {"calculate": False, "yAxis": {"unit": SECONDS}, "cellGap": 1}
        case _:
            return {"showHeader": True}


def _columns(panel: Panel) -> list[Json]:
    """One row for each set of labels, one column for each query, which has its legend as title."""
    several = len(panel.queries) > 1
    titles = {
        f"Value #{ref}" if several else "Value": legend
        for (_, legend), ref in zip(panel.queries, "ABCDEF", strict=False)
        if "{{" not in legend
    }
    organized = {"excludeByName": {"Time": True}, "renameByName": titles}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organized}]


def _units(panel: Panel) -> list[Json]:
    return [
        {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "unit", "value": unit}],
        }
        for column, unit in panel.units.items()
    ]


def _sources() -> Json:
    return {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }


#: a figure that every value of a variable has, from the start
_KNOWN = {
    "node": "label_values(pbxd_calls_arrived_total, node)",
    "queue": 'label_values(pbxd_queue_entries_total{node=~"$node",queue!=""}, queue)',
    "flow": 'label_values(pbxd_flow_entries_total{node=~"$node"}, flow)',
    "agent": "label_values(pbxd_agent_signed_in_seconds_total, agent)",
}


def _choice(name: str) -> Json:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": _KNOWN[name], "refId": f"choice-{name}"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "pbxd",
        "tags": ["pbxd"],
        "asDropdown": True,
        "keepTime": True,
        "includeVars": True,
    }


def _restarts() -> Json:
    return {
        "name": "pbxd started anew",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": "changes(process_start_time_seconds[$__rate_interval]) > 0 and on (instance) pbxd_build_info",
        "titleFormat": "pbxd started anew",
    }
