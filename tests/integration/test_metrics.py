"""What /metrics says: parsed by Prometheus' own client and checked by its own tool."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_text_to_families
from prometheus_client.parser import text_string_to_metric_families

from deploy.lab.archive import NoArchiveError
from deploy.lab.tools import promtool
from deploy.lab.unpack import UnpackError
from pbxd.edge.metrics import SERIES_LIMIT, Metrics
from pbxd.effects import Count
from pbxd.figures import CATALOGUE, Kind, Label, Reading, queue_readings
from pbxd.figures.catalogue import DERIVED
from pbxd.figures.figure import OTHER
from pbxd.ids import CallId

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
    waiting = [120]

    def readings() -> list[Reading]:
        queues = (f"queue{number}" for number in range(waiting[0]))
        return [
            reading
            for queue in queues
            for reading in queue_readings("pbx1", queue, joined=[], members=[("ready", False)], now=1.0)
        ]

    metrics = Metrics(sources=[readings])
    metrics.text()
    for left in (120, 3, 121):
        long = asyncio.create_task(metrics.scrape())
        await asyncio.sleep(0)
        waiting[0] = left
        short = await metrics.scrape()
        for answer, queues in ((await long, 120), (short, left)):
            assert answer.count(b"\npbxd_queue_waiting{") == queues
        registry = CollectorRegistry(auto_describe=False)
        registry.register(metrics)
        assert short.partition(b"# HELP process_")[0] == generate_latest(registry)
        waiting[0] = 120


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


def few(label: Label) -> int:
    return max(5, len(label.values))


def test_no_figure_grows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever values come, however many: sums stay right, series stay few."""
    monkeypatch.setattr("pbxd.edge.metrics.bound", few)
    metrics, moved = Metrics(agents=True), 9
    before = samples(metrics)
    for number in range(moved):
        for one in CATALOGUE:
            if one.kind is not Kind.GAUGE:
                labels = {label.name: (label.values or (f"v{number}",))[0] for label in one.labels}
                metrics.count(one.name, 1, **labels)
    after = samples(metrics)
    for one in CATALOGUE:
        if one.kind is Kind.GAUGE or one.name == "pbxd_metrics_beyond_total":
            continue
        counted = f"{one.name}_count[" if one.kind is Kind.HISTOGRAM else f"{one.name}["
        series = {name: number for name, number in after.items() if name.startswith(counted)}
        assert sum(series.values()) - sum(before.get(name, 0) for name in series) == moved, one.name
        assert len(series) <= 6 * math.prod(max(1, len(label.values)) for label in one.labels), one.name
    assert value(metrics, "pbxd_metrics_beyond_total", label="queue") is not None


def test_what_is_beyond_the_bounds_of_a_label_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbxd.edge.metrics.bound", few)
    metrics = Metrics()
    for number in range(8):
        metrics.count("pbxd_agi_faults_total", kind=f"kind {number}")
    metrics.count("pbxd_agi_faults_total", kind="kind 0")
    assert value(metrics, "pbxd_agi_faults_total", kind="kind 0") == 2
    assert value(metrics, "pbxd_agi_faults_total", kind="kind 7") is None
    assert value(metrics, "pbxd_agi_faults_total", kind=OTHER) == 3
    assert value(metrics, "pbxd_metrics_beyond_total", label="kind") == 3


def test_a_figure_with_too_many_series_puts_the_others_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SERIES_LIMIT > 10_000
    monkeypatch.setattr("pbxd.edge.metrics.SERIES_LIMIT", 5)
    metrics = Metrics()
    for number in range(8):
        metrics.count("pbxd_agi_faults_total", kind=f"kind {number}")
    assert value(metrics, "pbxd_agi_faults_total", kind=OTHER) == 3
    assert value(metrics, "pbxd_metrics_faults_total", kind="full") == 3


