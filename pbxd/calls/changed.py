"""A frozen record with some fields changed."""

from __future__ import annotations

from typing import Any, TypeVar

R = TypeVar("R")


def changed(record: R, **fields: Any) -> R:
    """As ``dataclasses.replace``, which takes three times as long and is what a busy switch would wait for.

    For slotted dataclasses without a base and without ``__post_init__``. AttributeError for an unknown field.
    """
    cls = type(record)
    new = cls.__new__(cls)
    for name in cls.__slots__:  # type: ignore[attr-defined]
        object.__setattr__(new, name, getattr(record, name))
    for name, value in fields.items():
        object.__setattr__(new, name, value)
    return new
