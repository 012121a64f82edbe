"""Changing a record in a hurry gives what dataclasses.replace gives."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from pbxd.ami.snapshots import ChannelSnapshot, own
from pbxd.calls.changed import changed
from pbxd.ids import Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    since: float | None = None
    members: tuple[str, ...] = ()


def test_as_replace_does() -> None:
    line = Line(name="a", members=("x",))
    assert changed(line, since=2.0) == replace(line, since=2.0)
    assert line.since is None
    assert hash(changed(line)) == hash(line)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Line has no nmae"):
        changed(Line(name="a"), nmae="b")


def test_what_comes_out_is_as_frozen_as_ever() -> None:
    with pytest.raises(FrozenInstanceError):
        changed(Line(name="a"), name="b").name = "c"  # type: ignore[misc]


def test_a_snapshot_read_from_headers_is_a_whole_one() -> None:
    """It is filled slot by slot, which must not forget one."""
    headers = {"Uniqueid": "1.1", "Channel": "PJSIP/1001-00000001", "ChannelState": "6", "Exten": "500"}
    assert own(headers) == ChannelSnapshot(
        uniqueid=Uniqueid("1.1"),
        name="PJSIP/1001-00000001",
        linkedid="1.1",
        state=6,
        caller="",
        caller_name="",
        exten="500",
    )
