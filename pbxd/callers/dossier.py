"""What is known of the caller of one open call, gathered from the switch, the call flow and the history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from pbxd.callers.names import NAME_LENGTH, caller_name, safe_text
from pbxd.callers.numbers import NumberCard, NumberKind, read_number
from pbxd.callers.tags import Tags
from pbxd.ids import CallId, NodeId
from pbxd.messages import (
    FlowEntered,
    FlowEvent,
    FlowLeft,
    FlowStep,
    HistoryFound,
    HistoryMissing,
    PastContact,
    PathStep,
)
from pbxd.survey import Survey

WITHHELD = "number withheld"
MAX_STEPS = 200  #: a caller who goes round a menu for ever keeps his newest steps


class HistoryState(StrEnum):
    PENDING = "pending"  #: asked for, no answer yet
    FOUND = "found"
    MISSING = "missing"  #: the store was too slow or gone, or there is no number to ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRules:
    """How numbers are read, from the settings."""

    default_region: str = ""  #: ISO code of the country in which national numbers are read
    language: str = "en"  #: of places and carriers, for agents
    internal_digits: int = 5
    tags: Tags = field(default_factory=Tags)

    def read(self, presented: str) -> NumberCard:
        return read_number(
            presented,
            default_region=self.default_region,
            language=self.language,
            internal_digits=self.internal_digits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    call: CallId
    node: NodeId
    arrived: float
    card: NumberCard
    name: str  #: as the switch presents it; '' when it says nothing
    dialled: str
    language: str = ""  #: the caller's, as the call flow knows it
    flow: str | None = None
    path: tuple[PathStep, ...] = ()
    steps_dropped: int = 0
    subject: str | None = None
    history: HistoryState = HistoryState.PENDING
    why: str = ""  #: why the history is missing
    kept_name: str | None = None  #: the name the history keeps for this number
    contacts: tuple[PastContact, ...] = ()  #: newest first
    tags: tuple[str, ...] = ()  #: what the house says of this number, e.g. vip
    survey: Survey | None = None  #: he was asked, after the talk, how it was

    @property
    def best_name(self) -> str:
        """The presented name, else the one kept from earlier calls, else ''."""
        return self.name or self.kept_name or ""


def open_dossier(
    rules: CallerRules, *, call: CallId, node: NodeId, at: float, presented: str, name: str, dialled: str
) -> Dossier:
    """The dossier of a call that has just arrived, with the number and name as the switch presents them."""
    card = rules.read(presented)
    withheld = card.kind is NumberKind.WITHHELD
    return Dossier(
        call=call,
        node=node,
        arrived=at,
        card=card,
        name=caller_name(name, card.number),
        dialled=safe_text(dialled, NAME_LENGTH),
        history=HistoryState.MISSING if withheld else HistoryState.PENDING,
        why=WITHHELD if withheld else "",
        tags=rules.tags.of(card.number),
    )


def of_somebody_called(rules: CallerRules, dossier: Dossier, number: str, name: str) -> Dossier:
    """The same call, for those to whom somebody is handed on whom an agent had called: it is about him."""
    card = rules.read(number)
    return replace(
        dossier,
        card=card,
        name=caller_name(name, card.number),
        kept_name=None,
        tags=rules.tags.of(card.number),
        history=HistoryState.MISSING,
        why="an agent made this call",
        contacts=(),
    )


def with_flow(rules: CallerRules, dossier: Dossier, event: FlowEvent) -> Dossier:
    """What the call flow says, added to the dossier."""
    match event:
        case FlowEntered():
            return _entered(rules, dossier, event)
        case FlowStep():
            return _stepped(dossier, event)
        case FlowLeft():
            return replace(dossier, subject=_subject(event.subject) or dossier.subject)
        case _:
            assert_never(event)


def with_history(dossier: Dossier, answer: HistoryFound | HistoryMissing) -> Dossier:
    """The store's answer, added to the dossier. A found history is not taken back by a late failure."""
    match answer:
        case HistoryFound():
            return replace(
                dossier,
                history=HistoryState.FOUND,
                why="",
                kept_name=safe_text(answer.name, NAME_LENGTH) if answer.name else None,
                contacts=tuple(contact for contact in answer.contacts if contact.call != dossier.call),
            )
        case HistoryMissing():
            if dossier.history is HistoryState.FOUND:
                return dossier
            return replace(dossier, history=HistoryState.MISSING, why=safe_text(answer.why))
        case _:
            assert_never(answer)


def _entered(rules: CallerRules, dossier: Dossier, event: FlowEntered) -> Dossier:
    card = dossier.card
    if card.kind is NumberKind.WITHHELD:
        card = rules.read(event.number)
        if card.kind is not NumberKind.WITHHELD:
            tags = rules.tags.of(card.number)
            dossier = replace(dossier, card=card, history=HistoryState.PENDING, why="", tags=tags)
    return replace(
        dossier,
        name=dossier.name or caller_name(event.name, card.number),
        dialled=dossier.dialled or safe_text(event.dialled, NAME_LENGTH),
        language=event.language,
        flow=event.flow,
    )


def _stepped(dossier: Dossier, event: FlowStep) -> Dossier:
    step = PathStep(
        at=event.at,
        step=event.step,
        kind=event.kind,
        label=safe_text(event.label),
        digits=safe_text(event.digits, NAME_LENGTH),
        result=event.result,
    )
    path = (*dossier.path, step)
    overflow = max(0, len(path) - MAX_STEPS)
    return replace(
        dossier, flow=event.flow, path=path[overflow:], steps_dropped=dossier.steps_dropped + overflow
    )


def _subject(subject: str | None) -> str | None:
    return safe_text(subject) or None if subject else None
