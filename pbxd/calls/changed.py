"""A frozen record with some fields changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

R = TypeVar("R")

_blank: Any = object.__new__


def changed(record: R, **fields: Any) -> R:
    """As ``dataclasses.replace``, in a fifth of its time, for which a busy switch would wait otherwise.

    For slotted dataclasses without a base and without ``__post_init__``. TypeError for an unknown field.
    """
    cls = type(record)
    new: R = _blank(cls)
    left = len(fields)
    for name, get, put in _slots(cls):  # type: ignore[arg-type]
        if name in fields:
            put(new, fields[name])
            left -= 1
        else:
            put(new, get(record))
    if left:
        raise TypeError(f"{cls.__name__} has no {', '.join(fields.keys() - set(_names(cls)))}")
    return new


def _names(cls: type) -> tuple[str, ...]:
    names: tuple[str, ...] = cls.__slots__  # type: ignore[attr-defined]
    return names


@cache
def _slots(cls: type) -> tuple[tuple[str, Callable[[Any], Any], Callable[[Any, Any], None]], ...]:
    """Name, reader and writer of each field."""
    return tuple((name, getattr(cls, name).__get__, getattr(cls, name).__set__) for name in _names(cls))
