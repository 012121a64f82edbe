"""A caller's walk through a flow: a generator that yields what is to be done and is sent what came of it.

``walk`` touches nothing: whoever drives it runs the AGI commands and the scripts, passes the events on and
tells the time. So a flow is tested by a list of answers, without a switch.

What is yielded               what is sent back
a Verb                        Heard: Asterisk's reply and when it came
RunScript                     ScriptDone or ScriptFailed
a flow event, PromptMissing,  None
Broken

The walk returns the Decision for the dialplan, or None when the caller has left. Whatever goes wrong inside,
a mistake of ours included, a caller who is still there gets the flow's ``on_failure``.
"""

from __future__ import annotations

from typing import TypeVar

from pbxd.agi import verbs
from pbxd.agi.replies import HungUpError
from pbxd.agi.verbs import ANY_KEY, Verb
from pbxd.ivr.asked import (
    Broken,
    Caller,
    FlowError,
    Heard,
    PromptMissing,
    RunScript,
    ScriptDone,
    ScriptFailed,
    Walk,
)
from pbxd.ivr.flow import AnyStep, Collect, Decision, End, Flow, Menu, Play, Rate, Retry, Say, Script
from pbxd.ivr.graph import VARIABLE
from pbxd.messages import FlowEntered, FlowLeft, FlowStep
from pbxd.survey import RATINGS

T = TypeVar("T")

MOST_STEPS = 500
"""A walk of more steps is a loop that no caller made."""

MASK = "****"
DIGITS_FOLDER = "digits"
SPOKEN_KEYS = {"*": "star", "#": "pound"}
_RATINGS = frozenset(map(str, RATINGS))


def walk(flow: Flow, caller: Caller, prompts: str) -> Walk[Decision | None]:
    """Lead ``caller`` through ``flow``. ``prompts`` is the folder of the prompts as Asterisk sees it."""
    return _Walker(flow, caller, prompts).walk()


