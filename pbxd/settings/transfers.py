"""Sections about handing callers over, and about the time after a call."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pbxd.settings.section import Section
from pbxd.settings.values import ONE_OR_MANY, Deadline, Duration, Like

QueueName = Annotated[
    str,
    Like(r"[^\s,|&/()\x00-\x1f][^,|&/()\x00-\x1f]{0,79}", "the name of a queue: no comma, slash or bracket"),
]
DiallableQueue = Annotated[
    str,
    Like(r"[A-Za-z0-9_.-]{1,80}", "a queue's name of letters, digits, _ . and -"),
]
Prefix = Annotated[str, Like(r"\+[1-9][0-9]{0,14}", "the beginning of a number with + and country code")]
MusicClass = Annotated[str, Like(r"[^\s,|&()]{1,79}", "the name of a class in musiconhold.conf")]
Prompt = Annotated[
    str, Like(r"[A-Za-z0-9_/.&-]{1,200}", "the path of a recording, without language and ending")
]


class Reassure(Section):
    """The announcement to a caller on hold in a transfer: somebody is being found for him."""

    after: Duration = Field(default=20.0, description="The first one after so much music; `0s`: none.")
    every: Deadline = Field(default=30.0, description="The pause before each further one.")
    prompt: Prompt = Field(
        default="pls-hold-while-try",
        description="The recording (as Asterisk finds it, in the caller's language), or several with &.",
    )


class HoldGuard(Section):
    """Nobody stays on hold for ever."""

    after: Duration = Field(default=180.0, description="So long a caller is on hold; `0s`: no limit.")
    then: Literal["back", "offer"] = Field(
        default="back",
        description="Then he is `back` with the transferer, or hears the `offer` to be called back (key 1) "
        "before that.",
    )
    prompt: Prompt | None = Field(
        default=None,
        description="The recording of the offer (or several with &); `offer` needs it: "
        '"to be called back, press 1, or just stay on the line".',
    )

    @model_validator(mode="after")
    def _says_it(self) -> Self:
        if self.then == "offer" and self.prompt is None:
            raise ValueError("then: offer needs prompt, the recording of the offer")
        return self


class Acknowledge(Section):
    """Whether the target's phone waits for his page to show the hand-over."""

    policy: Literal["at_once", "wait"] = Field(
        default="at_once",
        description="Ring `at_once` (the hand-over is sent before), or `wait` for the page.",
    )
    up_to: Annotated[Deadline, Field(le=5.0)] = Field(
        default=0.3, description="With `wait`: then it rings all the same. At most 5 s; the caller waits."
    )


class Recall(Section):
    """When nobody takes a caller who was handed over blindly, the transferer is called again."""

    ring_timeout: Deadline = Field(default=25.0, description="How long the transferer's phone rings then.")
    then_queue: DiallableQueue | None = Field(
        default=None,
        description="Where the caller goes when he does not answer either. Unset: the queue he came from, "
        "else the fallback queue.",
    )


class Outside(Section):
    """Numbers beyond the switch. Nothing is allowed before a prefix is; emergency numbers never are."""

    allow: Annotated[tuple[Prefix, ...], ONE_OR_MANY] = Field(
        default=(), description="Beginnings of numbers that may be dialled, in E.164: `[+4989, +43]`."
    )
    deny: Annotated[tuple[Prefix, ...], ONE_OR_MANY] = Field(
        default=(), description="Exceptions to `allow`. The longest match decides; of equals the denial."
    )
    dial: str = Field(
        default="",
        max_length=200,
        description="How Asterisk dials one: `PJSIP/{number}@trunk`. `{number}` is E.164 with its +, "
        "`{digits}` the same without.",
    )
    premium: bool = Field(
        default=False,
        description="Allow premium, shared-cost and personal numbers, and ranges not in the tables.",
    )
    per_agent_per_hour: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=20,
        description="Calls to numbers outside that one agent may start in an hour, since pbxd was started.",
    )

    @field_validator("dial")
    @classmethod
    def _a_dial_string(cls, value: str) -> str:
        if not value:
            return value
        bare = value.replace("{number}", "").replace("{digits}", "")
        if bare == value or "{" in bare or "}" in bare:
            raise ValueError("must hold {number} or {digits}, and no other braces")
        head, slash, rest = bare.partition("/")
        if not (head.isalnum() and slash and not set(rest) & set(" ,|&$\t\r\n\0")):
            raise ValueError("must be a device such as PJSIP/{number}@trunk")
        return value

    @model_validator(mode="after")
    def _can_dial(self) -> Self:
        if self.allow and not self.dial:
            raise ValueError("allow needs dial, how Asterisk dials such a number")
        return self


