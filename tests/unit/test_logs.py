"""The log as it comes out: one line an event whatever a caller is called, libraries too, never waiting."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from pbxd.edge.logs import Lines, configure
from pbxd.settings.model import Log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def written(*, log: Log | None = None) -> tuple[io.StringIO, Any]:
    stream = io.StringIO()
    return stream, configure(log or Log(), stream, queue_size=0)


def test_json_is_one_object_a_line_with_the_event_first() -> None:
    stream, end = written()
    structlog.get_logger("pbxd.calls").info(
        "call arrived", call="pbx1:1732227712.33", number="13800138000", n=3
    )
    end()
    line = json.loads(stream.getvalue())
    assert list(line) == ["timestamp", "level", "logger", "event", "call", "number", "n"]
    assert line["number"] == "***000"
    assert line["call"] == "pbx1:1732227712.33"
    assert line["n"] == 3


def test_the_libraries_come_through_the_same_pipe() -> None:
    stream, end = written(log=Log(format="console"))
    # Whoever has made a web edge in this process before has told uvicorn to be quiet.
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://127.0.0.1:45731")
    logging.getLogger("panoramisk").warning("Secret: hunter2, CallerIDNum: 13800138000")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    logging.getLogger("uvicorn.access").info("GET /api/callers/%2B8613800138000")
    end()
    first, second = stream.getvalue().splitlines()
    assert first.endswith("info     uvicorn.error Uvicorn running on http://127.0.0.1:45731")
    assert second.endswith("warning  panoramisk   Secret: ***, CallerIDNum: ***000")


@pytest.mark.parametrize("kind", ["console", "json"])
@pytest.mark.parametrize("end_of_line", ["\n", "\r\n", "\r", "\u2028", "\x85", "\x0b"])
def test_a_caller_cannot_forge_a_line(kind: Any, end_of_line: str) -> None:
    forged = f"Eve{end_of_line}22:00:00.000 info     web          signed in  agent=anna"
    stream, end = written(log=Log(format=kind))
    log = structlog.get_logger("pbxd.calls")
    log.info("call arrived", name=forged, nested={forged: [forged]})
    log.info(forged)
    logging.getLogger("aiomqtt").warning("lost: %s", forged)
    log.bind(**{forged: 1}).info("a key")
    end()
    assert len(stream.getvalue().splitlines()) == 4


@pytest.mark.parametrize("kind", ["console", "json"])
def test_an_exception_shows_no_locals_and_forges_nothing(kind: Any) -> None:
    stream, end = written(log=Log(format=kind))
    password_of_anna = "correct horse"

    def fail() -> None:
        kept_local = password_of_anna
        raise ValueError(f"bad number 13800138000\n22:00:00.000 info forged {len(kept_local)}")

    try:
        fail()
    except ValueError:
        structlog.get_logger("pbxd.calls").exception("step failed")
        logging.getLogger("asyncio").error("task died", exc_info=True)
    end()
    text = stream.getvalue()
    assert "correct horse" not in text
    assert "13800138000" not in text
    assert text.count("in fail") == 2
    ours = [line for line in text.splitlines() if not line.startswith("    | ")]
    assert len(ours) == 2


def test_a_value_that_cannot_be_printed_is_no_reason_to_fail() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    stream, end = written()
    structlog.get_logger("x").info("still here", broken=Broken(), odd=b"\xff\n", big=10**30)
    end()
    line = json.loads(stream.getvalue())
    assert line["event"] == "still here"
    assert line["broken"] == "<Broken>"


def test_levels() -> None:
    stream, end = written(log=Log(level="warning"))
    structlog.get_logger("a").info("quiet")
    logging.getLogger("b").info("quiet")
    structlog.get_logger("a").warning("loud")
    end()
    assert len(stream.getvalue().splitlines()) == 1


class Stalled(io.StringIO):
    """A terminal that somebody has stopped with Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.go.wait(10)
        return super().write(text)


def test_a_stalled_terminal_stops_nobody_and_the_lost_lines_are_counted() -> None:
    stream = Stalled()
    end = configure(Log(), stream, queue_size=10)
    log = structlog.get_logger("pbxd.calls")
    log.info("first")
    assert stream.reached.wait(10)
    for number in range(100):
        log.info("event", n=number)
    stream.go.set()
    end()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines].count("event") == 10
    assert lines[-1]["event"] == "log lines dropped"
    assert lines[-1]["dropped"] == 90


def test_a_reader_that_went_away_is_survived() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lines = Lines(Gone(), 0)
    lines.emit(logging.LogRecord("x", logging.INFO, "", 0, "lost", (), None))
    assert lines.dropped == 1


def test_configuring_again_replaces_the_pipe() -> None:
    first, end_first = written()
    second, end_second = written()
    structlog.get_logger("a").info("once")
    end_second()
    end_first()
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1