class _Walker:
    __slots__ = (
        "at",
        "caller",
        "came",
        "flow",
        "keys",
        "language",
        "prompts",
        "step",
        "subject",
        "swallow",
        "variables",
    )

    def __init__(self, flow: Flow, caller: Caller, prompts: str) -> None:
        self.flow = flow
        self.caller = caller
        self.prompts = prompts.rstrip("/")
        self.at = caller.at
        self.came = caller.at  #: when the caller came to the step
        self.language = flow.language(caller.language)
        self.step = flow.start
        self.subject: str | None = None
        self.variables: dict[str, str] = {}
        self.keys = ""  #: pressed ahead, for the next menu or entry
        self.swallow = False  #: a # that ends an entry which was complete without it may still come

    def walk(self) -> Walk[Decision | None]:
        caller = self.caller
        yield FlowEntered(
            node=caller.node,
            at=self.at,
            uniqueid=caller.uniqueid,
            flow=self.flow.name,
            number=caller.number,
            name=caller.name,
            dialled=caller.dialled,
            language=self.language,
            survey=self.flow.survey,
        )
        try:
            decision = yield from self._steps()
            result = decision.next.value
        except HungUpError:
            yield self._left("caller_left", None)
            return None
        except Exception as error:
            yield Broken(flow=self.flow.name, step=self.step, error=error)
            yield self._stepped(self.flow.steps[self.step], "failed")
            decision, result = self.flow.on_failure, "failed"
        self.subject = decision.subject or self.subject
        yield self._left(result, decision.queue)
        return decision

    def _steps(self) -> Walk[Decision]:
        for _ in range(MOST_STEPS):
            step = self.flow.steps[self.step]
            self.came = self.at
            match step:
                case Play():
                    self.step = yield from self._play(step)
                case Menu():
                    self.step = yield from self._menu(step)
                case Rate():
                    self.step = yield from self._rate(step)
                case Collect():
                    self.step = yield from self._collect(step)
                case Say():
                    self.step = yield from self._say(step)
                case Script():
                    self.step = yield from self._script(step)
                case End():
                    return (yield from self._end(step))
        raise FlowError(f"more than {MOST_STEPS} steps")

    # ---------------------------------------------------------------- steps

    def _play(self, step: Play) -> Walk[str]:
        yield from self._speak(step.prompts, ANY_KEY if step.barge_in else "")
        yield self._stepped(step, "played")
        return step.next

    def _menu(self, step: Menu) -> Walk[str]:
        retry = step.no_input
        for tries_left in range(step.retries, -1, -1):
            key = yield from self._first_key(step.prompts, step.timeout)
            option = step.options.get(key)
            if option is not None:
                self.subject = option.subject or self.subject
                yield self._stepped(step, "chosen", label=option.label, digits=key)
                if option.language is not None:
                    yield from self._speak_from_now_on(option.language)
                return option.next
            retry = yield from self._refuse(step, key, tries_left)
        return retry.next

    def _rate(self, step: Rate) -> Walk[str]:
        retry = step.no_input
        for tries_left in range(step.retries, -1, -1):
            key = yield from self._first_key(step.prompts, step.timeout)
            if key in _RATINGS:
                yield self._stepped(step, "rated", digits=key)
                return step.next
            retry = yield from self._refuse(step, key, tries_left)
        return retry.next

    def _collect(self, step: Collect) -> Walk[str]:
        retry = step.no_input
        for tries_left in range(step.retries, -1, -1):
            entered = yield from self._entry(step)
            if entered is not None and step.least <= len(entered) <= step.most and entered.isdecimal():
                self.variables[step.variable] = entered
                yield self._stepped(step, "entered", digits=MASK if step.secret else entered)
                return step.next
            shown = entered if not (step.secret and entered) else MASK
            retry = yield from self._refuse(step, shown, tries_left)
        return retry.next

    def _refuse(self, step: Menu | Rate | Collect, keys: str | None, tries_left: int) -> Walk[Retry]:
        """Nothing (None, or '' where one key is wanted) or something wrong was keyed in."""
        silent = keys is None or (keys == "" and not isinstance(step, Collect))
        retry = step.no_input if silent else step.invalid
        yield self._stepped(step, "no_input" if silent else "invalid", digits=keys or "")
        self.keys = ""
        if tries_left:
            yield from self._speak(retry.prompts, ANY_KEY)
        return retry

    def _say(self, step: Say) -> Walk[str]:
        value = VARIABLE.sub(lambda found: self.variables.get(found[1], ""), step.value)
        yield from self._speak(step.before, ANY_KEY)
        if not self.keys:
            if step.as_number:
                yield from self._say_number(value)
            else:
                yield from self._say_digits(value)
        yield from self._speak(step.after, ANY_KEY)
        yield self._stepped(step, "played")
        return step.next

    def _say_number(self, value: str) -> Walk[None]:
        if not value.lstrip("-").isdecimal():
            raise FlowError(f"not a number: {value!r}")
        self.keys += yield from self._ask(verbs.say_number(int(value), ANY_KEY))

    def _say_digits(self, value: str) -> Walk[None]:
        """From our own prompts, because Asterisk's digits speak few languages."""
        for digit in value:
            if digit in ANY_KEY and not self.keys:
                yield from self._sound(f"{DIGITS_FOLDER}/{SPOKEN_KEYS.get(digit, digit)}", ANY_KEY)

    def _script(self, step: Script) -> Walk[str]:
        answer = yield RunScript(
            step=step.name, function=step.function, deadline=step.deadline, variables=dict(self.variables)
        )
        if isinstance(answer, ScriptDone):
            self.at = answer.at
            self.variables |= {name: answer.variables[name] for name in step.sets if name in answer.variables}
            yield self._stepped(step, "done", label=step.label, digits="")
            return step.results.get(answer.result, step.next)
        if not isinstance(answer, ScriptFailed):
            raise TypeError(f"a script was answered by {answer!r}")
        self.at = answer.at
        if step.failed is None:
            raise FlowError(f"script {step.function}: {answer.why}")
        yield Broken(flow=self.flow.name, step=step.name, error=FlowError(answer.why))
        yield self._stepped(step, "failed")
        return step.failed

    def _end(self, step: End) -> Walk[Decision]:
        # Keys count no more: what is said here is said to its end.
        self.keys = ""
        yield from self._speak(step.prompts, "")
        yield self._stepped(step, "done")
        return step.decision

    # ---------------------------------------------------------------- keys

    def _first_key(self, prompts: tuple[str, ...], timeout: float) -> Walk[str]:
        """One key, pressed ahead, during the prompts or after them; '' when none came."""
        if not self.keys:
            yield from self._speak(prompts, ANY_KEY)
        if self.keys:
            key, self.keys = self.keys[0], self.keys[1:]
            return key
        return (yield from self._ask(verbs.wait_for_digit(timeout)))

    def _entry(self, step: Collect) -> Walk[str | None]:
        """The digits keyed in, without the # that ended them; None when nothing was pressed at all."""
        keys = yield from self._first_key(step.prompts, step.timeout)
        if not keys:
            return None
        keys, self.keys = keys + self.keys, ""
        digits, ended, rest = keys.partition("#")
        if ended:
            self.keys = rest
            return digits
        fixed = step.least == step.most
        # An entry of variable length may be followed by its # even if it is as long as can be: take that too.
        wanted = step.most - len(digits) + (0 if fixed else 1)
        if wanted > 0:
            more = yield from self._ask(verbs.get_data("", step.between, wanted))
            digits += more.digits
        self.swallow = fixed and len(digits) == step.most
        return digits

    # ---------------------------------------------------------------- sounds

    def _speak(self, prompts: tuple[str, ...], keys: str) -> Walk[None]:
        """Play prompts one after the other, up to a key."""
        for name in prompts:
            if self.keys:
                return
            prompt = self.flow.prompts[name]
            if prompt.sound is not None:
                yield from self._stream(prompt.sound, keys)
            else:
                yield from self._sound(f"{self.flow.name}/{name}", keys)

    def _sound(self, name: str, keys: str) -> Walk[None]:
        yield from self._stream(f"{self.prompts}/{self.language}/{name}", keys)

    def _stream(self, path: str, keys: str) -> Walk[None]:
        if self.swallow:
            self.swallow = False
            keys = keys.replace("#", "")
        played = yield from self._ask(verbs.stream_file(path, keys))
        if played.missing:
            yield PromptMissing(flow=self.flow.name, step=self.step, path=path)
        self.keys += played.key

    def _speak_from_now_on(self, language: str) -> Walk[None]:
        """Also to the queue's announcements."""
        self.language = language
        yield from self._ask(verbs.set_variable("CHANNEL(language)", language))

    def _ask(self, verb: Verb[T]) -> Walk[T]:
        heard = yield verb
        if not isinstance(heard, Heard):
            raise TypeError(f"a command was answered by {heard!r}")
        self.at = heard.at
        return verb.read(heard.reply)

    # ---------------------------------------------------------------- events

    def _stepped(self, step: AnyStep, result: str, *, label: str = "", digits: str = "") -> FlowStep:
        return FlowStep(
            node=self.caller.node,
            at=self.at,
            uniqueid=self.caller.uniqueid,
            flow=self.flow.name,
            step=step.name,
            kind=kind_of(step),
            label=label or step.label,
            digits=digits,
            result=result,
            took_s=max(0.0, self.at - self.came),
            survey=self.flow.survey,
        )

    def _left(self, result: str, queue: str | None) -> FlowLeft:
        return FlowLeft(
            node=self.caller.node,
            at=self.at,
            uniqueid=self.caller.uniqueid,
            flow=self.flow.name,
            result=result,
            queue=queue,
            subject=self.subject,
            step=self.step,
            survey=self.flow.survey,
        )


def kind_of(step: AnyStep) -> str:
    """The step's type as the flow file says it."""
    if isinstance(step, End):
        return step.decision.next.value
    return type(step).__name__.lower()
