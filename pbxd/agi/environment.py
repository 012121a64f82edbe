"""The block of ``agi_…: value`` lines with which Asterisk opens a FastAGI session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import methodcaller

END = b"\n\n"
LONGEST = 65_536
MOST_LINES = 512

_NAME_LINE = "agi_calleridname"
_BEFORE_NAME = frozenset(
    (
        "agi_network",
        "agi_network_script",
        "agi_request",
        "agi_channel",
        "agi_language",
        "agi_type",
        "agi_uniqueid",
        "agi_version",
        "agi_callerid",
    )
)
"""What Asterisk writes before the caller's name. A name that holds a line end cannot forge these."""


class NotAnEnvironmentError(ValueError):
    """What came is not an AGI environment."""


class EnvironmentTooLongError(NotAnEnvironmentError):
    """The environment is longer than Asterisk ever makes one."""


def script(block: bytes, encoding: str = "utf-8", *, most_lines: int = MOST_LINES) -> str:
    """The path of the address that Asterisk was given, '' when there is none. Raises as ``parse`` does.

    Looks for this line only: who is not interested in the others need not wait for them.
    """
    if block[:4] != b"agi_" or block.count(b"\n") >= most_lines:
        return parse(block, encoding, most_lines=most_lines).get("agi_network_script", "")
    begin = block.find(_SCRIPT)
    if begin < 0 or (begin > 0 and block[begin - 1 : begin] != b"\n"):
        return parse(block, encoding, most_lines=most_lines).get("agi_network_script", "")
    begin += len(_SCRIPT)
    end = block.find(b"\n", begin)
    return str(block[begin : end if end >= 0 else len(block)], encoding, "replace").rstrip("\r")


_SCRIPT = b"agi_network_script: "

_halves: Callable[[str], list[str]] = methodcaller("split", ": ", 1)


def parse(block: bytes, encoding: str = "utf-8", *, most_lines: int = MOST_LINES) -> dict[str, str]:
    """The lines of ``block`` (without the empty one at its end) by name, blanks around values removed.

    Bytes that are not text in ``encoding`` become U+FFFD, because a caller's name may be anything. Raises
    NotAnEnvironmentError for a block without an ``agi_`` line, EnvironmentTooLongError for too many lines.
    """
    if block.count(b"\n") >= most_lines:
        raise EnvironmentTooLongError(f"more than {most_lines} lines")
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        text = block.decode(encoding, "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", " ")
    lines = text.split("\n")
    try:
        headers = dict(map(_halves, lines))
    except ValueError:  # a line without ': ', so something is wrong or hostile
        lines = [line for line in lines if ": " in line]
        headers = dict(map(_halves, lines))
        lines.append("")  # never as many as there are headers: look closer
    if len(headers) != len(lines):
        headers = _unforged(_halves(line) for line in lines if line)
    if "agi_network_script" not in headers and not any(name.startswith("agi_") for name in headers):
        raise NotAnEnvironmentError("no agi_ line in it")
    return headers


def _unforged(pairs: Iterable[list[str]]) -> dict[str, str]:
    """Of lines that came twice the one that Asterisk wrote.

    Only the caller's name can hold a line end. Lines that belong before it count when they come first, lines
    that belong behind it when they come last.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        if name in headers and (name in _BEFORE_NAME or name == _NAME_LINE):
            continue
        headers[name] = value
    return headers


def known(value: str | None) -> str:
    """``value``, or '' where Asterisk says that it does not know: it writes ``unknown``."""
    return "" if value is None or value == "unknown" else value
