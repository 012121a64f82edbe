"""A call flow as it is held in memory. Flow files are read into this by ``pbxd.edge.flow_files``.

Times are seconds. A step names the steps that follow it; ``pbxd.ivr.graph`` finds names that lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SOUND_FORMATS = (".wav", ".wav16", ".sln", ".sln16", ".ulaw", ".alaw", ".gsm", ".g722", ".opus", ".ogg")
"""Extensions of the sounds that Asterisk plays."""


class Next(StrEnum):
    """What the dialplan does with the call when the flow has ended. The values of PBXD_NEXT."""

    QUEUE = "queue"
    HANGUP = "hangup"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a flow ends."""

    next: Next
    queue: str | None = None
    timeout: int | None = None  #: whole seconds in the queue; None: as the queue says
    priority: int | None = None
    subject: str | None = None

    def variables(self) -> Iterator[tuple[str, str]]:
        """The channel variables for the dialplan. PBXD_NEXT is the last: without it nothing was decided."""
        if self.queue is not None:
            yield "PBXD_QUEUE", self.queue
        if self.timeout is not None:
            yield "PBXD_QUEUE_TIMEOUT", str(self.timeout)
        if self.priority is not None:
            yield "QUEUE_PRIO", str(self.priority)
        yield "PBXD_NEXT", self.next.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Something to say. Either texts, of which files are made or recorded, or a sound that Asterisk has."""

    name: str
    texts: Mapping[str, str] = field(default_factory=dict)  #: by language
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Common to all steps. ``label`` is what people read on screen pops and in reports."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What follows a wrong key or none: the prompt before each new try, the step after the last."""

    prompts: tuple[str, ...] = ()
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Play(Step):
    prompts: tuple[str, ...]
    next: str
    barge_in: bool = True  #: a key breaks it off and counts at the next menu or entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    label: str
    next: str
    subject: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(Step):
    """Common to the steps at which a caller has to key something in."""

    prompts: tuple[str, ...]
    timeout: float  #: to the first key
    retries: int
    invalid: Retry
    no_input: Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Asking):
    options: Mapping[str, Option]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Asking):
    """Ask how it was, for one key of ``pbxd.survey.RATINGS``."""

    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Asking):
    variable: str
    least: int
    most: int
    between: float  #: seconds from digit to digit
    secret: bool
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Step):
    """Say digits or a number: a text in which ``{name}`` stands for what was collected."""

    value: str
    as_number: bool
    before: tuple[str, ...]
    after: tuple[str, ...]
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Step):
    """A function of the user's. What it returns chooses the next step."""

    function: str  #: module:function
    deadline: float | None  #: None: as the settings say
    sets: tuple[str, ...]  #: variables that it may set
    results: Mapping[str, str]  #: returned word → next step
    next: str
    failed: str | None  #: the step when it fails; None: the flow has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Step):
    """The flow is over."""

    prompts: tuple[str, ...] = ()
    decision: Decision


AnyStep = Play | Menu | Rate | Collect | Say | Script | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    name: str
    title: str
    languages: tuple[str, ...]  #: the first is spoken to callers whose language the flow does not have
    start: str
    on_failure: Decision
    prompts: Mapping[str, Prompt]
    steps: Mapping[str, AnyStep]
    survey: bool = False  #: it asks for a rating: callers hear it after the talk, and not before

    def language(self, wanted: str) -> str:
        """The flow's language for a channel's: ``zh_CN`` is served by ``zh``."""
        if wanted in self.languages:
            return wanted
        short = wanted.replace("-", "_").partition("_")[0].lower()
        return short if short in self.languages else self.languages[0]


def decisions(flow: Flow) -> Iterator[tuple[tuple[str, ...], Decision]]:
    """How a flow may end, with the keys under which the flow file says so."""
    yield ("on_failure",), flow.on_failure
    for name, step in flow.steps.items():
        if isinstance(step, End):
            yield ("steps", name), step.decision


def next_steps(step: AnyStep) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each step that may follow, with the keys under which the flow file names it."""
    match step:
        case Play() | Say():
            yield ("next",), step.next
        case Menu():
            for key, option in step.options.items():
                yield ("options", key, "next"), option.next
            yield ("invalid", "next"), step.invalid.next
            yield ("no_input", "next"), step.no_input.next
        case Rate() | Collect():
            yield ("next",), step.next
            yield ("invalid", "next"), step.invalid.next
            yield ("no_input", "next"), step.no_input.next
        case Script():
            yield ("next",), step.next
            for word, name in step.results.items():
                yield ("results", word), name
            if step.failed is not None:
                yield ("failed",), step.failed
        case End():
            pass


def prompts_of(step: AnyStep) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The prompts that a step plays, with the keys under which the flow file names them."""
    match step:
        case Play() | End():
            yield ("prompt",), step.prompts
        case Asking():
            yield ("prompt",), step.prompts
            yield ("invalid", "prompt"), step.invalid.prompts
            yield ("no_input", "prompt"), step.no_input.prompts
        case Say():
            yield ("before",), step.before
            yield ("after",), step.after
        case Script():
            pass


def variables_set(step: AnyStep) -> tuple[str, ...]:
    match step:
        case Collect():
            return (step.variable,)
        case Script():
            return step.sets
        case _:
            return ()
