"""Real captures tell the stories that they told before, whoever listened and however the bytes came."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbxd.ami.inventory import RECORDED
from pbxd.replay import replay
from tests.replay.captures import LEAST, captures, name_of, played, stories
from tests.thorough import examples

# A refused join emits no queue event at all; only the dialplan's own variables tell of it.
ONLY_IN_THE_DIALPLAN = {"queue_joinempty_refused"}


@pytest.mark.parametrize("capture", captures(), ids=name_of)
def test_story_is_the_golden_one(capture: Path, request: pytest.FixtureRequest) -> None:
    golden = capture.with_name(capture.name.replace(".ami.gz", ".story"))
    told = stories(played(capture).calls)
    if request.config.getoption("--rewrite"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("capture", captures(), ids=name_of)
def test_nothing_is_left_behind(capture: Path) -> None:
    result = played(capture)
    assert (result.channels_left, result.strays, result.faults) == (0, 0, 0)


@pytest.mark.parametrize("capture", captures(LEAST), ids=name_of)
def test_least_privileges_tell_the_same_story(capture: Path) -> None:
    if capture.name.removesuffix(LEAST) in ONLY_IN_THE_DIALPLAN:
        pytest.skip("told by the dialplan alone")
    everything = capture.with_name(capture.name.replace(LEAST, ".ami.gz"))
    assert stories(played(capture).calls) == stories(played(everything).calls)


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_any_chunking_tells_the_same_story(data: st.DataObject) -> None:
    capture = data.draw(st.sampled_from(captures()))
    raw = gzip.decompress(capture.read_bytes())
    sizes = data.draw(st.lists(st.integers(1, 5000), min_size=1, max_size=30))
    assert stories(replay(_Dripping(raw, sizes)).calls) == stories(played(capture).calls)


class _Dripping(io.BytesIO):
    """A stream whose reads bring as little as it likes."""

    def __init__(self, raw: bytes, sizes: list[int]) -> None:
        super().__init__(raw)
        self._sizes = sizes
        self._turn = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._turn += 1
        return super().read(self._sizes[self._turn % len(self._sizes)])


_DIGEST = """
import hashlib
from tests.replay.captures import captures, played, stories
text = "".join(stories(played(capture).calls) for capture in captures())
print(hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_stories_do_not_depend_on_the_order_of_sets(seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _DIGEST],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    text = "".join(stories(played(capture).calls) for capture in captures())
    assert told == hashlib.sha256(text.encode()).hexdigest()


def test_calls_in_progress_are_told_by_the_lists_that_a_recording_begins_with() -> None:
    """As ``pbxd record`` asks for them: two people talk, and the capture shows how they part."""
    lists = [
        {"Response": "Success", "Ping": "Pong", "Timestamp": "1700000100.000000"},
        _channel("1700000000.1", "PJSIP/trunk-00000001", "Queue"),
        _channel("1700000000.2", "PJSIP/1001-00000002", "AppQueue"),
        {"Event": "BridgeListItem", "BridgeUniqueid": "b", "BridgeTechnology": "simple_bridge"},
        {"Event": "QueueStatusComplete"},
    ]
    gone = [
        _event("BridgeLeave", "1700000000.2", "PJSIP/1001-00000002"),
        _event("Hangup", "1700000000.2", "PJSIP/1001-00000002"),
        _event("Hangup", "1700000000.1", "PJSIP/trunk-00000001"),
    ]
    raw = b"".join(_encoded({**message, "ActionID": RECORDED}) for message in lists)
    result = replay(io.BytesIO(raw + b"".join(map(_encoded, gone))))
    assert (result.strays, result.channels_left, result.faults) == (0, 0, 0)
    (call,) = result.calls
    assert call.missed
    assert [(leg.interface, leg.talk_s) for leg in call.legs] == [("PJSIP/1001", 7.0)]


def _channel(uniqueid: str, name: str, application: str) -> dict[str, str]:
    return {
        "Event": "CoreShowChannel",
        "Channel": name,
        "ChannelState": "6",
        "Exten": "500",
        "Uniqueid": uniqueid,
        "Linkedid": "1700000000.1",
        "Application": application,
        "Duration": "00:01:40",
        "BridgeId": "b",
    }


def _event(name: str, uniqueid: str, channel: str) -> dict[str, str]:
    return {
        "Event": name,
        "Timestamp": "1700000107.000000",
        "BridgeUniqueid": "b",
        "Channel": channel,
        "Uniqueid": uniqueid,
        "Linkedid": "1700000000.1",
    }


def _encoded(headers: dict[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in headers.items()).encode() + b"\r\n"
