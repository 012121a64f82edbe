"""Open calls as the model keeps them: a journey, a place in a queue, a channel called for a member."""

from __future__ import annotations

from dataclasses import dataclass

from pbxd.ids import CallId, Interface, Uniqueid


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One journey, but for what grows with it (legs, waits, transfers are in tables beside it)."""

    id: CallId
    subject: str  #: the channel name of the person whose journey this is
    caller: str
    caller_name: str
    dialled: str
    arrived: float
    roots: tuple[str, ...]  #: the Linkedids under which its channels are known
    folded: tuple[CallId, ...] = ()  #: consultations that are part of it
    answered: float | None = None
    ended: float | None = None
    dial: str = ""  #: how the last attempt to ring somebody without a queue ended
    refused: str | None = None  #: the queue that would not let the caller in
    queue: str | None = None  #: the queue he came through before anybody looked
    leaving: bool = False  #: the subject has hung up; the switch is still busy with it
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A channel that waits in a queue, for itself or (``own`` is false) while somebody consults."""

    call: CallId
    queue: str
    joined: float
    own: bool
    abandoned: bool = False  #: the switch said so, which may mean many things
    answered: bool = False  #: a member's phone was answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A channel was called on behalf of a queue member."""

    queue: str
    interface: Interface
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """A channel rings for somebody."""

    call: CallId
    interface: Interface  #: as the queue names it, or the phone
    queue: str | None
    phone: Interface  #: the same, or the phone behind it, once that is known
    since: float
    missed: bool = False
    rang: bool = False  #: the far end says that it rings
    refused: bool = False  #: the far end has hung up
    told: bool = True  #: a fact has told of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Somebody is asked by the transferer, who is on the line with him."""

    target: Uniqueid
    interface: Interface
    transferer: Interface | None
    since: float
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A transfer that pbxd is making: the channels that it names itself serve this journey."""

    call: CallId
    caller: str  #: the channel of the person who is handed over; '' when that is over
    transferer: str = ""  #: the channel of whoever hands him over
    seen: bool = False  #: known only from what the switch does