def test_queues_beyond_the_bounds_have_no_series_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbxd.edge.metrics.bound", few)
    names = [f"queue{number}" for number in range(7)]
    gauges = [Reading(metric="pbxd_queue_waiting", labels={"node": "a", "queue": q}, value=1) for q in names]
    metrics = Metrics(sources=[lambda: gauges])
    for queue in names:
        metrics.know_queue("a", queue)
        metrics.count("pbxd_queue_entries_total", node="a", queue=queue)
    assert value(metrics, "pbxd_queue_entries_total", node="a", queue=OTHER) == 2
    text = metrics.text()
    assert text.count(b"\npbxd_queue_waiting{") == 5
    assert names[-1].encode() not in text


def test_flows_and_their_options_exist_from_the_start_at_zero() -> None:
    metrics = Metrics()
    option = {"step": "menu", "option": "1", "label": "Billing"}
    metrics.know_flow("pbx1", "main", [{"step": "menu"}, option])
    here = {"node": "pbx1", "flow": "main"}
    assert value(metrics, "pbxd_flow_entries_total", **here) == 0
    assert value(metrics, "pbxd_flow_results_total", **here, result="caller_left") == 0
    assert value(metrics, "pbxd_flow_wrong_keys_total", **here, step="menu", result="invalid") == 0
    assert value(metrics, "pbxd_flow_choices_total", **here, **option) == 0


# ---------------------------------------------------------------- OpenMetrics


def test_openmetrics_says_the_same_and_names_a_call_for_each_bucket() -> None:
    metrics = everything()
    for waited, call in ((0.5, "pbx1:1.1"), (0.7, "pbx1:1.2"), (19.0, "pbx1:1.3"), (4000.0, "pbx1:1.4")):
        metrics.apply(Count(metric="pbxd_queue_wait_seconds", labels=WAIT, value=waited, call=CallId(call)))
    text = metrics.text(openly=True).decode()
    families = list(open_text_to_families(text))
    plain = {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("pbxd_")
    }
    assert plain == {name: value for name, value in samples(metrics).items() if name.startswith("pbxd_")}
    assert {family.name: (family.type, family.documentation) for family in families}.items() >= {
        one.name.removesuffix("_total"): (one.kind.value, one.help) for one in CATALOGUE
    }.items()
    examples = {
        sample.labels["le"]: (sample.exemplar.labels, sample.exemplar.value)
        for family in families
        for sample in family.samples
        if sample.exemplar and sample.labels.get("queue") == "billing"
    }
    assert examples == {
        "1.0": ({"call": "pbx1:1.2"}, 0.7),
        "20.0": ({"call": "pbx1:1.3"}, 19.0),
        "+Inf": ({"call": "pbx1:1.4"}, 4000.0),
    }
    assert "pbx1:1." not in metrics.text().decode()


def test_an_example_that_is_too_long_is_left_out() -> None:
    metrics = Metrics()
    metrics.apply(Count(metric="pbxd_queue_wait_seconds", labels=WAIT, call=CallId("x" * 200)))
    (family,) = (
        f for f in open_text_to_families(metrics.text(openly=True).decode()) if "queue_wait_s" in f.name
    )
    assert not any(sample.exemplar for sample in family.samples)
    assert sum(sample.value for sample in family.samples if sample.name.endswith("_count")) == 1


async def test_both_formats_may_be_asked_for_in_turns() -> None:
    metrics = everything()
    for _ in range(2):
        ours, _, _ = (await metrics.scrape()).partition(b"# HELP process_")
        assert metrics.text().startswith(ours)
        text = (await metrics.scrape(openly=True)).decode()
        assert text.endswith("# EOF\n")
        assert list(open_text_to_families(text))
        metrics.count("pbxd_queue_wait_seconds", 3.0, **WAIT)


def test_the_process_says_who_it_is() -> None:
    text = Metrics(version="1.2.3").text().decode()
    assert 'pbxd_build_info{python="3.' in text
    assert 'version="1.2.3"' in text
    assert "process_resident_memory_bytes" in text
