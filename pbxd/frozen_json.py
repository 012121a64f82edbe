"""Frozen records as JSON and back: what the core keeps over pbxd's own end.

A record becomes an object of its fields, without those that have their default; so that a field that is new
in a later version costs nothing. Strict in reading: what is not of the field's type is refused.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from functools import cache
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")

Read = Callable[[Any], Any]
Field = tuple[str, Callable[[Any], Any], Any]

_PLAIN = (str, int, float, bool, type(None))


def written(record: Any) -> dict[str, Any]:
    """A record whose fields are text, numbers, truth values, enumerations, records, and tuples of these."""
    cls: Any = type(record)
    return {
        name: value if type(value) in _PLAIN else _value(value)
        for name, get, default in _fields(cls)
        if (value := get(record)) is not default and value != default
    }


def read(cls: type[R], body: Any) -> R:
    """What ``written`` made. KeyError, TypeError or ValueError when it is nothing of this kind."""
    record: R = _reader(cls)(body)  # type: ignore[arg-type]
    return record


def _value(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    if isinstance(value, StrEnum):
        return str(value)
    return written(value)


@cache
def _fields(cls: type) -> tuple[Field, ...]:
    """Name, reader and default of each field."""
    return tuple((field.name, getattr(cls, field.name).__get__, field.default) for field in fields(cls))


@cache
def _reader(cls: type) -> Read:
    hints = get_type_hints(cls)
    readers = {field.name: _of(hints[field.name]) for field in fields(cls)}
    needed = [field.name for field in fields(cls) if field.default is MISSING]

    def record(body: Any) -> Any:
        if not isinstance(body, Mapping):
            raise TypeError(f"{cls.__name__} is an object, not {type(body).__name__}")
        for name in needed:
            if name not in body:
                raise KeyError(name)
        return cls(**{name: readers[name](value) for name, value in body.items()})

    return record


def _of(hint: Any) -> Read:
    """Reads a value of this type."""
    if isinstance(hint, NewType):
        return _of(hint.__supertype__)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = [_of(each) for each in inner if each is not types.NoneType]
        return lambda value: None if value is None else some(value)
    if origin is tuple:
        return _tuple(inner)
    if hint is float:
        return _number
    if hint in (str, int, bool):
        return lambda value: _exactly(hint, value)
    if issubclass(hint, StrEnum):
        return lambda value: hint(_exactly(str, value))
    return _reader(hint)


def _tuple(inner: tuple[Any, ...]) -> Read:
    if len(inner) == 2 and inner[1] is Ellipsis:
        each = _of(inner[0])
        return lambda value: tuple(each(one) for one in _exactly(list, value))
    members = [_of(one) for one in inner]
    return lambda value: tuple(
        member(one) for member, one in zip(members, _exactly(list, value), strict=True)
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"a number expected, not {value!r}")
    return float(value)


def _exactly(cls: type, value: Any) -> Any:
    if type(value) is not cls:
        raise TypeError(f"{cls.__name__} expected, not {type(value).__name__}")
    return value
