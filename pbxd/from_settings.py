"""What the settings say, in the words of those who act on it."""

from __future__ import annotations

from urllib.parse import urlsplit

from pbxd.agents.mailboxes import Mailbox
from pbxd.agents.outside import OutsideRules
from pbxd.agents.staff import Agent, Staff
from pbxd.agents.wrapup import WrapUpRules
from pbxd.alerts.rules import AlertRules, Audience, QuietHours, Span
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.callers.tags import Tags
from pbxd.edge.reconciling import Books
from pbxd.edge.web import Operator, Patience, WebAgent
from pbxd.figures.thresholds import QueueThresholds, Thresholds
from pbxd.ids import AgentId, Interface, NodeId
from pbxd.orders import Verb
from pbxd.reports.shares import Rules as ReportRules
from pbxd.settings.model import Settings, TransferKeys, Web
from pbxd.transfers.rules import Acknowledge, GuardThen, OnHangup, QueueRules, TransferRules, Unprepared
from pbxd.world import Rules


def rules(settings: Settings) -> Rules:
    """How pbxd decides: for the world."""
    callers, repeat = settings.callers, settings.callers.repeat
    staff = Staff(
        Agent(
            id=AgentId(agent.id),
            name=agent.display_name,
            language=agent.language,
            devices=tuple(
                (NodeId(node) if node else None, Interface(device)) for node, device in agent.devices
            ),
            skills=agent.skills,
        )
        for agent in settings.agents
    )
    return Rules(
        nodes=tuple(NodeId(node.name) for node in settings.nodes),
        staff=staff,
        callers=CallerRules(
            default_region=callers.default_region or "",
            language=callers.language,
            tags=Tags(callers.tags),
        ),
        repeat=RepeatRule(windows=repeat.windows, same_subject=repeat.same_subject, least=repeat.least),
        transfers=transfer_rules(settings),
        wrap_up=wrap_up_rules(settings),
        alerts=alert_rules(settings),
        mailboxes=tuple(
            Mailbox(id=each.id, name=each.name, node=None if each.node is None else NodeId(each.node))
            for each in settings.transfers.mailboxes
        ),
        agent_figures=settings.metrics.per_agent,
        thresholds=thresholds(settings),
    )


def _keys(keys: TransferKeys) -> dict[str, Verb]:
    codes = {keys.cancel: Verb.CANCEL, keys.merge: Verb.MERGE, keys.swap: Verb.SWAP}
    return {code: verb for code, verb in codes.items() if code}


def transfer_rules(settings: Settings) -> TransferRules:
    """How callers are handed over."""
    transfers = settings.transfers
    outside = transfers.outside
    return TransferRules(
        surveys=settings.flows.surveys,
        music=transfers.music,
        reassure_after_s=transfers.reassure.after,
        reassure_every_s=transfers.reassure.every,
        reassure_prompt=transfers.reassure.prompt,
        guard_after_s=transfers.hold_guard.after,
        guard_then=GuardThen(transfers.hold_guard.then),
        offer_prompt=transfers.hold_guard.prompt or "",
        ring_timeout_s=transfers.ring_timeout,
        queue_timeout_s=transfers.queue_timeout,
        acknowledge=Acknowledge(transfers.acknowledge.policy),
        acknowledge_up_to_s=transfers.acknowledge.up_to,
        on_hangup=OnHangup(transfers.on_hangup),
        unprepared=Unprepared(transfers.unprepared),
        keys=_keys(transfers.keys),
        recall_timeout_s=transfers.recall.ring_timeout,
        recall_queue=transfers.recall.then_queue or "",
        outside=OutsideRules(
            region=settings.callers.default_region or "",
            allow=outside.allow,
            deny=outside.deny,
            dial=outside.dial,
            premium=outside.premium,
            per_agent_per_hour=outside.per_agent_per_hour,
        ),
        queues={
            name: QueueRules(music=queue.music, reassure_prompt=queue.prompt, priority=queue.priority)
            for name, queue in transfers.queues.items()
        },
    )


