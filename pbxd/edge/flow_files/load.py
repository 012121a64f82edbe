"""From a flow file to a Flow, or to everything that is wrong with it, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pbxd.edge.flow_files.schema import FlowForm
from pbxd.ivr.flow import SOUND_FORMATS, Flow
from pbxd.ivr.graph import Problem, problems
from pbxd.ivr.walk import DIGITS_FOLDER
from pbxd.settings.located import did_you_mean, validated
from pbxd.settings.yaml_source import Fault, Place, SourceError, YamlSource, read_yaml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFile:
    """A flow that can be walked, and the file it came from."""

    flow: Flow
    source: YamlSource
    oddities: tuple[Fault, ...] = ()  #: steps that nobody reaches, prompts that nobody plays


def read_flow(path: Path) -> FlowFile:
    """The flow in a file; its name is the file's. Raises SourceError with every fault in it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError([Fault(Place(str(path)), "", f"cannot be read: {error.strerror}")]) from None
    return parse_flow(raw, str(path), path.stem)


def parse_flow(text: str | bytes, file: str, name: str) -> FlowFile:
    """As read_flow, from text; ``file`` is what faults call it."""
    if not _NAME.fullmatch(name):
        why = "a flow's name has letters, digits, _ and -, at most 32, no - or _ first"
        raise SourceError([Fault(Place(file), "", f"{why}: {name!r}")])
    if name == DIGITS_FOLDER:
        raise SourceError(
            [Fault(Place(file), "", f"the sounds of digits are in {name}: call the flow otherwise")]
        )
    source = read_yaml(text, file)
    if not isinstance(source.data, dict):
        raise SourceError([source.fault((), "must be a mapping: languages:, start:, steps: …")])
    flow = validated(source, FlowForm).built(name)
    found = problems(flow)
    faults = [_fault(problem, source) for problem in found if not problem.harmless]
    if faults:
        raise SourceError(faults)
    return FlowFile(flow=flow, source=source, oddities=tuple(_fault(problem, source) for problem in found))


def _fault(problem: Problem, source: YamlSource) -> Fault:
    wrong = f" {problem.wrong!r}" if problem.wrong else ""
    hint = did_you_mean(problem.wrong, list(problem.known)) if problem.wrong else ""
    at_key = len(problem.keys) == 2 and not problem.wrong
    return source.fault(problem.keys, f"{problem.message}{wrong}{hint}", of_key=at_key)


def flow_paths(folder: Path) -> list[Path]:
    """The flow files in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())


def read_folder(folder: Path) -> tuple[dict[str, FlowFile], list[Fault]]:
    """Every flow in ``folder`` that can be walked, and the faults of the others."""
    flows: dict[str, FlowFile] = {}
    faults: list[Fault] = []
    try:
        paths = flow_paths(folder)
    except OSError as error:
        return {}, [Fault(Place(str(folder)), "", f"cannot be read: {error.strerror}")]
    for path in paths:
        if path.stem in flows:
            faults.append(Fault(Place(str(path)), "", f"a second file for flow {path.stem!r}"))
            continue
        try:
            flows[path.stem] = read_flow(path)
        except SourceError as error:
            faults += error.faults
    return flows, faults


def missing_prompts(file: FlowFile, folder: Path) -> Iterator[Fault]:
    """Prompts of a flow of which ``folder`` has no sound file: ``<language>/<flow>/<prompt>.wav``."""
    flow = file.flow
    for prompt in flow.prompts.values():
        for language in flow.languages if prompt.sound is None else ():
            path = folder / language / flow.name / prompt.name
            if not any(path.with_name(path.name + end).is_file() for end in SOUND_FORMATS):
                keys = ("prompts", prompt.name, language)
                yield file.source.fault(keys, f"there is no sound file {path}.wav", of_key=True)
