"""AGI commands as values: the line to send, and how to read its reply.

Every function here makes one Verb and does nothing else; those of which calls need the same few again and
again keep them. Times are seconds, as everywhere in pbxd; Asterisk is told milliseconds. Sound files are
named without their extension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NoReturn, TypeVar
from urllib.parse import unquote

from pbxd.agi.quoting import command, quoted
from pbxd.agi.replies import FailedError, HungUpError, RefusedError, Reply

T_co = TypeVar("T_co", covariant=True)

ANY_KEY = "0123456789*#"


@dataclass(frozen=True, slots=True)
class Verb(Generic[T_co]):
    """One command. ``read`` gives its result, or raises HungUpError, RefusedError or FailedError."""

    line: str
    read: Callable[[Reply], T_co]
    plays: bool = False  #: it takes as long as the caller or a sound file likes


@dataclass(frozen=True, slots=True)
class Played:
    """How far a sound file got."""

    key: str  #: the key that broke it off, '' when it was heard to its end
    samples: int | None

    @property
    def missing(self) -> bool:
        """Asterisk found no such file, or an empty one."""
        return self.key == "" and self.samples == 0


@dataclass(frozen=True, slots=True)
class Entered:
    """What GET DATA heard: ``timed_out`` tells "nothing more came" from an entry ended by #, even empty."""

    digits: str
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    why: str  #: dtmf, timeout, hangup, silence …; '' when Asterisk does not say
    key: str
    samples: int | None


# ------------------------------------------------------------------------------------------- reading


def _well(reply: Reply) -> Reply:
    """The reply if it is a good one; the exception that tells what is wrong otherwise."""
    if reply.code != 200 or reply.result == "-1" or reply.data == "hangup":
        _explain(reply)
    return reply


def _explain(reply: Reply) -> NoReturn:
    if reply.hungup or reply.code == 511 or reply.data == "hangup":
        raise HungUpError(reply.text or "the caller hung up")
    if reply.code == 200:
        raise FailedError(reply.text)
    raise RefusedError(reply.text)


def _nothing(reply: Reply) -> None:
    _well(reply)


def _number(reply: Reply) -> int:
    text = _well(reply).result
    try:
        return int(text)
    except ValueError:
        raise RefusedError(reply.text) from None


def _key(reply: Reply) -> str:
    """The key of which ``result`` is the ASCII code; '' for 0."""
    code = _number(reply)
    return chr(code) if 0 < code < 128 else ""


def _played(reply: Reply) -> Played:
    if reply.result == "-1" and reply.endpos == 0 and not reply.hungup:
        return Played("", 0)  # how Asterisk says that it has no such file
    return Played(_key(reply), reply.endpos)


def _entered(reply: Reply) -> Entered:
    _well(reply)
    return Entered(reply.result, reply.timed_out)


def _recorded(reply: Reply) -> Recorded:
    code = _number(reply)
    key = chr(code) if reply.data == "dtmf" and 0 < code < 128 else ""
    return Recorded(reply.data or "", key, reply.endpos)


def _value(reply: Reply) -> str | None:
    # A value of -1 stands in the data, so result=-1 means failure here as well.
    return reply.data or "" if _well(reply).result == "1" else None


def _application(reply: Reply) -> int:
    if reply.code == 200 and reply.result == "-2":
        raise RefusedError(f"no such application: {reply.text}")
    return _number(reply)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


# ------------------------------------------------------------------------------------------- channel


def answer() -> Verb[None]:
    return Verb("ANSWER", _nothing)


def hang_up(channel: str = "") -> Verb[None]:
    """Hang up this channel, or the named one."""
    return Verb(command("HANGUP", channel) if channel else "HANGUP", _nothing)


def channel_status(channel: str = "") -> Verb[int]:
    """0 down, 1 reserved, 2 off hook, 3 dialled, 4 ringing here, 5 ringing there, 6 up, 7 busy."""
    return Verb(command("CHANNEL STATUS", channel) if channel else "CHANNEL STATUS", _number)


def run(application: str, *arguments: object) -> Verb[int]:
    """Run a dialplan application (EXEC); its arguments are joined by commas. RefusedError: there is none."""
    line = command("EXEC", application, ",".join(map(str, arguments)))
    return Verb(line, _application, plays=True)


def no_operation() -> Verb[None]:
    return Verb("NOOP", _nothing)


