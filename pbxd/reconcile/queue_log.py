"""Asterisk's queue_log: one line for each thing that app_queue did, put together to stays in queues.

``time|channel's uniqueid|queue|member|event|data…``. The times are whole seconds, and so are the durations,
which app_queue computes as differences of whole seconds: 0.2 s can be 1, 1.9 s can be 1 as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

#: how a stay can end, and where in its data the length of the wait is
_ENDINGS = {"ABANDON": 2, "EXITWITHTIMEOUT": 2, "EXITEMPTY": 2, "EXITWITHKEY": 3, "WITHDRAW": 2}
#: how a conversation can end; its length is the last but one, before the caller's first place in the queue
_COMPLETIONS = ("COMPLETECALLER", "COMPLETEAGENT", "ATTENDEDTRANSFER", "BLINDTRANSFER", "TRANSFER")


@dataclass(slots=True, kw_only=True)
class Logged:
    """One stay as the log tells it. Epoch seconds."""

    uniqueid: str
    queue: str
    caller: str
    entered: float
    ending: str | None = None  #: CONNECT, ABANDON, …; None: the log tells of none
    ended: float | None = None
    waited_s: float | None = None
    completion: str | None = None  #: COMPLETECALLER, …, after CONNECT
    completed: float | None = None
    talk_s: float | None = None


@dataclass(slots=True, kw_only=True)
class QueueLog:
    stays: list[Logged] = field(default_factory=list)  #: by the time of entering
    starts: list[float] = field(default_factory=list)  #: when Asterisk began anew
    first: float | None = None  #: time of the first line and of the last one
    last: float | None = None
    unreadable: int = 0  #: lines


def read_queue_log(lines: Iterable[str], *, since: float = 0.0) -> QueueLog:
    """Put the lines from ``since`` on together, oldest first. A line that cannot be read is counted."""
    log, reader = QueueLog(), _Reader()
    for line in lines:
        if not line.strip():
            continue
        fields = line.rstrip("\r\n").split("|")
        try:
            at = float(fields[0])
            uniqueid, queue, _, event = fields[1:5]
        except ValueError:
            log.unreadable += 1
            continue
        log.first = at if log.first is None else log.first
        log.last = at
        if at < since:
            continue
        if event == "QUEUESTART":
            log.starts.append(at)
            continue
        try:
            reader.take(at, uniqueid, queue, event, fields[5:])
        except (ValueError, IndexError):
            log.unreadable += 1
    log.stays = reader.stays
    return log


class _Reader:
    def __init__(self) -> None:
        self.stays: list[Logged] = []
        self._of: dict[tuple[str, str], list[Logged]] = {}

    def take(self, at: float, uniqueid: str, queue: str, event: str, data: list[str]) -> None:
        mine = self._of.get((uniqueid, queue), [])
        if event == "ENTERQUEUE":
            stay = Logged(uniqueid=uniqueid, queue=queue, caller=data[1], entered=at)
            self._of.setdefault((uniqueid, queue), []).append(stay)
            self.stays.append(stay)
        elif event == "CONNECT" or event in _ENDINGS:
            waiting = [stay for stay in mine if stay.ending is None]
            if waiting:
                stay = waiting[-1]
                stay.ending, stay.ended = event, at
                stay.waited_s = float(data[_ENDINGS.get(event, 0)])
        elif event in _COMPLETIONS:
            # The oldest one first: that of an earlier conversation can come after the next entering.
            talking = [stay for stay in mine if stay.ending == "CONNECT" and stay.completion is None]
            if talking:
                stay = talking[0]
                stay.completion, stay.completed = event, at
                stay.talk_s = float(data[-2])
