"""pbxd from its start to its end: the edges open, serve in one TaskGroup, and close in order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import version

import structlog

from pbxd.callers import numbers
from pbxd.edge import garbage, logs
from pbxd.edge.ami_link import AmiLink
from pbxd.edge.metrics import watch_lag
from pbxd.edge.store import StoreError
from pbxd.edge.systemd import Notify
from pbxd.edges import Edges
from pbxd.messages import Stopping
from pbxd.settings.model import Settings
from pbxd.settings.yaml_source import SourceError

log = structlog.get_logger("pbxd")

VERSION = version("pbxd")


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 0, or 1 when pbxd could not start or go on."""
    end_log = logs.configure(settings.log)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings))
    finally:
        end_log()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings) -> int:
    try:
        await Daemon(settings).serve()
    except SourceError as error:
        for fault in error.faults:
            log.critical("pbxd cannot start", fault=str(fault))
        return 1
    except (OSError, StoreError, ValueError) as error:
        log.critical("pbxd cannot start", fault=str(error))
        return 1
    return 0


class Daemon:
    """One pbxd. ``serve`` runs it."""

    def __init__(self, settings: Settings) -> None:
        self._ending = asyncio.Event()
        self._reload = asyncio.Event()
        self._mended = asyncio.Event()
        self._notify = Notify()
        self._edges = Edges(settings, self._notify, VERSION)

    def end(self) -> None:
        """Stop serving, in order."""
        self._ending.set()

    def reload(self) -> None:
        """Read the call flows again, and log in again where a switch has refused us.

        Calls keep the flow with which they began; a broken file its old one.
        """
        self._reload.set()
        self._mended.set()

    async def _keep(self, link: AmiLink) -> None:
        """For ever. A refused login is final until somebody says that the account is mended: Asterisk's
        guards would ban an address that tries again and again."""
        while True:
            await link.run()
            self._mended.clear()
            await self._mended.wait()

    async def _read_flows_again(self) -> None:
        """For ever, whenever asked. On a thread: many flows take seconds to read, in which calls go on."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._notify.reloading()
            faults = await asyncio.to_thread(self._edges.flows.reload)
            self._edges.know_flows()
            self._notify.ready(f"flows read again, {len(faults)} faults" if faults else "flows read again")

    async def serve(self) -> None:
        """Serve until ``end`` or a signal. Raises OSError, StoreError, ValueError when it cannot start."""
        began = time.monotonic()
        edges = self._edges
        edges.web.bind()
        await asyncio.to_thread(numbers.preload)
        await edges.open()
        try:
            # Only now: the first call asks for its history at once.
            await edges.agi.start()
            edges.watch_health()
            self._heed_signals()
            garbage.settle()
            log.info("pbxd serves", version=VERSION, after_s=round(time.monotonic() - began, 2))
            await self._serve_all()
        finally:
            edges.reports.end()
            await edges.store.close()
            self._notify.close()

    async def _serve_all(self) -> None:
        edges = self._edges
        lasting: dict[str, Coroutine[None, None, object]] = {
            **{f"ami-{node}": self._keep(link) for node, link in edges.links.items()},
            "clock": edges.clock.run(),
            "lag": watch_lag(edges.metrics),
            "flows": self._read_flows_again(),
            "first-contacts": edges.first_contacts().run(),
            "web": edges.web.run(),
            "agi": edges.agi.run(),
            "alerts": edges.alerts.run(),
            **{f"reconcile-{nightly.node}": nightly.run() for nightly in edges.nightly},
        }
        if edges.mqtt is not None:
            lasting["mqtt"] = edges.mqtt.run()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work, name=name) for name, work in lasting.items()]
            self._notify.ready(f"serves {len(edges.links)} switch(es)")
            await self._ending.wait()
            log.info("pbxd stops")
            self._notify.stopping("stops")
            edges.board.put(Stopping(at=time.time()))
            await edges.alerts.close()
            if edges.mqtt is not None:
                await edges.mqtt.close()
            for task in running:
                task.cancel()
        if edges.traces is not None:
            await edges.traces.close()

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