class Mailbox(Section):
    """One that agents are offered for callers whom nobody can take, where the switch takes messages."""

    id: Annotated[
        str, Like(r"[A-Za-z0-9_.-]{1,79}@[A-Za-z0-9_.-]{1,79}", "a mailbox and its context: 1001@default")
    ] = Field(description="As voicemail.conf has it: `1001@default`.")
    name: Annotated[str, Field(max_length=80)] = Field(
        default="", description="What agents call it: `Messages for sales`."
    )
    node: str | None = Field(
        default=None, description="The node that has it. Unset: each has one with this id."
    )


Keys = Annotated[str, Like(r"([0-9*#]{2,5})?", "two to five keys of a phone: *1")]


class TransferKeys(Section):
    """What a transferer can order by the keys of his phone, while the target rings and while they talk."""

    cancel: Keys = Field(
        default="*1",
        description='Back to the caller; the target goes. In quotes; `""` here and below: no key.',
    )
    merge: Keys = Field(default="*3", description="All three hear each other.")
    swap: Keys = Field(default="*4", description="From the target to the caller, or from him to the target.")

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        codes = [code for code in (self.cancel, self.merge, self.swap) if code]
        for code in codes:
            if sum(code in other for other in codes) > 1:
                raise ValueError(f"{code} is in another code: they could not be told apart")
        return self


class QueueTransfers(Section):
    """What is different in transfers of callers who came through this queue, or go to it."""

    music: MusicClass | None = Field(default=None, description="Their music on hold.")
    prompt: Prompt | None = Field(default=None, description="Their reassuring announcement.")
    priority: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="Priority in this queue of callers who are handed over to it; higher is sooner.",
    )


class Transfers(Section):
    """Handing a caller over to a colleague, a skill, a queue or a number outside."""

    music: MusicClass = Field(
        default="default", description="The class in musiconhold.conf that a caller on hold hears."
    )
    reassure: Reassure = Reassure()
    hold_guard: HoldGuard = HoldGuard()
    ring_timeout: Deadline = Field(default=25.0, description="How long a target's phone rings.")
    queue_timeout: Deadline = Field(
        default=120.0, description="How long the transferer waits in a queue for somebody to answer."
    )
    acknowledge: Acknowledge = Acknowledge()
    on_hangup: Literal["complete", "back"] = Field(
        default="complete",
        description="The transferer hangs up while he consults: the caller goes to the target, or it was a "
        "slip and the transferer is called again.",
    )
    unprepared: Literal["refuse", "blind"] = Field(
        default="refuse",
        description="On a switch that lacks pbxd-transfer.conf: `refuse` transfers, or allow `blind` ones, "
        "in which the caller stays with the transferer until the target answers.",
    )
    keys: TransferKeys = TransferKeys()
    recall: Recall = Recall()
    outside: Outside = Outside()
    mailboxes: tuple[Mailbox, ...] = Field(
        default=(), description="Those that agents are offered; any other can be ordered by its id."
    )
    queues: dict[QueueName, QueueTransfers] = Field(default={}, description="Exceptions, by queue.")


class WrapUp(Section):
    """The time for notes after a call: the agent is paused in his queues, until he says that he is ready."""

    default: Duration = Field(
        default=0.0, description="After calls of queues that are not in `queues`; `0s`: none."
    )
    direct: Duration = Field(default=0.0, description="After calls that came through no queue.")
    queues: dict[QueueName, Duration] = Field(
        default={}, description="After calls of these queues: `{support: 30s}`."
    )
    declined_pause: Duration = Field(
        default=30.0,
        description="An agent who declines a caller is not rung by that queue again while this caller "
        "waits, for so long at most; `0s`: at once.",
    )
