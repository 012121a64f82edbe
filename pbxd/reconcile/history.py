"""A call as pbxd's history has it, as far as Asterisk's books tell of it too. Epoch seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    queue: str
    joined: float
    left: float | None
    outcome: str | None

    @property
    def waited_s(self) -> float:
        return 0.0 if self.left is None else max(0.0, self.left - self.joined)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    interface: str
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    kind: str
    at: float
    from_interface: str
    to: str
    outcome: str
    began: float | None = None

    @property
    def first(self) -> float:
        """When it was begun, as far as is known."""
        return self.at if self.began is None else self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One contact, or a journey that will be one: then ``goes_on``, and it ends at infinity."""

    call: str
    caller: str  #: as the switch presented it
    arrived: float
    ended: float
    outcome: str
    missed: bool  #: part of it happened while pbxd was not looking
    stays: tuple[Stay, ...] = ()
    legs: tuple[Leg, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    goes_on: bool = False  #: pbxd has it in progress

    @property
    def uniqueid(self) -> str:
        """Asterisk's name for the caller's first channel: the call's id is made of it."""
        return self.call.partition(":")[2]

    def open_at(self, at: float, slack_s: float = 2.0) -> bool:
        return self.arrived - slack_s <= at <= self.ended + slack_s


@dataclass(slots=True)
class Index:
    """Calls by something that they have, to find the one that was open at a time."""

    _calls: dict[str, list[Call]] = field(default_factory=dict)

    @classmethod
    def of(cls, calls: Iterable[Call], keys: Callable[[Call], Iterable[str]]) -> Self:
        made = cls()
        for call in calls:
            for key in set(keys(call)):
                made._calls.setdefault(key, []).append(call)
        return made

    def open_at(self, keys: Iterable[str], at: float) -> Call | None:
        """The one of these that arrived last, of those that were open then."""
        found = [call for key in keys for call in self._calls.get(key, ()) if call.open_at(at)]
        return max(found, key=lambda call: call.arrived) if found else None
