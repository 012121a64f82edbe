"""The documents of the REST interface, for its OpenAPI description and for tests of what pbxd says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pbxd.orders import TargetKind, TransferMode, Verb

Seconds = Annotated[float, Field(description="epoch seconds")]


class Document(BaseModel):
    model_config = ConfigDict(extra="allow")


class Fault(BaseModel):
    code: Annotated[str, Field(description="for programs", examples=["target_busy", "not_possible_now"])]
    text: Annotated[str, Field(description="for people")]


class Refusal(BaseModel):
    error: Fault


class NotNow(Fault):
    code: Annotated[
        Literal[
            "no_call",
            "already_transferring",
            "not_possible_now",
            "target_offline",
            "target_paused",
            "target_busy",
            "target_yourself",
            "no_such_target",
            "not_allowed",
            "link_down",
            "not_prepared",
            "not_in_wrap_up",
        ],
        Field(description="for programs"),
    ]


class NotNowRefusal(BaseModel):
    """Possible at another moment, or for another target."""

    error: NotNow


class Transferer(Document):
    agent: str | None
    name: str
    interface: str | None


class ChosenTarget(Document):
    kind: TargetKind | None
    id: str
    name: str
    agent: Annotated[str | None, Field(description="the agent, once one was chosen")]


class TransferCaller(Document):
    number: str
    name: str | None


class TransferTimes(Document):
    created: Seconds
    ringing: float | None
    answered: float | None
    ended: float | None


class TransferView(Document):
    """One transfer as it stands."""

    version: int
    id: str
    call: str
    node: str
    state: Literal[
        "created",
        "ringing",
        "talking",
        "swapped",
        "merged",
        "completing",
        "returning",
        "recalling",
        "ended",
    ]
    mode: TransferMode | None
    kind: Literal["attended", "blind", "blonde", "threeway"]
    transferer: Transferer
    target: ChosenTarget
    caller: TransferCaller
    queue: Annotated[str | None, Field(description="in which the caller waited last")]
    attempt: int
    fallbacks_left: int
    can: Annotated[list[Verb], Field(description="what its transferer can do now")]
    reason: str
    note: str
    disposition: str
    outcome: (
        Literal[
            "completed",
            "cancelled",
            "declined",
            "no_answer",
            "busy",
            "caller_left",
            "failed",
            "requeued",
            "recalled",
        ]
        | None
    )
    why: Annotated[str | None, Field(description="for people")]
    times: TransferTimes
    acknowledged: Annotated[float | None, Field(description="seconds until the target's desktop showed it")]


class TransferViews(BaseModel):
    transfers: list[TransferView]


class TargetRow(Document):
    """Somebody to whom the call can be handed over, or why not."""

    kind: TargetKind
    id: str
    name: str
    state: Annotated[str, Field(description="ready, talking, wrapup, paused, offline … of an agent")]
    free: Annotated[int | None, Field(description="how many could take the call now")] = None
    skill: Annotated[int | None, Field(description="level in the skill that is looked for")] = None
    skills: Annotated[dict[str, int], Field(description="all of an agent's")] = {}
    expected_wait_s: Annotated[float | None, Field(description="how long until somebody can take it")] = None
    allowed: Annotated[bool, Field(description="whether it can be ordered now")]
    code: Annotated[str | None, Field(description="of the refusal, if not")] = None
    why: Annotated[str | None, Field(description="why not, or why here, for people")] = None


class TargetRows(BaseModel):
    targets: Annotated[list[TargetRow], Field(description="best first")]


class ReportCall(BaseModel):
    call: str
    arrived: Annotated[str, Field(description="date and time with the offset")]
    number: Annotated[str, Field(description="masked, unless the settings allow all of it")]
    queue: str | None
    agent: str | None
    subject: str | None
    outcome: str
    value: Annotated[float, Field(description="what it contributes to the number")]
    of: Annotated[int, Field(description="in how many stays or legs")]


class ReportCalls(BaseModel):
    total: int
    calls: list[ReportCall]


class ReportTop(BaseModel):
    key: str
    handling_s: float
    calls: Annotated[list[ReportCall], Field(description="the five longest")]


class ReportRow(Document):
    """Figures by name, see docs/reports.md; null where there is nothing to take the mean of."""

    key: Annotated[str, Field(description="queue, agent, skill, hour or day; empty: none")]


class ReportDocument(BaseModel):
    version: int
    by: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    time_zone: str
    rows: list[ReportRow]
    total: Annotated[dict[str, float | None] | None, Field(description="null: you see some rows only")]
    top: Annotated[list[ReportTop], Field(description="the five rows with most handling time")]


class CallbackView(Document):
    """A caller who wants to be called back."""

    id: Annotated[str, Field(description="the transfer in which he was on hold")]
    node: str
    call: str
    at: Annotated[float, Field(description="when he said so, epoch seconds")]
    caller: Annotated[Any, Field(description="number and name")]
    queue: Annotated[str | None, Field(description="through which he came")] = None
    agent: Annotated[str, Field(description="who had him")]
    reason: str = ""


class CallbackViews(BaseModel):
    callbacks: Annotated[list[CallbackView], Field(description="oldest first")]


class Done(BaseModel):
    done: Literal[True] = True
