"""The log: structlog and every library's logging, through one pipe, masked, one line per event.

The lines are written by a thread of their own from a bounded queue, so that a stalled terminal or journal
never stops a call. When the queue is full, lines are dropped and counted, and the count is logged.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

from pbxd.edge.logs.masking import clean, mask_text
from pbxd.edge.visible import visible
from pbxd.settings.model import Log

__all__ = ["Lines", "clean", "configure", "mask_text"]

QUEUE_SIZE = 10_000
"""Lines held for a slow terminal or journal."""

_CHATTY = (
    "uvicorn.access",
    "panoramisk",
    "aiomqtt",
    "mqtt",
    "sqlalchemy",
    "aiosqlite",
    "alembic",
    "websockets",
)
_OURS = frozenset({"timestamp", "level", "logger"})


class Lines(logging.Handler):
    """Writes formatted lines to a stream from a thread; ``queue_size`` 0 writes at once."""

    def __init__(self, stream: TextIO, queue_size: int = QUEUE_SIZE) -> None:
        super().__init__()
        self.stream = stream
        self.dropped = 0
        self._queue: queue.Queue[str | None] | None = None
        if queue_size:
            self._queue = queue.Queue(queue_size)
            self._thread = threading.Thread(target=self._write_all, name="pbxd-log", daemon=True)
            self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            if self._queue is None:
                self._write(line)
            else:
                self._queue.put_nowait(line)
        except queue.Full:
            self.dropped += 1
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what is queued and end the thread; at most two seconds."""
        if self._queue is not None and self._thread.is_alive():
            try:
                self._queue.put(None, timeout=1)
                self._thread.join(1)
            except queue.Full:
                pass
        super().close()

    def _write_all(self) -> None:
        assert self._queue is not None
        told = 0
        while (line := self._queue.get()) is not None:
            self._write(line)
            if self.dropped != told and self._queue.empty():
                dropped, told = self.dropped - told, self.dropped
                record = logging.LogRecord("pbxd.log", logging.WARNING, "", 0, "log lines dropped", (), None)
                record.dropped = dropped
                self._write(self.format(record))

    def _write(self, line: str) -> None:
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            self.dropped += 1  # the reader of our standard error is gone; calls go on


def configure(log: Log, stream: TextIO | None = None, *, queue_size: int = QUEUE_SIZE) -> Callable[[], None]:
    """Send all logging to ``stream`` (by default standard error) as ``log`` says; returns what ends it."""
    lines = Lines(stream or sys.stderr, queue_size)
    level = logging.getLevelNamesMapping()[log.level.upper()]
    before = _before_rendering(log)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow={"dropped"}), *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(log)],
            use_get_message=True,
        )
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, Lines)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(lines)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(
            max(level, logging.WARNING) if level > logging.DEBUG else logging.INFO
        )
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    atexit.register(lines.close)

    def end() -> None:
        atexit.unregister(lines.close)
        root.removeHandler(lines)
        lines.close()

    return end


def _before_rendering(log: Log) -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_locals,
        _masked(log.show_numbers),
    ]


def _without_locals(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A traceback of files, lines and messages; local variables hold callers' numbers and secrets."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = "".join(
            traceback.TracebackException.from_exception(error, compact=True).format()
        )
    return event


def _masked(show_numbers: bool) -> structlog.typing.Processor:
    def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key in list(event):
            if key in _OURS or key.startswith("_"):
                continue
            value = event[key]
            if key == "exception":
                # Lines of a traceback stay lines, but none of them can pass for a line of the log.
                text = mask_text(str(value), show_numbers=show_numbers)
                event[key] = "\n".join(visible(line) for line in text.rstrip("\n").split("\n"))
            elif visible(key) != key:
                event[visible(key)] = clean(key, event.pop(key), show_numbers=show_numbers)
            else:
                event[key] = clean(key, value, show_numbers=show_numbers)
        return event

    return mask


def _renderer(log: Log) -> structlog.typing.Processor:
    return _console if log.format == "console" else _json


def _json(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
    first = {key: event.pop(key) for key in ("timestamp", "level", "logger", "event") if key in event}
    return str(_JSON(logger, name, {**first, **event}))


_JSON = structlog.processors.JSONRenderer(ensure_ascii=False)


def _console(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """``22:14:23.123 warning  ami_link  link down  node=pbx1 reason='…'``; tracebacks set off by bars."""
    time = str(event.pop("timestamp", ""))[11:23]
    level = str(event.pop("level", ""))
    logger = str(event.pop("logger", "") or "").removeprefix("pbxd.").removeprefix("edge.")
    message = str(event.pop("event", ""))
    exception = event.pop("exception", None)
    pairs = " ".join(f"{key}={_quoted(value)}" for key, value in event.items())
    text = f"{time} {level:<8} {logger:<12} {message}{'  ' if pairs else ''}{pairs}"
    if exception:
        text += "".join(f"\n    | {line}" for line in str(exception).split("\n"))
    return text


def _quoted(value: Any) -> str:
    if isinstance(value, str) and value and not any(c in " '\"=" for c in value):
        return value
    return repr(value)
