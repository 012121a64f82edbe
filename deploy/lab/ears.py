"""What a phone hears, told from its samples: other phones' tones, hold music, ringing, any other sound.

Every phone sends a tone of its own. Whether somebody hears somebody is then a question for a Goertzel filter
(a discrete Fourier transform at single frequencies; here as one sum over a window of a tenth of a second),
not for what a switch says about its bridges. All frequencies are multiples of 10 Hz, so that each fits the
window a whole number of times and none leaks into another.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from deploy.lab.files import MUSIC_HZ

Samples = npt.NDArray[Any]

RATE = 8000  #: samples per second, 16 bit, mono
WINDOW = RATE // 10
_PIECE = WINDOW // 5  #: a packet of 20 ms

MUSIC = "music"  #: the laboratory's hold music
RINGBACK = "ringback"  #: the ringing tone as Asterisk plays it on an answered line
SOUND = "sound"  #: something else: a prompt, a voice, other music

RINGBACK_HZ = (440.0, 480.0)

#: Tones of the phones. Clear of the hold music, the ringing tone and of the digits' own tones.
PHONE_HZ = tuple(float(hz) for hz in range(570, 3400, 110))

_AMPLITUDE = 5000.0  #: what a phone sends, of 32767: three of them together do not clip
_HEARD = 1200.0  #: a tone counts from here on
_NOTE_HEARD = 500.0  #: a note of the music, of the ringing tone
_PURITY = 4.0  #: a tone is so much stronger than what is 20 Hz beside it; a voice is not
_SOUND_RMS = 150.0  #: what remains without the tones counts as a sound from here on


@cache
def _wave(hz: float) -> Samples:
    return np.exp(2j * np.pi * hz / RATE * np.arange(WINDOW))


def amplitude(samples: Samples, hz: float) -> float:
    """The amplitude of the frequency in one window of samples."""
    return 2.0 / WINDOW * float(abs(samples @ _wave(hz)))


def amplitude_in_pieces(samples: Samples, hz: float) -> float:
    """The amplitude of the frequency when the phase may change with every packet; blunter by as much."""
    pieces = (samples * _wave(hz)).reshape(-1, _PIECE).sum(axis=1)
    return 2.0 / _PIECE * float(np.sqrt(np.mean(np.abs(pieces) ** 2)))


@cache
def tone(hz: float) -> bytes:
    """One tenth of a second of a phone's tone; repeated, it runs on without a click."""
    step = 2 * math.pi * hz / RATE
    return array("h", (int(_AMPLITUDE * math.sin(step * n)) for n in range(WINDOW))).tobytes()


