"""Sound files for the texts of the flows: spoken by a synthesiser, unless somebody has recorded them.

A prompt is ``<folder>/<language>/<flow>/<prompt>.wav``: 8 kHz, mono, 16 bit, what every Asterisk plays. A
sound file that this program did not make is a recording and is left alone, in whatever format it is; one
that it made is made again when its text or the voice has changed.
"""

from __future__ import annotations

import array
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from uuid import uuid4

from pbxd.ivr.flow import SOUND_FORMATS, Flow, Say
from pbxd.ivr.walk import DIGITS_FOLDER

RATE = 8000
MADE = ".made-by-pbxd.json"
"""In the folder: which files were made, and of what."""

VOICES = {"en": "en-us", "zh": "cmn"}
"""espeak-ng's voice for a language, where it is not called like the language."""

DIGITS: Mapping[str, Mapping[str, str]] = {
    "en": dict(
        zip(
            "0123456789",
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
            strict=True,
        )
    )
    | {"star": "star", "pound": "hash"},
    "zh": dict(zip("0123456789", "零一二三四五六七八九", strict=True)) | {"star": "星号", "pound": "井号"},
}
"""What ``say`` says for each key. A language that is not here says the figure as its voice reads it."""


class PromptError(Exception):
    """The synthesiser failed; the text tells which prompt and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing to say."""

    file: str  #: below the folder, without extension: en/main/welcome
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of the prompts."""

    spoken: tuple[str, ...]  #: made now
    kept: tuple[str, ...]  #: made before and still right
    recorded: tuple[str, ...]  #: somebody's recordings


Speak = Callable[[str, str], bytes]
"""(text, language) → a WAV file of 16 bit mono at any rate. Raises PromptError."""


def lines(flows: Iterable[Flow]) -> Iterator[Line]:
    """Everything that these flows say, digits included."""
    speaking: set[str] = set()
    for flow in flows:
        for prompt in flow.prompts.values():
            for language, text in prompt.texts.items():
                yield Line(file=f"{language}/{flow.name}/{prompt.name}", language=language, text=text)
        if any(isinstance(step, Say) for step in flow.steps.values()):
            speaking.update(flow.languages)
    for language in sorted(speaking):
        words = DIGITS.get(language) or DIGITS.get(language[:2], {})
        for name in (*"0123456789", "star", "pound"):
            text = words.get(name, {"star": "*", "pound": "#"}.get(name, name))
            yield Line(file=f"{language}/{DIGITS_FOLDER}/{name}", language=language, text=text)


def make_prompts(
    flows: Iterable[Flow], folder: Path, speak: Speak, *, cache: Path | None = None, at_once: int = 2
) -> Made:
    """Make the missing sound files of ``flows`` in ``folder``. Raises PromptError and OSError.

    ``cache`` is a folder in which spoken texts are kept by what was said, for folders that come and go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    register = _register(folder)
    spoken: list[Line] = []
    kept: list[str] = []
    recorded: list[str] = []
    for line in lines(flows):
        there = [path for end in SOUND_FORMATS if (path := folder / f"{line.file}{end}").is_file()]
        ours = folder / f"{line.file}.wav"
        if any(path != ours or register.get(line.file, ("", ""))[1] != _sum(path) for path in there):
            recorded.append(line.file)
        elif there and register[line.file][0] == _said(line):
            kept.append(line.file)
        else:
            spoken.append(line)
    with ThreadPoolExecutor(at_once) as workers:
        for line, sound in zip(
            spoken, workers.map(lambda line: _sound(line, speak, cache), spoken), strict=True
        ):
            path = folder / f"{line.file}.wav"
            _write(path, sound)
            register[line.file] = (_said(line), _sum(path))
    if spoken:
        _write(folder / MADE, json.dumps(register, indent=0, sort_keys=True).encode())
    return Made(spoken=tuple(line.file for line in spoken), kept=tuple(kept), recorded=tuple(recorded))