def wrap_up_rules(settings: Settings) -> WrapUpRules:
    """How long agents have for their notes, and what happens when they decline a caller."""
    wrap_up = settings.wrap_up
    return WrapUpRules(
        default_s=wrap_up.default,
        direct_s=wrap_up.direct,
        queues=wrap_up.queues,
        declined_s=wrap_up.declined_pause,
    )


def thresholds(settings: Settings) -> Thresholds:
    """What the figures count as soon enough, and as given up at once."""
    figures = settings.figures
    return Thresholds(
        default_service_level_s=figures.service_level,
        default_short_abandon_s=figures.short_abandon,
        queues={
            name: QueueThresholds(service_level_s=queue.service_level, short_abandon_s=queue.short_abandon)
            for name, queue in figures.queues.items()
        },
    )


def alert_rules(settings: Settings) -> AlertRules:
    """What is too long, and who is told when."""
    alerts = settings.alerts
    spans = alerts.quiet_hours.spans
    return AlertRules(
        waits_s=alerts.caller_waits.after,
        waits=alerts.caller_waits.queues,
        unattended_s=alerts.unattended.after,
        unattended=alerts.unattended.queues,
        repeat_s=alerts.repeat,
        quiet=QuietHours(
            zone=alerts.quiet_hours.time_zone,
            spans=tuple(Span(days=days, since=since, until=until) for days, since, until in spans),
        ),
        call_back=alerts.call_back,
        audiences=tuple(
            Audience(
                name=sink.name,
                queues=frozenset(sink.queues),
                after_s=sink.after,
                ended=sink.ended,
                heeds_quiet=not sink.in_quiet_hours,
            )
            for sink in alerts.sinks
        ),
    )


def report_rules(settings: Settings) -> ReportRules:
    """What reports count as soon enough, as given up at once and as done with; who has which skill."""
    counted = thresholds(settings)
    return ReportRules(
        service_level_s=counted.service_level_s,
        short_abandon_s=counted.short_abandon_s,
        first_contact_days=settings.figures.first_contact_days,
        skills={agent.id: tuple(agent.skills) for agent in settings.agents},
    )


def books(settings: Settings) -> list[Books]:
    """The switches' own books, with which the history is compared every night."""
    return [
        Books(
            node=own.node or settings.nodes[0].name,
            queue_log=own.queue_log,
            cdr=own.cdr,
            cdr_zone=own.cdr_zone,
        )
        for own in (() if settings.reconcile is None else settings.reconcile.books)
    ]


def web_agents(settings: Settings) -> list[WebAgent]:
    """Who may sign in: for the web edge."""
    return [
        WebAgent(
            id=AgentId(agent.id),
            name=agent.display_name,
            password_hash=agent.password_hash or "",
            language=agent.language,
            supervises=None if "all" in agent.supervises else frozenset(agent.supervises),
        )
        for agent in settings.agents
    ]


def operators(web: Web) -> list[Operator]:
    """Who may act for agents by a token: for the web edge."""
    return [
        Operator(
            name=token.name,
            token_sha256=token.digest,
            agents=None if "all" in token.agents else frozenset(AgentId(agent) for agent in token.agents),
        )
        for token in web.tokens
    ]


def commanded(settings: Settings) -> frozenset[AgentId]:
    """For whom orders are taken from the MQTT broker."""
    listed = settings.mqtt.command_agents if settings.mqtt is not None else ()
    return frozenset(AgentId(agent.id) for agent in settings.agents if "all" in listed or agent.id in listed)


def patience(web: Web) -> Patience:
    """How long a page may be silent or slow: for the web edge."""
    return Patience(
        alive_every_s=web.ping_every,
        silent_after_s=web.silent_after,
        send_timeout_s=web.send_timeout,
        moments=web.client_queue,
    )


def origin(url: str) -> str:
    """Scheme, host and port of an address, as browsers name where a request comes from."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