def heard_in(
    pcm: array[int], tones: Mapping[str, float], before: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Whose tone, and which other sounds, are in one window of samples. Empty: silence.

    A tone that was heard ``before`` may have become ragged: on a busy machine packets come late and are
    dropped, and the tone goes on in another phase. It then is looked for packet by packet.
    """
    samples: Samples = np.asarray(pcm, dtype=np.float64)
    energy = float(samples @ samples) / WINDOW
    if energy < _SOUND_RMS**2:
        return frozenset()
    names: set[str] = set()
    explained, ragged = 0.0, False
    for hz, owners in _owners(tones).items():
        strength = amplitude(samples, hz)
        if strength >= _HEARD and _is_pure(samples, hz, strength):
            names.update(owners)
            explained += strength**2 / 2
        elif not before.isdisjoint(owners) and _is_there_in_pieces(samples, hz, energy):
            names.update(owners)
            explained, ragged = explained + amplitude_in_pieces(samples, hz) ** 2 / 2, True
    for name, notes in ((MUSIC, MUSIC_HZ), (RINGBACK, RINGBACK_HZ)):
        strengths = [amplitude(samples, hz) for hz in notes]
        if min(strengths) >= _NOTE_HEARD and all(map(_is_pure, [samples] * len(notes), notes, strengths)):
            names.add(name)
            explained += sum(strength**2 / 2 for strength in strengths)
    # Companding leaves noise of less than a hundredth of the tones' power; raggedness up to a half.
    if energy - explained > max(_SOUND_RMS**2, (0.5 if ragged else 0.05) * energy):
        names.add(SOUND)
    return frozenset(names)


def _owners(tones: Mapping[str, float]) -> dict[float, list[str]]:
    """Who sends which tone: with very many phones, more than one may."""
    owners: dict[float, list[str]] = {}
    for name, hz in tones.items():
        owners.setdefault(hz, []).append(name)
    return owners


def _is_there_in_pieces(samples: Samples, hz: float, energy: float) -> bool:
    strength = amplitude_in_pieces(samples, hz)
    return strength >= _HEARD and strength**2 / 2 > 0.25 * energy


def _is_pure(samples: Samples, hz: float, strength: float) -> bool:
    return all(amplitude(samples, hz + aside) * _PURITY < strength for aside in (-20.0, 20.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Somebody heard something without a break. Times in epoch seconds, good to about a fifth of a second."""

    listener: str
    what: str  #: a phone's name, or music, ringback, sound
    since: float
    until: float


class Ear:
    """The ear of one line: takes samples as they come, knows what is heard now and what was heard when."""

    _SETTLED = 2  #: windows in a row that must agree before something counts as begun or ended
    _QUIET_S = 0.5

    def __init__(self, listener: str, tones: Mapping[str, float]) -> None:
        self._listener = listener
        self._tones = tones
        self._rest = bytearray()
        self._seen: dict[str, int] = {}  #: name → windows in a row with (positive) or without (negative) it
        self._open: dict[str, float] = {}
        self._past: list[Heard] = []
        self.now: frozenset[str] = frozenset()  #: in the last window
        self.windows = 0
        self._fed = 0.0

    def take(self, pcm: bytes, at: float, every: int = 1) -> None:
        """Samples that arrived up to ``at`` (epoch seconds). None for a while (a line on hold) is silence.

        With very many lines, listen to one window in ``every`` and take the others for the same.
        """
        if pcm:
            self._fed = at
        elif at - self._fed > self._QUIET_S:
            self._rest.clear()
            self.close(self._fed)
            return
        self._rest += pcm
        size = WINDOW * 2
        while len(self._rest) >= size:
            samples = array("h", bytes(self._rest[:size]))
            del self._rest[:size]
            names = self.now
            if self.windows % every == 0:
                names = heard_in(samples, self._tones, self.now | self.settled)
            self._window(names, at - len(self._rest) / 2 / RATE)

    def _window(self, names: frozenset[str], end: float) -> None:
        self.now = names
        self.windows += 1
        for name in names | self._seen.keys():
            run = self._seen.get(name, 0)
            run = max(run, 0) + 1 if name in names else min(run, 0) - 1
            self._seen[name] = run
            if run == self._SETTLED and name not in self._open:
                self._open[name] = end - self._SETTLED * WINDOW / RATE
            elif run == -self._SETTLED and name in self._open:
                self._end(name, end - self._SETTLED * WINDOW / RATE)

    def _end(self, name: str, at: float) -> None:
        since = self._open.pop(name)
        self._past.append(Heard(listener=self._listener, what=name, since=since, until=at))

    @property
    def settled(self) -> frozenset[str]:
        """What is heard, without the flicker of single windows."""
        return frozenset(self._open)

    def close(self, at: float) -> None:
        """Nothing comes any more: what was heard until now ends now."""
        for name in list(self._open):
            self._end(name, at)
        self._seen.clear()
        self.now = frozenset()

    def story(self, at: float) -> list[Heard]:
        """Everything heard until ``at``."""
        still = [
            Heard(listener=self._listener, what=name, since=since, until=at)
            for name, since in self._open.items()
        ]
        return [*self._past, *still]


def joined(story: Iterable[Heard], gap_s: float = 0.5) -> list[Heard]:
    """The story in order, with breaks shorter than ``gap_s`` closed: a lost packet is not a parting."""
    result: dict[tuple[str, str], list[Heard]] = {}
    for heard in sorted(story, key=lambda one: one.since):
        run = result.setdefault((heard.listener, heard.what), [])
        if run and heard.since - run[-1].until < gap_s:
            until = max(run[-1].until, heard.until)
            run[-1] = Heard(listener=heard.listener, what=heard.what, since=run[-1].since, until=until)
        else:
            run.append(heard)
    return sorted((heard for run in result.values() for heard in run), key=lambda one: one.since)
