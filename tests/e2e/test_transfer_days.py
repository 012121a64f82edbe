"""Random days: everybody does anything at any moment, again and again, and the caller is never forgotten.

Repeatable: the number of a day is its seed. PBXD_DAYS says how many, PBXD_FIRST_DAY which is the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable

import pytest
from baresip import BaresipError

from deploy.lab.ears import MUSIC, RINGBACK, SOUND
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone, PhoneError
from tests.e2e.floor import CALLER, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

FIRST = int(os.environ.get("PBXD_FIRST_DAY", "1"))
DAYS = int(os.environ.get("PBXD_DAYS", "12"))
LOST_S = 25.0  #: so long the caller may hear nobody while his phone call goes from one to the next

NAMES = frozenset({"anna", "bruno", "carla", "dora"})

Act = Callable[["Day"], Awaitable[object]]


class Day:
    """One call, from its beginning to the end of everybody."""

    def __init__(self, floor: Floor, seed: int) -> None:
        self.floor = floor
        self.chance = random.Random(seed)
        self.story: list[str] = []
        self.by = "anna"  #: who hands the caller over
        self.began: list[tuple[str, str]] = []  #: who began which transfer
        self.patient = self.chance.random() < 0.5  #: nobody hangs up: the caller must never be dropped
        self.may_end = False  #: somebody hung up who may have talked with the caller, or he himself

    @property
    def agents(self) -> tuple[Phone, ...]:
        return (self.floor.anna, self.floor.bruno, self.floor.carla, self.floor.dora)

    async def play(self) -> None:
        floor = self.floor
        await floor.call()
        target = self.chance.choice(("agent:bruno", "skill:tax", "queue:q502", "agent:bruno"))
        mode = self.chance.choice(("attended", "attended", "attended", "blind"))
        self.story.append(f"{target} {mode}")
        view = await floor.start(target, *self.chance.choice(((), ("agent:carla",))), mode=mode)
        self.began.append(("anna", view["id"]))
        for _ in range(self.chance.randint(2, 7)):
            self.nobody_dropped_him()
            if not floor.caller.open_lines:
                break
            acts = self.chance.sample(self._possible(), k=self.chance.choice((1, 1, 1, 2)))
            self.story.append("+".join(acts))
            await asyncio.gather(*(ACTS[act](self) for act in acts))
            if self.chance.random() < 0.4:
                await asyncio.sleep(self.chance.choice((0.02, 0.1, 0.3)))
            else:
                await self.accounted_for()
        await self.accounted_for()
        await self.everybody_leaves()

    def _possible(self) -> list[str]:
        likely = [
            "swap",
            "swap",
            "complete",
            "merge",
            "leave",
            "cancel",
            "answer",
            "answer",
            "requeue",
            "start",
        ]
        if self.patient:
            return [*likely, "reject"]
        return [*likely, "anna", "bruno", "reject", *(["caller"] if self.chance.random() < 0.3 else [])]

    async def accounted_for(self) -> None:
        """The caller talks with somebody, or waits with music while a phone rings for him or he is queued."""
        floor = self.floor
        deadline = asyncio.get_running_loop().time() + LOST_S
        while floor.caller.open_lines:
            heard = floor.caller.heard
            if heard & NAMES:
                return
            if MUSIC in heard and await self._waits_for_somebody():
                return
            assert asyncio.get_running_loop().time() < deadline, self._what()
            await asyncio.sleep(0.05)
        self.nobody_dropped_him()

    def nobody_dropped_him(self) -> None:
        """His call ends when he hangs up, or who talks with him, and never else."""
        assert self.floor.caller.open_lines or self.may_end, f"the caller was dropped: {self._what()}"

    async def _waits_for_somebody(self) -> bool:
        """On hold while his transferer consults, or a phone rings for him, or he is in a queue himself."""
        ringing = [line for phone in self.agents for line in phone.open_lines if not line.talking]
        if any(line.incoming and line.caller_number == CALLER for line in ringing):
            return True
        pages = self.floor.pages.values()
        handed = any(view["state"] != "ended" for page in pages for view in page.transfers.values())
        if handed and any(phone.heard & {*NAMES, RINGBACK, SOUND} for phone in self.agents):
            return True
        entries = await self.floor.centre.switch.ami.listing("QueueStatus")
        return any(entry.get("Channel", "").startswith("PJSIP/trunk") for entry in entries)

    async def everybody_leaves(self) -> None:
        floor = self.floor
        if floor.caller.open_lines:
            await floor.caller.hang_up()
        await asyncio.sleep(0.2)
        await floor.phones.hang_up_everything()
        for page in floor.pages.values():
            await page.until(
                lambda page=page: all(view["state"] == "ended" for view in page.transfers.values()),  # type: ignore[misc]
                "end of all transfers",
                20,
            )
            assert all(told.count("ended") <= 1 for told in _told(page).values()), page.told
        for name, transfer in self.began:
            told = _told(floor.pages[name]).get(transfer, [])
            assert told.count("ended") == 1, (name, told)

    def _what(self) -> str:
        floor = self.floor
        heard = {phone.name: sorted(phone.heard) for phone in (floor.caller, *self.agents)}
        return f"{self.story}: {heard} {[v['state'] for v in floor.pages['anna'].transfers.values()]}"


def _told(page: AgentPage) -> dict[str, list[str]]:
    """The states of each transfer in turn."""
    told: dict[str, list[str]] = {}
    for transfer, state in page.told:
        told.setdefault(transfer, []).append(state)
    return told


async def order(day: Day, verb: str) -> None:
    day.story.append(f"[{verb}: {(await day.floor.try_to(verb, day.by))['outcome']}]")


async def answer(day: Day) -> None:
    for phone in day.agents:
        if phone.ringing:
            try:
                await phone.answer(within_s=3)
            except (PhoneError, BaresipError):
                day.story.append("[too late]")
            return


async def reject(day: Day) -> None:
    for phone in day.agents:
        if phone.ringing:
            with contextlib.suppress(PhoneError, BaresipError):  # somebody was faster
                await phone.reject()
            return


async def start(day: Day) -> None:
    """Whoever talks with the caller hands him on."""
    for name in ("anna", "bruno", "carla", "dora"):
        if getattr(day.floor, name).name in day.floor.caller.heard:
            others = [other for other in ("anna", "bruno", "carla", "dora") if other != name]
            target = day.chance.choice(others)
            reply = await day.floor.try_start(f"agent:{target}", agent=name)
            day.story.append(f"[{name} to {target}: {reply['outcome']}]")
            if reply["outcome"] == "done":
                day.floor.transfer, day.by = reply["body"]["id"], name
                day.began.append((name, reply["body"]["id"]))
            return


async def hang_up(day: Day, phone: Phone) -> None:
    if phone.open_lines:
        day.may_end = True
        await phone.hang_up()


ACTS: dict[str, Act] = {
    **{
        verb: (lambda day, verb=verb: order(day, verb))  # type: ignore[misc]
        for verb in ("swap", "complete", "merge", "leave", "cancel", "requeue")
    },
    "answer": answer,
    "reject": reject,
    "start": start,
    "anna": lambda day: hang_up(day, day.floor.anna),
    "bruno": lambda day: hang_up(day, day.floor.bruno),
    "caller": lambda day: hang_up(day, day.floor.caller),
}


@pytest.mark.parametrize("seed", range(FIRST, FIRST + DAYS))
async def test_a_day(floor: Floor, seed: int) -> None:
    day = Day(floor, seed)
    try:
        await day.play()
    except BaseException as fault:
        fault.add_note(f"day {seed}: {day.story}")
        raise
