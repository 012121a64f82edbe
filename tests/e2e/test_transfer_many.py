"""Fifty callers are handed over at the same moment, on one switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from deploy.lab.centre import Centre, Desk, sums
from deploy.lab.ears import MUSIC
from deploy.lab.files import Wishes
from deploy.lab.pages import AgentPage, PageError
from deploy.lab.phones import Phone, Phones, until
from tests.e2e.floor import SETTINGS

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MANY, BY_EAR = 50, 8
LIMIT_S = 60.0  #: a busy machine
GIVERS = [str(2001 + n) for n in range(MANY)]
TAKERS = [str(3001 + n) for n in range(MANY)]
EXTENSIONS = """
[lab-direct]
exten => _2XXX,1,Dial(PJSIP/${EXTEN},30,t)
 same => n,Hangup()
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(suite: str) -> AsyncIterator[Centre]:
    # An agent who serves no queue is offline.
    queues = "".join(
        f"[hall{n}](lab-queue)\nmember => PJSIP/{giver},0,{giver},PJSIP/{giver}\n"
        f"member => PJSIP/{taker},0,{taker},PJSIP/{taker}\n"
        for n, (giver, taker) in enumerate(zip(GIVERS, TAKERS, strict=True))
    )
    wishes = Wishes(phones=(*GIVERS, *TAKERS), extensions=EXTENSIONS, queues=queues)
    desks = [Desk(id=f"a{number}", name=f"Agent {number}", phones=(number,)) for number in (*GIVERS, *TAKERS)]
    async with Centre(suite, wishes=wishes, desks=desks, more=SETTINGS) as centre:
        yield centre


async def test_fifty_at_once(hall: Centre, all_phones: Phones) -> None:
    switch = hall.switch
    rows: list[Row] = []
    for n, (giver, taker) in enumerate(zip(GIVERS, TAKERS, strict=True)):
        row = Row(
            giver=await all_phones.agent(switch, giver),
            caller=await all_phones.caller(switch, f"+861380013{n:04}", trunk="trunk-direct"),
            taker=await all_phones.agent(switch, taker),
            by_ear=n < BY_EAR,
        )
        rows.append(row)
    listen(
        [phone for row in rows for phone in row.phones if row.by_ear], [p for row in rows for p in row.phones]
    )
    for row in rows:
        await row.caller.dial(row.giver.name)
        await row.giver.answer()
    pages = [await hall.page(f"a{row.giver.name}").open() for row in rows]
    try:
        await asyncio.gather(*(row.hand_over(page) for row, page in zip(rows, pages, strict=True)))
        await joined(hall, rows)
        metrics = await hall.metrics()
        assert sums(metrics, "pbxd_transfers_total", ['outcome="completed"']) == MANY
        assert sums(metrics, "pbxd_transfer_orphans_total") == 0
    finally:
        for page in pages:
            await page.close()
    for row in rows:
        await row.caller.hang_up()
    for row in rows:
        await row.taker.on_hook()
    await switch.leak_check()
    await hall.quiet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One of the fifty."""

    giver: Phone
    caller: Phone
    taker: Phone
    by_ear: bool

    @property
    def phones(self) -> tuple[Phone, Phone, Phone]:
        return self.giver, self.caller, self.taker

    async def hand_over(self, page: AgentPage) -> None:
        await self._says(page, lambda: page.state["agent"]["state"] == "talking", "talking")
        reply = await page.order("transfer.start", targets=[{"kind": "agent", "id": f"a{self.taker.name}"}])
        assert reply["outcome"] == "done", reply
        id_ = reply["body"]["id"]
        await self.taker.answer(within_s=LIMIT_S)
        if self.by_ear:
            await self.caller.hears(MUSIC, within_s=LIMIT_S)
            await self._hear_each_other(self.giver)
        await self._says(page, lambda: page.transfers[id_]["state"] == "talking", "consultation")
        reply = await page.order("transfer.complete", transfer=id_)
        assert reply["outcome"] == "done", reply
        await self.giver.on_hook(within_s=LIMIT_S)
        await self._says(page, lambda: page.transfers[id_]["outcome"] == "completed", "end")
        if self.by_ear:
            await self._hear_each_other(self.caller)

    async def _says(self, page: AgentPage, true: Callable[[], bool], what: str) -> None:
        try:
            await page.until(true, what, LIMIT_S)
        except PageError as fault:
            fault.add_note(f"{page.state['agent']} {page.transfers}")
            raise

    async def _hear_each_other(self, other: Phone) -> None:
        await until(
            lambda: other.name in self.taker.heard and self.taker.name in other.heard,
            lambda: f"{other.name} hears {sorted(other.heard)}, the target {sorted(self.taker.heard)}",
            LIMIT_S,
        )


def listen(ears: list[Phone], everybody: list[Phone]) -> None:
    """These hear each other; the others hear nothing, which costs this process less."""
    for phone in everybody:
        phone.tones = {ear.name: ear.hz for ear in ears} if phone in ears else {}
        phone.sends_tone = phone in ears


async def joined(hall: Centre, rows: list[Row]) -> None:
    """By the switch's own account, each caller shares a bridge with his target and with nobody else."""
    channels = await hall.switch.ami.listing("CoreShowChannels")
    assert len(channels) == 2 * len(rows)
    together: dict[str, set[str]] = {}
    for channel in channels:
        together.setdefault(channel["BridgeId"], set()).add(channel["CallerIDNum"])
    assert len(together) == len(rows)