def _register(folder: Path) -> dict[str, tuple[str, str]]:
    try:
        found = json.loads((folder / MADE).read_bytes())
        return {str(name): (str(said), str(checksum)) for name, (said, checksum) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # then every file counts as a recording: nothing of anybody's is lost


def _said(line: Line) -> str:
    return hashlib.sha256(f"{line.language}\0{line.text}\0{RATE}".encode()).hexdigest()


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: Asterisk may be about to play it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two that make the same prompts take nothing away from each other.
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    part.write_bytes(data)
    os.replace(part, path)


def _sound(line: Line, speak: Speak, cache: Path | None) -> bytes:
    kept = cache / f"{_said(line)}.wav" if cache is not None else None
    if kept is not None and kept.is_file():
        return kept.read_bytes()
    try:
        sound = telephone_wav(speak(line.text, line.language))
    except (wave.Error, EOFError) as error:
        raise PromptError(f"{line.file}: the synthesiser gave no sound: {error}") from None
    except PromptError as error:
        raise PromptError(f"{line.file}: {error}") from None
    if kept is not None:
        _write(kept, sound)
    return sound


# ------------------------------------------------------------------------------- the synthesiser


def espeak(
    argv: Sequence[str] = ("espeak-ng",),
    environment: Mapping[str, str] | None = None,
    *,
    words_per_minute: int = 150,
    timeout_s: float = 30.0,
) -> Speak:
    """Speak by espeak-ng, a process of its own for each text (its licence stays outside of ours)."""

    def speak(text: str, language: str) -> bytes:
        voice = VOICES.get(language) or VOICES.get(language[:2]) or language.replace("_", "-").lower()
        command = [*argv, "-v", voice, "-s", str(words_per_minute), "--stdin", "--stdout"]
        try:
            ran = subprocess.run(
                command,
                input=text.encode(),
                capture_output=True,
                env=None if environment is None else dict(environment),
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PromptError(f"espeak-ng: {error}") from None
        if ran.returncode or not ran.stdout:
            raise PromptError(f"espeak-ng: {ran.stderr.decode(errors='replace').strip() or ran.returncode}")
        return ran.stdout

    return speak


# ------------------------------------------------------------------------------- sound


def telephone_wav(sound: bytes) -> bytes:
    """A WAV of 16 bit mono at any rate, as 8 kHz with its silence trimmed and its loudness levelled."""
    rate, samples = _samples(sound)
    samples = _levelled(_trimmed(_resampled(samples, rate)))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(_little_endian(samples))
    return out.getvalue()


def _samples(sound: bytes) -> tuple[int, array.array[int]]:
    with wave.open(io.BytesIO(sound)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise wave.Error("not 16 bit mono")
        frames = file.readframes(
            len(sound)
        )  # a synthesiser that writes to a pipe cannot tell its length before
        samples = array.array("h", frames[: len(frames) & ~1])
        if sys.byteorder == "big":
            samples.byteswap()
        return file.getframerate(), samples


def _little_endian(samples: array.array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = array.array("h", samples)
        samples.byteswap()
    return samples.tobytes()


def _resampled(samples: array.array[int], rate: int) -> array.array[int]:
    """Polyphase windowed sinc; what the telephone cannot carry (above 3.6 kHz) is filtered out before."""
    if rate == RATE:
        return samples
    common = math.gcd(rate, RATE)
    up, down = RATE // common, rate // common
    cut = min(0.45 * RATE, 0.45 * rate) / rate  # of the input's rate
    reach = math.ceil(8 / (2 * cut))
    phases = [_taps(phase / up, reach, cut) for phase in range(up)]
    padded = array.array("h", bytes(2 * reach)) + samples + array.array("h", bytes(2 * (reach + 1)))
    out = array.array("h")
    for position in range(0, len(samples) * up, down):
        whole, phase = divmod(position, up)
        value = sum(map(mul, phases[phase], padded[whole + 1 : whole + 1 + 2 * reach]))
        out.append(max(-32768, min(32767, round(value))))
    return out


def _taps(offset: float, reach: int, cut: float) -> list[float]:
    """A Hann-windowed sinc around ``offset`` (0 to 1) samples behind the middle, normed to 1."""
    taps = []
    for n in range(-reach + 1, reach + 1):
        x = n - offset
        sinc = 1.0 if abs(x) < 1e-9 else math.sin(2 * math.pi * cut * x) / (2 * math.pi * cut * x)
        taps.append(sinc * (0.5 + 0.5 * math.cos(math.pi * x / (reach + 1))))
    total = sum(taps)
    return [tap / total for tap in taps]


def _trimmed(samples: array.array[int], *, quiet: int = 200, keep_s: float = 0.06) -> array.array[int]:
    loud = [n for n, sample in enumerate(samples) if abs(sample) > quiet]
    if not loud:
        return samples
    keep = int(keep_s * RATE)
    return samples[max(0, loud[0] - keep) : loud[-1] + keep]


def _levelled(samples: array.array[int], *, peak: int = 20_000) -> array.array[int]:
    highest = max((abs(sample) for sample in samples), default=0)
    if highest == 0:
        return samples
    factor = peak / highest
    return array.array("h", (round(sample * factor) for sample in samples))
