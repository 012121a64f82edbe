"""Everything that may stand in a flow file. docs/flows.md explains it with examples.

Durations are seconds here and ``5s``, ``500ms`` or ``2m`` in the file.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from pbxd.ivr import flow as ivr
from pbxd.settings.section import Section
from pbxd.settings.values import Deadline, Duration, Like, Name

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Label = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Language = Annotated[str, Like(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*", "a language such as en, zh or zh_CN")]
Key = Annotated[str, Like(r"[0-9*#]", "one key: 0 to 9, * or #")]
QueueName = Annotated[str, Like(r"[A-Za-z0-9_.-]{1,80}", "a queue's name: letters, digits, _ . and -")]
Sound = Annotated[str, Like(r"[A-Za-z0-9_./-]+", "a sound file's name without its extension")]
Function = Annotated[str, Like(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "module:function")]
Count = Annotated[int, Field(ge=0, le=9)]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _one_or_many(items: Any) -> Any:
    return WithJsonSchema({"anyOf": [items, {"type": "array", "items": items, "minItems": 1}]})


PromptNames = Annotated[
    tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1), _one_or_many({"type": "string"})
]
"""One prompt's name, or a list of them that are played one after the other."""

Languages = Annotated[
    tuple[Language, ...], BeforeValidator(_listed), Field(min_length=1), _one_or_many({"type": "string"})
]


class StepForm(Section):
    """What all steps have."""

    label: Label | None = Field(None, description="What people read on screen pops and in reports.")

    def shown(self, name: str) -> str:
        return self.label or name.replace("_", " ").capitalize()


class RetryForm(Section):
    """After a wrong key, or none."""

    prompt: PromptNames | None = Field(None, description="Played before each new try.")
    next: Name = Field(description="The step after the last try.")

    def built(self) -> ivr.Retry:
        return ivr.Retry(prompts=self.prompt or (), next=self.next)


class PlayForm(StepForm):
    """Play prompts."""

    type: Literal["play"]
    prompt: PromptNames = Field(description="The prompt, or a list of them.")
    barge_in: bool = Field(True, description="A key breaks it off and counts at the next menu or entry.")
    next: Name = Field(description="The step that follows.")

    def built(self, name: str) -> ivr.Play:
        return ivr.Play(
            name=name,
            label=self.shown(name),
            prompts=self.prompt,
            barge_in=self.barge_in,
            next=self.next,
        )


class OptionForm(Section):
    """One key of a menu."""

    label: Label = Field(description="What people read on screen pops and in reports.")
    next: Name = Field(description="The step that follows.")
    subject: Label | None = Field(None, description="What the call is about from here on.")
    language: Language | None = Field(None, description="The language spoken from here on.")

    def built(self) -> ivr.Option:
        return ivr.Option(label=self.label, next=self.next, subject=self.subject, language=self.language)


class MenuForm(StepForm):
    """Let the caller choose by one key."""

    type: Literal["menu"]
    prompt: PromptNames = Field(description="The choices, spoken.")
    options: dict[Key, OptionForm] = Field(min_length=1, description="What each key means.")
    timeout: Deadline = Field(5.0, description="How long to wait for a key after the prompt.")
    retries: Count = Field(2, description="Further tries after a wrong key or none.")
    invalid: RetryForm = Field(description="After a key that means nothing.")
    no_input: RetryForm = Field(description="After no key.")

    def built(self, name: str) -> ivr.Menu:
        return ivr.Menu(
            name=name,
            label=self.shown(name),
            prompts=self.prompt,
            options={key: option.built() for key, option in self.options.items()},
            timeout=self.timeout,
            retries=self.retries,
            invalid=self.invalid.built(),
            no_input=self.no_input.built(),
        )


class RateForm(StepForm):
    """Ask how it was, for one key from 1 to 5. A flow with it is a survey, heard after the talk."""

    type: Literal["rate"]
    prompt: PromptNames = Field(description="The question, spoken.")
    timeout: Deadline = Field(5.0, description="How long to wait for a key after the prompt.")
    retries: Count = Field(1, description="Further tries after a wrong key or none.")
    invalid: RetryForm = Field(description="After a key that is no rating.")
    no_input: RetryForm = Field(description="After no key.")
    next: Name = Field(description="The step that follows.")

    def built(self, name: str) -> ivr.Rate:
        return ivr.Rate(
            name=name,
            label=self.shown(name),
            prompts=self.prompt,
            timeout=self.timeout,
            retries=self.retries,
            invalid=self.invalid.built(),
            no_input=self.no_input.built(),
            next=self.next,
        )


class CollectForm(StepForm):
    """Take digits that end with # or after a pause."""

    type: Literal["collect"]
    prompt: PromptNames = Field(description="What to key in, spoken.")
    variable: Name | None = Field(None, description="Where the digits are kept; the step's name if left out.")
    min: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Fewest digits.")
    max: Annotated[int, Field(ge=1, le=64)] = Field(20, description="Most digits.")
    timeout: Deadline = Field(6.0, description="How long to wait for the first digit after the prompt.")
    between: Deadline = Field(3.0, description="How long to wait for each further digit.")
    retries: Count = Field(2, description="Further tries after a wrong entry or none.")
    secret: bool = Field(False, description="Never show or keep the digits: a PIN, a card.")
    invalid: RetryForm = Field(description="After too few or too many digits.")
    no_input: RetryForm = Field(description="After no digit.")
    next: Name = Field(description="The step that follows.")

    @model_validator(mode="after")
    def _bounds(self) -> CollectForm:
        if self.min > self.max:
            raise ValueError("min must not be more than max")
        return self

    def built(self, name: str) -> ivr.Collect:
        return ivr.Collect(
            name=name,
            label=self.shown(name),
            prompts=self.prompt,
            variable=self.variable or name,
            least=self.min,
            most=self.max,
            timeout=self.timeout,
            between=self.between,
            retries=self.retries,
            secret=self.secret,
            invalid=self.invalid.built(),
            no_input=self.no_input.built(),
            next=self.next,
        )