def verbose(text: str, level: int = 1) -> Verb[None]:
    """Write a line to Asterisk's console and log. Line ends in ``text`` become blanks."""
    return Verb(f"VERBOSE {quoted(' '.join(text.split()))} {level}", _nothing)


# ------------------------------------------------------------------------------------------- sounds and keys


@lru_cache(4096)
def stream_file(name: str, keys: str = "") -> Verb[Played]:
    """Play a sound file; each of ``keys`` breaks it off and is returned."""
    return Verb(f"{command('STREAM FILE', name)} {quoted(keys)}", _played, plays=True)


@lru_cache(256)
def wait_for_digit(timeout: float) -> Verb[str]:
    """The next key, or '' when none came within ``timeout`` seconds (-1: wait for ever)."""
    ms = -1 if timeout < 0 else _ms(timeout)
    return Verb(f"WAIT FOR DIGIT {ms}", _key, plays=True)


@lru_cache(256)
def get_data(name: str, timeout: float, most: int) -> Verb[Entered]:
    """Play ``name`` ('' for nothing) and take up to ``most`` keys; # ends them and is not part of them.

    ``timeout`` seconds are waited for the first key and again for each further one.
    """
    return Verb(f"{command('GET DATA', name)} {_ms(timeout)} {most}", _entered, plays=True)


def record_file(
    name: str, *, format: str = "wav", keys: str = "#", longest: float, beep: bool = True, silence: int = 0
) -> Verb[Recorded]:
    """Record into ``name``.``format`` until one of ``keys``, ``longest`` seconds, or ``silence`` seconds."""
    parts = [command("RECORD FILE", name, format), quoted(keys), str(_ms(longest))]
    parts += ["BEEP"] * beep + [f"s={silence}"] * bool(silence)
    return Verb(" ".join(parts), _recorded, plays=True)


def _say(what: str, value: object, keys: str) -> Verb[str]:
    return Verb(f"{command(f'SAY {what}', value)} {quoted(keys)}", _key, plays=True)


def say_digits(digits: str, keys: str = "") -> Verb[str]:
    return _say("DIGITS", digits, keys)


def say_number(number: int, keys: str = "") -> Verb[str]:
    return _say("NUMBER", number, keys)


def say_alpha(text: str, keys: str = "") -> Verb[str]:
    return _say("ALPHA", text, keys)


def say_phonetic(text: str, keys: str = "") -> Verb[str]:
    return _say("PHONETIC", text, keys)


def say_date(at: float, keys: str = "") -> Verb[str]:
    """Say the day of ``at`` (epoch seconds)."""
    return _say("DATE", int(at), keys)


def say_time(at: float, keys: str = "") -> Verb[str]:
    return _say("TIME", int(at), keys)


def say_datetime(at: float, keys: str = "", format: str = "", zone: str = "") -> Verb[str]:
    """``format`` and ``zone`` as in voicemail.conf."""
    line = f"{command('SAY DATETIME', int(at))} {quoted(keys)}"
    if format or zone:
        line += f" {quoted(format)}"
    if zone:
        line += f" {quoted(zone)}"
    return Verb(line, _key, plays=True)


# ------------------------------------------------------------------------------------------- variables


def set_variable(name: str, value: object) -> Verb[None]:
    """Set a channel variable or a function, e.g. ``CHANNEL(language)``. The value is not expanded."""
    return Verb(f"SET VARIABLE {quoted(name)} {quoted(value)}", _nothing)


def get_variable(name: str) -> Verb[str | None]:
    """A variable that Asterisk or pbxd set; None when unset. For what callers can set: caller_value."""
    return Verb(f"GET VARIABLE {quoted(name)}", _value)


def get_full_variable(expression: str) -> Verb[str | None]:
    """An expression such as ``${CALLERID(num)}``, expanded by Asterisk. Never put callers' text into it."""
    return Verb(f"GET FULL VARIABLE {quoted(expression)}", _value)


def caller_value(name: str) -> Verb[str | None]:
    """A variable or function whose value a caller controls, e.g. ``CALLERID(name)``.

    Asterisk encodes it, so that a line end or a parenthesis in it cannot forge another reply.
    """
    if not name.replace("(", "").replace(")", "").replace("_", "").replace("-", "").isalnum():
        raise ValueError(f"not the name of a variable or function: {name!r}")

    def read(reply: Reply) -> str | None:
        value = _value(reply)
        return None if value is None else unquote(value, errors="replace")

    return Verb(f'GET FULL VARIABLE "${{URIENCODE(${{{name}}})}}"', read)
