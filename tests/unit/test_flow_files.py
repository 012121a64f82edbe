"""Flow files: read well, or refused with every fault at its place."""

from __future__ import annotations

import os
from pathlib import Path

import jsonschema
import pytest

from pbxd.edge.flow_files.book import FlowBook
from pbxd.edge.flow_files.load import missing_prompts, parse_flow, read_flow, read_folder
from pbxd.edge.flow_files.schema import flow_schema
from pbxd.ivr.flow import Collect, End, Menu, Next, Play, Say, Script
from pbxd.settings.yaml_source import SourceError, read_yaml

MAIN = Path(__file__).parents[2] / "dialplans" / "flows" / "main.yaml"

SMALL = """\
languages: en
start: hello
on_failure: { queue: support }
prompts:
  hello: { en: Hello. }
steps:
  hello:
    type: play
    prompt: hello
    next: help
  help:
    type: queue
    queue: support
    timeout: 90s
"""


def faults(text: str) -> list[str]:
    with pytest.raises(SourceError) as caught:
        parse_flow(text, "small.yaml", "small")
    return [str(fault) for fault in caught.value.faults]


def test_the_flow_of_the_story_is_read() -> None:
    flow = read_flow(MAIN).flow
    assert flow.name == "main"
    assert flow.languages == ("en", "zh")
    menu, account, repeat = flow.steps["choose"], flow.steps["billing_account"], flow.steps["billing_repeat"]
    assert isinstance(flow.steps["welcome"], Play)
    assert isinstance(menu, Menu)
    assert {key: option.subject for key, option in menu.options.items()} == {
        "1": "billing",
        "2": "technical",
        "0": "general",
    }
    assert isinstance(account, Collect)
    assert (account.variable, account.least, account.most, account.between) == ("account", 4, 12, 3.0)
    assert isinstance(repeat, Say)
    assert {s.decision.queue for s in flow.steps.values() if isinstance(s, End)} == {
        "billing",
        "technical",
        "support",
    }
    assert not read_flow(MAIN).oddities


def test_a_small_flow_and_its_defaults() -> None:
    flow = parse_flow(SMALL, "small.yaml", "small").flow
    end = flow.steps["help"]
    assert isinstance(end, End)
    assert (end.label, end.decision.next, end.decision.timeout) == ("Help", Next.QUEUE, 90)
    assert flow.title == "small"
    assert list(end.decision.variables()) == [
        ("PBXD_QUEUE", "support"),
        ("PBXD_QUEUE_TIMEOUT", "90"),
        ("PBXD_NEXT", "queue"),
    ]


def test_all_faults_at_once_each_at_its_place() -> None:
    text = (
        SMALL.replace("next: help", "next: hepl")
        .replace("prompt: hello", "prompt: helo")
        .replace("start: hello", "start: hullo")
    )
    assert faults(text) == [
        "small.yaml:2:8: start: no such step 'hullo' (did you mean 'hello'?)",
        "small.yaml:9:13: steps.hello.prompt: no such prompt 'helo' (did you mean 'hello'?)",
        "small.yaml:10:11: steps.hello.next: no such step 'hepl' (did you mean 'help'?)",
    ]


def test_faults_of_form_come_with_what_was_meant() -> None:
    text = (
        SMALL.replace("type: play", "type: plya")
        .replace("    queue: support", "    queue: a,b\n    tiemout: 5s")
        .replace("    timeout: 90s\n", "    timeout: 90\n")
        .replace("languages: en\n", "languages: en\nlanguage: en\n")
    )
    assert faults(text) == [
        "small.yaml:2:1: language: unknown key (did you mean 'languages'?)",
        "small.yaml:9:11: steps.hello.type: must be one of play, menu, rate, collect, say, script, queue, "
        "hangup, done (did you mean 'play'?)",
        "small.yaml:14:12: steps.help.queue: must be a queue's name: letters, digits, _ . and -",
        "small.yaml:15:5: steps.help.tiemout: unknown key (did you mean 'timeout'?)",
        "small.yaml:16:14: steps.help.timeout: a duration needs a unit: 90s, 90ms, 90m …",
    ]


def test_a_word_that_yaml_would_mangle_stays_what_it_is() -> None:
    text = SMALL.replace("en: Hello.", "en: 010").replace("hello", "no")
    flow = parse_flow(text, "small.yaml", "small").flow
    assert flow.prompts["no"].texts == {"en": "010"}
    assert flow.start == "no"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  hello: { en: Hello. }", "  hello: { zh: 你好 }", "5:3: prompts.hello: has no text in en"),
        ("next: help", "next: hello", "7:3: steps.hello: no way leads from here to an end of the flow"),
        ("type: queue", "type: say\n    value: '{nmae}'", "unknown key"),
        ("start: hello\n", "", "1:1: start: missing"),
    ],
)
def test_faults_of_the_whole(old: str, new: str, fault: str) -> None:
    assert any(fault in line for line in faults(SMALL.replace(old, new)))


def test_what_callers_will_not_notice_is_told_but_taken() -> None:
    text = SMALL.replace("start: hello", "start: help")
    assert [str(oddity) for oddity in parse_flow(text, "small.yaml", "small").oddities] == [
        "small.yaml:7:3: steps.hello: no caller can come to this step"
    ]


