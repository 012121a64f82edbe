"""panoramisk's Manager, listening: whom to call for which event, and what to do when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from panoramisk.manager import Manager

from pbxd.ami.headers import event_name
from pbxd.edge.ami_link.message import AmiMessage
from pbxd.edge.ami_link.routes import Route, Routes, each

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class LinkCounts:
    """Since the start. Peer faults are counted here and survived."""

    messages: int = 0
    connects: int = 0  #: logins that were accepted
    losses: int = 0  #: of links that were up
    failed_attempts: int = 0
    strays: int = 0  #: messages that are neither an event nor a response
    malformed: int = 0  #: events that lack a header they cannot do without
    oversized: int = 0
    late_replies: int = 0  #: answers nobody waits for (any more)
    listener_faults: int = 0
    overruns: int = 0  #: times that reading paused because listeners were too slow


class ListeningManager(Manager):  # type: ignore[misc]
    """A Manager whose listeners cost one look-up in a dict, and cannot harm each other or the link."""

    def __init__(self, **config: Any) -> None:
        self.counts = LinkCounts()
        self.routes = Routes(self._route_for, self._not_an_event)
        self.who: dict[str, Any] = {}  #: for log lines
        self._sinks: dict[bytes, list[Route]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        super().__init__(**config)
        # panoramisk listens to FullyBooted in order to send unanswered actions again.
        self.callbacks.clear()
        self.patterns.clear()

    def register_event(self, pattern: str, callback: Callable[..., Any] | None = None) -> Any:
        """Call ``callback(manager, message)`` for events whose name matches; also usable as a decorator.

        Callbacks of one event run in the order of registration. A coroutine is run as a task.
        """
        if callback is None:
            return lambda function: self.register_event(pattern, function)
        self.routes.forget()
        return super().register_event(pattern, callback)

    def register_raw(self, name: bytes, sink: Route) -> None:
        """Hand raw events of this very name to ``sink``, which must not block."""
        self._sinks.setdefault(name, []).append(sink)
        self.routes.forget()

    def _route_for(self, name: bytes) -> Route | None:
        text = name.decode("utf-8", "replace")
        callbacks = [c for p, regexp in self.patterns if regexp.match(text) for c in self.callbacks[p]]
        wanted = list(self._sinks.get(name, ()))
        if callbacks:
            wanted.append(self._listeners(callbacks))
        if not wanted:
            return None
        return wanted[0] if len(wanted) == 1 else each(wanted)

    def _listeners(self, callbacks: list[Callable[..., Any]]) -> Route:
        def route(raw: bytes) -> None:
            message = AmiMessage(raw, self)
            for callback in callbacks:
                try:
                    result = callback(self, message)
                except Exception:
                    self._listener_failed(callback)
                else:
                    if result is not None:
                        self._follow(result)

        return route

    def _listener_failed(self, callback: Any) -> None:
        self.counts.listener_faults += 1
        log.exception(
            "a listener failed", listener=getattr(callback, "__qualname__", repr(callback)), **self.who
        )

    def _follow(self, result: Any) -> None:
        """A listener that returned something to wait for: keep the task until it is done."""
        if not (asyncio.iscoroutine(result) or isinstance(result, asyncio.Future)):
            return
        task = asyncio.ensure_future(result)
        self._tasks.add(task)
        task.add_done_callback(self._followed)

    def _followed(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.counts.listener_faults += 1
            log.error("a listener failed", exc_info=fault, **self.who)

    def _not_an_event(self, raw: bytes) -> None:
        """A response, an event behind a blank line or a greeting, or garbage."""
        if raw.startswith(b"Response:"):
            self.protocol.response(raw)
            return
        name = event_name(raw)
        if not name:
            self.counts.strays += 1
            log.warning("neither an event nor a response", beginning=raw[:60], **self.who)
            return
        route = self._route_for(name)
        if route is not None:
            route(raw)

    def dispatch(self, event: Any) -> list[str]:
        """Hand a message to its listeners, as panoramisk does; the patterns that matched."""
        matched = [pattern for pattern, regexp in self.patterns if regexp.match(event.event)]
        event.manager = self
        for callback in [c for pattern in matched for c in self.callbacks[pattern]]:
            try:
                self._follow(callback(self, event))
            except Exception:
                self._listener_failed(callback)
        return matched

    def _call(self, callback: Callable[..., Any], *args: Any) -> None:
        try:
            self._follow(callback(*args))
        except Exception:
            self._listener_failed(callback)
