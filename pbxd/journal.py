"""State that can be taken back: tables that remember what one step changed.

The world is stepped one message at a time. A step that raises must leave the state as it was before, and
copying ten thousand channels for each event would not do; so every table writes what it overwrites into
one journal, and the journal either forgets it (commit) or puts it back (rollback).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_ABSENT: Any = object()


Written = tuple["Table[Any, Any]", Any, Any]


class Journal:
    """The undo list shared by all tables of one world."""

    __slots__ = ("_undo",)

    def __init__(self) -> None:
        self._undo: list[Written] = []

    @property
    def written(self) -> Sequence[Written]:
        """What has been written since the last commit: in which table, under which key, instead of what."""
        return self._undo

    def commit(self) -> None:
        """Keep what the tables hold now."""
        if self._undo:
            self._undo.clear()

    def rollback(self) -> None:
        """Put every table back to where it stood at the last commit."""
        for table, key, old in reversed(self._undo):
            if old is _ABSENT:
                dict.pop(table, key, None)
            else:
                dict.__setitem__(table, key, old)
        self._undo.clear()


class Table(dict[K, V], Generic[K, V]):
    """A dict whose single-key writes can be taken back. Values must be immutable (frozen records, tuples).

    Only item assignment, ``del``, ``pop`` and ``put`` are journalled; the bulk writers of dict are refused.
    """

    __slots__ = ("_undo",)

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._undo = journal._undo

    def __setitem__(self, key: K, value: V) -> None:
        self._undo.append((self, key, self.get(key, _ABSENT)))
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: K) -> None:
        old = self[key]
        self._undo.append((self, key, old))
        dict.__delitem__(self, key)

    def pop(self, key: K, default: Any = _ABSENT) -> Any:
        """Remove ``key`` and return its value, or ``default``; KeyError when there is neither."""
        old = self.get(key, _ABSENT)
        if old is _ABSENT:
            if default is _ABSENT:
                raise KeyError(key)
            return default
        self._undo.append((self, key, old))
        return dict.pop(self, key)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a journalled table is written one key at a time")

    clear = update = setdefault = popitem = __ior__ = _refuse
