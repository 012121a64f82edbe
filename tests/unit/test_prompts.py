"""Prompts: spoken when missing, kept when right, never over somebody's recording."""

from __future__ import annotations

import array
import io
import math
import os
import shutil
import wave
from pathlib import Path

import pytest

from pbxd.edge.flow_files.load import missing_prompts, read_flow
from pbxd.edge.prompts import MADE, RATE, PromptError, espeak, lines, make_prompts, telephone_wav

MAIN = read_flow(Path(__file__).parents[2] / "dialplans" / "flows" / "main.yaml")


def tone(hertz: float, *, rate: int = 22050, seconds: float = 0.3, level: int = 8000) -> bytes:
    samples = array.array(
        "h", (round(level * math.sin(2 * math.pi * hertz * n / rate)) for n in range(int(rate * seconds)))
    )
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def samples_of(sound: bytes) -> array.array[int]:
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return array.array("h", file.readframes(file.getnframes()))


def strength(samples: array.array[int], hertz: float) -> float:
    """Share of the tone in the sound, 0 to 1 (Goertzel)."""
    k = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = 0.0
    for sample in samples:
        a, b = sample + k * a - b, a
    power = a * a + b * b - k * a * b
    return power / (len(samples) / 2 * sum(sample * sample for sample in samples))


class Voice:
    """A synthesiser that notes what it was asked for."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, text: str, language: str) -> bytes:
        self.said.append((text, language))
        return tone(440)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
def test_any_rate_becomes_a_telephones(rate: int) -> None:
    samples = samples_of(telephone_wav(tone(1000, rate=rate)))
    assert abs(len(samples) - 0.3 * RATE) < 20
    assert strength(samples, 1000) > 0.95
    assert 19_000 < max(samples) <= 20_001


def test_what_a_telephone_cannot_carry_is_filtered_out_not_folded_down() -> None:
    mixed = tone(5000, rate=22050, level=8000)
    low = tone(1000, rate=22050, level=1000)
    both = array.array("h", (a + b for a, b in zip(samples_raw(mixed), samples_raw(low), strict=True)))
    samples = samples_of(telephone_wav(wav(both, 22050)))
    assert strength(samples, 1000) > 0.9
    assert strength(samples, 3000) < 0.05


def samples_raw(sound: bytes) -> array.array[int]:
    with wave.open(io.BytesIO(sound)) as file:
        return array.array("h", file.readframes(file.getnframes()))


def wav(samples: array.array[int], rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def test_silence_is_trimmed() -> None:
    quiet = array.array("h", bytes(2 * RATE))
    sound = wav(quiet + samples_raw(tone(440, rate=RATE)) + quiet, RATE)
    assert len(samples_of(telephone_wav(sound))) < 0.5 * RATE


def test_everything_a_flow_says_is_a_line() -> None:
    said = {line.file: line.text for line in lines([MAIN.flow])}
    assert said["en/main/welcome"] == "Welcome to Example Telecom."
    assert said["zh/digits/7"] == "七"
    assert said["en/digits/pound"] == "hash"
    assert len(said) == 2 * len(MAIN.flow.prompts) + 2 * 12


def test_prompts_are_made_once_and_again_when_their_text_changes(tmp_path: Path) -> None:
    voice = Voice()
    made = make_prompts([MAIN.flow], tmp_path, voice)
    assert len(made.spoken) == len(voice.said) == len(set(lines([MAIN.flow])))
    assert not made.kept
    assert list(missing_prompts(MAIN, tmp_path)) == []
    again = make_prompts([MAIN.flow], tmp_path, voice)
    assert (again.spoken, again.recorded) == ((), ())
    assert len(again.kept) == len(made.spoken)
    register = tmp_path / MADE
    register.write_text(register.read_text().replace("en/main/welcome", "en/main/other"))
    assert make_prompts([MAIN.flow], tmp_path, voice).recorded == ("en/main/welcome",)


def test_a_recording_wins_whatever_its_format(tmp_path: Path) -> None:
    voice = Voice()
    recording = tmp_path / "en" / "main" / "welcome.wav"
    other = tmp_path / "zh" / "main" / "welcome.gsm"
    for path in (recording, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a recording")
    made = make_prompts([MAIN.flow], tmp_path, voice)
    assert made.recorded == ("en/main/welcome", "zh/main/welcome")
    assert recording.read_bytes() == other.read_bytes() == b"a recording"
    spoken = tmp_path / "en" / "main" / "choices.wav"
    spoken.write_bytes(b"recorded later")
    assert "en/main/choices" in make_prompts([MAIN.flow], tmp_path, voice).recorded
    assert spoken.read_bytes() == b"recorded later"


def test_two_that_make_the_same_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice, cache, replace = Voice(), tmp_path / "cache", os.replace

    def overtaken(part: Path, path: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        make_prompts([MAIN.flow], tmp_path / "b", voice, cache=cache)
        replace(part, path)

    monkeypatch.setattr(os, "replace", overtaken)
    make_prompts([MAIN.flow], tmp_path / "a", voice, cache=cache)
    made = {folder: sorted(path.name for path in (tmp_path / folder).rglob("*.wav")) for folder in "ab"}
    assert made["a"] == made["b"] != []


def test_a_cache_saves_the_speaking(tmp_path: Path) -> None:
    voice = Voice()
    make_prompts([MAIN.flow], tmp_path / "a", voice, cache=tmp_path / "cache")
    before = len(voice.said)
    made = make_prompts([MAIN.flow], tmp_path / "b", voice, cache=tmp_path / "cache")
    assert made.spoken
    assert len(voice.said) == before


def test_a_synthesiser_that_fails_is_told_with_the_prompt(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="en/main/welcome: espeak-ng: "):
        make_prompts([MAIN.flow], tmp_path, espeak(["/nonexistent/espeak-ng"]))
    with pytest.raises(PromptError, match=r"en/main/welcome: .*no sound"):
        make_prompts([MAIN.flow], tmp_path, lambda text, language: b"RIFF")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize(
    ("text", "language"), [("Please press one.", "en"), ("请按一", "zh"), ("; rm -rf", "en")]
)
def test_espeak_speaks(text: str, language: str) -> None:
    samples = samples_of(telephone_wav(espeak()(text, language)))
    assert 0.2 < len(samples) / RATE < 5
    assert max(samples) > 10_000
