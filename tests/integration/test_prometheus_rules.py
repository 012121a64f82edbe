"""The rules for Prometheus: promtool takes and tests them, and everything they name exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy.lab.archive import NoArchiveError
from deploy.lab.tools import promtool
from deploy.lab.unpack import UnpackError
from pbxd.figures import CATALOGUE, Kind

REPO = Path(__file__).parents[2]
RULES = REPO / "deploy/prometheus/pbxd.rules.yml"
TESTS = sorted((Path(__file__).parent / "prometheus").glob("*.test.yml"))
TESTED = [test for file in TESTS for test in YAML(typ="safe").load(file)["tests"]]


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(RULES)["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


@pytest.mark.parametrize(("command", "files"), [("check", [RULES]), ("test", TESTS)], ids=["check", "test"])
def test_promtool_takes_them(command: str, files: list[Path], tmp_path: Path) -> None:
    try:
        tool = promtool()
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no promtool can be had here: {missing}")
    for file in {RULES, *files}:
        shutil.copy(file, tmp_path)
    done = subprocess.run(
        [*tool.argv, command, "rules", *(str(tmp_path / file.name) for file in files)],
        env=tool.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_figure_that_they_name_exists_with_its_labels() -> None:
    known = {figure.name: set(figure.label_names) for figure in CATALOGUE}
    known |= {
        f"{figure.name}_{part}": set(figure.label_names)
        for figure in CATALOGUE
        if figure.kind is Kind.HISTOGRAM
        for part in ("sum", "count", "bucket")
    }
    named = [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels)))
        for rule in rules()
        for name, labels in re.findall(r"\b(pbxd_\w+)(?:\{([^}]*)\})?", rule["expr"])
    ]
    assert len(named) > 15
    assert [name for name, _ in named if name not in known] == []
    assert [(name, labels - known[name]) for name, labels in named if labels - known[name]] == []


def test_every_recorded_series_is_used_and_every_used_one_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for rule in ALERTS for name in re.findall(r"\bpbxd:[\w:]+", rule["expr"])}
    # The five minutes' number of waits is for dashboards.
    assert used <= recorded
    assert recorded - used <= {"pbxd:queue_waits:increase5m"}


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_every_alert_says_what_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = notes["runbook_url"].partition("#")
    headings = re.findall(r"^### (\w+)$", (REPO / page).read_text(), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]
    assert anchor == rule["alert"].lower()


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_every_alert_is_tested_ringing_and_silent(rule: dict[str, Any]) -> None:
    tests = [
        case for test in TESTED for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]
    ]
    assert any(case.get("exp_alerts") for case in tests)
    # Silent at some time, or for some series beside the one for which it rings.
    series = [
        each["series"]
        for test in TESTED
        for each in test["input_series"]
        if any(case["alertname"] == rule["alert"] for case in test["alert_rule_test"])
    ]
    assert any(not case.get("exp_alerts") for case in tests) or len(series) > 3
