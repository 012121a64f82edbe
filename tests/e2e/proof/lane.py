"""One lane of the proof: what its caller and its agents do, and what each of these is to become.

When something happened is the switch's to say (truth).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from deploy.lab.centre import Centre, Desk
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Line, Phone, Phones, until
from tests.e2e.proof.house import PATIENCE_S, known_as
from tests.e2e.proof.journey import Journey, Shelter, Transfer, in_the_open
from tests.e2e.proof.truth import Truth

WRITTEN_S = 1.0  #: how long after a call it may take until it is in the history, also of a busy machine


async def dialled(
    caller: Phone, extension: str, number: str, truth: Truth, trunk: str = "trunk-queue"
) -> str:
    """He dials, and shows this number; the Uniqueid by which the switch knows him."""
    before = len(truth.numbers[number])
    caller.headers = {"X-Lab-Trunk": trunk, "P-Asserted-Identity": f"<sip:{number}@127.0.0.1>"}
    await caller.dial(extension)
    await until(lambda: len(truth.numbers[number]) > before, lambda: "the switch sees no call", PATIENCE_S)
    return truth.numbers[number][before]


async def pause(centre: Centre, desk: Desk, paused: bool, **reason: str) -> None:
    """In all queues, by whichever interface they know him."""
    for interface in known_as(desk):
        await centre.switch.ami.action(
            "QueuePause", Interface=interface, Paused=str(paused).lower(), **reason
        )


@dataclass
class Lane:
    """Callers, three agents, queues of their own."""

    n: int
    centre: Centre
    phones: Phones
    truth: Truth
    chance: random.Random
    journeys: list[Journey]
    a: Phone = field(init=False)
    b: Phone = field(init=False)
    c: Phone = field(init=False)
    caller: Phone = field(init=False)
    pages: dict[str, AgentPage] = field(default_factory=dict)
    transfer: str = ""
    asked: tuple[float, float] | None = None  #: when that one was, before and after
    now: Journey = field(init=False)
    seen: int = 0
    shelter: Shelter = in_the_open

    async def open(self) -> None:
        switch = self.centre.switch
        for i, who in enumerate("abc", 1):
            phone = await self.phones.agent(switch, f"1{self.n}0{i}", name=f"{who}{self.n}")
            phone.deaf = True
            setattr(self, who, phone)
        self.caller = await self.phones.caller(switch, f"0{self.n}", label=f"caller{self.n}")
        self.caller.deaf = True
        await self.open_pages()

    async def open_pages(self) -> None:
        for who in "abc":
            self.pages[who] = await self.centre.page(f"{who}{self.n}").open()

    async def close_pages(self) -> None:
        for page in self.pages.values():
            await page.close()
        self.pages.clear()

    # ------------------------------------------------------------ names

    def queue(self, kind: str) -> str:
        return f"{kind}{self.n}"

    def interface(self, phone: Phone) -> str:
        return f"PJSIP/{phone.number}"

    # ------------------------------------------------------------ one journey

    async def play(self, kind: str, story: Callable[[Lane], Awaitable[None]]) -> None:
        """One journey from beginning to end; then nobody of this lane is busy any more."""
        self.now = self.another(kind)
        self.journeys.append(self.now)

        async def whole() -> None:
            await story(self)
            await self.all_over()

        try:
            await self.shelter(self.now, whole, self.copes)
        except BaseException as fault:
            fault.add_note(f"in lane {self.n}: {self.now}")
            raise

    async def copes(self) -> None:
        """Whatever has become of this journey, it is over."""
        await self.pause_first(False)
        while any(phone.open_lines for phone in (self.caller, self.a, self.b, self.c)):
            for phone in (self.caller, self.a, self.b, self.c):
                for line in phone.open_lines:
                    await phone.hang_up(line)
        if self.now.uniqueid:
            await self.all_over()

    async def pause_first(self, paused: bool, **reason: str) -> None:
        """The first agent, in all queues."""
        (desk,) = (desk for desk in self.centre.desks if self.a.number in desk.phones)
        await pause(self.centre, desk, paused, **reason)

    def calls_by_the_menu(self, key: int, queue: str) -> None:
        """He is going to choose this; often somebody who has chosen something before."""
        self.now.flow, self.now.key = ["chosen"], str(key)
        self.now.label, self.now.subject = f"To {queue}", queue
        mine = self._numbers(lambda journey: bool(journey.subject))
        if mine and self.chance.random() < 0.6:
            self.now.number = self.chance.choice(mine)

    def another(self, kind: str) -> Journey:
        return Journey(kind=kind, lane=self.n, number=self._number())

    def _number(self) -> str:
        """A new one, or one that has called before, and not just now."""
        mine = self._numbers(lambda _: True)
        if mine and self.chance.random() < 0.25:
            return self.chance.choice(mine)
        self.seen += 1
        return f"+861380{self.n}{self.seen:06}"

    def _numbers(self, wanted: Callable[[Journey], bool]) -> list[str]:
        """Of such earlier callers of this lane who may call again now."""
        now, ended = time.time(), self.truth.ended
        mine = [journey for journey in self.journeys if journey.lane == self.n]
        fresh = {each.number for each in mine if ended.get(each.uniqueid, now) >= now - WRITTEN_S}
        return [each.number for each in mine if wanted(each) and each.number not in fresh]

    async def dial(self, extension: str, trunk: str = "trunk-queue") -> None:
        self.now.uniqueid = await dialled(self.caller, extension, self.now.number, self.truth, trunk)

    async def together(self, *phones: Phone) -> None:
        """The caller hears exactly these, as the switch knows."""
        wanted = {self.interface(phone) for phone in phones}
        await until(
            lambda: self.truth.hears_now(self.now.uniqueid) == wanted,
            lambda: f"the caller hears {self.truth.hears_now(self.now.uniqueid)} instead of {wanted}",
            PATIENCE_S,
        )

    async def some_time(self, least: float = 0.3, most: float = 1.5) -> None:
        """People talk, or wait; how long is of no account."""
        await asyncio.sleep(self.chance.uniform(least, most))

    async def answers(self, phone: Phone) -> Line:
        await phone.rings(PATIENCE_S)
        await asyncio.sleep(self.chance.uniform(0.0, 0.4))
        return await phone.answer(PATIENCE_S)

    async def reaches(self, extension: str, phone: Phone, queue: str) -> None:
        """The caller waits in this queue until this agent answers; pbxd knows it."""
        await self.dial(extension)
        await self.is_answered(phone, queue)

    async def talks(self) -> None:
        """The caller reaches the first agent by the queue that most call."""
        await self.reaches(f"3{self.n}1", self.a, self.queue("main"))

    async def is_answered(self, phone: Phone, queue: str) -> None:
        await self.answers(phone)
        await self.together(phone)
        self.now.rings.append((queue, "answered"))
        self.now.waits.append((queue, "answered"))
        self.leg(phone, queue)
        self.now.outcome = "answered"
        await self.some_time()

    def waited(self, queue: str, outcome: str, ring: str) -> None:
        """The caller's wait in this queue, where one phone rang, was all."""
        self.now.outcome = outcome
        self.now.waits.append((queue, outcome))
        self.now.rings.append((queue, ring))

    def leg(self, phone: Phone, queue: str | None = None) -> None:
        """The caller talks with this one; without a queue of its own in which he waited last."""
        last = self.now.waits[-1][0] if self.now.waits else ""
        self.now.legs.append((self.interface(phone), last if queue is None else queue))

    async def goodbye(self, *agents: Phone) -> None:
        """Somebody hangs up, and then everybody is out."""
        first = self.chance.choice((self.caller, *agents)) if len(agents) == 1 else self.caller
        if first.open_lines:
            await first.hang_up()
        for phone in (self.caller, *agents):
            await phone.on_hook(within_s=PATIENCE_S)

    async def takes_over(self, phone: Phone) -> None:
        """The caller is with this one instead, and who gave him away is out of it."""
        await self.together(phone)
        await self.a.on_hook(within_s=PATIENCE_S)
        self.leg(phone)

    async def stays_with(self, phone: Phone) -> None:
        """They talk until one of them hangs up; half a second at least, else he is brought to others."""
        await self.some_time(0.8, 1.6)
        await self.goodbye(phone)

    async def goes_on(self, by: str, kind: str, **more: str) -> None:
        """… with the third agent, to whom he was handed over."""
        await self.takes_over(self.c)
        self.transferred(by, kind, **more)
        await self.stays_with(self.c)

    async def phones_down(self) -> None:
        for phone in (self.a, self.b, self.c):
            for line in phone.open_lines:
                await phone.hang_up(line)

    async def all_over(self) -> None:
        for phone in (self.caller, self.a, self.b, self.c):
            await phone.on_hook(within_s=PATIENCE_S)
        uniqueid = self.now.uniqueid
        await until(lambda: uniqueid in self.truth.ended, lambda: "the caller's channel stays", PATIENCE_S)
        for who, page in self.pages.items():
            await page.until(
                lambda page=page: page.state["agent"]["state"] == "ready",  # type: ignore[misc]
                f"{who} ready",
                PATIENCE_S,
            )

    # ------------------------------------------------------------ transfers by pbxd

    async def knows(self, who: str = "a", state: str = "talking") -> None:
        page = self.pages[who]
        await page.until(lambda: page.state["agent"]["state"] == state, f"{who} {state}", PATIENCE_S)

    async def hand_over(
        self, kind: str = "agent", id_: str = "", mode: str = "attended", who: str = "a"
    ) -> None:
        await self.knows(who)
        before = time.time()
        answer = await self.pages[who].order(
            "transfer.start", targets=[{"kind": kind, "id": id_ or f"c{self.n}"}], mode=mode
        )
        assert answer["outcome"] == "done", answer
        self.transfer, self.asked = answer["body"]["id"], (before, time.time())

    async def order(self, verb: str, who: str = "a") -> None:
        answer = await self.pages[who].order(f"transfer.{verb}", transfer=self.transfer)
        assert answer["outcome"] == "done", (verb, answer)

    async def becomes(self, state: str, who: str = "a") -> None:
        page = self.pages[who]
        await page.until(
            lambda: page.transfers.get(self.transfer, {}).get("state") == state,
            f"transfer {state} ({page.transfers.get(self.transfer)})",
            PATIENCE_S,
        )

    def transferred(self, by: str, kind: str, outcome: str = "completed", **more: str) -> None:
        """By the first agent, or by him who has the caller then."""
        from_ = more.pop("from_", self.interface(self.a))
        queue = next(queue for interface, queue in self.now.legs if interface == from_)
        asked = self.asked if by == "pbxd" else None
        self.now.transfers.append(
            Transfer(
                by=by,
                kind=kind,
                outcome=outcome,
                from_=from_,
                queue=queue,
                asked=asked,
                **more,
            )
        )

    async def consults(self, kind: str = "agent", id_: str = "") -> None:
        """Anna's caller is on hold, she talks with the third one."""
        await self.hand_over(kind, id_)
        await self.answers(self.c)
        await self.becomes("talking")
        await self.some_time()
        self.now.rings.append(("", "answered"))
