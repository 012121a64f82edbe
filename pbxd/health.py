"""How pbxd itself is doing: what monitoring asks for, read from the edges and the state when it asks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from pbxd.edge.agi_server import AgiEdge
from pbxd.edge.ami_link import AmiLink, LinkState
from pbxd.edge.mqtt import Mqtt
from pbxd.edge.reconciling import Nightly
from pbxd.edge.store import Store
from pbxd.edge.web import Part, WebEdge
from pbxd.figures import Reading, queue_readings, staff_readings, threshold_readings
from pbxd.ivr.flow import Collect, Flow, Menu
from pbxd.queues.model import member_state
from pbxd.switchboard import Switchboard
from pbxd.world import World


class Health:
    """Gauges for /metrics and parts for /-/ready."""

    def __init__(
        self,
        *,
        world: World,
        board: Switchboard,
        links: Sequence[AmiLink],
        store: Store,
        mqtt: Mqtt | None,
        web: WebEdge,
        agi: AgiEdge,
        nightly: Sequence[Nightly] = (),
    ) -> None:
        self._world = world
        self._board = board
        self._links = links
        self._store = store
        self._mqtt = mqtt
        self._web = web
        self._agi = agi
        self._nightly = nightly

    # ------------------------------------------------------------ /-/ready

    def parts(self) -> list[Part]:
        """What pbxd is made of, and whether each of it can do its work. Without a switch it has none."""
        parts = [_link_part(self._world, link) for link in self._links]
        parts += [_transfers_part(self._world, link) for link in self._links]
        away = self._store.away
        parts.append(Part(name="store", ready=away is None, reason=away or "", required=False))
        if self._mqtt is not None:
            connected = self._mqtt.connected
            reason = "" if connected else f"no broker; {self._mqtt.waiting} messages wait in the outbox"
            parts.append(Part(name="mqtt", ready=connected, reason=reason, required=False))
        for nightly in self._nightly:
            name, fault = f"reconcile {nightly.node}", nightly.fault
            parts.append(Part(name=name, ready=not fault, reason=fault, required=False))
        return parts

    # ------------------------------------------------------------ /metrics

    def readings(self) -> Iterator[Reading]:
        """Every value that is computed at the scrape."""
        now = time.time()
        yield from self._calls_and_queues(now)
        yield from staff_readings(self._world.timesheets.states(now))
        for link in self._links:
            yield from _link_readings(link)
            prepared = _transfers_part(self._world, link).ready
            labels = {"node": str(link.node)}
            yield Reading(metric="pbxd_transfers_ready", labels=labels, value=float(prepared))
        board = self._board
        for (node, kind), count in self._world.alerting.count_open().items():
            yield Reading(metric="pbxd_alerts_open", labels={"node": node, "kind": kind.value}, value=count)
        yield Reading(metric="pbxd_inbox_messages", value=board.depth)
        yield Reading(metric="pbxd_inbox_dropped_total", value=board.dropped_events)
        yield Reading(metric="pbxd_steps_total", value=board.steps)
        yield Reading(metric="pbxd_failed_steps_total", value=board.failed_steps)
        yield Reading(metric="pbxd_failed_effects_total", value=board.failed_effects)
        yield Reading(metric="pbxd_agi_sessions", value=self._agi.open_sessions)
        yield Reading(metric="pbxd_web_pages", value=self._web.open_pages)
        for nightly in self._nightly:
            labels, at = {"node": nightly.node}, nightly.last_success
            yield Reading(metric="pbxd_reconcile_last_success_timestamp_seconds", labels=labels, value=at)
        if self._mqtt is not None:
            yield Reading(metric="pbxd_mqtt_connected", value=float(self._mqtt.connected))
            yield Reading(metric="pbxd_mqtt_outbox_messages", value=self._mqtt.waiting)

    def _calls_and_queues(self, now: float) -> Iterator[Reading]:
        for name, node in self._world.nodes.items():
            yield Reading(
                metric="pbxd_calls_in_progress", labels={"node": name}, value=node.calls_in_progress
            )
            for queue in node.queues.names:
                yield from queue_readings(
                    name,
                    queue,
                    joined=(caller.since for caller in node.queues.waiting(queue)),
                    members=((member_state(m).value, m.paused) for m in node.queues.members(queue)),
                    now=now,
                )
                yield from threshold_readings(name, queue, self._world.rules.thresholds)


def places_of(flow: Flow) -> Iterator[dict[str, str]]:
    """The labels of the steps of a flow at which something is chosen or entered, and of their options."""
    for name, step in flow.steps.items():
        if isinstance(step, Menu | Collect):
            yield {"step": name}
        if isinstance(step, Menu):
            for key, option in step.options.items():
                yield {"step": name, "option": key, "label": option.label}


def _link_part(world: World, link: AmiLink) -> Part:
    known = world.nodes[link.node].link
    up = link.state is LinkState.UP and known is not None and known.up
    reason = "" if up else link.why or "not connected yet"
    if link.state is LinkState.REFUSED:
        reason = f"the switch refuses our login: {reason}"
    return Part(name=f"ami {link.node}", ready=up, reason=reason)


def _transfers_part(world: World, link: AmiLink) -> Part:
    """Calls go on without it; but whoever orders a transfer is refused."""
    reason = world.nodes[link.node].transfers_lack
    if reason and world.blind_without_dialplan:
        reason = f"only blind transfers: {reason}"
    if not reason and link.state is not LinkState.UP:
        reason = "the AMI link is down"
    return Part(name=f"transfers {link.node}", ready=not reason, reason=reason, required=False)


def _link_readings(link: AmiLink) -> Iterator[Reading]:
    labels, counts = {"node": str(link.node)}, link.counts
    yield Reading(metric="pbxd_ami_connected", labels=labels, value=float(link.state is LinkState.UP))
    yield Reading(metric="pbxd_ami_connects_total", labels=labels, value=counts.connects)
    yield Reading(metric="pbxd_ami_failed_connects_total", labels=labels, value=counts.failed_attempts)
    yield Reading(metric="pbxd_ami_losses_total", labels=labels, value=counts.losses)
    yield Reading(metric="pbxd_ami_messages_total", labels=labels, value=counts.messages)
    faults = {
        "malformed": counts.malformed,
        "oversized": counts.oversized,
        "stray": counts.strays,
        "late_reply": counts.late_replies,
        "listener": counts.listener_faults,
        "overrun": counts.overruns,
    }
    for kind, value in faults.items():
        yield Reading(metric="pbxd_ami_faults_total", labels={**labels, "kind": kind}, value=value)