class SayForm(StepForm):
    """Say digits or a number."""

    type: Literal["say"]
    value: Text = Field(description="What to say; {name} stands for what was keyed in there.")
    as_: Literal["digits", "number"] = Field("digits", alias="as", description="One by one, or as a number.")
    before: PromptNames | None = Field(None, description="Played before it.")
    after: PromptNames | None = Field(None, description="Played after it.")
    next: Name = Field(description="The step that follows.")

    @model_validator(mode="after")
    def _sayable(self) -> SayForm:
        rest = re.sub(r"\{[^{}]*\}", "", self.value)
        if not re.fullmatch(r"[0-9*# -]*", rest):
            raise ValueError("value may hold digits, *, # and {names} only")
        return self

    def built(self, name: str) -> ivr.Say:
        return ivr.Say(
            name=name,
            label=self.shown(name),
            value=self.value,
            as_number=self.as_ == "number",
            before=self.before or (),
            after=self.after or (),
            next=self.next,
        )


class ScriptForm(StepForm):
    """Run a Python function of yours with pyst2's AGI interface."""

    type: Literal["script"]
    function: Function = Field(description="module:function in the folder flows.scripts of the settings.")
    deadline: Deadline | None = Field(
        None, description="How long it may run; agi.script_timeout if left out."
    )
    sets: tuple[Name, ...] = Field((), description="Variables that it may set for later steps.")
    results: dict[str, Name] = Field({}, description="Word that it returns → step that follows.")
    next: Name = Field(description="The step that follows otherwise.")
    failed: Name | None = Field(None, description="The step when it fails; on_failure if left out.")

    def built(self, name: str) -> ivr.Script:
        return ivr.Script(
            name=name,
            label=self.shown(name),
            function=self.function,
            deadline=self.deadline,
            sets=self.sets,
            results=self.results,
            next=self.next,
            failed=self.failed,
        )


class QueueChoice(Section):
    """A queue of Asterisk, and how to wait in it."""

    queue: QueueName = Field(description="The queue, as queues.conf calls it.")
    timeout: Duration | None = Field(None, description="How long to wait at most.")
    priority: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None, description="Higher ones are served first."
    )
    subject: Label | None = Field(None, description="What the call is about.")

    def decision(self) -> ivr.Decision:
        return ivr.Decision(
            next=ivr.Next.QUEUE,
            queue=self.queue,
            timeout=None if self.timeout is None else math.ceil(self.timeout),
            priority=self.priority,
            subject=self.subject,
        )


class QueueForm(StepForm, QueueChoice):
    """Send the caller to a queue. The flow is over."""

    type: Literal["queue"]
    prompt: PromptNames | None = Field(None, description="Played before.")

    def built(self, name: str) -> ivr.End:
        return ivr.End(name=name, label=self.shown(name), prompts=self.prompt or (), decision=self.decision())


class LastForm(StepForm):
    """hangup: end the call. done: go on in the dialplan behind AGI()."""

    type: Literal["hangup", "done"]
    prompt: PromptNames | None = Field(None, description="Played before.")
    subject: Label | None = Field(None, description="What the call was about.")

    def built(self, name: str) -> ivr.End:
        decision = ivr.Decision(next=ivr.Next(self.type), subject=self.subject)
        return ivr.End(name=name, label=self.shown(name), prompts=self.prompt or (), decision=decision)


StepForms = Annotated[
    PlayForm | MenuForm | RateForm | CollectForm | SayForm | ScriptForm | QueueForm | LastForm,
    Field(discriminator="type"),
]


class SoundForm(Section):
    """A sound that Asterisk has itself."""

    sound: Sound = Field(description="Its name without the extension, e.g. vm-goodbye.")


class FlowForm(Section):
    """A call flow."""

    title: Label | None = Field(None, description="What people call this flow.")
    languages: Languages = Field(description="Languages of the prompts; the first is the default.")
    start: Name = Field(description="The first step.")
    on_failure: QueueChoice | None = Field(
        None, description="Where a caller goes when the flow breaks; out of a survey nowhere."
    )
    prompts: dict[Name, dict[Language, Text] | SoundForm] = Field(
        {}, description="Texts by language, or a sound of Asterisk."
    )
    steps: dict[Name, StepForms] = Field(min_length=1, description="The steps by name.")

    def built(self, name: str) -> ivr.Flow:
        hang_up = ivr.Decision(next=ivr.Next.HANGUP)
        return ivr.Flow(
            name=name,
            title=self.title or name,
            languages=self.languages,
            start=self.start,
            on_failure=hang_up if self.on_failure is None else self.on_failure.decision(),
            prompts={prompt: _prompt(prompt, form) for prompt, form in self.prompts.items()},
            steps={step: form.built(step) for step, form in self.steps.items()},
            survey=any(isinstance(form, RateForm) for form in self.steps.values()),
        )


def _prompt(name: str, form: dict[str, str] | SoundForm) -> ivr.Prompt:
    if isinstance(form, SoundForm):
        return ivr.Prompt(name=name, sound=form.sound)
    return ivr.Prompt(name=name, texts=form)


def flow_schema() -> dict[str, Any]:
    """The JSON Schema of a flow file, for editors (``# yaml-language-server: $schema=…``)."""
    schema = FlowForm.model_json_schema(by_alias=True)
    return {"$schema": SCHEMA_DIALECT, "title": "pbxd call flow"} | schema
