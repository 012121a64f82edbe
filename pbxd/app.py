"""The composition root: settings → edges → switchboard → one TaskGroup."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog

from pbxd.callers import numbers
from pbxd.edge import garbage, logs
from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.alerts import AlertEdge
from pbxd.edge.ami_link import AmiLink
from pbxd.edge.call_log import call_ended
from pbxd.edge.clock import Clock
from pbxd.edge.flow_files.book import FlowBook
from pbxd.edge.keyfile import read_or_make_key
from pbxd.edge.metrics import Metrics, watch_lag
from pbxd.edge.mqtt import Commands, Mqtt
from pbxd.edge.reconciling import Nightly
from pbxd.edge.replies import Asked, Replies
from pbxd.edge.store import Store, StoreError
from pbxd.edge.store.reports import Reports
from pbxd.edge.systemd import Notify
from pbxd.edge.web import RecentContact, Reporting, WebEdge
from pbxd.effects import (
    Announce,
    Append,
    Ask,
    Count,
    KeepAlert,
    KeepCallback,
    KeepDossier,
    KeepTransfer,
    LookUp,
    Publish,
    Remember,
    Reply,
    Tell,
    Together,
    Wake,
)
from pbxd.from_settings import books, commanded, operators, origin, patience, report_rules, rules, web_agents
from pbxd.health import Health, places_of
from pbxd.ids import AgentId, CallId, NodeId
from pbxd.orders import Order
from pbxd.reports.period import period_of
from pbxd.reports.report import Asked as AskedReport
from pbxd.reports.shares import By
from pbxd.settings.model import Mqtt as MqttSettings
from pbxd.settings.model import Settings
from pbxd.settings.yaml_source import SourceError
from pbxd.switchboard import Outlet, Switchboard
from pbxd.world import World

if TYPE_CHECKING:
    from pbxd.edge.traces import Traces

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
    """One pbxd, wired together. ``serve`` runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ending = asyncio.Event()
        self._reload = asyncio.Event()
        self._mended = asyncio.Event()
        self._notify = Notify()
        self._metrics = Metrics(version=VERSION, agents=settings.metrics.per_agent)
        self._world = World(rules(settings))
        self._board = Switchboard(
            self._world,
            self._outlets(),
            capacity=settings.switchboard.inbox_size,
            overflowed=lambda node: self._links[node].resync("events were lost: the inbox was full"),
            ticked=lambda: self._notify.feed(time.monotonic()),
        )
        self._replies = Replies(self._board.put)
        self._clock = Clock(self._board.put)
        self._links = {
            NodeId(node.name): AmiLink(NodeId(node.name), node.ami, self._board) for node in settings.nodes
        }
        self._flows = FlowBook(settings.flows.folder)
        self._agi = self._agi_edge()
        self._reports = Reports(settings.store, timeout_s=settings.reports.timeout)
        self._nightly = self._nightly_comparison()
        self._web = self._web_edge()
        self._alerts = self._alert_edge()
        self._store: Store
        self._mqtt: Mqtt | None = None
        self._traces: Traces | None = None

    # ------------------------------------------------------------ life

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
            faults = await asyncio.to_thread(self._flows.reload)
            self._know_flows()
            self._notify.ready(f"flows read again, {len(faults)} faults" if faults else "flows read again")

    async def serve(self) -> None:
        """Serve until ``end`` or a signal. Raises OSError, StoreError, ValueError when it cannot start."""
        began = time.monotonic()
        settings = self._settings
        self._web.bind()
        await asyncio.to_thread(numbers.preload)
        self._store = await Store.open(settings.store, self._metrics.count)
        try:
            if settings.mqtt is not None:
                self._mqtt = self._mqtt_edge(settings.mqtt)
            self._traces = self._traces_edge()
            self._alerts.open()
            # Before anything is heard of any switch: what was under way is finished, not begun anew.
            for kept in await self._store.kept():
                self._board.put(kept)
            # Only now: the first call asks for its history at once.
            await self._agi.start()
            self._watch_health()
            self._heed_signals()
            garbage.settle()
            log.info("pbxd serves", version=VERSION, after_s=round(time.monotonic() - began, 2))
            await self._serve_all()
        finally:
            await self._store.close()
            self._notify.close()

    async def _serve_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._keep(link), name=f"ami-{node}") for node, link in self._links.items()
            ]
            running.append(tasks.create_task(self._clock.run(), name="clock"))
            running.append(tasks.create_task(watch_lag(self._metrics), name="lag"))
            running.append(tasks.create_task(self._read_flows_again(), name="flows"))
            first_contacts = self._store.first_contacts(self._settings.figures.first_contact_days)
            running.append(tasks.create_task(first_contacts.run(), name="first-contacts"))
            running.append(tasks.create_task(self._web.run(), name="web"))
            running.append(tasks.create_task(self._agi.run(), name="agi"))
            if self._nightly is not None:
                running.append(tasks.create_task(self._nightly.run(), name="reconcile"))
            running.append(tasks.create_task(self._alerts.run(), name="alerts"))
            if self._mqtt is not None:
                running.append(tasks.create_task(self._mqtt.run(), name="mqtt"))
            self._notify.ready(f"serves {len(self._links)} switch(es)")
            await self._ending.wait()
            log.info("pbxd stops")
            self._notify.stopping("stops")
            await self._alerts.close()
            if self._mqtt is not None:
                await self._mqtt.close()
            for task in running:
                task.cancel()
        if self._traces is not None:
            await self._traces.close()

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    # ------------------------------------------------------------ wiring

    def _outlets(self) -> Mapping[type, Outlet]:
        """Who carries out which effect."""

        ask_timeout = {node.name: node.ami.ask_timeout for node in self._settings.nodes}

        def ask(effect: Ask) -> None:
            together(Together(asks=(effect,)))

        def together(effect: Together) -> None:
            node = effect.asks[0].node
            patient = [replace(ask, timeout_s=ask_timeout[node]) for ask in effect.asks]
            self._links[node].ask_together(patient)

        def publish(effect: Publish) -> None:
            self._web.show(effect)
            if self._mqtt is not None:
                self._mqtt.publish(effect)

        def remember(effect: Remember) -> None:
            self._store.remember(effect.contact)
            call_ended(effect.contact)
            if self._traces is not None:
                self._traces.ended(effect.contact)

        def append(effect: Append) -> None:
            self._store.append(effect.stretch)
            if self._traces is not None:
                self._traces.appended(effect.stretch)

        def look_up(effect: LookUp) -> None:
            self._store.ask(effect, self._board.put)

        def keep(effect: KeepTransfer | KeepDossier | KeepAlert | KeepCallback) -> None:
            self._store.keep(effect)

        def tell(effect: Tell) -> None:
            self._web.tell(effect)

        def reply(effect: Reply) -> None:
            self._replies.take(effect)

        def wake(effect: Wake) -> None:
            self._clock.wake(effect)

        def announce(effect: Announce) -> None:
            self._alerts.announce(effect)

        outlets: dict[type, Outlet] = {
            Ask: ask,
            Together: together,
            Publish: publish,
            Remember: remember,
            Append: append,
            LookUp: look_up,
            Tell: tell,
            Reply: reply,
            Wake: wake,
            Count: self._metrics.apply,
            KeepTransfer: keep,
            KeepDossier: keep,
            KeepAlert: keep,
            KeepCallback: keep,
            Announce: announce,
        }
        return outlets

    def _agi_edge(self) -> AgiEdge:
        settings = self._settings
        prompts = settings.prompts
        return AgiEdge(
            settings.agi,
            nodes=[(NodeId(node.name), node.agi_from) for node in settings.nodes],
            flow=self._flows.get,
            prompts=prompts.asterisk_folder or str(prompts.folder),
            scripts=settings.flows.scripts,
            inbox=self._board,
            count=self._metrics.apply,
        )

    def _web_edge(self) -> WebEdge:
        web = self._settings.web
        public = web.public_url or ""
        return WebEdge(
            web_agents(self._settings),
            self,
            listen=web.listen,
            port=web.port,
            metrics=lambda openly: self._metrics.scrape(openly=openly),
            readiness=lambda: self._health.parts(),
            contacts=self.recent_contacts,
            count=self._metrics.apply,
            session_secret=read_or_make_key(web.session_key_file),
            session_s=web.session_lifetime,
            operators=operators(web),
            sign_in_tries=web.sign_in_tries,
            sign_in_pause_s=web.sign_in_pause,
            origins=[origin(public)] if public else [],
            trusted_proxies=[str(network) for network in web.trusted_proxies],
            secure_cookie=public.startswith("https://"),
            request_timeout_s=web.request_timeout,
            stop_timeout_s=web.shutdown_timeout,
            version=VERSION,
            patience=patience(web),
            today=self._today,
            reporting=Reporting(
                books=self._reports,
                rules=report_rules(self._settings),
                zone=self._settings.reports.zone,
                show_numbers=self._settings.reports.show_numbers,
                timeout_s=self._settings.reports.timeout,
            ),
        )

    def _traces_edge(self) -> Traces | None:
        settings = self._settings.traces
        if settings is None:
            return None
        try:
            # Loaded only where it is wanted, since it is an extra.
            from pbxd.edge.traces import Traces
        except ImportError as missing:
            raise ValueError(f"traces: pbxd[otel] is not installed: {missing}") from None
        return Traces(settings, self._metrics.apply, version=VERSION)

    def _alert_edge(self) -> AlertEdge:
        public = self._settings.web.public_url
        board = None if public is None else f"{public.rstrip('/')}/wallboard"
        return AlertEdge(self._settings.alerts, self._metrics.count, board=board)

    def _mqtt_edge(self, mqtt: MqttSettings) -> Mqtt:
        agents = commanded(self._settings)
        commands = Commands(agents=agents, ask=self.ask, order=self.order, count=self._metrics.count)
        return Mqtt(mqtt, self._store.outbox, self._metrics.count, commands=commands if agents else None)

    def _nightly_comparison(self) -> Nightly | None:
        kept, settings = books(self._settings), self._settings
        if kept is None or settings.reconcile is None:
            return None
        at, zone = settings.reconcile.at, settings.reports.zone
        return Nightly(kept, self._reports, self._metrics.count, at=at, zone=zone)

    def _watch_health(self) -> None:
        self._health = Health(
            world=self._world,
            board=self._board,
            links=tuple(self._links.values()),
            store=self._store,
            mqtt=self._mqtt,
            web=self._web,
            agi=self._agi,
            nightly=self._nightly,
        )
        self._metrics.add_source(self._health.readings)
        for node in self._links:
            self._metrics.know_node(node)
        self._know_flows()

    def _know_flows(self) -> None:
        """Let the figures of the flows exist before anybody has chosen anything."""
        for name, file in self._flows.files.items():
            for node in self._links:
                self._metrics.know_flow(node, name, places_of(file.flow))

    # ------------------------------------------------------------ what the pages need

    def snapshot(self, agent: AgentId) -> Mapping[str, Any]:
        return self._world.snapshot(agent)

    def order(self, order: Order) -> None:
        self._board.put(order)

    async def ask(self, order: Asked) -> Reply:
        return await self._replies.ask(order, self._settings.web.order_timeout)

    def transfers(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        return self._world.transfers(agent)

    def callbacks(self, agent: AgentId | None) -> Sequence[Mapping[str, Any]]:
        return self._world.callbacks(agent)

    def targets(self, agent: AgentId, call: CallId | None, query: str) -> Sequence[Mapping[str, Any]]:
        return self._world.targets(agent, call, query)

    async def _today(self) -> Mapping[str, Mapping[str, Any]]:
        """This day's figures of each queue, for the wallboards. Raises OSError when the store is gone."""
        now = time.time()
        period = period_of(zone=self._settings.reports.zone, now=now)
        about = AskedReport(period=period, by=By.QUEUE, rules=report_rules(self._settings), now=now)
        async with asyncio.timeout(self._settings.reports.timeout):
            made = await self._reports.report(about)
        wanted = ("entries", "answered", "abandoned", "service_level")
        return {row.key: {name: row.figure(name) for name in wanted} for row in made.rows}

    async def recent_contacts(self, agent: AgentId, limit: int) -> Sequence[RecentContact]:
        """The last contacts of an agent. Raises OSError when the store is gone."""
        rows = await self._store.contacts(agent=agent, limit=limit)
        return [_recent(row) for row in rows]


def _recent(row: Mapping[str, Any]) -> RecentContact:
    return RecentContact(
        call=CallId(row["call"]),
        number=row["number"],
        name=row["name"],
        arrived=row["arrived"],
        ended=row["ended"],
        queue=row["queue"],
        subject=row["subject"],
        outcome=row["outcome"],
        talk_s=row["talk_s"],
        handovers=row["handovers"],
        repeated=row["repeated"],
    )
