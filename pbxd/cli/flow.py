"""``pbxd flow``: call flows for those who write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pbxd.check.findings import Finding, error, of_faults, warning
from pbxd.check.flows import oddities
from pbxd.edge.flow_files.load import flow_paths, missing_prompts, read_flow, read_folder
from pbxd.edge.prompts import Made, PromptError, espeak, make_prompts
from pbxd.ivr.flow import Collect, Decision, End, Flow, Menu, Next, Play, Rate, Say, Script
from pbxd.ivr.walk import kind_of
from pbxd.settings.yaml_source import Place, SourceError


def check_files(paths: list[Path], prompts: Path | None) -> list[Finding]:
    """Everything that is wrong with flow files, or with those in folders; with ``prompts`` sounds, too."""
    findings: list[Finding] = []
    for path in paths:
        try:
            files = flow_paths(path) if path.is_dir() else [path]
        except OSError as fault:
            findings.append(error(Place(str(path)), f"cannot be read: {fault.strerror}"))
            continue
        if not files:
            findings.append(warning(Place(str(path)), "there is no flow in this folder"))
        for file in files:
            findings += _check_file(file, prompts)
    return findings


def _check_file(path: Path, prompts: Path | None) -> list[Finding]:
    try:
        file = read_flow(path)
    except SourceError as refusal:
        return of_faults(refusal.faults)
    missing = missing_prompts(file, prompts) if prompts is not None else ()
    return oddities(file) + [warning(f.place, f"{f.path}: {f.message}") for f in missing]


def speak_prompts(flows: Path, prompts: Path, espeak_program: str) -> tuple[Made | None, list[Finding]]:
    """Make the missing sounds of all flows that can be read; what is wrong with the others is told."""
    good, faults = read_folder(flows)
    findings = of_faults(faults)
    try:
        made = make_prompts((file.flow for file in good.values()), prompts, espeak((espeak_program,)))
    except (PromptError, OSError) as fault:
        return None, [*findings, error(Place(str(prompts)), str(fault))]
    for sound in (prompts / f"{name}.wav" for name in made.spoken):
        sound.chmod(0o644)  # Asterisk is another user
        for folder in (sound.parent, sound.parent.parent):
            folder.chmod(0o755)
    return made, findings


def as_text(flow: Flow) -> str:
    """A flow for people: each step with where it leads."""
    lines = [f"{flow.title}  ({', '.join(flow.languages)}; when it breaks: {_decided(flow.on_failure)})"]
    for name, step in flow.steps.items():
        mark = "start" if name == flow.start else "     "
        said = f"  {step.label}" if step.label != name else ""
        lines.append(f"{mark}  {name}  [{kind_of(step)}]{said}")
        width = max((len(how) for how, _ in ways_on(flow, name)), default=0)
        lines += [f"         {how:<{width}}  → {where}" for how, where in ways_on(flow, name)]
    return "\n".join(lines) + "\n"


def as_mermaid(flow: Flow) -> str:
    """A flow as a diagram that code hosts and editors draw."""
    names = {name: f"s{number}" for number, name in enumerate(flow.steps)}
    lines = ["flowchart TD", f"  start([{_quoted(flow.title)}]) --> {names[flow.start]}"]
    for name, step in flow.steps.items():
        left, right = ("{{", "}}") if isinstance(step, Menu) else ("[", "]")
        lines.append(f"  {names[name]}{left}{_quoted(f'{kind_of(step)}: {step.label}')}{right}")
        for number, (how, where) in enumerate(ways_on(flow, name)):
            if where in names:
                lines.append(f"  {names[name]} -->|{_quoted(how)}| {names[where]}")
            else:
                end = f"{names[name]}e{number}"
                lines.append(f"  {names[name]} --> {end}([{_quoted(where)}])")
    return "\n".join(lines) + "\n"


def ways_on(flow: Flow, name: str) -> Iterator[tuple[str, str]]:
    """How a step is left, and the step or the decision that follows."""
    step = flow.steps[name]
    match step:
        case Menu():
            for key, option in step.options.items():
                yield f"{key} {option.label}", option.next
            yield "wrong key", step.invalid.next
            yield "no key", step.no_input.next
        case Rate():
            yield "1 to 5", step.next
            yield "wrong key", step.invalid.next
            yield "no key", step.no_input.next
        case Collect():
            yield f"{{{step.variable}}}", step.next
            yield "invalid", step.invalid.next
            yield "no key", step.no_input.next
        case Script():
            yield from step.results.items()
            yield "else", step.next
            if step.failed is not None:
                yield "failed", step.failed
        case Play() | Say():
            yield "then", step.next
        case End():
            yield "end", _decided(step.decision)


def _decided(decision: Decision) -> str:
    if decision.next is not Next.QUEUE:
        return {Next.HANGUP: "hang up", Next.DONE: "back to the dialplan"}[decision.next]
    waits = f", at most {decision.timeout} s" if decision.timeout is not None else ""
    return f"queue {decision.queue}{waits}"


def _quoted(text: str) -> str:
    return '"' + text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;") + '"'
