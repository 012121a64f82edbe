"""A world and a small switch, joined by two lines in which actions and news wait."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from itertools import count
from typing import Any

from pbxd.agents.staff import Agent, Staff
from pbxd.ami.event_types import QueueMember
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.effects import (
    Ask,
    Contact,
    Count,
    Effect,
    KeepJourney,
    KeepTransfer,
    Publish,
    Remember,
    Reply,
    Tell,
    Together,
    Wake,
    gathered,
)
from pbxd.ids import AgentId, CallId, Interface, TransferId
from pbxd.messages import (
    AskDone,
    AskRefused,
    AskUnknown,
    JourneysKept,
    LinkDown,
    LinkUp,
    Message,
    Tick,
    TransfersKept,
)
from pbxd.orders import MoveTransfer, StartTransfer, Target, TargetKind, TransferMode, Verb
from pbxd.transfers.rules import TransferRules
from pbxd.world import Rules, World
from tests.machines.small_switch import NODE, QUEUE
from tests.machines.transfer_switch import TransferSwitch
from tests.members import member_of

ANNA, BRUNO, CARLA, DORA = (AgentId(name) for name in ("anna", "bruno", "carla", "dora"))
DEVICE = {ANNA: "PJSIP/1001", BRUNO: "PJSIP/1002", CARLA: "PJSIP/1003", DORA: "PJSIP/1004"}
LOCAL = "Local/1003@from-queue/n"
TRUNK = "PJSIP/trunk"


def to(agent: AgentId) -> Target:
    return Target(kind=TargetKind.AGENT, id=agent)


class Lab:
    """Dora has no phone that works. Carla is behind a Local channel if wanted."""

    def __init__(self, rules: TransferRules | None = None, *, local: bool = False) -> None:
        self.local = local
        self.rules = rules or TransferRules(reassure_after_s=0)
        self.switch = TransferSwitch(tuple(device for agent, device in DEVICE.items() if agent != DORA))
        self.asks: deque[Ask] = deque()
        self.kept: dict[TransferId, Mapping[str, Any]] = {}
        self.journeys: dict[CallId, Mapping[str, Any]] = {}  #: that are kept
        self.remembered: list[Contact] = []
        self.published: list[Publish] = []
        self.told: list[Tell] = []
        self.replies: list[Reply] = []
        self.counts: list[Count] = []
        self.effects: list[Effect] = []
        self.wakes: list[float] = []
        self.linked = False
        self.room = 10_000  #: asks that the link takes at once
        self._orders = count(1)
        self.caller = ""  #: his channel
        self.born()

    # ------------------------------------------------------------ the world

    def born(self) -> None:
        """pbxd starts, with what was kept."""
        self.gone = False
        staff = Staff(
            Agent(
                id=agent,
                name=agent.title(),
                language="en",
                devices=((None, Interface(LOCAL if agent == CARLA and self.local else device)),),
                skills={BRUNO: {"tax": 3}, CARLA: {"tax": 9}, DORA: {"tax": 5}}.get(agent, {}),
            )
            for agent, device in DEVICE.items()
        )
        self.world = World(
            Rules(
                nodes=(NODE,),
                staff=staff,
                callers=CallerRules(default_region="CN"),
                repeat=RepeatRule(),
                transfers=self.rules,
            )
        )
        self.give(TransfersKept(at=self.switch.now, bodies=dict(self.kept)))
        stored = frozenset(contact.record.id for contact in self.remembered)
        self.give(JourneysKept(at=self.switch.now, bodies=dict(self.journeys), stored=stored))
        self.link()

    def killed(self) -> None:
        """pbxd ends without a word: what it has asked for and not sent is lost, and so is every answer."""
        self.asks.clear()
        self.gone, self.linked = True, False
        self.switch.news.clear()
        self.wakes.clear()

    def lost(self) -> None:
        """The link is lost: nobody knows what became of what was under way."""
        asks, self.asks = self.asks, deque()
        self.linked = False
        self.switch.news.clear()
        for ask in asks:
            self.give(AskUnknown(ask=ask.ask, at=self.switch.now, why="link lost"))
        self.give(LinkDown(node=NODE, at=self.switch.now, reason="lost"))

    def link(self) -> None:
        self.switch.news.clear()
        self.linked = True
        self.give(LinkUp(node=NODE, at=self.switch.now, inventory=self.switch.inventory()))

    def give_back(self) -> None:
        """pbxd is there again, after its end or the loss of its link."""
        if self.linked:
            return
        self.born() if self.gone else self.link()

    def give(self, message: Message) -> list[Effect]:
        effects = self.world.step(message)
        self.effects += effects
        for effect in gathered(effects):
            self._carry_out(effect)
        return effects

    def _send(self, *asks: Ask) -> None:
        if self.linked and len(self.asks) + len(asks) <= self.room:
            self.asks.extend(asks)
            return
        for ask in asks:
            self.give(AskRefused(ask=ask.ask, at=self.switch.now, text="not sent: no room"))

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Ask():
                self._send(effect)
            case Together(asks=asks):
                self._send(*asks)
            case KeepTransfer(transfer=transfer, body=None):
                self.kept.pop(transfer, None)
            case KeepTransfer(transfer=transfer, body=body):
                assert body is not None
                self.kept[transfer] = body
            case KeepJourney(call=call):
                body = self.world.journey(call)
                self.journeys.pop(call, None)
                self.journeys |= {} if body is None else {call: json.loads(json.dumps(body))}
            case Remember(contact=contact):
                self.remembered.append(contact)
            case Publish():
                self.published.append(effect)
            case Tell():
                self.told.append(effect)
            case Reply():
                self.replies.append(effect)
            case Count():
                self.counts.append(effect)
            case Wake(in_s=in_s):
                self.wakes.append(self.switch.now + in_s)
            case _:
                pass

    # ------------------------------------------------------------ letting things happen

    def obey_one(self) -> None:
        ask = self.asks.popleft()
        why = self.switch.obey(ask.action)
        at = self.switch.now
        if why is None:
            self.give(AskDone(ask=ask.ask, at=at, response={}))
        else:
            self.give(AskRefused(ask=ask.ask, at=at, text=why))

    def hear_one(self) -> None:
        self.give(self.switch.news.popleft())

    def settle(self) -> None:
        """Let everything that is under way happen, without any time passing."""
        for _ in range(10_000):
            if self.switch.news and self.linked:
                self.hear_one()
            elif self.asks:
                self.obey_one()
            elif self.wakes and min(self.wakes) <= self.switch.now:
                self.wakes = [at for at in self.wakes if at > self.switch.now]
                self.give(Tick(at=self.switch.now))
            else:
                return
        raise AssertionError("it never comes to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass, everything in its order."""
        until = self.switch.now + seconds
        self.settle()
        while True:
            times = [at for at in (self.switch.due(), *self.wakes) if at is not None and at <= until]
            if not times:
                break
            self.switch.pass_to(max(min(times), self.switch.now))
            self.settle()
        self.switch.pass_to(until)
        self.give(Tick(at=self.switch.now))
        self.settle()

    # ------------------------------------------------------------ people

    def start(
        self,
        *targets: Target,
        by: AgentId = ANNA,
        id_: str = "t1",
        mode: TransferMode = TransferMode.ATTENDED,
        call: CallId | None = None,
    ) -> Reply:
        order = StartTransfer(
            order=f"o{next(self._orders)}",
            agent=by,
            at=self.switch.now,
            transfer=TransferId(id_),
            targets=targets,
            mode=mode,
            call=call,
        )
        self.give(order)
        return self._reply(order.order)

    def do(self, verb: Verb, by: AgentId | None = ANNA, id_: str = "t1", queue: str | None = None) -> Reply:
        order = MoveTransfer(
            order=f"o{next(self._orders)}",
            agent=by,
            at=self.switch.now,
            transfer=TransferId(id_),
            verb=verb,
            queue=queue,
        )
        self.give(order)
        return self._reply(order.order)

    def _reply(self, order: str) -> Reply:
        (reply,) = [reply for reply in self.replies if reply.order == order]
        return reply

    def bring(self, state: str) -> None:
        """Anna's transfer to Bruno, as far as this."""
        self.start(to(BRUNO))
        self.settle()
        if state not in ("ringing", "blonde"):
            self.answer(BRUNO)
        verb = {"swapped": Verb.SWAP, "merged": Verb.MERGE, "blonde": Verb.COMPLETE}.get(state)
        if verb is not None:
            self.do(verb)
        self.settle()

    def phone(self, agent: AgentId) -> str:
        """The newest channel of this agent's phone."""
        return [name for name in self.switch.lines if name.startswith(DEVICE[agent])][-1]

    def serves(self, agent: AgentId) -> None:
        """This agent's phone answers for the queue."""
        device = DEVICE[agent]
        self.switch.members.append(device)
        member = member_of(QUEUE, device, name=agent.title())
        self.give(QueueMember(node=NODE, at=self.switch.now, member=member))

    def answer(self, agent: AgentId) -> None:
        self.switch.answer(self.phone(agent))
        self.settle()

    # ------------------------------------------------------------ reading

    def state(self, id_: str = "t1") -> str:
        view = self.world.transfer_view(TransferId(id_))
        assert view is not None
        return str(view["state"])

    def outcome(self, id_: str = "t1") -> str | None:
        view = self.world.transfer_view(TransferId(id_))
        return None if view is None else view["outcome"]

    def why(self, id_: str = "t1") -> str | None:
        """The reason that people are told."""
        view = self.world.transfer_view(TransferId(id_))
        return None if view is None else view["why"]

    def events(self, id_: str = "t1") -> list[str]:
        prefix = f"{NODE}/transfer/{id_}/"
        return [p.topic.removeprefix(prefix) for p in self.published if p.topic.startswith(prefix)]

    def hears(self, name: str) -> set[str]:
        """The devices that this channel hears."""
        return {other.rpartition("-")[0] for other in self.switch.company(name)}
