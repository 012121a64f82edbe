"""Frozen records as JSON: the same comes back, and nothing else is taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NewType

import pytest

from pbxd.calls.facts import LegEnded
from pbxd.frozen_json import read, written
from pbxd.ids import CallId, Interface, NodeId

Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    at: float
    name: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    one: Inner
    many: tuple[Inner, ...] = ()
    pairs: tuple[tuple[Name, float], ...] = ()
    colour: Colour | None = None
    number: int = 7
    yes: bool = False


WHOLE = Outer(
    one=Inner(at=1.5, name=Name("张三\0")),
    many=(Inner(at=2.0), Inner(at=3.0, name=Name(""))),
    pairs=((Name("a"), 1.0),),
    colour=Colour.RED,
    number=0,
    yes=True,
)


@pytest.mark.parametrize("record", [WHOLE, Outer(one=Inner(at=0.0))])
def test_the_same_comes_back(record: Outer) -> None:
    assert read(Outer, json.loads(json.dumps(written(record)))) == record


def test_what_is_usual_takes_no_room() -> None:
    assert written(Outer(one=Inner(at=0.0))) == {"one": {"at": 0.0}}


def test_a_record_with_a_base_comes_back_too() -> None:
    leg = LegEnded(
        call=CallId("a:1"),
        node=NodeId("a"),
        at=1.0,
        interface=Interface("X/1"),
        queue=None,
        talk_s=1,
        hold_s=0,
    )
    assert read(LegEnded, json.loads(json.dumps(written(leg)))) == leg


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"one": None},
        {"one": {"at": "1"}},
        {"one": {"at": True}},
        {"one": {"at": float("nan")}},
        {"one": {"at": 1.0, "later": 1}},
        {"one": {"at": 1.0}, "many": {"at": 1.0}},
        {"one": {"at": 1.0}, "pairs": [["a"]]},
        {"one": {"at": 1.0}, "colour": "blue"},
        {"one": {"at": 1.0}, "number": 1.0},
        {"one": {"at": 1.0}, "yes": 1},
    ],
)
def test_anything_else_is_refused(body: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(Outer, body)
