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
from pbxd.ids import TransferId, Uniqueid
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
        self.rings_first = False  #: a phone is heard to ring before it is heard to be dialled
        self.slow = False  #: channels go where they were sent only when ``heed`` is called
        self.unheeded: list[Mapping[str, Any]] = []
        self.dissolves = False  #: a bridge of three ends when one of them leaves
        self.members: list[str] = []  #: devices that answer for the queue
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
        if seat.app == "Behind":
            self.answer_behind(name)
            return
        dialler = seat.peer if seat.app == "AppDial" else None
        self.state(name, 6)
        self.dial_end(name, "ANSWER")
        seat.turn += 1
        if other := seat.vars.get("BRIDGES WITH"):
            self.fetch_by_itself(name, other)
        elif dialler is None:
            self.go(name, "answered")
        else:
            self.seats[dialler].peer = name
            self.seats[dialler].turn += 1
            self.music(dialler, False)
            self.together(name, dialler)

    def fetch_by_itself(self, name: str, other: str) -> None:
        """Bridge(), without any dialplan: whoever is fetched goes on in his own when that talk is over."""
        self.lines[name].application, self.seats[name].app = "Bridge", "AppQueue"
        if other not in self.lines:
            self.end(name)
            return
        self.leave_all(other)
        self.together(name, other)

    def press(self, name: str) -> None:
        """The key of the offer: this caller wants to be called back."""
        assert self.seats[name].exten == "offer"
        transfer = TransferId(self.seats[name].vars["PBXD_TRANSFER"])
        channel = self.snapshot(name)
        self.tell(ami.CallbackWanted(node=NODE, at=self.now, channel=channel, transfer=transfer))
        self.seats[name].turn += 1
        self.plan(name, 2.0, lambda: self.go(name, "release"))

    def decline(self, name: str) -> None:
        self.unanswered(name, "BUSY", 21)

    def unanswered(self, name: str, status: str, cause: int) -> None:
        dialler = self.seats[name].peer
        if self.seats[name].app == "Behind":
            assert dialler is not None
            if self.seats[dialler].app == "Queue":  # it goes on waiting
                self.dial_end(name, status)
                self.seats[name].peer = None
                self.end(name, cause)
            else:
                self.local_failed(dialler.removesuffix("2") + "1", dialler, status, cause)
            return
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
        if name[-2:] in (";1", ";2"):
            self.end(name[:-1] + ("2" if name.endswith("1") else "1"), cause)
        if was.app == "Behind" and was.peer is not None:
            self.end(was.peer, cause)

    def give_up(self, seat: Seat) -> None:
        """Whoever dials goes away: the phone stops ringing."""
        if seat.app in ("Dial", "Queue") and seat.peer in self.ringing():
            phone, seat.peer = seat.peer, None
            self.seats[phone].app, self.seats[phone].peer = "AppDial", None
            self.unanswered(phone, "CANCEL", 16)

    def partners(self, name: str) -> list[str]:
        """Who loses his company when this channel leaves its bridge."""
        bridge = self.lines[name].bridge
        if bridge is None or self.bridges[bridge] != "simple_bridge":
            return []
        others = [other for other, line in self.lines.items() if line.bridge == bridge and other != name]
        return others if len(others) == 1 or self.dissolves else []  # two go on

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
            case "Queue" | "AppQueue" | "AppDial" | "Dial" | "Behind":
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
        bridge = self.bridge("holding_bridge")
        self.rooms[bridge] = f"pbxd-{app}-{self.seats[name].vars['PBXD_TRANSFER']}"
        self.enter(name, bridge)
        self.music(name, music)

    def go(self, name: str, exten: str) -> None:
        """This channel goes to an extension of ``pbxd-transfer``."""
        if name not in self.lines:
            return
        seat = self.seats[name]
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
            case "offer":
                seat.app = self.lines[name].application = "Read"
                self.plan(name, 6.0, lambda: self.go(name, "meet-transferer"))
            case "voicemail":
                seat.app = self.lines[name].application = "VoiceMail"
                transfer = TransferId(seat.vars["PBXD_TRANSFER"])
                channel = self.snapshot(name)
                self.tell(ami.MailboxEntered(node=NODE, at=self.now, channel=channel, transfer=transfer))
            case "release":
                self.end(name)
            case "rescue":
                self.rescue(name)
            case "fetching":
                self.sit(name, "fetch")
                self.plan(name, 1.0, lambda: self.fetch(name))
            case _ if exten.startswith("why-"):
                seat.app = "Playback"
                self.lines[name].application = "Playback"
                self.plan(name, 2.0, lambda: self.fetch(name))
            case _:
                raise AssertionError(exten)

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
        elif at.exten == "offer":
            self.go(name, "fetching")
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
        """Whoever waited joins the two who talk."""
        seat = self.seats[name]
        room = (
            self.lines[seat.vars["PBXD_TRANSFERER"]].bridge if self.exists(name, "PBXD_TRANSFERER") else None
        )
        if room is None or self.bridges[room] != "simple_bridge":
            self.alone_in_conference(name)
            return
        seat.app = self.lines[name].application = "BridgeAdd"
        self.enter(name, room)

    def alone_in_conference(self, name: str) -> None:
        """Neither is there to be joined, or the others have left."""
        if self.seats[name].vars.get("PBXD_CALLER"):
            self.after(name)
        else:
            self.over(name)

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
        moved = [(action["Channel"], action["Exten"])]
        if "ExtraChannel" in action:
            moved.append((action["ExtraChannel"], action["ExtraExten"]))
        if any(name not in self.lines for name, _ in moved):
            return "Channel does not exist"
        if self.slow:
            under_way = {one.get(key) for one in self.unheeded for key in ("Channel", "ExtraChannel")}
            if any(name in under_way for name, _ in moved):
                return "Redirect failed, channel not up."
            self.unheeded.append(action)
            return None
        self.leave_all(*(name for name, _ in moved))
        # The passive ones first: whoever bridges waits until the other one sits.
        for name, exten in sorted(moved, key=lambda one: one[1].startswith("meet")):
            if name not in self.lines:
                continue
            self.lines[name].application = ""
            if exten == "requeue":
                self.to_queue(name)
            else:
                self.go(name, exten)
        return None

    def heed(self) -> None:
        """The channels go at last, and at once from now on."""
        self.slow = False
        unheeded, self.unheeded = self.unheeded, []
        for action in unheeded:
            self.redirect(action)

    def originate(self, action: Mapping[str, Any]) -> None:
        device = action["Channel"]
        if device.startswith("Local/"):
            self.originate_local(action)
            return
        if device not in self.people:
            self.tell(  # nobody is registered there: no channel comes to be
                ami.OriginateFailed(
                    node=NODE, at=self.now, uniqueid=Uniqueid(action["ChannelId"]), no_answer=False
                )
            )
            return
        name = self.ours(f"{device}-{self._next():08x}", action["ChannelId"])
        values = dict(each.split("=", 1) for each in action.get("Variable", ()))
        if action.get("Application") == "Bridge":
            values["BRIDGES WITH"] = action["Data"].removesuffix(",x")
        self.seats[name] = Seat(app="Originated", vars=values)
        self.lines[name].application = "AppDial2"
        self.tell(
            ami.DialBegin(node=NODE, at=self.now, channel=None, dest=self.snapshot(name), dialstring=device)
        )
        self.state(name, 5)
        wait_s = int(action["Timeout"]) / 1000
        self.plan(name, wait_s, lambda: self.unanswered(name, "NOANSWER", 19))

    def originate_local(self, action: Mapping[str, Any]) -> None:
        """A queue, or an agent behind a Local channel: its far end calls a phone."""
        stem = f"{action['Channel'].removesuffix('/n')}-{self._next():08x}"
        near = self.ours(stem + ";1", action["ChannelId"])
        far = self.ours(stem + ";2", action["OtherChannelId"])
        values = dict(each.split("=", 1) for each in action["Variable"])
        self.seats[near] = Seat(app="Originated", vars=values)
        self.seats[far] = Seat(app="Dial")
        self.lines[near].application, self.lines[far].application = "AppDial2", "Dial"
        self.tell(
            ami.DialBegin(
                node=NODE, at=self.now, channel=None, dest=self.snapshot(near), dialstring=action["Channel"]
            )
        )
        number = action["Channel"].removeprefix("Local/").partition("@")[0]
        queue = action["Channel"].endswith("@pbxd-transfer-queue/n")
        if queue:
            self.seats[far].app = "Queue"
            self.tell(
                ami.QueueCallerJoin(
                    node=NODE, at=self.now, channel=self.snapshot(far), queue=QUEUE, position=1
                )
            )
            number = self.members[0].rpartition("/")[2] if self.members else ""
        device = f"PJSIP/{number}"
        wait_s = int(action["Timeout"]) / 1000
        self.plan(near, wait_s, lambda: self.local_failed(near, far, "NOANSWER", 19))
        if device not in self.people:
            if not queue:
                self.local_failed(near, far, "CHANUNAVAIL", 20)
            return
        phone = self.line(device, self.linkedid(near), 0)
        self.seats[phone] = Seat(app="Behind", peer=far)
        self.seats[far].peer = phone
        if self.rings_first:
            self.state(phone, 5)
        if queue:
            self.call_member(far, phone, device)
        else:
            self.dial(far, phone)
        self.lines[phone].application = "AppDial"
        if not self.rings_first:
            self.state(phone, 5)

    def local_failed(self, near: str, far: str, status: str, cause: int) -> None:
        self.dial_end(near, status)
        phone = self.seats[far].peer
        if phone is not None and phone in self.lines:
            self.dial_end(phone, status)
            self.end(phone, cause)
        self.end(far, cause)
        self.end(near, cause)

    def answer_behind(self, phone: str) -> None:
        """The phone behind a Local channel is answered, and so is the channel."""
        far = self.seats[phone].peer
        assert far is not None
        near = far.removesuffix("2") + "1"
        self.state(phone, 6)
        self.dialled(far, phone, "ANSWER")
        if self.seats[far].app == "Queue":
            self.leave_queue(far, abandoned=False)
        self.state(far, 6)
        self.together(phone, far)
        self.seats[near].turn += 1
        self.state(near, 6)
        self.dial_end(near, "ANSWER")
        self.go(near, "answered")

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
