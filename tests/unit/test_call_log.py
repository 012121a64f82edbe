"""Each call leaves one line in the log, by which it can be found; its number only where that is wanted."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pbxd.calls.record import CallRecord, Leg, Outcome
from pbxd.edge import logs
from pbxd.edge.call_log import call_ended
from pbxd.ids import AgentId, CallId, Interface, NodeId
from pbxd.messages import Contact
from pbxd.settings.house import Log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def contact() -> Contact:
    legs = tuple(
        Leg(interface=Interface(name), started=10.0, ended=20.0, talk_s=talk)
        for name, talk in (("PJSIP/1001", 3.25), ("PJSIP/1002", 4.0))
    )
    record = CallRecord(
        id=CallId("pbx1:1732227712.33"),
        node=NodeId("pbx1"),
        caller="013800138000",
        caller_name="",
        dialled="4001234567",
        queue="technical",
        arrived=1.0,
        answered=10.0,
        ended=20.0,
        wait_s=4.24,
        outcome=Outcome.ANSWERED,
        legs=legs,
        waits=(),
        transfers=(),
    )
    return Contact(
        record=record, number="+8613800138000", subject=None, path=(), agents=(AgentId("anna"), None)
    )


@pytest.mark.parametrize(("shown", "number"), [(False, "***000"), (True, "+8613800138000")])
def test_a_call_leaves_one_line(shown: bool, number: str) -> None:
    stream = io.StringIO()
    end = logs.configure(Log(show_numbers=shown), stream, queue_size=0)
    call_ended(contact())
    end()
    line = json.loads(stream.getvalue())
    assert {key: line[key] for key in line if key != "timestamp"} == {
        "level": "info",
        "logger": "pbxd.calls",
        "event": "call ended",
        "call": "pbx1:1732227712.33",
        "number": number,
        "queue": "technical",
        "outcome": "answered",
        "wait_s": 4.2,
        "talk_s": 7.2,
        "agents": ["anna", "PJSIP/1002"],
        "transfers": 0,
    }
