"""What is wrong with a flow as a whole: ways that lead nowhere, steps nobody reaches, missing prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pbxd.ivr.flow import (
    Collect,
    End,
    Flow,
    Menu,
    Next,
    Rate,
    Say,
    decisions,
    next_steps,
    prompts_of,
    variables_set,
)

Keys = tuple[str | int, ...]

VARIABLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake, and the keys under which the flow file holds it. ``known``: what could be meant."""

    keys: Keys
    message: str
    harmless: bool = False  #: no caller will notice it
    wrong: str = ""
    known: tuple[str, ...] = ()


def problems(flow: Flow) -> list[Problem]:
    """Everything that is wrong with a flow, in no order. It can be walked when all are harmless."""
    parts = (_targets, _unreachable, _dead_loops, _prompts, _variables, _survey)
    return [problem for part in parts for problem in part(flow)]


def _targets(flow: Flow) -> Iterator[Problem]:
    known = tuple(flow.steps)
    if flow.start not in flow.steps:
        yield Problem(keys=("start",), message="no such step", wrong=flow.start, known=known)
    for name, step in flow.steps.items():
        for keys, target in next_steps(step):
            if target not in flow.steps:
                yield Problem(keys=("steps", name, *keys), message="no such step", wrong=target, known=known)


def reached(flow: Flow, start: str) -> set[str]:
    """The steps that a caller can come to from ``start``, itself included."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in flow.steps:
            seen.add(name)
            waiting += [target for _, target in next_steps(flow.steps[name])]
    return seen


def _unreachable(flow: Flow) -> Iterator[Problem]:
    if flow.start not in flow.steps:
        return
    for name in flow.steps.keys() - reached(flow, flow.start):
        yield Problem(keys=("steps", name), message="no caller can come to this step", harmless=True)


def _dead_loops(flow: Flow) -> Iterator[Problem]:
    """Steps from which no way leads to an end: a caller could only hang up."""
    for name in flow.steps:
        ways = reached(flow, name)
        leads_nowhere = any(target not in flow.steps for n in ways for _, target in next_steps(flow.steps[n]))
        if not leads_nowhere and not any(isinstance(flow.steps[n], End) for n in ways):
            yield Problem(keys=("steps", name), message="no way leads from here to an end of the flow")


def _prompts(flow: Flow) -> Iterator[Problem]:
    used: set[str] = set()
    known = tuple(flow.prompts)
    for name, step in flow.steps.items():
        for keys, names in prompts_of(step):
            used.update(names)
            for missing in names:
                if missing not in flow.prompts:
                    yield Problem(
                        keys=("steps", name, *keys), message="no such prompt", wrong=missing, known=known
                    )
    for name, prompt in flow.prompts.items():
        if name not in used:
            yield Problem(keys=("prompts", name), message="no step plays this prompt", harmless=True)
        for language in flow.languages:
            if prompt.sound is None and not prompt.texts.get(language):
                yield Problem(keys=("prompts", name), message=f"has no text in {language}")
        for language in prompt.texts.keys() - set(flow.languages):
            yield Problem(
                keys=("prompts", name, language),
                message="not one of the flow's languages",
                harmless=True,
                wrong=language,
                known=flow.languages,
            )


def _variables(flow: Flow) -> Iterator[Problem]:
    known = tuple(dict.fromkeys(name for step in flow.steps.values() for name in variables_set(step)))
    secret = {step.variable for step in flow.steps.values() if isinstance(step, Collect) and step.secret}
    for name, step in flow.steps.items():
        if isinstance(step, Say):
            for variable in VARIABLE.findall(step.value):
                if variable not in known:
                    yield Problem(
                        keys=("steps", name, "value"),
                        message="nothing sets this variable",
                        wrong=variable,
                        known=known,
                    )
                elif variable in secret:
                    yield Problem(
                        keys=("steps", name, "value"), message=f"{variable} is secret, not to be said aloud"
                    )
        if isinstance(step, Menu):
            for key, option in step.options.items():
                if option.language is not None and option.language not in flow.languages:
                    yield Problem(
                        keys=("steps", name, "options", key, "language"),
                        message="not one of the flow's languages",
                        wrong=option.language,
                        known=flow.languages,
                    )


def _survey(flow: Flow) -> Iterator[Problem]:
    """Who is asked for a rating has been served: he is led to no queue any more, and asked once."""
    asks = [name for name, step in flow.steps.items() if isinstance(step, Rate)]
    if not asks:
        if flow.on_failure.next is not Next.QUEUE:
            yield Problem(keys=("on_failure",), message="missing")
        return
    for name in asks[1:]:
        yield Problem(keys=("steps", name), message=f"a call has one rating: {asks[0]} asks for it")
    told = "callers hear a flow that asks for a rating after the talk: it leads to no queue"
    for keys, decision in decisions(flow):
        if decision.next is Next.QUEUE:
            yield Problem(keys=keys, message=told)
