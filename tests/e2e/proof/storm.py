"""What comes from outside while callers make their journeys: pbxd is killed, its link is cut, Asterisk ends.

It records when pbxd could not see its switch, and what a scraper has read of each of its lives.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from deploy.lab.centre import sums
from deploy.lab.phones import until
from tests.e2e.proof.house import PATIENCE_S
from tests.e2e.proof.journey import Journey, Play
from tests.e2e.proof.lives import Lives

if TYPE_CHECKING:
    from tests.e2e.proof.days import Days

HEARD_S = 0.4  #: what the switch has said so long ago, pbxd has heard and kept
SEEN_S = 0.2  #: so long after its link is back, pbxd has seen how things stand
AFTERWARDS_S = 12.0  #: who waits so long for something after a gap, waits in vain
QUIET_S = (2.0, 5.0)  #: between two gaps
BLIND_S = (0.2, 3.0)


@dataclass
class Gap:
    """When pbxd did not see its switch, in epoch seconds."""

    what: str
    doubted: float  #: what the switch says from now on, pbxd perhaps does not hear
    shut: float = 0.0  #: … and now it does not
    opened: float = 0.0  #: until now
    seen: float = 0.0  #: since when it knows again how things stand

    @property
    def first(self) -> float:
        """What was before this, pbxd knows; later on, perhaps."""
        return self.doubted - HEARD_S

    @property
    def last(self) -> float:
        return self.seen + SEEN_S


@dataclass
class Storm:
    days: Days
    chance: random.Random
    gaps: list[Gap] = field(default_factory=list)
    lives: Lives = field(default_factory=Lives)
    _passed: int = 0  #: connections of pbxd before the last gap
    _calm: asyncio.Event = field(default_factory=asyncio.Event)
    _playing: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._calm.set()
        for player in (*self.days.lanes, self.days.crowd):
            player.shelter = self.shelter

    # ------------------------------------------------------------ what it does

    async def rage(self, times: int) -> None:
        """So often each, in random order and at random moments."""
        kinds = [self.killed, self.cut, self.ended] * times
        self.chance.shuffle(kinds)
        for kind in kinds:
            await asyncio.sleep(self.chance.uniform(*QUIET_S))
            await kind()

    async def killed(self) -> None:
        """pbxd dies, without a word, and is started again."""
        centre = self.days.centre
        gap = self._gap("killed", await self.lives.ends(centre))
        await centre.kill_pbxd()
        gap.shut = time.time()
        await asyncio.sleep(self.chance.uniform(*BLIND_S))
        gap.opened = time.time()
        await centre.start_pbxd()
        self.lives.begins()
        await self._sees(gap)
        for lane in self.days.lanes:
            for page in lane.pages.values():
                await page.open()

    async def cut(self) -> None:
        """The connection is lost, and comes back."""
        gap = self._gap("cut", time.time())
        self.days.gate.shut()
        gap.shut = time.time()
        await asyncio.sleep(self.chance.uniform(*BLIND_S))
        gap.opened = time.time()
        self.days.gate.open()
        await self._sees(gap)

    async def ended(self) -> None:
        """Asterisk ends, in order or not, and all its calls with it; it is started again."""
        days, switch = self.days, self.days.centre.switch
        how = self.chance.choice((signal.SIGTERM, signal.SIGKILL))
        self._calm.clear()
        gap = self._gap(f"ended by {how.name}", time.time())
        await switch.end(how)
        for ear in days.ears:
            await ear.over()
        gap.shut = time.time()
        days.truth.stopped(gap.shut)
        for task in self._playing:
            task.cancel()
        await days.close_ears()
        await days.phones.hang_up_everything()
        await switch.restart()
        await switch.set_global("PBXD_AGI", days.centre.agi)
        await days.listen()
        gap.opened = time.time()
        for phone in (*days.crowd.agents, *(one for lane in days.lanes for one in (lane.a, lane.b, lane.c))):
            # What the switch remembers of it does not tell the queues that it is there.
            await phone.sign_off()
            await phone.sign_on()
        await self._sees(gap)
        self._calm.set()

    def _gap(self, what: str, doubted: float) -> Gap:
        self.gaps.append(Gap(what, doubted))
        self._passed = self.days.gate.passed
        return self.gaps[-1]

    async def _sees(self, gap: Gap) -> None:
        centre, gate = self.days.centre, self.days.gate

        async def connected() -> bool:
            try:
                return sums(await centre.metrics(), "pbxd_ami_connected") == 1
            except httpx.HTTPError:
                return False

        await until(lambda: gate.passed > self._passed, lambda: "pbxd does not connect", PATIENCE_S)
        await centre.until(connected, "pbxd sees its switch", PATIENCE_S)
        gap.seen = time.time()

    # ------------------------------------------------------------ what others do about it

    async def shelter(self, journey: Journey, play: Play, copes: Play) -> None:
        """Play this; if a gap has spoilt it, everybody hangs up and it is over."""
        await self._calm.wait()
        began = time.time()
        task = asyncio.create_task(play())  # type: ignore[arg-type]
        self._playing.add(task)
        try:
            while not (await asyncio.wait([task], timeout=0.2))[0]:
                if any(gap.seen > began and time.time() > gap.seen + AFTERWARDS_S for gap in self.gaps):
                    task.cancel()
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._playing.discard(task)
        fault = None if task.cancelled() else task.exception()
        if task.cancelled() or fault is not None:
            if fault is not None and not self.touches(began, time.time()):
                raise fault
            journey.spoilt = True
            await self._calm.wait()
            self._find(journey)
            await copes()
        journey.over = time.time()

    def _find(self, journey: Journey) -> None:
        """He may have been gone before anybody learned by which channel he came."""
        mine = {each.uniqueid for each in (*self.days.journeys, *self.days.crowd.journeys)}
        came = [id_ for id_ in self.days.truth.numbers.get(journey.number, ()) if id_ not in mine]
        if not journey.uniqueid and came:
            journey.uniqueid = came[-1]

    def touches(self, began: float, ended: float) -> bool:
        return any(gap.first < ended and (not gap.seen or gap.last > began) for gap in self.gaps)

    # ------------------------------------------------------------ what pbxd could see

    def unseen_s(self, began: float, ended: float) -> float:
        """How much of this time pbxd perhaps did not see."""
        return sum(max(0.0, min(gap.last, ended) - max(gap.first, began)) for gap in self.gaps)

    def within(self, at: float) -> Gap | None:
        """The gap in which pbxd perhaps did not see this."""
        return next((gap for gap in self.gaps if gap.first <= at <= gap.last), None)