def test_variables_of_say() -> None:
    text = SMALL.replace(
        "    type: play\n    prompt: hello\n",
        "    type: say\n    value: '1 {acount}'\n",
    )
    assert any("nothing sets this variable 'acount'" in line for line in faults(text))
    assert any("digits, *, # and {names} only" in line for line in faults(text.replace("1 {", "x {")))


def test_a_secret_is_not_said_aloud() -> None:
    text = SMALL.replace("next: help", "next: pin").replace(
        "  help:",
        "  pin:\n    type: collect\n    prompt: hello\n    secret: true\n    next: aloud\n"
        "    invalid: { next: help }\n    no_input: { next: help }\n"
        "  aloud:\n    type: say\n    value: '{pin}'\n    next: help\n  help:",
    )
    (only,) = faults(text)
    assert only.endswith("steps.aloud.value: pin is secret, not to be said aloud")


def test_a_script_step() -> None:
    text = SMALL.replace(
        "    type: play\n    prompt: hello\n",
        "    type: script\n    function: crm:look_up\n    deadline: 3s\n"
        "    results: { vip: help }\n    sets: [name]\n",
    ).replace("prompts:\n  hello: { en: Hello. }\n", "")
    step = parse_flow(text, "small.yaml", "small").flow.steps["hello"]
    assert isinstance(step, Script)
    assert (step.function, step.deadline, step.results, step.sets) == (
        "crm:look_up",
        3.0,
        {"vip": "help"},
        ("name",),
    )
    assert any("must be module:function" in line for line in faults(text.replace("crm:look_up", "crm")))


@pytest.mark.parametrize("name", ["a b", "-x", "x" * 40, ""])
def test_a_flow_must_have_a_name_that_is_safe_everywhere(name: str) -> None:
    with pytest.raises(SourceError, match="a flow's name"):
        parse_flow(SMALL, "x.yaml", name)


@pytest.mark.parametrize("text", ["", "- a", "hello", "a: [", "\tx: y"])
def test_what_is_no_flow_at_all(text: str) -> None:
    assert faults(text)[0].startswith("small.yaml:1:")


def test_the_schema_takes_what_the_loader_takes() -> None:
    schema = flow_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (SMALL, MAIN.read_text()):
        data = read_yaml(text, "x").data
        for step in data["steps"].values():
            for key in ("retries", "min", "max"):
                if key in step:
                    step[key] = int(step[key])  # as an editor reads it
        assert list(validator.iter_errors(data)) == []
    data["steps"]["welcome"]["tpye"] = "play"
    assert list(validator.iter_errors(data))


def test_a_folder_gives_what_is_good_and_the_faults_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SMALL)
    (tmp_path / "bad.yaml").write_text("start: x")
    (tmp_path / "good.yml").write_text(SMALL)
    (tmp_path / "notes.txt").write_text("not a flow")
    flows, found = read_folder(tmp_path)
    assert list(flows) == ["good"]
    assert {Path(fault.place.source).name for fault in found} == {"bad.yaml", "good.yml"}
    with pytest.raises(SourceError):
        FlowBook(tmp_path)
    assert "cannot be read" in str(read_folder(tmp_path / "nowhere")[1][0])


def test_a_reload_takes_over_what_is_good_and_keeps_what_is_broken(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(SMALL)
    book = FlowBook(tmp_path)
    before = {name: book.get(name) for name in ("one", "two", "three")}
    (tmp_path / "one.yaml").write_text(SMALL.replace("90s", "60s"))
    (tmp_path / "two.yaml").write_text(SMALL.replace("next: help", "next: nowhere"))
    (tmp_path / "three.yaml").unlink()
    (tmp_path / "four.yaml").write_text("[")
    found = book.reload()
    assert {Path(fault.place.source).stem for fault in found} == {"two", "four"}
    one = book.get("one")
    assert one is not None
    assert one != before["one"]
    assert book.get("two") is before["two"]
    assert book.get("three") is None
    assert book.get("four") is None
    (tmp_path / "two.yaml").write_text(SMALL)
    (tmp_path / "four.yaml").write_text(SMALL)
    assert book.reload() == []
    assert book.get("two") is not before["two"]
    assert book.get("four") is not None


def test_a_reload_of_a_folder_that_may_not_be_read_keeps_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.yaml").write_text(SMALL)
    book = FlowBook(tmp_path)

    def locked(folder: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pbxd.edge.flow_files.load.flow_paths", locked)
    assert [str(fault) for fault in book.reload()] == [f"{tmp_path}: cannot be read: Permission denied"]
    assert book.get("one") is not None


def test_a_reload_of_a_folder_that_is_gone_keeps_everything(tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "one.yaml").write_text(SMALL)
    book = FlowBook(folder)
    os.rename(folder, tmp_path / "away")
    assert book.reload()
    assert book.get("one") is not None


def test_missing_sound_files_are_told_at_the_text(tmp_path: Path) -> None:
    file = parse_flow(SMALL, "small.yaml", "small")
    (only,) = missing_prompts(file, tmp_path)
    assert str(only).startswith("small.yaml:5:12: prompts.hello.en: there is no sound file")
    sound = tmp_path / "en" / "small" / "hello.gsm"
    sound.parent.mkdir(parents=True)
    sound.touch()
    assert list(missing_prompts(file, tmp_path)) == []
