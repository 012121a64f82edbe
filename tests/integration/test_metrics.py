"""What /metrics says: parsed by Prometheus' own client and checked by its own tool."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.lab.archive import NoArchiveError
from deploy.lab.tools import promtool
from deploy.lab.unpack import UnpackError
from pbxd.edge.metrics import SERIES_LIMIT, Metrics
from pbxd.effects import Count
from pbxd.figures import CATALOGUE, Kind, Reading, queue_readings
from pbxd.figures.catalogue import DERIVED

WAIT = {"node": "pbx1", "queue": "billing", "outcome": "answered"}
HOSTILE_QUEUE = 'bill"ing\\\n\u2028{x="y"} 1'


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get(name + str(sorted(labels.items())))


def everything() -> Metrics:
    """Metrics in which every figure of the catalogue has moved."""
    gauges = [
        Reading(metric=f.name, labels=dict.fromkeys(f.label_names, "pbx1"), value=1.0)
        for f in CATALOGUE
        if f.kind is Kind.GAUGE and f.name != "pbxd_build_info"
    ]
    metrics = Metrics(version="1.2.3", agents=True, sources=[lambda: gauges])
    metrics.know_node("pbx1")
    for queue in ("billing", "", HOSTILE_QUEUE):
        metrics.know_queue("pbx1", queue)
    for one in CATALOGUE:
        if one.kind is not Kind.GAUGE:
            labels = {label.name: (label.values or ("pbx1",))[0] for label in one.labels}
            metrics.apply(Count(metric=one.name, labels=labels, value=1.5))
    return metrics


def test_every_figure_comes_out_as_it_is_in_the_catalogue() -> None:
    families = {f.name: f for f in text_string_to_metric_families(everything().text().decode())}
    for one in CATALOGUE:
        family = families[one.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (one.kind.value, one.help)
        assert family.samples
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(one.label_names)
    assert value(everything(), "pbxd_metrics_faults_total", kind="labels") == 0


def test_it_is_clean_under_promtool(tmp_path: Path) -> None:
    try:
        tool = promtool()
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no promtool can be had here: {missing}")
    import subprocess

    done = subprocess.run(
        [*tool.argv, "check", "metrics"],
        input=everything().text(),
        env=tool.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    rules = ["groups:", "- name: derived", "  rules:"]
    for number, derived in enumerate(DERIVED):
        rules += [f"  - record: pbxd:derived:{number}", f"    expr: {derived.promql!r}"]
    (tmp_path / "rules.yaml").write_text("\n".join(rules) + "\n")
    assert f"SUCCESS: {len(DERIVED)} rules found" in tool.run("check", "rules", str(tmp_path / "rules.yaml"))


def test_it_is_what_prometheus_client_would_write() -> None:
    """Also after some series have moved and others have not."""
    metrics = everything()
    for value_ in (0.1, 1.0, 2_500_000.0):
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics)
        ours, _, _ = metrics.text().partition(b"# HELP process_")
        assert ours == generate_latest(registry)
        metrics.count("pbxd_queue_wait_seconds", value_, **WAIT)
        metrics.count("pbxd_store_contacts_total", value_, result="stored")


async def test_a_long_scrape_lets_others_have_their_turn_and_says_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pbxd.edge.metrics.STRETCH_S", 0.0)
    waiting = [500]

    def readings() -> list[Reading]:
        queues = (f"queue{number}" for number in range(waiting[0]))
        return [
            reading
            for queue in queues
            for reading in queue_readings("pbx1", queue, joined=[], members=[("ready", False)], now=1.0)
        ]

    metrics = Metrics(sources=[readings])
    metrics.text()
    for left in (500, 3, 501):
        long = asyncio.create_task(metrics.scrape())
        await asyncio.sleep(0)
        waiting[0] = left
        short = await metrics.scrape()
        for answer, queues in ((await long, 500), (short, left)):
            assert answer.count(b"\npbxd_queue_waiting{") == queues
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics)
        assert short.partition(b"# HELP process_")[0] == generate_latest(registry)
        waiting[0] = 500


def test_what_the_derived_figures_ask_for_is_exported() -> None:
    import re

    exported = {name.partition("[")[0] for name in samples(everything())}
    bounds = {label for label in samples(everything()) if "'le'" in label}
    for derived in DERIVED:
        for name in re.findall(r"pbxd_[a-z_]+", derived.promql):
            assert name in exported
        for bound in re.findall(r'le="([\d.]+)"', derived.promql):
            assert any("pbxd_queue_wait" in label and f"('le', '{bound}')" in label for label in bounds)


def test_counters_of_what_is_known_exist_from_the_start_at_zero() -> None:
    metrics = Metrics()
    assert value(metrics, "pbxd_web_signins_total", result="refused") == 0
    assert value(metrics, "pbxd_calls_arrived_total", node="pbx1") is None
    metrics.know_node("pbx1")
    metrics.know_queue("pbx1", "billing")
    assert value(metrics, "pbxd_calls_arrived_total", node="pbx1") == 0
    assert value(metrics, "pbxd_calls_total", node="pbx1", queue="billing", outcome="abandoned") == 0
    assert value(metrics, "pbxd_queue_wait_seconds_count", **WAIT) == 0


def test_a_queue_that_is_first_seen_in_the_state_is_known_from_then_on() -> None:
    readings = queue_readings("pbx1", "sales", joined=[1.0], members=[], now=31.0)
    metrics = Metrics(sources=[lambda: readings])
    assert value(metrics, "pbxd_queue_longest_wait_seconds", node="pbx1", queue="sales") == 30.0
    assert value(metrics, "pbxd_queue_entries_total", node="pbx1", queue="sales") == 0


def test_counters_add_and_histograms_observe() -> None:
    metrics = Metrics()
    for waited in (0.5, 1.0, 1.5, 19.9, 300.0, 1000.0):
        metrics.count("pbxd_queue_wait_seconds", waited, **WAIT)
    name = "pbxd_queue_wait_seconds"
    assert value(metrics, f"{name}_count", **WAIT) == 6
    assert value(metrics, f"{name}_sum", **WAIT) == pytest.approx(1322.9)
    assert value(metrics, f"{name}_bucket", **WAIT, le="1.0") == 2
    assert value(metrics, f"{name}_bucket", **WAIT, le="20.0") == 4
    assert value(metrics, f"{name}_bucket", **WAIT, le="300.0") == 5
    assert value(metrics, f"{name}_bucket", **WAIT, le="+Inf") == 6
    metrics.count("pbxd_store_contacts_total", 3, result="stored")
    metrics.count("pbxd_store_contacts_total", 2, result="stored")
    assert value(metrics, "pbxd_store_contacts_total", result="stored") == 5


@pytest.mark.parametrize(
    ("count", "kind"),
    [
        (Count(metric="pbxd_no_such_total"), "unknown"),
        (Count(metric="pbxd_calls_arrived_total"), "labels"),
        (Count(metric="pbxd_calls_arrived_total", labels={"node": "a", "caller": "+86"}), "labels"),
        (Count(metric="pbxd_queue_waiting", labels={"node": "a", "queue": "b"}), "labels"),
        (Count(metric="pbxd_calls_arrived_total", labels={"node": "a"}, value=-1), "value"),
        (Count(metric="pbxd_calls_arrived_total", labels={"node": "a"}, value=math.nan), "value"),
        (Count(metric="pbxd_queue_wait_seconds", labels=WAIT, value=math.inf), "value"),
    ],
)
def test_a_figure_that_cannot_be_moved_is_a_counted_fault(count: Count, kind: str) -> None:
    metrics = Metrics()
    metrics.apply(count)
    assert value(metrics, "pbxd_metrics_faults_total", kind=kind) == 1


def test_figures_with_agents_exist_only_where_that_is_switched_on() -> None:
    count = Count(
        metric="pbxd_agent_legs_total", labels={"node": "pbx1", "queue": "billing", "agent": "anna"}
    )
    for agents in (False, True):
        metrics = Metrics(agents=agents)
        metrics.apply(count)
        assert ("agent=" in metrics.text().decode()) == agents
        assert value(metrics, "pbxd_metrics_faults_total", kind="unknown") == 0


def test_a_source_that_fails_costs_only_its_own_figures() -> None:
    def broken() -> list[Reading]:
        raise RuntimeError("the model is in an odd state")

    good = Reading(metric="pbxd_web_pages", value=3)
    odd = Reading(metric="pbxd_web_pages", labels={"x": "y"}, value=3)
    metrics = Metrics(sources=[broken, lambda: [odd, good]])
    text = metrics.text().decode()
    assert "pbxd_web_pages 3.0" in text
    assert value(metrics, "pbxd_metrics_faults_total", kind="value") == 2
    assert value(metrics, "pbxd_metrics_faults_total", kind="labels") == 3


def test_series_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SERIES_LIMIT > 10_000
    monkeypatch.setattr("pbxd.edge.metrics.SERIES_LIMIT", 5)
    metrics = Metrics()
    for number in range(10):
        metrics.count("pbxd_agi_faults_total", kind=f"kind {number}")
    assert value(metrics, "pbxd_metrics_faults_total", kind="full") == 5
    metrics.count("pbxd_agi_faults_total", kind="kind 0")
    assert value(metrics, "pbxd_agi_faults_total", kind="kind 0") == 2


def test_the_process_says_who_it_is() -> None:
    text = Metrics(version="1.2.3").text().decode()
    assert 'pbxd_build_info{python="3.' in text
    assert 'version="1.2.3"' in text
    assert "process_resident_memory_bytes" in text
