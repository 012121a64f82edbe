"""Callers and agents that behave like people: most press the right key, some do not, some give up."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.lab.centre import Centre
from deploy.lab.ears import MUSIC, RINGBACK, SOUND
from deploy.lab.pages import AgentPage, PageError
from deploy.lab.phones import Phone, PhoneError, Phones, until

#: Numbers and names of people who may call, some of them again and again.
PEOPLE = (
    ("+8613800138000", "张三丰"),
    ("+862088887777", "Canton Trading"),
    ("+861065001234", "李清照"),
    ("+8613912345678", "王小明"),
    ("+442079460018", "Ada Byron"),
    ("+4930901820", "Emmy Noether"),
    ("+12125550147", "Grace Murray"),
    ("+85223456789", "陈美玲"),
)


REASONS = ("Second line", "Contract", "Complaint", "Speaks Chinese")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How busy it is. Times in seconds, each a range to choose from."""

    between_callers: tuple[float, float] = (4.0, 11.0)
    to_answer: tuple[float, float] = (2.0, 6.0)
    talk: tuple[float, float] = (6.0, 25.0)
    patience: tuple[float, float] = (6.0, 14.0)
    consult: tuple[float, float] = (3.0, 6.0)
    hand_over: float = 0.3  #: how many calls are handed over to somebody else


class Traffic:
    """New callers keep coming, and agents keep answering, until cancelled."""

    def __init__(
        self,
        centre: Centre,
        phones: Phones,
        *,
        seed: int,
        tell: Callable[[str], None],
        pace: Pace | None = None,
    ) -> None:
        self._centre = centre
        self._phones = phones
        self._chance = random.Random(seed)  # it plays callers, it guards nothing
        self._tell = tell
        self._pace = pace or Pace()

    async def run(self, agents: Mapping[str, AgentPage]) -> None:
        """``agents``: the number of each agent's phone, and the page before him."""
        async with asyncio.TaskGroup() as people:
            for number, page in agents.items():
                phone = await self._phones.agent(self._centre.switch, number)
                people.create_task(self._work(phone, page))
            callers = [
                await self._phones.caller(self._centre.switch, number, name=name, label=number)
                for number, name in PEOPLE
            ]
            while True:
                await asyncio.sleep(self._some(self._pace.between_callers))
                free = [phone for phone in callers if not phone.open_lines]
                if free:
                    people.create_task(self._call(self._chance.choice(free)))

    def _some(self, span: tuple[float, float]) -> float:
        return self._chance.uniform(*span)

    # ------------------------------------------------------------ agents

    async def _work(self, phone: Phone, page: AgentPage) -> None:
        while True:
            if phone.ringing:
                await asyncio.sleep(self._some(self._pace.to_answer))
                await self._talk(phone, page)
            await asyncio.sleep(0.1)

    async def _talk(self, phone: Phone, page: AgentPage) -> None:
        try:
            line = await phone.answer(within_s=1.0)
            try:
                await phone.on_hook(line, within_s=self._some(self._pace.talk))
            except PhoneError:
                if self._chance.random() < self._pace.hand_over:
                    await self._hand_over(phone, page)
                if phone.open_lines:
                    await phone.hang_up(line)
        except PhoneError:
            # The caller was faster, as happens with people.
            return

    async def _hand_over(self, phone: Phone, page: AgentPage) -> None:
        """To whoever knows about the same things and is free; or not, when nobody is."""
        target = {"kind": "queue", "id": self._chance.choice(("technical", "billing"))}
        others = [t for t in await page.targets() if t["kind"] == "agent" and t["free"]]
        if others:
            target = {"kind": "agent", "id": self._chance.choice(others)["id"]}
        try:
            started = await page.order(
                "transfer.start", targets=[target], reason=self._chance.choice(REASONS)
            )
            if started["outcome"] != "done":
                self._tell(f"{page.agent} cannot hand over: {started['text']}")
                return
            transfer = started["body"]["id"]
            self._tell(f"{page.agent} hands a caller over to {target['kind']} {target['id']}")
            await page.until(
                lambda: page.transfers[transfer]["state"] in ("talking", "ended"), "answer", within_s=40
            )
            await asyncio.sleep(self._some(self._pace.consult))
            await page.order("transfer.complete", transfer=transfer)
            await page.until(lambda: page.transfers[transfer]["state"] == "ended", "end of the transfer")
            ended = page.transfers[transfer]
            why = f": {ended['why']}" if ended["why"] else ""
            self._tell(f"{page.agent}'s caller: {ended['outcome']}{why}")
        except PageError as fault:
            self._tell(str(fault))

    # ------------------------------------------------------------ callers

    async def _call(self, caller: Phone) -> None:
        story = self._chance.choices(
            (self._patient, self._impatient, self._clumsy, self._changes_his_mind), weights=(6, 2, 2, 1)
        )[0]
        try:
            await caller.dial("4008001234")
            await caller.connected()
            await caller.hears(SOUND, within_s=20)
            await asyncio.sleep(self._some((1.0, 3.0)))
            await story(caller)
        except PhoneError as end:
            self._tell(f"{caller.name}: {end}")
        finally:
            if caller.open_lines:
                await caller.hang_up()

    async def _choose(self, caller: Phone) -> None:
        await caller.keys(self._chance.choice("1220"))
        await asyncio.sleep(self._some((2.0, 4.0)))
        await caller.keys(f"{self._chance.randrange(1000, 9999)}#")

    async def _patient(self, caller: Phone) -> None:
        await self._choose(caller)
        rating = asyncio.create_task(self._rate(caller))
        try:
            await caller.on_hook(within_s=300)
        finally:
            rating.cancel()

    async def _impatient(self, caller: Phone) -> None:
        await self._choose(caller)
        await caller.hears(MUSIC, within_s=30)
        await asyncio.sleep(self._some(self._pace.patience))

    async def _rate(self, caller: Phone) -> None:
        """Once he has talked with somebody, and only a voice is left, he is asked how it was."""
        others = {MUSIC, RINGBACK, SOUND}
        with contextlib.suppress(PhoneError):
            await until(lambda: bool(caller.heard - others), lambda: f"{caller.name} talks to nobody", 300)
            await until(lambda: caller.heard == {SOUND}, lambda: f"{caller.name} is not asked", 300)
            await asyncio.sleep(self._some((1.0, 5.0)))
            await caller.keys(self._chance.choice("5555444332169"))

    async def _clumsy(self, caller: Phone) -> None:
        await caller.keys("7")
        await asyncio.sleep(self._some((4.0, 6.0)))
        await self._patient(caller)

    async def _changes_his_mind(self, caller: Phone) -> None:
        await asyncio.sleep(1.0)
