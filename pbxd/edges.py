"""Where pbxd touches the world outside: all edges, made from the settings and wired together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.alerts import AlertEdge
from pbxd.edge.ami_link import AmiLink
from pbxd.edge.clock import Clock
from pbxd.edge.flow_files.book import FlowBook
from pbxd.edge.keyfile import read_or_make_key
from pbxd.edge.metrics import Metrics
from pbxd.edge.mqtt import Commands, Mqtt
from pbxd.edge.reconciling import Nightly
from pbxd.edge.replies import Replies
from pbxd.edge.store import Store
from pbxd.edge.store.reports import Reports
from pbxd.edge.store.resolution import Resolution
from pbxd.edge.systemd import Notify
from pbxd.edge.web import Reporting, WebEdge
from pbxd.enquiries import Enquiries
from pbxd.from_settings import books, commanded, operators, origin, patience, report_rules, rules, web_agents
from pbxd.health import Health, places_of
from pbxd.ids import NodeId
from pbxd.outlets import outlets
from pbxd.settings.model import Settings
from pbxd.switchboard import Switchboard
from pbxd.world import World

if TYPE_CHECKING:
    from pbxd.edge.traces import Traces


class Edges:
    """The world, the switchboard before it, and every edge. Nothing is open before ``open``."""

    store: Store
    health: Health

    def __init__(self, settings: Settings, notify: Notify, version: str) -> None:
        self.settings = settings
        self.version = version
        self.metrics = Metrics(version=version, agents=settings.metrics.per_agent)
        agreed = rules(settings)
        self.world = World(agreed)
        self.board = Switchboard(
            self.world,
            outlets(self),
            capacity=settings.switchboard.inbox_size,
            overflowed=lambda node: self.links[node].resync("events were lost: the inbox was full"),
            ticked=lambda: notify.feed(time.monotonic()),
        )
        self.replies = Replies(self.board.put)
        self.clock = Clock(self.board.put)
        keys = bool(agreed.transfers.keys)
        self.links = {
            NodeId(node.name): AmiLink(NodeId(node.name), node.ami, self.board, keys=keys)
            for node in settings.nodes
        }
        self.flows = FlowBook(settings.flows.folder)
        self.agi = self._agi_edge()
        self.reports = Reports(settings.store, timeout_s=settings.reports.timeout)
        self.nightly = self._nightly_comparisons()
        self.enquiries = Enquiries(self)
        self.web = self._web_edge()
        self.alerts = self._alert_edge()
        self.mqtt: Mqtt | None = None
        self.traces: Traces | None = None

    async def open(self) -> None:
        """The store, and what needs it. Raises StoreError, or ValueError when something is not installed.

        Afterwards ``store`` has to be closed, whatever happens.
        """
        self.store = await Store.open(self.settings.store, self.metrics.count, journey=self.world.journey)
        try:
            self.mqtt = self._mqtt_edge()
            self.traces = self._traces_edge()
            self.alerts.open()
            # Before anything is heard of any switch: what was under way is finished, not begun anew.
            for kept in await self.store.kept():
                self.board.put(kept)
        except BaseException:
            await self.store.close()
            raise

    def first_contacts(self) -> Resolution:
        """Judges the contacts whose days are over."""
        nodes = self.world.nodes.values()

        def oldest() -> float | None:
            arrived = (node.oldest_in_progress for node in nodes)
            return min((at for at in arrived if at is not None), default=None)

        return self.store.first_contacts(self.settings.figures.first_contact_days, oldest)

    def watch_health(self) -> None:
        """Let every figure be read at the scrape, and those exist of which something is known already."""
        self.health = Health(
            world=self.world,
            board=self.board,
            links=tuple(self.links.values()),
            store=self.store,
            mqtt=self.mqtt,
            web=self.web,
            agi=self.agi,
            nightly=self.nightly,
        )
        self.metrics.add_source(self.health.readings)
        for node in self.links:
            self.metrics.know_node(node)
        self.know_flows()

    def know_flows(self) -> None:
        """Let the figures of the flows exist before anybody has chosen anything."""
        for name, file in self.flows.files.items():
            for node in self.links if not file.flow.survey else ():
                self.metrics.know_flow(node, name, places_of(file.flow))

    def _agi_edge(self) -> AgiEdge:
        settings = self.settings
        prompts = settings.prompts
        return AgiEdge(
            settings.agi,
            nodes=[(NodeId(node.name), node.agi_from) for node in settings.nodes],
            flow=self.flows.get,
            prompts=prompts.asterisk_folder or str(prompts.folder),
            scripts=settings.flows.scripts,
            inbox=self.board,
            count=self.metrics.apply,
            surveys=settings.flows.surveys,
        )

    def _web_edge(self) -> WebEdge:
        web = self.settings.web
        public = web.public_url or ""
        return WebEdge(
            web_agents(self.settings),
            self.enquiries,
            listen=web.listen,
            port=web.port,
            metrics=lambda openly: self.metrics.scrape(openly=openly),
            readiness=lambda: self.health.parts(),
            contacts=self.enquiries.recent_contacts,
            count=self.metrics.apply,
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
            version=self.version,
            patience=patience(web),
            today=self.enquiries.today,
            reporting=Reporting(
                books=self.reports,
                rules=report_rules(self.settings),
                zone=self.settings.reports.zone,
                show_numbers=self.settings.reports.show_numbers,
                timeout_s=self.settings.reports.timeout,
            ),
        )

    def _traces_edge(self) -> Traces | None:
        settings = self.settings.traces
        if settings is None:
            return None
        try:
            # Loaded only where it is wanted, since it is an extra.
            from pbxd.edge.traces import Traces
        except ImportError as missing:
            raise ValueError(f"traces: pbxd[otel] is not installed: {missing}") from None
        return Traces(settings, self.metrics.apply, version=self.version)

    def _alert_edge(self) -> AlertEdge:
        public = self.settings.web.public_url
        board = None if public is None else f"{public.rstrip('/')}/wallboard"
        return AlertEdge(self.settings.alerts, self.metrics.count, board=board)

    def _mqtt_edge(self) -> Mqtt | None:
        mqtt = self.settings.mqtt
        if mqtt is None:
            return None
        agents = commanded(self.settings)
        commands = Commands(
            agents=agents,
            ask=self.enquiries.ask,
            order=self.enquiries.order,
            count=self.metrics.count,
            callbacks=self.enquiries.callbacks,
        )
        return Mqtt(mqtt, self.store.outbox, self.metrics.count, commands=commands if agents else None)

    def _nightly_comparisons(self) -> list[Nightly]:
        if self.settings.reconcile is None:
            return []
        at, zone = self.settings.reconcile.at, self.settings.reports.zone
        return [
            Nightly(each, self.reports, self.metrics.count, at=at, zone=zone) for each in books(self.settings)
        ]
