"""From one raw AMI message to its name and its headers.

Text is decoded as UTF-8, and bytes that are not UTF-8 become U+FFFD. A caller chooses his own name and may
send anything; what leaves this module is always text that JSON, a database and a broker accept (lone
surrogates are not). The bytes as they were are in the capture, for whoever needs them.
"""

from __future__ import annotations

from pbxd.ami.frames import GREETING

_GATHERED = ("ChanVariable", "Variable", "Output")
"""Headers (by their ending) that Asterisk repeats in one message with a new value each time."""

_BEFORE_ANY_TEXT = frozenset(
    (
        *("Event", "Response", "ActionID", "Privilege", "Timestamp"),
        *("BridgeUniqueid", "BridgeType", "BridgeTechnology"),
        *("Channel", "ChannelState", "ChannelStateDesc"),
    )
)
"""Headers that Asterisk writes before the first one which a caller can put a line break into (his number)."""


class _Lines(dict[str, tuple[str, str]]):
    """Lines met before, cut at their colon. The events of one channel repeat most of their lines, so that
    three of four are found here, which takes a third of the time. ValueError for a line without a colon."""

    def __missing__(self, line: str) -> tuple[str, str]:
        key, colon, value = line.partition(": ")
        if not colon:
            raise ValueError(line)
        if len(line) <= _LINE_MOST:
            if len(self) >= _LINES_MOST:
                self.clear()
            self[line] = key, value
        return key, value


_LINE_MOST = 120  # a caller may make lines as long as he likes; they are not kept
_LINES_MOST = 20_000

_known_line = _Lines().__getitem__


def event_name(raw: bytes) -> bytes:
    """The event's name, e.g. ``b"Newchannel"``, read off the first line; b'' for a response or garbage."""
    if raw[:7] == b"Event: ":
        end = raw.find(b"\r", 7)
        return raw[7:] if end < 0 else raw[7:end]
    tidied = _tidied(raw)
    return event_name(tidied) if tidied != raw else b""


def parse(raw: bytes) -> dict[str, str]:
    """All headers in their order; never fails: garbage gives what headers it has, at worst none.

    The values of ChanVariable, Variable and Output, which are about another thing each time, are joined by a
    newline. Any other header is repeated only where a caller's text forges one: then the last counts of those
    that follow his number in a true event, and the first of those before it. A line without a colon continues
    the value before it.
    """
    lines = raw.decode("utf-8", "replace").split("\r\n")
    try:
        headers = dict(map(_known_line, lines))
    except ValueError:
        return _parse_carefully(raw)
    if len(headers) != len(lines):
        return _parse_carefully(raw)
    return headers


def _parse_carefully(raw: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    last = ""
    for line in _tidied(raw).decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon or not key:
            if last and line:
                headers[last] += "\n" + line
            continue
        value = value.removeprefix(" ")
        last = key
        if key in headers:
            if key in _BEFORE_ANY_TEXT:
                last = ""
                continue
            if key.endswith(_GATHERED):
                value = f"{headers[key]}\n{value}"
        headers[key] = value
    return headers


def _tidied(raw: bytes) -> bytes:
    """Without blank lines in front, and without a greeting (a capture made of two has one in the middle)."""
    raw = raw.strip(b"\r\n")
    if raw.startswith(GREETING):
        raw = raw.partition(b"\n")[2]
    return raw
