"""The one place where text becomes part of an AGI command.

Asterisk reads one command per line and splits it at blanks outside double quotes; inside them a backslash
takes the next character as it is. There is no escape for a line end: a value that holds one would run its
second line as a command of its own, and must be refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_COMMAND = 2046
"""Bytes of a command without its line end. Asterisk's buffer is 2048; a longer line becomes two commands."""

_BARE = re.compile(r"[A-Za-z0-9_./:@+*#-]+", re.ASCII)


class ArgumentError(ValueError):
    """A value that no AGI command can carry. The command was not sent."""


def quoted(value: object) -> str:
    """``value`` as one argument in double quotes. Raises ArgumentError for CR, LF and NUL."""
    text = str(value)
    _refuse_line_ends(text)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def argument(value: object) -> str:
    """``value`` as one argument, in quotes only where it needs them: Asterisk's logs stay readable."""
    text = str(value)
    return text if _BARE.fullmatch(text) else quoted(text)


def command(verb: str, *arguments: object) -> str:
    """One command line without its end. ``verb`` is a constant of ours, the arguments are anybody's."""
    if not arguments:
        return verb
    return f"{verb} {' '.join(map(argument, arguments))}"


@lru_cache(1024)  # most commands come again with every call; the caller's own data make a few that do not
def encoded(line: str, encoding: str = "utf-8") -> bytes:
    """The bytes of one command with its line end. Raises ArgumentError when it would not be one command."""
    if "\n" in line or "\r" in line or "\0" in line:
        _refuse_line_ends(line)
    try:
        raw = line.encode(encoding)
    except UnicodeEncodeError as error:
        raise ArgumentError(f"a command cannot hold {line[error.start]!r} in {encoding}") from None
    if len(raw) > LONGEST_COMMAND:
        raise ArgumentError(f"a command of {len(raw)} bytes; Asterisk takes {LONGEST_COMMAND}")
    return raw + b"\n"


def _refuse_line_ends(text: str) -> None:
    if "\n" in text or "\r" in text or "\0" in text:  # a third of what a regular expression takes
        raise ArgumentError(f"a command cannot hold a line end or NUL, it would become two: {text[:80]!r}")
