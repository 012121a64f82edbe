"""What an ear makes of samples: the referee of every end-to-end test has to be right itself."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Sequence

import pytest

from deploy.lab.ears import (
    MUSIC,
    PHONE_HZ,
    RATE,
    RINGBACK,
    SOUND,
    WINDOW,
    Ear,
    Heard,
    heard_in,
    joined,
    tone,
)
from deploy.lab.files import MUSIC_HZ

TONES = {f"phone{n}": hz for n, hz in enumerate(PHONE_HZ)}


def mix(*parts: Sequence[int]) -> array[int]:
    return array("h", (max(-32768, min(32767, sum(at))) for at in zip(*parts, strict=True)))


def wave(*frequencies: float, amplitude: float = 3000.0, offset: int = 0) -> array[int]:
    step = 2 * math.pi / RATE
    return array(
        "h",
        (
            int(sum(amplitude * math.sin(step * hz * (n + offset)) for hz in frequencies))
            for n in range(WINDOW)
        ),
    )


def samples_of(name: str) -> array[int]:
    return array("h", tone(TONES[name]))


@pytest.mark.parametrize("name", TONES)
def test_each_tone_is_taken_for_itself_alone(name: str) -> None:
    assert heard_in(samples_of(name), TONES) == {name}


def test_tones_together_music_ringing_and_silence() -> None:
    assert heard_in(mix(samples_of("phone0"), samples_of("phone5")), TONES) == {"phone0", "phone5"}
    assert heard_in(wave(*MUSIC_HZ), TONES) == {MUSIC}
    assert heard_in(wave(440, 480), TONES) == {RINGBACK}
    assert heard_in(mix(wave(*MUSIC_HZ, amplitude=2000), samples_of("phone3")), TONES) == {MUSIC, "phone3"}
    assert heard_in(array("h", [0] * WINDOW), TONES) == frozenset()


def test_noise_and_gliding_voices_are_sounds_and_nobody() -> None:
    chance = random.Random(5)
    noise = array("h", (chance.randint(-8000, 8000) for _ in range(WINDOW)))
    assert heard_in(noise, TONES) == {SOUND}
    # A voice: many harmonics of a pitch that moves.
    voice = array(
        "h",
        (
            int(sum(2500 * math.sin(2 * math.pi * k * (150 + n / 40) * n / RATE) for k in range(1, 12)))
            for n in range(WINDOW)
        ),
    )
    assert heard_in(voice, TONES) == {SOUND}


def ragged(name: str, step: int) -> array[int]:
    """A tone of which a busy machine has lost a few samples at every packet."""
    whole = array("h", tone(TONES[name]) * 4)
    return array("h", [whole[n + (n // 160) * step] for n in range(WINDOW)])


def test_a_ragged_tone_goes_on_but_does_not_begin() -> None:
    for step in (37, 51, 73, 90):
        samples = ragged("phone4", step)
        assert heard_in(samples, TONES, frozenset(["phone4"])) == {"phone4"}
        assert "phone4" not in heard_in(samples, TONES)
    assert "phone7" not in heard_in(ragged("phone4", 51), TONES, frozenset(["phone7"]))
    chance = random.Random(6)
    noise = array("h", (chance.randint(-8000, 8000) for _ in range(WINDOW)))
    assert heard_in(noise, TONES, frozenset(TONES)) == {SOUND}


def test_a_faint_tone_is_not_heard() -> None:
    assert "phone2" not in heard_in(wave(PHONE_HZ[2], amplitude=300), TONES)


def test_the_story_of_an_ear() -> None:
    ear = Ear("anna", TONES)
    start = 1000.0
    for n in range(20):
        # Windows 5 to 14 hold a tone; one window in between is lost.
        loud = 5 <= n < 15 and n != 9
        ear.take(tone(TONES["phone1"]) if loud else bytes(WINDOW * 2), start + (n + 1) / 10)
    (heard,) = ear.story(start + 2)
    assert (heard.listener, heard.what) == ("anna", "phone1")
    assert heard.since == pytest.approx(start + 0.5)
    assert heard.until == pytest.approx(start + 1.5)
    assert ear.settled == frozenset()


def test_a_line_that_brings_nothing_is_silent() -> None:
    ear = Ear("anna", TONES)
    for n in range(5):
        ear.take(tone(TONES["phone1"]), 1000 + (n + 1) / 10)
    assert ear.settled == {"phone1"}
    ear.take(b"", 1000.7)
    assert ear.settled == {"phone1"}
    ear.take(b"", 1001.2)
    assert ear.settled == frozenset()
    assert ear.story(1002.0)[0].until == pytest.approx(1000.5)


def test_short_breaks_are_joined_and_long_ones_are_not() -> None:
    def heard(since: float, until: float) -> Heard:
        return Heard(listener="a", what="b", since=since, until=until)

    assert joined([heard(3.0, 4.0), heard(0.0, 1.0), heard(1.3, 2.0)]) == [heard(0.0, 2.0), heard(3.0, 4.0)]
