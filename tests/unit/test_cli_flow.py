"""``pbxd flow``: the flow that ships, shown, drawn and checked."""

import json
import wave
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pbxd.cli import app

REPO = Path(__file__).parents[2]
MAIN = REPO / "dialplans/flows/main.yaml"


def pbxd(*arguments: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["flow", *arguments])
    return told.exit_code, told.output


def test_a_flow_is_shown_with_where_each_step_leads() -> None:
    code, text = pbxd("show", str(MAIN))
    assert code == 0
    assert "start  welcome  [play]" in text
    for step in YAML(typ="safe", pure=True).load(MAIN)["steps"]:
        assert f"  {step}  [" in text
    assert "→ queue support" in text


def test_a_flow_is_drawn(tmp_path: Path) -> None:
    code, text = pbxd("show", str(MAIN), "--mermaid")
    assert code == 0
    assert text.startswith("flowchart TD\n")
    odd = tmp_path / "odd.yaml"
    odd.write_text(
        "title: 'a \"b\" <script> & c'\nlanguages: [en]\non_failure: {queue: q}\nstart: end\n"
        "steps: {end: {type: hangup}}\n"
    )
    assert '"a &quot;b&quot; &lt;script> &amp; c"' in pbxd("show", str(odd), "--mermaid")[1]
    assert "hang up" in pbxd("show", str(odd))[1]


def test_a_flow_that_ships_is_clean() -> None:
    assert pbxd("check", str(MAIN)) == (0, "0 errors, 0 warnings, 0 notes\n")
    assert pbxd("check", str(MAIN.parent))[0] == 0


def test_faults_of_flows_are_told_with_their_place(tmp_path: Path) -> None:
    text = MAIN.read_text().replace("next: choose", "next: chose", 1)
    broken = tmp_path / "broken.yaml"
    broken.write_text(text)
    line = text.splitlines().index("    next: chose") + 1
    code, told = pbxd("check", str(tmp_path), str(tmp_path / "absent.yaml"))
    assert code == 1
    first, second, last = told.splitlines()
    assert first.startswith(f"{broken}:{line}:11: error: steps.welcome.next: ")
    assert "(did you mean 'choose'?)" in first
    assert second == f"{tmp_path}/absent.yaml: error: cannot be read: No such file or directory"
    assert last == "2 errors, 0 warnings, 0 notes"


def test_prompts_without_a_sound(tmp_path: Path) -> None:
    code, told = pbxd("check", str(MAIN), "--prompts", str(tmp_path))
    assert code == 0
    assert "warning: prompts.welcome.en: there is no sound file" in told


def test_the_folder_of_the_settings_is_the_default(tmp_path: Path) -> None:
    config = tmp_path / "pbxd.yaml"
    config.write_text("nodes: [{name: a, ami: {secret: x}}]\nflows: {folder: flows}\n")
    (tmp_path / "flows").mkdir()
    assert "there is no flow in this folder" in pbxd("check", "-c", str(config))[1]
    (tmp_path / "flows/main.yaml").write_text(MAIN.read_text())
    assert pbxd("show", "main", "-c", str(config)) == pbxd("show", str(MAIN))


SPEAKER = """\
#!/bin/sh
# A synthesiser that says everything with the same sound.
cat > /dev/null
exec cat "$(dirname "$0")/sound.wav"
"""


def test_flows_are_spoken_where_nobody_has_recorded_them(tmp_path: Path) -> None:
    config = tmp_path / "pbxd.yaml"
    config.write_text(
        "nodes: [{name: a, ami: {secret: x}}]\nflows: {folder: flows}\nprompts: {folder: prompts}\n"
    )
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/main.yaml").write_text(MAIN.read_text())
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x20\x00\xe0" * 800)
    speaker = tmp_path / "speaker"
    speaker.write_text(SPEAKER)
    speaker.chmod(0o755)
    recording = tmp_path / "prompts/en/main/welcome.gsm"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"a person's voice")
    code, told = pbxd("speak", "-c", str(config), "--espeak", str(speaker))
    assert code == 0, told
    assert ", 1 recorded by people" in told
    assert recording.read_bytes() == b"a person's voice"
    assert not recording.with_suffix(".wav").exists()
    spoken = tmp_path / "prompts/zh/main/welcome.wav"
    assert spoken.stat().st_mode & 0o444 == 0o444
    assert pbxd("check", "-c", str(config)) == (0, "0 errors, 0 warnings, 0 notes\n")
    assert pbxd("speak", "-c", str(config), "--espeak", str(speaker))[1].startswith("0 made, ")


def test_a_synthesiser_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "pbxd.yaml"
    config.write_text(
        "nodes: [{name: a, ami: {secret: x}}]\nflows: {folder: flows}\nprompts: {folder: prompts}\n"
    )
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/main.yaml").write_text(MAIN.read_text())
    code, told = pbxd("speak", "-c", str(config), "--espeak", str(tmp_path / "absent"))
    assert code == 1
    assert "No such file or directory" in told


def test_the_schema_takes_the_flow_that_ships() -> None:
    code, text = pbxd("schema")
    assert code == 0
    schema = json.loads(text)
    flow = json.loads(json.dumps(YAML(typ="safe", pure=True).load(MAIN)))
    jsonschema.validate(flow, schema)
    flow["steps"]["welcome"]["tpye"] = "play"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(flow, schema)
