"""panoramisk's Message, read from its bytes only when somebody looks inside."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from panoramisk.message import Message

from pbxd.ami.headers import event_name

_SCANS = 3
"""Look-ups of one header by a search in the bytes, before reading all of them once is cheaper."""

_ABSENT: Any = object()


@lru_cache(maxsize=1024)
def _mark(low: str) -> bytes:
    return f"\r\n{low}: ".encode()


class AmiMessage(Message):  # type: ignore[misc]
    """An event or response as panoramisk's users know it, with two differences.

    Headers are looked for in the raw bytes, so that an event of which nobody wants more than a header or two
    costs next to nothing. And a header that is not there raises AttributeError (``message.header``) or
    KeyError (``message["header"]``) instead of reading as an empty text; ``get`` is for optional ones.
    """

    manager: Any = None
    _scans = 0
    _folded = b""

    def __init__(self, raw: bytes, manager: Any = None) -> None:
        self.raw = raw
        self.manager = manager

    def __getitem__(self, key: str) -> Any:
        found = self._find(key)
        if found is _ABSENT:
            raise KeyError(key)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        found = self._find(key)
        return default if found is _ABSENT else found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not _ABSENT

    def __getattr__(self, name: str) -> Any:
        if name == "_store":  # panoramisk's dict behind it all: made when it is first asked for
            self._store = self._read()
            return self._store
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._find(name)
        if found is _ABSENT:
            first = self.raw.partition(b"\r")[0].decode("utf-8", "replace")
            raise AttributeError(f"no header {name!r} in {first!r}")
        return found

    def _find(self, key: str) -> Any:
        low = key.lower()
        if "_store" not in self.__dict__:
            if self._scans < _SCANS:
                self._scans += 1
                found = self._scan(low)
                if found is not None:
                    return found
            self._store = self._read()
        return self._store.get(low, (key, _ABSENT))[1]

    def _scan(self, low: str) -> Any:
        """The value of a header that is there once; None where all headers must be read to be sure."""
        raw: bytes = self.raw
        if low == "event":
            return event_name(raw).decode("utf-8", "replace") or None
        if low in self.quoted_keys or low in ("content", "response"):
            return None
        folded = self._folded
        if not folded:
            folded = self._folded = raw.lower()
        mark = _mark(low)
        at = folded.find(mark)
        if at < 0:
            return _ABSENT
        start = at + len(mark)
        if folded.find(mark, start - 2) >= 0:
            return None
        end = raw.find(b"\r\n", start)
        return (raw[start:] if end < 0 else raw[start:end]).decode("utf-8", "replace")

    def _read(self) -> dict[str, tuple[str, Any]]:
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
