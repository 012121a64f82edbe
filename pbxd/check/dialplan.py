"""extensions.conf: does a call find its way to pbxd, and somewhere else when pbxd is down?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pbxd.check.conf import Category, Conf
from pbxd.check.findings import Finding, error, note, warning
from pbxd.check.surveys import CONTEXT as SURVEY
from pbxd.settings.model import Agi, Node
from pbxd.settings.yaml_source import Place
from pbxd.transfers.moves import CONTEXT, QUEUE_CONTEXT
from pbxd.transfers.prepared import MARK

ENTRY = "pbxd-in"
_FLOW = re.compile(r"PBXD_FLOW\s*=\s*([A-Za-z0-9_-]+)\s*\)?")
_AGI = re.compile(r"\bAGI\(\s*agi(?:\+tls)?://", re.IGNORECASE)
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - what a settings file may say, not an address to bind


@dataclass(frozen=True, slots=True)
class NamedFlow:
    """A flow that the dialplan asks for."""

    name: str
    place: Place


def check_dialplan(
    conf: Conf, node: Node, agi: Agi, queues: set[str] | None, *, blind: bool = False
) -> Iterator[Finding]:
    """The entry context, what leads to it, and the globals that it reads. ``blind``: are blind transfers
    allowed where the dialplan of transfers is missing?"""
    if not conf.exists:
        yield error(conf.place, "there is no such file: no call can reach pbxd")
        return
    entry = conf.category(ENTRY)
    if entry is None:
        yield error(conf.place, f'context [{ENTRY}] is missing: #include "pbxd.conf" from dialplans/')
        return
    lines = (v.value for c in conf.categories if c.name != SURVEY for v in c.variables)
    if not any(_AGI.search(line) for line in lines):
        yield error(entry.place, "no context runs AGI(agi://…): no call reaches pbxd")
    yield from _globals(conf, node, agi, queues)
    yield from _transfers(
        conf, "all transfers but blind ones are refused" if blind else "transfers are refused"
    )
    if not any(ENTRY in v.value for c in conf.categories for v in c.variables if c is not entry):
        yield note(entry.place, f"nothing in the dialplan leads to {ENTRY}; a trunk's context may")


def _transfers(conf: Conf, so: str) -> Iterator[Finding]:
    """pbxd refuses transfers without these: Asterisk hangs up whoever is sent to a place that is none."""
    for name in (CONTEXT, QUEUE_CONTEXT):
        if conf.category(name) is None:
            yield error(
                conf.place,
                f'context [{name}] is missing, so {so}: #include "pbxd-transfer.conf" from dialplans/',
            )
    lines = [v for c in conf.named(CONTEXT) for v in c.variables]
    if lines and not any(v.name == "exten" and v.value.partition(",")[0].strip() == MARK for v in lines):
        yield error(
            lines[0].place,
            f"[{CONTEXT}] is not of {MARK}, which this pbxd needs, so {so}: "
            "copy pbxd-transfer.conf from dialplans/ anew",
        )


def flows_asked_for(conf: Conf) -> list[NamedFlow]:
    """Flows that the dialplan names; ``main`` where it leaves the choice open."""
    found = [
        NamedFlow(match[1], v.place)
        for category in conf.categories
        for v in category.variables
        if not category.name.lower().startswith("pbxd-")
        for match in _FLOW.finditer(v.value if category.name.lower() != "globals" else f"{v.name}={v.value}")
    ]
    entry = conf.category(ENTRY)
    everywhere = any(c.name.lower() == "globals" and c.last("PBXD_FLOW") for c in conf.categories)
    if entry is not None and not everywhere:
        found.append(NamedFlow("main", entry.place))
    return found


def _globals(conf: Conf, node: Node, agi: Agi, queues: set[str] | None) -> Iterator[Finding]:
    values = conf.category("globals")
    if values is None:
        yield error(conf.place, "[globals] with PBXD_AGI, PBXD_NODE and PBXD_FALLBACK_QUEUE is missing")
        return
    for name in ("PBXD_AGI", "PBXD_NODE", "PBXD_FALLBACK_QUEUE"):
        if not values.value(name):
            yield error(values.place, f"{name} is not set")
    yield from _address(values, agi)
    named = values.last("PBXD_NODE")
    if named is not None and named.value and named.value != node.name:
        yield error(named.place, f"PBXD_NODE is {named.value}, but the settings call this node {node.name}")
    fallback = values.last("PBXD_FALLBACK_QUEUE")
    if fallback is not None and queues is not None and fallback.value and fallback.value not in queues:
        yield error(fallback.place, f"the fallback queue {fallback.value!r} is not in queues.conf")


def _address(values: Category, agi: Agi) -> Iterator[Finding]:
    line = values.last("PBXD_AGI")
    if line is None or not line.value:
        return
    host, _, port = line.value.rpartition(":")
    if not host:
        host, port = line.value, "4573"
    if port != str(agi.port):
        yield error(line.place, f"PBXD_AGI says port {port}, but pbxd listens on {agi.port} (agi.port)")
    if agi.listen not in _ANYWHERE and host not in (agi.listen, "localhost"):
        yield warning(line.place, f"PBXD_AGI says {host}, but pbxd listens on {agi.listen} (agi.listen)")
