"""The call flows: their own faults, the prompts that they play, the queues that they lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pbxd.check.findings import Finding, error, of_faults, warning
from pbxd.edge.flow_files.load import FlowFile, missing_prompts, read_folder
from pbxd.ivr.flow import decisions
from pbxd.settings.model import Prompts
from pbxd.settings.yaml_source import Place


def check_flows(folder: Path, prompts: Prompts) -> tuple[dict[str, FlowFile], list[Finding]]:
    """The flows that can be walked, and what is wrong with the others and with the prompts of all."""
    if not os.path.isdir(folder):
        return {}, []  # told already, with the setting that names it
    flows, faults = read_folder(folder)
    findings = of_faults(faults)
    if not flows and not faults:
        findings.append(warning(Place(str(folder)), "there is no flow in this folder"))
    for file in flows.values():
        findings += oddities(file)
        if os.path.isdir(prompts.folder):
            missing = missing_prompts(file, prompts.folder)
            findings += [warning(f.place, f"{f.path}: {f.message}") for f in missing]
        for language in file.flow.languages:
            if language not in prompts.languages:
                place = file.source.place(("languages",))
                findings.append(
                    warning(place, f"language {language!r} is not among prompts.languages of the settings")
                )
    return flows, findings


def oddities(file: FlowFile) -> list[Finding]:
    """What does no harm but is surely not meant."""
    return [warning(f.place, f"{f.path}: {f.message}") for f in file.oddities]


def check_queues_of_flows(flows: Mapping[str, FlowFile], queues: set[str], node: str) -> Iterator[Finding]:
    """Queues that a flow sends callers to, against those of one Asterisk."""
    for file in flows.values():
        for keys, decision in decisions(file.flow):
            if decision.queue is not None and decision.queue not in queues:
                yield error(
                    file.source.place((*keys, "queue")),
                    f"node {node} has no queue {decision.queue!r} in queues.conf",
                )
