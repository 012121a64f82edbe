"""What people and programs may ask for, as it comes in from outside: checked, and made into orders."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pbxd.ids import AgentId, CallId, TransferId
from pbxd.orders import (
    AnnotateTransfer,
    EndCallback,
    EndWrapUp,
    MoveTransfer,
    ReportRepeat,
    StartTransfer,
    Target,
    TargetKind,
    TransferMode,
    Verb,
)

TARGETS = 8  #: in one chain of fallbacks
REASON = 200  #: characters
NOTE = 2000  #: characters

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_CONTROL_BUT_BREAKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be one line of text without control characters")
    return text.strip()


def _lines(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL_BUT_BREAKS.search(text):
        raise ValueError("must be text without control characters")
    return text


Line = Annotated[str, Field(max_length=REASON), AfterValidator(_one_line)]
Lines = Annotated[str, Field(max_length=NOTE), AfterValidator(_lines)]
Named = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Call = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._:-]+$")]
Transfer = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")]
OrderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Said(BaseModel):
    """Something that came in from outside: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetSaid(Said):
    """To whom: an agent's id, a skill, a queue, an outside number in E.164, or mailbox@context."""

    kind: TargetKind
    id: Named


class StartSaid(Said):
    targets: Annotated[
        tuple[TargetSaid, ...],
        Field(min_length=1, max_length=TARGETS, description="the first is tried, then the others in turn"),
    ]
    call: Annotated[
        Call | None, Field(description="the call; without it the one that the agent is talking in")
    ] = None
    mode: Annotated[
        TransferMode,
        Field(description="attended: talk with the target first; blind: send the caller at once"),
    ] = TransferMode.ATTENDED
    reason: Annotated[Line, Field(description="one line, for the target")] = ""
    note: Annotated[Lines, Field(description="what the target should know")] = ""

    def asked(self, order: str, agent: AgentId, at: float, transfer: TransferId) -> StartTransfer:
        return StartTransfer(
            order=order,
            agent=agent,
            at=at,
            transfer=transfer,
            targets=tuple(Target(kind=target.kind, id=target.id) for target in self.targets),
            call=CallId(self.call) if self.call is not None else None,
            mode=self.mode,
            reason=self.reason,
            note=self.note,
        )


class MoveSaid(Said):
    queue: Annotated[
        Named | None, Field(description="for requeue; without it the queue that the caller came from")
    ] = None

    def asked(
        self, order: str, agent: AgentId | None, at: float, transfer: TransferId, verb: Verb
    ) -> MoveTransfer:
        return MoveTransfer(order=order, agent=agent, at=at, transfer=transfer, verb=verb, queue=self.queue)


class AnnotateSaid(Said):
    """What is left out stays as it is."""

    reason: Line | None = None
    note: Lines | None = None
    disposition: Annotated[Line | None, Field(description="what became of the matter, as a draft")] = None

    def asked(self, order: str, agent: AgentId | None, at: float, transfer: TransferId) -> AnnotateTransfer:
        return AnnotateTransfer(
            order=order,
            agent=agent,
            at=at,
            transfer=transfer,
            reason=self.reason,
            note=self.note,
            disposition=self.disposition,
        )


class RepeatedSaid(Said):
    """The caller had to repeat himself."""

    call: Call

    def asked(self, order: str, agent: AgentId, at: float) -> ReportRepeat:
        return ReportRepeat(order=order, agent=agent, at=at, call=CallId(self.call))


class ReadySaid(Said):
    """Done with the notes."""

    def asked(self, order: str, agent: AgentId, at: float) -> EndWrapUp:
        return EndWrapUp(order=order, agent=agent, at=at)


class CalledBackSaid(Said):
    """A caller who wanted to be called back was called, or need not be any more."""

    callback: Transfer

    def asked(self, order: str, agent: AgentId, at: float) -> EndCallback:
        return EndCallback(order=order, agent=agent, at=at, callback=TransferId(self.callback))


def new_order() -> str:
    """An order's id that was never used."""
    return secrets.token_hex(12)


def transfer_for(agent: str, key: str) -> TransferId:
    """The id of the transfer that this agent starts with this key: the same key, the same transfer."""
    return TransferId(hashlib.sha256(f"{agent}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:32])


def faults(error: ValidationError) -> str:
    """What is wrong with what was said, for who said it; nothing of what he said is repeated."""
    told: list[Any] = error.errors(include_url=False, include_input=False)
    places = [": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in told[:10]]
    return "; ".join(places)[:1000]
