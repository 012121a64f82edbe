"""Where a scenario is played: one switch, a caller, four agents; and what was really said is written down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from deploy.lab.ears import Heard
from deploy.lab.phones import Line, Phone, Phones, until
from deploy.lab.switch import Switch, SwitchError

AGENTS = ("1001", "1002", "1003", "1004")
CALLER_NUMBER = "+8613800138000"
TALK_S = 1.5  #: how long people talk in a scenario, unless it says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer as the scenario plays it; words as in a replayed story."""

    kind: str  #: attended, blind, blonde, threeway
    frm: str  #: an agent's interface
    to: str  #: an interface, or a queue's name
    outcome: str  #: completed, cancelled, declined, no_answer, caller_left

    def told(self) -> dict[str, str]:
        return {"kind": self.kind, "from": self.frm, "to": self.to, "outcome": self.outcome}


@dataclass
class Stage:
    """The parties and their truth. A scenario moves the phones and says what it meant."""

    switch: Switch
    phones: Phones
    anna: Phone
    bruno: Phone
    carla: Phone
    dora: Phone
    caller: Phone  #: arrives where the lab's queues are
    direct: Phone  #: the same caller, arriving where he reaches a phone directly
    calling: Phone  #: who called in this scenario
    dialled: str = ""
    queue: str | None = None
    outcome: str = ""
    transfers: list[Transfer] = field(default_factory=list)
    _caller_line: Line | None = None

    @classmethod
    async def set_up(cls, switch: Switch, phones: Phones) -> Stage:
        anna, bruno, carla, dora = [await phones.agent(switch, number) for number in AGENTS]
        caller = await phones.caller(switch, CALLER_NUMBER, name="张三", trunk="trunk-queue", label="caller")
        direct = await phones.caller(switch, CALLER_NUMBER, name="张三", trunk="trunk-direct", label="direct")
        return cls(
            switch=switch,
            phones=phones,
            anna=anna,
            bruno=bruno,
            carla=carla,
            dora=dora,
            caller=caller,
            direct=direct,
            calling=caller,
        )

    # ------------------------------------------------------------ playing

    async def call(self, extension: str, queue: str | None = None, *, by: Phone | None = None) -> Line:
        """Somebody (the caller) dials; what he reaches is written into the truth."""
        self.dialled, self.queue = extension, queue
        self.calling = by or self.caller
        self._caller_line = await self.calling.dial(extension)
        return self._caller_line

    async def answered(self, agent: Phone, extension: str, queue: str, talk_s: float = TALK_S) -> None:
        """The caller reaches the agent through the queue and they talk."""
        await self.call(extension, queue)
        await agent.answer()
        self.outcome = "answered"
        await self.talk(self.caller, agent, for_s=talk_s)

    async def talk(self, *parties: Phone, for_s: float = TALK_S) -> None:
        """These hear each other, and nobody else, and go on for some time."""
        await self.phones.hear_each_other(*parties)
        await asyncio.sleep(for_s)

    async def goodbye(self, agent: Phone) -> None:
        """The caller and the agent talk, then the caller hangs up."""
        await self.talk(self.caller, agent)
        await self.caller.hang_up()

    async def star(self, agent: Phone, code: str, extension: str = "") -> None:
        """Press a feature code; then, when the prompt has begun, the extension."""
        await agent.keys(code)
        if extension:
            await agent.hears("sound")
            await agent.keys(extension)

    async def channel(self, agent: Phone) -> str:
        """The name of the agent's newest channel."""
        prefix = f"PJSIP/{agent.name}-"
        names = [name for name in (await self.switch.held())["channels"] if name.startswith(prefix)]
        if not names:
            raise SwitchError(f"{agent.name} has no channel")
        return max(names)

    async def caller_channel(self) -> str:
        names = (await self.switch.held())["channels"]
        return next(name for name in names if name.startswith("PJSIP/trunk"))

    async def everybody_leaves(self) -> None:
        """The caller hangs up, then whoever is left."""
        for phone in (self.caller, self.direct):
            if phone.open_lines:
                await phone.hang_up()
        await asyncio.sleep(0.2)
        await self.phones.hang_up_everything()

    def transferred(self, kind: str, frm: Phone, to: Phone | str, outcome: str = "completed") -> None:
        target = self.interface(to) if isinstance(to, Phone) else to
        self.transfers.append(Transfer(kind=kind, frm=self.interface(frm), to=target, outcome=outcome))

    @staticmethod
    def interface(phone: Phone) -> str:
        return f"PJSIP/{phone.name}"

    async def no_longer_rings(self, phone: Phone) -> None:
        await until(lambda: not phone.ringing, lambda: f"{phone.name} still rings")

    # ------------------------------------------------------------ truth

    def truth(self) -> dict[str, Any]:
        """What happened, by ear and by intention. Times: epoch seconds, good to about a fifth of a second."""
        line = self._caller_line
        assert line is not None
        story = self.phones.story()
        agents = (self.anna, self.bruno, self.carla, self.dora)
        legs = [self._leg(agent, story) for agent in agents if agent is not self.calling]
        legs = sorted((leg for leg in legs if leg["talks"]), key=lambda leg: float(leg["talks"][0][0]))
        return {
            "asterisk": self.switch.version,
            "caller": CALLER_NUMBER if self.calling in (self.caller, self.direct) else self.calling.name,
            "caller_is": self.calling.name,
            "dialled": self.dialled,
            "queue": self.queue,
            "arrived": round(line.began, 2),
            "ended": round(line.ended or time.time(), 2),
            "outcome": self.outcome,
            "legs": legs,
            "transfers": [transfer.told() for transfer in self.transfers],
            "heard": [
                {
                    "listener": heard.listener,
                    "what": heard.what,
                    "since": round(heard.since, 2),
                    "until": round(heard.until, 2),
                }
                for heard in story
            ],
        }

    def _leg(self, agent: Phone, story: list[Heard]) -> dict[str, Any]:
        """When the caller and this agent heard each other."""
        caller = self.calling.name
        to_caller = [one for one in story if one.listener == caller and one.what == agent.name]
        to_agent = [one for one in story if one.listener == agent.name and one.what == caller]
        talks = [
            (max(a.since, b.since), min(a.until, b.until))
            for a in to_caller
            for b in to_agent
            if max(a.since, b.since) < min(a.until, b.until)
        ]
        return {
            "interface": self.interface(agent),
            "talk_s": round(sum(end - start for start, end in talks), 2),
            "talks": [[round(start, 2), round(end, 2)] for start, end in sorted(talks)],
        }
