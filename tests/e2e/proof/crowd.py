"""Several callers in one queue at the same time, and several agents who serve it.

Who gets whom, and who gives up before, is left to chance and to the switch. What became of each caller is
read from what the switch says of him afterwards; nobody talks with a phone that has not answered.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from deploy.lab.centre import Centre
from deploy.lab.phones import Phone, PhoneError, Phones, until
from tests.e2e.proof.house import CROWD, PATIENCE_S
from tests.e2e.proof.journey import Journey, Shelter, in_the_open
from tests.e2e.proof.lane import dialled
from tests.e2e.proof.truth import Truth

CALLERS = 5
EXTENSION = "397"


@dataclass
class Crowd:
    """Callers of one queue, each by himself, and its agents."""

    centre: Centre
    phones: Phones
    truth: Truth
    chance: random.Random
    callers: list[Phone] = field(default_factory=list)
    agents: list[Phone] = field(default_factory=list)
    journeys: list[Journey] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)  #: by interface
    declined: list[tuple[str, int]] = field(default_factory=list)  #: interface, and which of its rings
    shelter: Shelter = in_the_open

    async def open(self) -> None:
        switch = self.centre.switch
        for i in range(1, 4):
            self.agents.append(await self.phones.agent(switch, f"1{CROWD}0{i}"))
        for i in range(1, CALLERS + 1):
            self.callers.append(
                await self.phones.caller(switch, f"0{CROWD}{i}", trunk="trunk-queue", label=f"crowd{i}")
            )
        for phone in (*self.agents, *self.callers):
            phone.deaf = True

    async def play(self, calls: int) -> None:
        """So many callers, as many at the same time as there are phones for."""
        left = list(range(calls))
        serving = [asyncio.create_task(self._serves(agent)) for agent in self.agents]
        try:
            async with asyncio.TaskGroup() as calling:
                for phone in self.callers:
                    calling.create_task(self._calls(phone, left))
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
        for phone in (*self.agents, *self.callers):
            await phone.on_hook(within_s=PATIENCE_S)

    async def _calls(self, phone: Phone, left: list[int]) -> None:
        while left:
            journey = Journey(kind="crowd", lane=CROWD, number=f"+86139{left.pop():08}")
            self.journeys.append(journey)

            async def copes() -> None:
                for line in phone.open_lines:
                    await phone.hang_up(line)
                await self._over(journey)  # noqa: B023

            await self.shelter(journey, lambda: self._call(phone, journey), copes)  # noqa: B023

    async def _call(self, phone: Phone, journey: Journey) -> None:
        journey.uniqueid = await dialled(phone, EXTENSION, journey.number, self.truth)
        line, patience = phone.line, self.chance.choice((0.5, 2.0, 5.0, PATIENCE_S))
        try:
            await until(
                lambda: line.closed is not None or bool(self.truth.hears_now(journey.uniqueid)),
                lambda: "nobody answers",
                patience,
            )
            await asyncio.sleep(self.chance.uniform(0.5, 2.0))
        except PhoneError:
            if patience == PATIENCE_S:
                raise
        await phone.hang_up(line)
        await self._over(journey)

    async def _over(self, journey: Journey) -> None:
        if journey.uniqueid:
            await until(
                lambda: journey.uniqueid in self.truth.ended, lambda: "the caller's channel stays", PATIENCE_S
            )

    async def _serves(self, phone: Phone) -> None:
        """Answers, mostly; declines or lets it ring at times; is done when the caller is, or before."""
        interface = f"PJSIP/{phone.number}"
        while True:
            line = await phone.rings(24 * 3600)
            which = len(self.truth.rings_of(interface)) - 1
            mood = self.chance.random()
            try:
                if mood < 0.1:
                    self.declined.append((interface, which))
                    await phone.reject(line)
                elif mood > 0.2:
                    await asyncio.sleep(self.chance.uniform(0.0, 0.6))
                    await phone.answer(PATIENCE_S)
                    self.answers[interface] += 1
                    await asyncio.sleep(self.chance.uniform(0.3, 2.5))
                    await phone.hang_up(line)
            except PhoneError:
                pass  # the caller was quicker
            await phone.on_hook(line, PATIENCE_S)

    # ------------------------------------------------------------ what has become of them

    def account(self) -> list[Journey]:
        """The journeys, with what the switch says of each."""
        for journey in self.journeys:
            self.tell(journey)
        legs = Counter(interface for journey in self.journeys for interface, _ in journey.legs)
        assert legs <= self.answers, (legs, self.answers)
        return self.journeys

    def tell(self, journey: Journey) -> None:
        """What has become of this one, as the switch says."""
        queue, truth, caller = "crowd", self.truth, journey.uniqueid
        journey.legs = [(interface, queue) for interface, *_ in truth.legs(caller)]
        journey.outcome = "answered" if journey.legs else "abandoned"
        journey.waits = [(queue, journey.outcome)]
        journey.rings = [(queue, self._why(caller, phone)) for phone in truth.rung_for[caller]]

    def _why(self, caller: str, phone: str) -> str:
        """Why this phone stopped ringing for this caller."""
        truth, interface = self.truth, self.truth.phone(phone)
        if phone in truth.answered:
            return "answered"
        if phone in truth.called_off:
            return "caller_left"
        declined = (interface, truth.rings_of(interface).index(phone)) in self.declined
        return "busy" if declined else "no_answer"
