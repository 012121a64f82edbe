"""panoramisk's Message, read from its bytes only when somebody looks inside."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import unquote

from panoramisk.message import Message

from pbxd.ami.headers import event_name

_SCANS = 3
"""Look-ups of one header by a search in the bytes, before reading all of them once is cheaper."""


class AmiMessage(Message):  # type: ignore[misc]
    """An event or response as panoramisk's users know it, with two differences.

    Headers are looked for in the raw bytes, so that an event of which nobody wants more than a header or two
    costs next to nothing. And a header that is not there raises AttributeError (``message.header``) or
    KeyError (``message["header"]``) instead of reading as an empty text; ``get`` is for optional ones.
    """

    def __init__(self, raw: bytes, manager: Any = None) -> None:
        self.__dict__["raw"] = raw
        self.__dict__["manager"] = manager
        self.__dict__["_scans"] = 0

    @cached_property
    def _store(self) -> dict[str, tuple[str, Any]]:
        store: dict[str, tuple[str, Any]] = {"content": ("content", "")}
        lines = self.raw.decode("utf-8", "replace").split("\r\n")
        if lines[0].startswith(("Response: Follows", "Response: Fail")):
            store["content"] = ("content", _body(lines))
        for line in lines:
            key, colon, value = line.partition(": ")
            if not colon:
                continue
            low = key.lower()
            if low in self.quoted_keys:
                value = unquote(value).strip()
            if low in store and low != "content":
                before = store[low][1]
                store[low] = (key, [*before, value] if isinstance(before, list) else [before, value])
            else:
                store[low] = (key, value)
        return store

    @cached_property
    def event(self) -> str:
        """The event's name. AttributeError for a response."""
        name = event_name(self.raw)
        if not name:
            raise AttributeError("event")
        return name.decode("utf-8", "replace")

    def __getitem__(self, key: str) -> Any:
        if "_store" not in self.__dict__:
            self.__dict__["_scans"] += 1
            if self._scans <= _SCANS:
                found = self._scan(key)
                if found is not None:
                    return found
        return self._store[key.lower()][1]

    def _scan(self, key: str) -> str | None:
        """The value of a header that is there once; None where the headers must be read to be sure."""
        low = key.lower()
        if low in self.quoted_keys or low == "content":
            return None
        raw: bytes = self.raw
        if low == "event":
            return event_name(raw).decode("utf-8", "replace") or None
        folded = self._folded
        mark = f"\r\n{low}: ".encode()
        at = folded.find(mark)
        if at < 0 or folded.find(mark, at + 2) >= 0:
            return None
        start = at + len(mark)
        end = folded.find(b"\r\n", start)
        return (raw[start:] if end < 0 else raw[start:end]).decode("utf-8", "replace")

    @cached_property
    def _folded(self) -> bytes:
        raw: bytes = self.raw
        return raw.lower()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            first = self.raw.partition(b"\r")[0].decode("utf-8", "replace")
            raise AttributeError(f"no header {name!r} in {first!r}") from None

    @property
    def success(self) -> bool:
        """True for an event, and for a response of which the switch says so."""
        return "event" in self or self.get("response") in self.success_responses

    def __repr__(self) -> str:
        return f"<AmiMessage {dict(self.items())!r}>"


def _body(lines: list[str]) -> str:
    """Takes the last block of lines that is not empty off: the text below the headers."""
    content = lines.pop()
    while not content and lines:
        content = lines.pop()
    return content
