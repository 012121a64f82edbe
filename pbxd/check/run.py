"""All checks in one go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pbxd.check.conf import read_conf
from pbxd.check.dialplan import check_dialplan, flows_asked_for
from pbxd.check.findings import Finding, error, note, of_faults
from pbxd.check.flows import check_flows, check_queues_of_flows
from pbxd.check.manager import check_manager
from pbxd.check.modules import check_modules
from pbxd.check.own import check_own, is_local
from pbxd.check.queues import check_features, check_queues, check_wrap_up, queues_of
from pbxd.check.scripts import check_scripts
from pbxd.check.surveys import check_survey_context, check_surveys
from pbxd.edge.flow_files.load import FlowFile
from pbxd.settings.load import load_settings
from pbxd.settings.model import Node, Settings
from pbxd.settings.yaml_source import SourceError, YamlSource, read_yaml

ASTERISK = Path("/etc/asterisk")


def check(config: Path, asterisk: Mapping[str, Path], environ: Mapping[str, str]) -> list[Finding]:
    """Everything that is wrong; ``asterisk`` gives nodes' configuration folders, ``''`` that of all nodes."""
    try:
        settings = load_settings(config, environ)
    except SourceError as refusal:
        return of_faults(refusal.faults)
    source = read_yaml(config.read_bytes(), str(config))
    findings = list(check_own(settings, source))
    flows, of_flows = check_flows(settings.flows.folder, settings.prompts)
    findings += of_flows
    findings += check_scripts(flows, settings.flows.scripts)
    findings += check_surveys(settings.flows.surveys, flows, source)
    for node in settings.nodes:
        findings += _check_node(node, settings, source, asterisk, flows)
    return list(dict.fromkeys(findings))


def folder_of(node: Node, given: Mapping[str, Path]) -> Path | None:
    """Where the configuration of a node's Asterisk lies, if it is on this machine."""
    if node.name in given or "" in given:
        return given.get(node.name, given.get(""))
    return ASTERISK if is_local(node.ami.host) and os.path.isdir(ASTERISK) else None


def _check_node(
    node: Node,
    settings: Settings,
    source: YamlSource,
    asterisk: Mapping[str, Path],
    flows: Mapping[str, FlowFile],
) -> Iterator[Finding]:
    folder = folder_of(node, asterisk)
    if folder is None or not os.path.isdir(folder):
        where = f"{folder} is no folder" if folder else "use --asterisk FOLDER"
        place = source.place(("nodes", settings.nodes.index(node)))
        yield note(place, f"node {node.name}: Asterisk's own files were not checked ({where})")
        return
    manager, queues, features, dialplan, modules = (
        read_conf(folder, name)
        for name in ("manager.conf", "queues.conf", "features.conf", "extensions.conf", "modules.conf")
    )
    for conf in (manager, queues, features, dialplan, modules):
        yield from conf.findings
    names = {queue.name for queue in queues_of(queues)} if queues.exists and queues.readable else None
    if manager.readable:
        yield from check_manager(manager, node)
    if dialplan.readable:
        blind = settings.transfers.unprepared == "blind"
        yield from check_dialplan(dialplan, node, settings.agi, names, blind=blind)
        yield from check_survey_context(dialplan, settings.flows.surveys)
    if queues.readable:
        yield from check_queues(queues, node, settings.agents)
        yield from check_wrap_up(queues, settings.wrap_up)
    if features.readable:
        yield from check_features(features)
    if modules.readable:
        yield from check_modules(modules)
    if names is not None:
        yield from check_queues_of_flows(flows, names, node.name)
    for flow in flows_asked_for(dialplan):
        if not any(os.path.isfile(settings.flows.folder / f"{flow.name}{end}") for end in (".yaml", ".yml")):
            yield error(flow.place, f"there is no flow {flow.name!r} in {settings.flows.folder}")
        elif flow.name in flows and flows[flow.name].flow.survey:
            yield error(flow.place, f"flow {flow.name!r} asks for a rating: it is for after the talk")
