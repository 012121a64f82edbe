"""A small switch that runs the dialplan ``pbxd-transfer``, as it was measured on a real one.

It takes actions and tells events; both wait in line until the test lets them go on, so that anything can
happen between an order and its effect, and between an effect and the news of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pbxd.ami import event_types as ami
from pbxd.ami.event_types import AmiEvent
from pbxd.ami.inventory import ChannelEntry, Inventory, QueueEntry
from pbxd.ami.snapshots import ChannelSnapshot
from pbxd.ids import Uniqueid
from tests.machines.small_switch import NODE, QUEUE, Conversation, Line, SmallSwitch


@dataclass
class Seat:
    """Where a channel is in the dialplan."""

    exten: str = ""
    app: str = ""
    vars: dict[str, str] = field(default_factory=dict)
    peer: str | None = None  #: whom this channel has bridged with, or dials
    turn: int = 0  #: grows whenever it goes elsewhere: what was planned for it before is void


class TransferSwitch(SmallSwitch):
    """``people`` are devices that can be called; others are not registered."""

    def __init__(self, people: tuple[str, ...]) -> None:
        self.news: deque[AmiEvent] = deque()
        super().__init__(self.news.append)
        self.people = people
        self.seats: dict[str, Seat] = {}
        self.plans: list[tuple[float, int, Callable[[], None]]] = []
        self.queued: list[str] = []
        self.refusals: list[str] = []
        self._ids: dict[str, str] = {}  #: uniqueid → name

    # ------------------------------------------------------------ people

    def call(self, caller: str, agent: str) -> tuple[str, str]:
        """A caller came through the queue to this agent; they talk."""
        c = self.line(caller, None, 4, "500")
        self.seats[c] = Seat(app="Queue")
        self.book[c] = Conversation(c)
        self.lines[c].application = "Queue"
        self.join(c)
        a = self.line(agent, self.linkedid(c), 0)
        self.seats[a] = Seat(app="AppQueue", peer=c)
        self.seats[c].peer = a
        self.call_member(c, a, agent)
        self.state(a, 5)
        self.state(a, 6)
        self.dialled(c, a, "ANSWER")
        self.leave_queue(c, abandoned=False)
        self.together(a, c)
        return c, a

    def ringing(self) -> list[str]:
        return [name for name, line in self.lines.items() if line.snapshot.state == 5]

    def answer(self, name: str) -> None:
        seat = self.seats[name]
        dialler = seat.peer if seat.app == "AppDial" else None
        self.state(name, 6)
        self.dial_end(name, "ANSWER")
        seat.turn += 1
        if dialler is None:
            self.go(name, "answered")
        else:
            self.seats[dialler].peer = name
            self.seats[dialler].turn += 1
            self.music(dialler, False)
            self.together(name, dialler)

    def decline(self, name: str) -> None:
        self.unanswered(name, "BUSY", 21)

    def unanswered(self, name: str, status: str, cause: int) -> None:
        dialler = self.seats[name].peer
        self.dial_end(name, status)
        self.end(name, cause)
        if dialler is not None and dialler in self.lines:
            self.to_queue(dialler)

    def hang_up_phone(self, name: str) -> None:
        """Somebody puts down the receiver."""
        self.request_hangup(name)
        self.end(name)

    # ------------------------------------------------------------ channels

    def named(self, name: str, linkedid: str | None, state: int, exten: str = "") -> str:
        name = super().named(name, linkedid, state, exten)
        self._ids[self.snapshot(name).uniqueid] = name
        return name

    def ours(self, name: str, uniqueid: str) -> str:
        """A channel whose uniqueid pbxd has chosen."""
        snapshot = ChannelSnapshot(
            uniqueid=Uniqueid(uniqueid),
            name=name,
            linkedid=uniqueid,
            state=0,
            caller="",
            caller_name="",
            exten="",
        )
        self.lines[name] = Line(snapshot)
        self._ids[uniqueid] = name
        self.tell(ami.Newchannel(node=NODE, at=self.now, channel=snapshot))
        return name

    def state(self, name: str, state: int) -> None:
        self.lines[name].snapshot = replace(self.snapshot(name), state=state)
        self.tell(ami.Newstate(node=NODE, at=self.now, channel=self.snapshot(name)))

    def dial_end(self, name: str, status: str) -> None:
        dialler = self.seats[name].peer
        channel = None if dialler is None or dialler not in self.lines else self.snapshot(dialler)
        self.tell(
            ami.DialEnd(node=NODE, at=self.now, channel=channel, dest=self.snapshot(name), status=status)
        )

    def end(self, name: str, cause: int = 16) -> None:
        """A channel ends; whoever was with it goes on in his own dialplan."""
        if name not in self.lines:
            return
        partners = self.partners(name)
        was = self.seats.pop(name)
        if name in self.queued:
            self.queued.remove(name)
            self.tell(ami.QueueCallerLeave(node=NODE, at=self.now, channel=self.snapshot(name), queue=QUEUE))
        self.leave(name)
        for partner in partners:
            self.leave(partner)
        snapshot = self.lines.pop(name).snapshot
        self._ids.pop(snapshot.uniqueid, None)
        self.tell(ami.Hangup(node=NODE, at=self.now, channel=snapshot, cause=cause))
        self.give_up(was)
        for partner in partners:
            self.parted(partner, name)
        self.conference_left(was)

    def give_up(self, seat: Seat) -> None:
        """Whoever dials goes away: the phone stops ringing."""
        if seat.app == "Dial" and seat.peer in self.ringing():
            phone, seat.peer = seat.peer, None
            self.seats[phone].peer = None
            self.unanswered(phone, "CANCEL", 16)

    def partners(self, name: str) -> list[str]:
        """Who loses his company when this channel leaves its bridge."""
        bridge = self.lines[name].bridge
        if bridge is None or self.bridges[bridge] != "simple_bridge":
            return []
        return [other for other, line in self.lines.items() if line.bridge == bridge and other != name]

    def company(self, name: str) -> set[str]:
        """Who hears this channel."""
        bridge = self.lines[name].bridge
        if bridge is None or self.bridges[bridge] == "holding_bridge":
            return set()
        return {other for other, line in self.lines.items() if line.bridge == bridge and other != name}

    def parted(self, name: str, other: str) -> None:
        """The talk of this channel is over."""
        if name not in self.lines:
            return
        seat = self.seats[name]
        match seat.app:
            case "Queue" | "AppQueue" | "AppDial" | "Dial":
                self.end(name)
            case "Bridge" if seat.exten.startswith("meet"):
                self.over(name)
            case _:
                self.after(name)

    def leave_all(self, *names: str) -> None:
        """These are taken out of wherever they are, at the same moment."""
        losers = [p for name in names for p in self.partners(name) if p not in names]
        for name in names:
            self.give_up(self.seats[name])
            self.seats[name].turn += 1
            self.music(name, False)
            if name in self.queued:
                self.queued.remove(name)
                self.leave_queue(name, abandoned=False)
            self.leave(name)
        for loser in losers:
            self.leave(loser)
        for loser in losers:
            self.parted(loser, names[0])

    # ------------------------------------------------------------ the dialplan

    def sit(self, name: str, app: str, music: bool = False) -> None:
        self.seats[name].app = "BridgeWait"
        self.lines[name].application = "BridgeWait"
        self.enter(name, self.bridge("holding_bridge"))
        self.music(name, music)

    def go(self, name: str, exten: str) -> None:
        """This channel goes to an extension of ``pbxd-transfer``."""
        if name not in self.lines:
            return
        seat = self.seats[name]
        was = replace(seat)
        self.leave_all(name)
        if name not in self.lines:
            return
        seat.exten, seat.peer = exten, None
        seat.turn += 1
        match exten:
            case "hold" | "aside" | "consult":
                self.sit(name, exten, music=exten != "consult")
                self.plan(name, 5.0, lambda: self.lonely(name, exten, 0))
            case "meet-transferer":
                self.meet(name, seat.vars.get("PBXD_TRANSFERER", ""))
            case "meet-target":
                self.meet(name, self._ids.get(seat.vars.get("PBXD_TARGET", ""), ""))
            case "answered":
                self.answered(name)
            case "conference":
                self.conference(name)
            case "release":
                self.end(name)
            case "rescue":
                self.rescue(name)
            case _ if exten.startswith("why-"):
                seat.app = "Playback"
                self.lines[name].application = "Playback"
                self.plan(name, 2.0, lambda: self.fetch(name))
            case _:
                raise AssertionError(exten)
        self.conference_left(was)

    def plan(self, name: str, in_s: float, do: Callable[[], None]) -> None:
        turn = self.seats[name].turn

        def later() -> None:
            if name in self.lines and self.seats[name].turn == turn:
                do()

        self.plans.append((self.now + in_s, self._next(), later))

    def exists(self, name: str, variable: str) -> bool:
        value = self.seats[name].vars.get(variable, "")
        return value in self.lines or value in self._ids

    def lonely(self, name: str, exten: str, times: int) -> None:
        if exten == "hold":
            alone = not self.exists(name, "PBXD_TRANSFERER") and not self.exists(name, "PBXD_TARGET")
        elif exten == "consult":
            alone = not self.exists(name, "PBXD_TARGET")
        else:
            alone = not (self.exists(name, "PBXD_TRANSFERER") and self.exists(name, "PBXD_CALLER"))
        if not alone:
            self.plan(name, 5.0, lambda: self.lonely(name, exten, 0))
        elif times:
            self.go(name, "rescue") if exten == "hold" else self.fetch(name)
        else:
            self.plan(name, 1.0, lambda: self.lonely(name, exten, 1))

    def meet(self, name: str, other: str) -> None:
        seat = self.seats[name]
        if other not in self.lines or self.lines[other].snapshot.state != 6:
            self.over(name, with_=other)
            return
        seat.app, seat.peer = "Bridge", other
        self.lines[name].application = "Bridge"
        self.leave_all(other)  # a holding bridge loses nobody; a talk ends for the one who stays
        if other not in self.lines or name not in self.lines:
            self.over(name, with_=other)
            return
        self.together(name, other)

    def over(self, name: str, with_: str | None = None) -> None:
        seat = self.seats[name]
        talked = with_ is None
        met = seat.peer if with_ is None else with_
        target = self._ids.get(seat.vars.get("PBXD_TARGET", ""), "")
        transferer = seat.vars.get("PBXD_TRANSFERER", "")
        if met != target and target in self.lines:
            self.go(name, "meet-target" if self.lines[target].snapshot.state == 6 else "hold")
        elif met != transferer and transferer in self.lines:
            self.go(name, "meet-transferer")
        else:
            self.go(name, "release" if talked else "rescue")

    def answered(self, name: str) -> None:
        seat = self.seats[name]
        other = seat.vars.get("PBXD_TRANSFERER", "")
        if seat.vars.get("PBXD_MEET") == "caller":
            self.fetch(name)
        elif other not in self.lines:
            self.after(name)
        else:
            seat.app, seat.peer = "Bridge", other
            self.lines[name].application = "Bridge"
            self.leave_all(other)
            if other in self.lines and name in self.lines:
                self.together(name, other)
            else:
                self.after(name)

    def after(self, name: str) -> None:
        wanted = self.seats[name].vars.pop("PBXD_AFTER", "")
        match wanted:
            case "release" | "conference":
                self.go(name, wanted)
            case "hold":
                self.go(name, "aside")
            case "wait":
                self.go(name, "consult")
            case "back":
                caller = self.seats[name].vars.get("PBXD_CALLER", "")
                if caller in self.lines:
                    self.go(caller, "rescue")
                self.go(name, "release")
            case _:
                self.fetch(name)

    def fetch(self, name: str, tries: int = 0) -> None:
        seat = self.seats[name]
        caller = seat.vars.get("PBXD_CALLER", "")
        me = "meet-target" if seat.vars.get("PBXD_TRANSFERER") else "meet-transferer"
        if caller not in self.lines:
            self.alone(name)
            return
        at = self.seats[caller]
        if at.vars.get("PBXD_TRANSFER") != seat.vars.get("PBXD_TRANSFER"):
            self.go(name, "release")
        elif at.exten in ("hold", "rescue") or (at.exten == me and tries < 3):
            self.leave_all(name)
            seat.exten = "fetch"
            seat.turn += 1
            self.sit(name, "fetch")
            self.plan(name, 2.0, lambda: self.fetch(name, tries + 1))
            if at.exten != me:
                self.go(caller, me)
        else:
            self.go(name, "release")

    def alone(self, name: str) -> None:
        seat = self.seats[name]
        seat.vars["PBXD_MEET"] = "transferer"
        target = self._ids.get(seat.vars.get("PBXD_TARGET", ""), "")
        if self.exists(name, "PBXD_TRANSFERER"):
            self.go(name, "answered")
        elif target in self.lines and self.seats[target].exten == "aside":
            self.go(name, "consult")
            self.go(target, "answered")
        else:
            self.go(name, "release")

    def conference(self, name: str) -> None:
        seat = self.seats[name]
        seat.app = "ConfBridge"
        self.lines[name].application = "ConfBridge"
        room = "conf-" + seat.vars["PBXD_TRANSFER"]
        if room not in self.bridges:
            self.bridges[room] = "softmix"
        self.enter(name, room)

    def conference_left(self, was: Seat) -> None:
        """Who is led (the caller) leaves when the last of the others has gone."""
        if was.app != "ConfBridge":
            return
        room = "conf-" + was.vars["PBXD_TRANSFER"]
        inside = [name for name, line in self.lines.items() if line.bridge == room]
        if was.vars.get("PBXD_CALLER") and not any(self.seats[n].vars.get("PBXD_CALLER") for n in inside):
            for name in inside:
                self.end(name)

    def rescue(self, name: str) -> None:
        device = self.seats[name].vars.get("PBXD_RECALL", "")
        if device not in self.people:
            self.to_queue(name)
            return
        phone = self.line(device, self.linkedid(name), 0)
        self.seats[phone] = Seat(app="AppDial", peer=name)
        self.lines[phone].application = "AppDial"
        seat = self.seats[name]
        seat.app, seat.peer = "Dial", phone
        self.lines[name].application = "Dial"
        self.dial(name, phone)
        self.state(phone, 5)
        self.plan(phone, 20.0, lambda: self.unanswered(phone, "NOANSWER", 19))

    def to_queue(self, name: str) -> None:
        self.leave_all(name)
        if name not in self.lines:
            return
        seat = self.seats[name]
        seat.exten, seat.app, seat.peer = "queue", "Queue", None
        seat.turn += 1
        self.lines[name].application = "Queue"
        self.queued.append(name)
        self.join(name)

    # ------------------------------------------------------------ actions

    def obey(self, action: Mapping[str, Any]) -> str | None:
        """Carry out an action; why not, if not."""
        match action["Action"]:
            case "Setvar":
                if action["Channel"] not in self.lines:
                    return "No such channel"
                self.seats[action["Channel"]].vars[action["Variable"]] = action["Value"]
            case "Hangup":
                if action["Channel"] not in self.lines:
                    return "No such channel"
                name = action["Channel"]
                if name in self.ringing():
                    self.unanswered(name, "CANCEL", 16)
                else:
                    self.end(name)
            case "Redirect":
                return self.redirect(action)
            case "Originate":
                self.originate(action)
            case "QueuePause":
                return None
            case other:
                raise AssertionError(other)
        return None

    def redirect(self, action: Mapping[str, Any]) -> str | None:
        moved = [(action["Channel"], action["Context"], action["Exten"])]
        if "ExtraChannel" in action:
            moved.append((action["ExtraChannel"], action["ExtraContext"], action["ExtraExten"]))
        if any(name not in self.lines for name, _, _ in moved):
            self.refusals.append(str(dict(action)))
            return "Channel does not exist"
        was = [replace(self.seats[name]) for name, _, _ in moved]
        self.leave_all(*(name for name, _, _ in moved))
        # The passive ones first: whoever bridges waits until the other one sits.
        for name, context, exten in sorted(moved, key=lambda one: one[2].startswith("meet")):
            if name not in self.lines:
                continue
            self.lines[name].application = ""
            if context == "pbxd-queue":
                self.to_queue(name)
            else:
                self.go(name, exten)
        for seat in was:
            self.conference_left(seat)
        return None

    def originate(self, action: Mapping[str, Any]) -> None:
        device = action["Channel"]
        if device not in self.people:
            self.tell(  # nobody is registered there: no channel comes to be
                ami.OriginateFailed(
                    node=NODE, at=self.now, uniqueid=Uniqueid(action["ChannelId"]), no_answer=False
                )
            )
            return
        name = self.ours(f"{device}-{self._next():08x}", action["ChannelId"])
        values = dict(each.split("=", 1) for each in action["Variable"])
        self.seats[name] = Seat(app="Originated", vars=values)
        self.lines[name].application = "AppDial2"
        self.tell(
            ami.DialBegin(node=NODE, at=self.now, channel=None, dest=self.snapshot(name), dialstring=device)
        )
        self.state(name, 5)
        wait_s = int(action["Timeout"]) / 1000
        self.plan(name, wait_s, lambda: self.unanswered(name, "NOANSWER", 19))

    # ------------------------------------------------------------ time

    def due(self) -> float | None:
        return min((at for at, _, _ in self.plans), default=None)

    def pass_to(self, at: float) -> None:
        """Let time pass; what was planned until then happens."""
        while self.plans:
            when, serial, do = min(self.plans, key=lambda plan: plan[:2])
            if when > at:
                break
            self.plans = [plan for plan in self.plans if plan[1] != serial]
            self.now = max(self.now, when)
            do()
        self.now = max(self.now, at)

    def inventory(self) -> Inventory:
        channels = tuple(
            ChannelEntry(
                channel=line.snapshot,
                bridge=line.bridge,
                application=line.application,
                created=self.now - 60,
            )
            for line in self.lines.values()
        )
        return Inventory(
            node=NODE,
            at=self.now,
            channels=channels,
            bridges=tuple(self.bridges.items()),
            queues=(QUEUE,),
            waiting=self._queue_entries(),
        )

    def _queue_entries(self) -> tuple[QueueEntry, ...]:
        return tuple(
            QueueEntry(
                queue=QUEUE,
                uniqueid=self.snapshot(name).uniqueid,
                name=name,
                caller="",
                position=None,
                since=self.now,
            )
            for name in self.queued
        )
