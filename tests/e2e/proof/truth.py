"""What a switch says of its channels and bridges, read as plainly as can be: the measure of all figures.

Nothing here knows of legs, journeys or transfers. Channels are in bridges, some of them are on hold, a phone
rings, a channel waits in a queue; each with the time that the switch itself gives. Who hears whom is looked
up anew after every event, however long that takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.lab.ami import Message

MOMENT_S = 0.05  #: while the switch connects people anew, they seem to part, or to meet, for a moment
GONE = ("4", "5")  #: device states of a phone that does not exist, or cannot be reached
DEAF = "holding_bridge"  #: who is in such a bridge hears music
#: Of these events nobody's figures depend.
IDLE = frozenset(("VarSet", "RTCPSent", "RTCPReceived", "DeviceStateChange", "ChannelTalkingStart"))


@dataclass
class Spell:
    """From when to when, in the switch's own time (epoch seconds)."""

    started: float
    ended: float | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self.ended is None else self.ended - self.started


@dataclass
class Stay:
    """A channel in a queue."""

    queue: str
    spell: Spell


@dataclass
class Truth:
    """Feed it all events of an AMI account that hears everything, in their order."""

    names: dict[str, str] = field(default_factory=dict)  #: of channels, by Uniqueid
    numbers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Uniqueids of the channels that came in with this caller's number, in their order."""
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    stays: dict[str, list[Stay]] = field(default_factory=lambda: defaultdict(list))
    visits: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    talks: dict[str, dict[str, list[Spell]]] = field(default_factory=lambda: defaultdict(dict))
    """Of a caller's Uniqueid: of each channel that it heard, by Uniqueid, when it did."""
    aside: dict[frozenset[str], list[Spell]] = field(default_factory=lambda: defaultdict(list))
    """Two phones' channels, by Uniqueids, and when they heard each other without any caller."""
    rings: dict[str, Spell] = field(default_factory=dict)  #: of a phone's channel, in their order
    rung_for: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of a caller's Uniqueid: the phones' channels that rang because he called."""
    answered: set[str] = field(default_factory=set)  #: phones' channels that did not ring in vain
    called_off: set[str] = field(default_factory=set)  #: … that rang until nobody wanted them any more
    ringing: dict[str, float] = field(default_factory=dict)  #: of a phone's channel, when it really began to
    up: dict[str, float] = field(default_factory=dict)  #: of a channel, when it was answered
    sent_on: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of a caller's Uniqueid, when the switch sent him somewhere by a blind transfer."""
    pauses: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    """Of a queue member's interface, from its first queue to its last one."""
    reasons: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    moments: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of each channel, by Uniqueid: whenever the switch said something of it."""
    there: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    """Of a queue member's interface, when its phone could be reached."""
    _bridge: dict[str, str] = field(default_factory=dict)
    _deaf: set[str] = field(default_factory=set)
    _held: set[str] = field(default_factory=set)
    _beeping: set[str] = field(default_factory=set)  #: halves behind which somebody hears nothing but a beep
    _paused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _callers: set[str] = field(default_factory=set)

    # ------------------------------------------------------------ events

    def feed(self, event: Message) -> None:
        if "Timestamp" not in event:
            return
        at = float(event["Timestamp"])
        if event["Event"] not in IDLE:
            for id_ in {value for key, value in event.items() if key.endswith("Uniqueid")}:
                self.moments[id_].append(at)
        step = getattr(self, f"_on_{event['Event'].lower()}", None)
        if step is not None:
            step(event, at)

    def _on_newchannel(self, event: Message, at: float) -> None:
        id_ = event["Uniqueid"]
        self.names[id_] = event["Channel"]
        self.began[id_] = at
        if event["Channel"].startswith("PJSIP/trunk"):
            self.numbers[event["CallerIDNum"]].append(id_)
            self._callers.add(id_)

    def _on_hangup(self, event: Message, at: float) -> None:
        id_ = event["Uniqueid"]
        self.ended[id_] = at
        self._bridge.pop(id_, None)
        self._held.discard(id_)
        for stay in self.stays.get(id_, ()):
            stay.spell.ended = stay.spell.ended or at
        for visit in self.visits.get(id_, ()):
            visit.ended = visit.ended or at
        self._not_ringing(id_, at)
        self._look(at)

    def _on_bridgecreate(self, event: Message, at: float) -> None:
        if event["BridgeTechnology"] == DEAF:
            self._deaf.add(event["BridgeUniqueid"])

    def _on_bridgeenter(self, event: Message, at: float) -> None:
        if event["BridgeTechnology"] == DEAF:
            self._deaf.add(event["BridgeUniqueid"])
        self._bridge[event["Uniqueid"]] = event["BridgeUniqueid"]
        self._held.discard(event["Uniqueid"])  # a phone that holds somebody stays with him; keys (*2) move it
        self._look(at)

    def _on_bridgeleave(self, event: Message, at: float) -> None:
        if self._bridge.get(event["Uniqueid"]) == event["BridgeUniqueid"]:
            del self._bridge[event["Uniqueid"]]
        self._look(at)

    def _on_newstate(self, event: Message, at: float) -> None:
        if event["ChannelStateDesc"] == "Ringing":
            self.ringing.setdefault(event["Uniqueid"], at)
        elif event["ChannelStateDesc"] == "Up":
            self.up.setdefault(event["Uniqueid"], at)

    def _on_blindtransfer(self, event: Message, at: float) -> None:
        if "TransfereeUniqueid" in event:
            self.sent_on[event["TransfereeUniqueid"]].append(at)

    def _on_attendedtransfer(self, event: Message, at: float) -> None:
        """By keys: the target hears a beep, and then steps into the place of what had dialled it."""
        by_keys = event["OrigTransfererUniqueid"] == event["SecondTransfererUniqueid"]
        if by_keys and event["DestType"] == "Bridge":
            there = [id_ for id_, bridge in self._bridge.items() if bridge == event["DestBridgeUniqueid"]]
            self._beeping.update(id_ for id_ in there if self._other_half(id_) is not None)
            self._look(at)

    def _on_hold(self, event: Message, at: float) -> None:
        self._held.add(event["Uniqueid"])
        self._look(at)

    def _on_unhold(self, event: Message, at: float) -> None:
        self._held.discard(event["Uniqueid"])
        self._look(at)

    def _on_dialbegin(self, event: Message, at: float) -> None:
        if event["DestUniqueid"] not in self.rings:
            self.rings[event["DestUniqueid"]] = Spell(at)
            self.rung_for[event.get("Uniqueid", "")].append(event["DestUniqueid"])

    def _on_dialend(self, event: Message, at: float) -> None:
        ring = self.rings.get(event["DestUniqueid"])
        if event["DialStatus"] == "ANSWER":
            self.answered.add(event["DestUniqueid"])
        elif event["DialStatus"] == "CANCEL" and ring is not None and ring.ended is None:
            self.called_off.add(event["DestUniqueid"])
        self._not_ringing(event["DestUniqueid"], at)

    def _not_ringing(self, id_: str, at: float) -> None:
        ring = self.rings.get(id_)
        if ring is not None and ring.ended is None:
            ring.ended = at

    def _on_queuecallerjoin(self, event: Message, at: float) -> None:
        self.stays[event["Uniqueid"]].append(Stay(event["Queue"], Spell(at)))

    def _on_queuecallerleave(self, event: Message, at: float) -> None:
        for stay in self.stays[event["Uniqueid"]]:
            if stay.queue == event["Queue"]:
                stay.spell.ended = stay.spell.ended or at

    def _on_userevent(self, event: Message, at: float) -> None:
        visits = self.visits[event["Uniqueid"]]
        if event["UserEvent"] == "PbxdFlowEntered":
            visits.append(Spell(at))
        elif event["UserEvent"] == "PbxdFlowLeft" and visits:
            visits[-1].ended = visits[-1].ended or at

    def _on_queuememberpause(self, event: Message, at: float) -> None:
        interface, paused = event["Interface"], self._paused[event["Interface"]]
        if event["Paused"] == "1":
            if not paused:
                self.pauses[interface].append(Spell(at))
                self.reasons[interface].append(event.get("PausedReason", ""))
            paused.add(event["Queue"])
        elif event["Queue"] in paused:
            paused.discard(event["Queue"])
            if not paused:
                self.pauses[interface][-1].ended = at

    def _on_queuememberstatus(self, event: Message, at: float) -> None:
        there, reachable = self.there[event["Interface"]], event["Status"] not in GONE
        seen = bool(there) and there[-1].ended is None
        if reachable and not seen:
            there.append(Spell(at))
        elif seen and not reachable:
            there[-1].ended = at

    def stopped(self, at: float) -> None:
        """The switch is gone, and with it everything that was there."""
        for id_ in [id_ for id_ in self.names if id_ not in self.ended]:
            self.moments[id_].append(at)
            self._on_hangup({"Uniqueid": id_}, at)
        for interface, queues in self._paused.items():
            if queues:
                self.pauses[interface][-1].ended = at
                queues.clear()

    # ------------------------------------------------------------ who hears whom

    def hears(self, id_: str) -> set[str]:
        """The channels that this one hears and that hear it now."""
        if id_ in self._held:
            return set()
        heard: set[str] = set()
        seen, ahead = {id_}, [id_]
        while ahead:
            bridge = self._bridge.get(ahead.pop())
            if bridge is None or bridge in self._deaf:
                continue
            for other in [other for other, there in self._bridge.items() if there == bridge]:
                if other in seen or other in self._held or other in self._beeping:
                    continue
                seen.add(other)
                beyond = self._other_half(other)
                if not self.names.get(other, "").startswith("Local/"):
                    heard.add(other)
                elif beyond is not None and beyond not in seen:
                    seen.add(beyond)
                    ahead.append(beyond)
        return heard

    def _other_half(self, id_: str) -> str | None:
        mine = self.names.get(id_, "")
        if not mine.startswith("Local/"):
            return None
        wanted = mine[:-1] + ("2" if mine.endswith("1") else "1")
        # Once it has been started again, the switch uses the same names.
        halves = (other for other, name in self.names.items() if name == wanted and other not in self.ended)
        return next(halves, None)

    def _look(self, at: float) -> None:
        """Compare who hears whom with what it was before."""
        for caller in self._callers:
            heard = self.hears(caller) if caller not in self.ended else set()
            for other in heard:
                spells = self.talks[caller].setdefault(other, [])
                if not spells or spells[-1].ended is not None:
                    spells.append(Spell(at))
            for other, spells in self.talks[caller].items():
                if other not in heard and spells[-1].ended is None:
                    spells[-1].ended = at
        pairs = set()
        for id_ in self._bridge:
            if id_ in self._callers or self.names.get(id_, "").startswith("Local/"):
                continue
            heard = self.hears(id_)
            if not heard & self._callers:
                pairs |= {frozenset((id_, other)) for other in heard}
        for pair in pairs:
            if not self.aside[pair] or self.aside[pair][-1].ended is not None:
                self.aside[pair].append(Spell(at))
        for pair, spells in self.aside.items():
            if pair not in pairs and spells and spells[-1].ended is None:
                spells[-1].ended = at

    # ------------------------------------------------------------ in other words

    def phone(self, id_: str) -> str:
        """The interface of a channel: PJSIP/1001."""
        return self.names[id_].rpartition("-")[0]

    def rings_of(self, interface: str) -> list[str]:
        """The channels by which this phone was rung, in their order."""
        return [id_ for id_ in self.rings if self.phone(id_) == interface]

    def hears_now(self, caller: str) -> set[str]:
        """Interfaces of the phones that this caller hears now."""
        return {self.phone(other) for other in self.hears(caller)}

    def legs(self, caller: str) -> Iterator[tuple[str, list[Spell], float, float]]:
        """Each phone that the caller talked with: its interface, when, and between when and when it was out.

        It is out when its channel ends, or when the caller's does; but not before the caller hears somebody
        else instead.
        """
        talks = sorted(self.talks.get(caller, {}).items(), key=lambda item: item[1][0].started)
        for id_, all_spells in talks:
            spells = settled(all_spells)
            if not spells:
                continue
            last = spells[-1].ended or self.ended[caller]
            others = [
                spell
                for other, theirs in talks
                if other != id_
                for spell in settled(theirs)
                if (spell.ended or 0.0) > last
            ]
            heard = [max(last, spell.started) for spell in others]
            gone = max(last, min(self.ended.get(id_, last), self.ended.get(caller, last)))
            yield self.phone(id_), spells, min([gone, *heard]), gone


def settled(spells: list[Spell]) -> list[Spell]:
    """Without the moments."""
    joined: list[Spell] = []
    for spell in spells:
        last = joined[-1] if joined else None
        if last is not None and last.ended is not None and spell.started - last.ended < MOMENT_S:
            joined[-1] = Spell(last.started, spell.ended)
        else:
            joined.append(spell)
    real = [spell for spell in joined if spell.seconds >= MOMENT_S]
    return real or [spell for spell in joined if spell.seconds > 0]
