"""docs/flows.md: every flow in it can be loaded, every step of it walked, every test in it passes."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from pbxd.edge.flow_files.load import parse_flow
from pbxd.edge.flow_files.schema import FlowForm, StepForm, flow_schema
from pbxd.ivr.flow import next_steps, prompts_of
from pbxd.settings.yaml_source import read_yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "flows.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
YAML = [block for kind, block in BLOCKS if kind == "yaml"]
PYTHON = [block for kind, block in BLOCKS if kind == "python"]


def completed(steps: str) -> str:
    """A whole flow around steps: what they name and the page leaves out is made up."""
    data = read_yaml(dedent(steps), "block").data
    named = set(re.findall(r"(?:next|failed): ([\w-]+)", steps)) | {
        word for words in re.findall(r"results: \{ (.*?) \}", steps) for word in re.findall(r": (\w+)", words)
    }
    prompts: set[str] = set()
    for words in re.findall(r"(?:prompt|before|after): (\[.*?\]|[\w-]+)", steps):
        prompts |= set(re.findall(r"[\w-]+", words))
    made_up = "".join(f"  {name}: {{ type: done }}\n" for name in sorted(named - data.keys()))
    entry = (
        "  account_entry:\n    type: collect\n    variable: account\n    prompt: p\n    next: made_up\n"
        + ("    invalid: { next: made_up }\n    no_input: { next: made_up }\n")
    )
    texts = "".join(f"  {name}: {{ en: x, zh: y }}\n" for name in sorted(prompts | {"p"}))
    return (
        f"languages: [en, zh]\nstart: {next(iter(data))}\non_failure: {{ queue: support }}\n"
        f"prompts:\n{texts}steps:\n{steps}{made_up}{entry}  made_up: {{ type: done }}\n"
    )


@pytest.mark.parametrize("block", YAML)
def test_flows_and_steps_of_the_page_can_be_loaded(block: str) -> None:
    text = block if "steps:" in block else completed(block)
    flow = parse_flow(text, "page.yaml", "page").flow
    for step in flow.steps.values():
        assert list(next_steps(step)) is not None
        assert list(prompts_of(step)) is not None


def test_every_type_and_every_key_is_explained() -> None:
    schema = flow_schema()
    forms = [FlowForm, *StepForm.__subclasses__()]
    types = {value for name in schema["$defs"] for value in _types(schema["$defs"][name])}
    assert types == {"play", "menu", "rate", "collect", "say", "script", "queue", "hangup", "done"}
    for form in forms:
        for name, field in form.model_fields.items():
            assert re.search(rf"\b{field.alias or name}\b", TEXT), f"{form.__name__}.{name}"
    for kind in types:
        assert f"type: {kind}" in TEXT


def _types(form: dict[str, object]) -> list[str]:
    kind = form.get("properties", {}).get("type", {})  # type: ignore[attr-defined]
    return kind.get("enum") or ([kind["const"]] if "const" in kind else [])  # type: ignore[no-any-return]


def test_the_python_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tests = []
    for block in PYTHON:
        names: dict[str, object] = {}
        exec(compile(block, "docs/flows.md", "exec"), names)
        tests += [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()  # type: ignore[operator]
