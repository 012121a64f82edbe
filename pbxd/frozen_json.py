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
Write = Callable[[Any], Any]


def written(record: Any) -> dict[str, Any]:
    """A record of text, numbers, truth values, enumerations, records, and tuples of these, for ``json``."""
    cls: Any = type(record)
    body: dict[str, Any] = _writer(cls)(record)
    return body


def read(cls: type[R], body: Any) -> R:
    """What ``written`` made. KeyError, TypeError or ValueError when it is nothing of this kind."""
    record: R = _reader(cls)(body)  # type: ignore[arg-type]
    return record


# ---------------------------------------------------------------- writing


@cache
def _writer(cls: type) -> Write:
    hints = get_type_hints(cls)
    plain: list[tuple[str, Callable[[Any], Any], Any]] = []
    deep: list[tuple[str, Callable[[Any], Any], Any, Write]] = []
    for field in fields(cls):
        get = getattr(cls, field.name).__get__
        write = _write_of(hints[field.name])
        if write is None:
            plain.append((field.name, get, field.default))
        else:
            deep.append((field.name, get, field.default, write))

    def record(value: Any) -> dict[str, Any]:
        body = {name: told for name, get, default in plain if (told := get(value)) != default}
        for name, get, default, write in deep:
            told = get(value)
            if told is not default and told != default:
                body[name] = write(told)
        return body

    return record


def _write_of(hint: Any) -> Write | None:
    """Writes a value of this type; None: ``json`` takes it as it is."""
    if isinstance(hint, NewType):
        return _write_of(hint.__supertype__)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = [_write_of(each) for each in inner if each is not types.NoneType]
        return None if some is None else lambda value: None if value is None else some(value)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        each = _write_of(inner[0])
        return None if each is None else lambda value: [each(one) for one in value]
    if origin is tuple:
        members = [_write_of(one) for one in inner]
        return lambda value: [
            one if member is None else member(one) for member, one in zip(members, value, strict=True)
        ]
    if hint in (str, int, float, bool) or issubclass(hint, StrEnum):
        return None
    return _writer(hint)


# ---------------------------------------------------------------- reading


@cache
def _reader(cls: type) -> Read:
    hints = get_type_hints(cls)
    readers = {field.name: _read_of(hints[field.name]) for field in fields(cls)}
    needed = [field.name for field in fields(cls) if field.default is MISSING]

    def record(body: Any) -> Any:
        if not isinstance(body, Mapping):
            raise TypeError(f"{cls.__name__} is an object, not {type(body).__name__}")
        for name in needed:
            if name not in body:
                raise KeyError(name)
        return cls(**{name: readers[name](value) for name, value in body.items()})

    return record


def _read_of(hint: Any) -> Read:
    """Reads a value of this type."""
    if isinstance(hint, NewType):
        return _read_of(hint.__supertype__)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = [_read_of(each) for each in inner if each is not types.NoneType]
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
        each = _read_of(inner[0])
        return lambda value: tuple(each(one) for one in _exactly(list, value))
    members = [_read_of(one) for one in inner]
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
