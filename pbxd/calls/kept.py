"""A journey as it is kept over pbxd's own end: all that the model knows of it and of its channels.

Restored before the first inventory, a model knows what one knows that has lived on and has lost its link;
what has become of its journeys meanwhile the inventory says (``resync``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pbxd.calls.attempt import Attempt
from pbxd.calls.belonging import Belonging
from pbxd.calls.call import Call, Called, Met, Ours, Ringing, Waiting
from pbxd.calls.journeys import Journeys
from pbxd.calls.record import Consult, Ring, Transfer, Visit, Wait
from pbxd.calls.talk import Talk
from pbxd.calls.wiring import Channel
from pbxd.frozen_json import read, written
from pbxd.ids import CallId, TransferId, Uniqueid
from pbxd.journal import Table

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChannel:
    """A channel that serves the journey, where it is, and what is known of it."""

    channel: Channel
    bridge: str | None = None
    holding: bool = False  #: that is a bridge in which nobody hears anybody
    room: str = ""  #: its name, then
    music: float | None = None  #: since when
    held: float | None = None  #: he holds his peer, since when
    waiting: Waiting | None = None
    called: Called | None = None
    dialler: Uniqueid | None = None
    ringing: Ringing | None = None
    aside: bool = False
    hung_up: bool = False
    outward: bool = False
    phone: bool = False  #: the device has been rung as a phone
    asked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTransfer:
    """One that pbxd makes, of which only the switch has told."""

    transfer: TransferId
    ours: Ours


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJourney:
    """One journey, whole."""

    call: Call
    channels: tuple[KeptChannel, ...]
    talks: tuple[Talk, ...] = ()
    waits: tuple[Wait, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    rings: tuple[Ring, ...] = ()
    consults: tuple[Consult, ...] = ()
    consulted: tuple[Met, ...] = ()
    visits: tuple[Visit, ...] = ()
    sides: tuple[Uniqueid, ...] = ()
    consulting: bool = False
    attempt: Attempt | None = None
    lines: tuple[str, ...] = ()  #: by which that one is watched
    seen: tuple[SeenTransfer, ...] = ()


def journey_body(journey: KeptJourney) -> dict[str, Any]:
    """A journey as JSON; ``read_journey`` gives the same back."""
    return {"version": VERSION, **written(journey)}


def read_journey(body: Mapping[str, Any]) -> KeptJourney:
    """KeyError, TypeError or ValueError when ``body`` is not what ``journey_body`` makes."""
    rest = dict(body)
    if (version := rest.pop("version")) != VERSION:
        raise ValueError(f"version {version!r} of a kept journey is not known")
    journey = read(KeptJourney, rest)
    if not journey.channels and journey.call.ended is None:
        raise ValueError("a journey in progress has channels")
    return journey


def kept_of(belonging: Belonging, call: CallId) -> KeptJourney:
    """All that is known of this journey now. KeyError when there is none of this id."""
    journeys, consults = belonging.journeys, belonging.consults
    seen = (
        SeenTransfer(transfer=transfer, ours=ours)
        for transfer, ours in journeys.ours.items()
        if ours.seen and journeys.final(ours.call) == call
    )
    return KeptJourney(
        call=journeys.calls[call],
        channels=tuple(
            _channel(belonging, uniqueid)
            for uniqueid in journeys.channels_of.get(call, ())
            if uniqueid in belonging.wiring.channels
        ),
        consulting=call in journeys.consulting,
        attempt=consults.attempts.get(call),
        lines=consults.lines(call),
        seen=tuple(seen),
        **{name: table[call] for name, table in _parts(journeys).items() if call in table},
    )


def _channel(belonging: Belonging, uniqueid: Uniqueid) -> KeptChannel:
    wiring = belonging.wiring
    channel = wiring.channels[uniqueid]
    bridge = wiring.bridge_of.get(uniqueid)
    held = wiring.held.get(uniqueid)
    return KeptChannel(
        channel=channel,
        bridge=bridge,
        holding=bridge in wiring.holding,
        room=wiring.room(uniqueid),
        held=None if held is None else held[0],
        phone=channel.interface in belonging.phones,
        **{name: table[uniqueid] for name, table in _traits(belonging).items() if uniqueid in table},
    )


def _parts(journeys: Journeys) -> dict[str, Table[CallId, Any]]:
    """What grows with a journey, by the field of KeptJourney that has it."""
    return {
        "talks": journeys.talks,
        "waits": journeys.waits,
        "transfers": journeys.transfers,
        "rings": journeys.rings,
        "consults": journeys.consults,
        "consulted": journeys.consulted,
        "visits": journeys.visits,
        "sides": journeys.sides,
    }


def _traits(belonging: Belonging) -> dict[str, Table[Uniqueid, Any]]:
    """What is known of some channels, by the field of KeptChannel that has it; else that has its default."""
    journeys = belonging.journeys
    return {
        "music": belonging.wiring.music,
        "waiting": journeys.waiting,
        "called": journeys.called,
        "dialler": journeys.dialler,
        "ringing": journeys.ringing,
        "aside": journeys.aside,
        "hung_up": belonging.hung_up,
        "outward": belonging.outward,
        "asked": belonging.asked,
    }


def restore(belonging: Belonging, kept: KeptJourney) -> None:
    """The model knows this journey again. One that it knows already stays as it is."""
    journeys, call = belonging.journeys, kept.call
    if call.id in journeys.calls:
        return
    journeys.know(call)
    for one in kept.channels:
        if one.channel.uniqueid not in belonging.wiring.channels:
            _restore_channel(belonging, call.id, one)
    for name, table in _parts(journeys).items():
        if value := getattr(kept, name):
            table[call.id] = value
    if kept.consulting:
        journeys.consulting[call.id] = True
    if kept.attempt is not None:
        belonging.consults.restore(call.id, kept.attempt, kept.lines)
    for seen in kept.seen:
        if seen.transfer not in journeys.ours:
            journeys.ours[seen.transfer] = seen.ours


def _restore_channel(belonging: Belonging, call: CallId, kept: KeptChannel) -> None:
    wiring, journeys, channel = belonging.wiring, belonging.journeys, kept.channel
    uniqueid = channel.uniqueid
    wiring.know(channel)
    if kept.bridge is not None:
        wiring.enter(uniqueid, kept.bridge, "holding_bridge" if kept.holding else "", kept.room)
    if kept.held is not None:
        wiring.hold(uniqueid, kept.held)
    journeys.assign(uniqueid, call)
    for name, table in _traits(belonging).items():
        value = getattr(kept, name)
        if value is not None and value is not False:
            table[uniqueid] = value
    if kept.phone:
        belonging.phones[channel.interface] = True


def tables_by_call(belonging: Belonging) -> dict[int, bool]:
    """The tables of which a kept journey is made, by identity; True: by journey, False: by channel."""
    journeys, wiring = belonging.journeys, belonging.wiring
    by_call: tuple[Table[CallId, Any], ...] = (
        *(journeys.calls, journeys.channels_of, journeys.consulting, belonging.consults.attempts),
        *_parts(journeys).values(),
    )
    by_channel: tuple[Table[Uniqueid, Any], ...] = (
        *(wiring.channels, wiring.bridge_of, wiring.held),
        *_traits(belonging).values(),
    )
    return dict.fromkeys(map(id, by_call), True) | dict.fromkeys(map(id, by_channel), False)
