"""What the house says of numbers: ``vip``, ``press``, ``do not sell``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pbxd.callers.names import NAME_LENGTH, safe_text

MAX_TAGS = 20


class Tags:
    """Tags by number in E.164, or by its first digits (``+4930*``).

    Looking one up costs the same however many numbers there are; each length of first digits costs one more.
    """

    def __init__(self, numbers_of: Mapping[str, Iterable[str]] | None = None) -> None:
        self._exact: dict[str, tuple[str, ...]] = {}
        self._begins: dict[str, tuple[str, ...]] = {}
        for tag, numbers in (numbers_of or {}).items():
            for number in numbers:
                table, key = (self._begins, number[:-1]) if number.endswith("*") else (self._exact, number)
                table[key] = (*table.get(key, ()), safe_text(tag, NAME_LENGTH))
        self._lengths = sorted({len(key) for key in self._begins})

    def of(self, number: str) -> tuple[str, ...]:
        """The tags of a number, each once, in the order of the settings: its own ones first."""
        if not number:
            return ()
        found = list(self._exact.get(number, ()))
        for length in self._lengths:
            found += self._begins.get(number[:length], ())
        return tuple(dict.fromkeys(found))[:MAX_TAGS]
