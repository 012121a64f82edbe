"""Who carries out which effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pbxd.edge.call_log import call_ended
from pbxd.effects import (
    Announce,
    Append,
    Ask,
    Attended,
    Count,
    KeepAlert,
    KeepAttendance,
    KeepCallback,
    KeepDossier,
    KeepJourney,
    KeepTransfer,
    LookUp,
    Publish,
    Remember,
    Reply,
    Tell,
    Together,
    Wake,
)
from pbxd.switchboard import Outlet

if TYPE_CHECKING:
    from pbxd.edges import Edges


def outlets(edges: Edges) -> Mapping[type, Outlet]:
    """For the switchboard. Whatever is opened later (store, broker, traces) is looked up when it is used."""
    ask_timeout = {node.name: node.ami.ask_timeout for node in edges.settings.nodes}

    def ask(effect: Ask) -> None:
        together(Together(asks=(effect,)))

    def together(effect: Together) -> None:
        node = effect.asks[0].node
        patient = [replace(ask, timeout_s=ask_timeout[node]) for ask in effect.asks]
        edges.links[node].ask_together(patient)

    def publish(effect: Publish) -> None:
        edges.web.show(effect)
        if edges.mqtt is not None:
            edges.mqtt.publish(effect)

    def remember(effect: Remember) -> None:
        edges.store.remember(effect.contact)
        call_ended(effect.contact)
        if edges.traces is not None:
            edges.traces.ended(effect.contact)

    def append(effect: Append) -> None:
        edges.store.append(effect.stretch)
        if edges.traces is not None:
            edges.traces.appended(effect.stretch)

    def attended(effect: Attended) -> None:
        edges.store.attended(effect.row)

    def look_up(effect: LookUp) -> None:
        edges.store.ask(effect, edges.board.put)

    def keep(effect: KeepTransfer | KeepDossier | KeepAlert | KeepCallback | KeepAttendance) -> None:
        edges.store.keep(effect)

    def keep_journey(effect: KeepJourney) -> None:
        edges.store.keep_journey(effect.call)

    def tell(effect: Tell) -> None:
        edges.web.tell(effect)

    def reply(effect: Reply) -> None:
        edges.replies.take(effect)

    def wake(effect: Wake) -> None:
        edges.clock.wake(effect)

    def announce(effect: Announce) -> None:
        edges.alerts.announce(effect)

    return {
        Ask: ask,
        Together: together,
        Publish: publish,
        Remember: remember,
        Append: append,
        LookUp: look_up,
        Tell: tell,
        Reply: reply,
        Wake: wake,
        Count: edges.metrics.apply,
        KeepTransfer: keep,
        KeepDossier: keep,
        KeepJourney: keep_journey,
        KeepAlert: keep,
        KeepCallback: keep,
        KeepAttendance: keep,
        Attended: attended,
        Announce: announce,
    }
