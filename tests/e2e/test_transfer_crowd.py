"""Many agents hand over their callers at the same moment: nobody waits for anybody else, nobody gets lost.

Twenty by default, fifty with PBXD_THOROUGH=1: that takes both processors of a small machine for itself.

All are real phones of one process, registered or behind a trunk, with RTP on every line. Who is together with
whom is asked of the switch, for all. That they hear each other too is asked of the ears, at every fifth
party only: the others' phones send silence and nobody listens there, because two processors do all this.
Two other calls go on meanwhile, and are listened to as well.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from deploy.lab.ami import Message
from deploy.lab.centre import Centre, Desk, sums
from deploy.lab.ears import MUSIC, PHONE_HZ, RINGBACK, Heard
from deploy.lab.files import Wishes
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone, Phones, until
from deploy.lab.tools import BULLSEYE, FORKY
from tests.e2e.floor import SETTINGS
from tests.thorough import THOROUGH

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CROWD = 50 if THOROUGH else 20
BYSTANDERS = 2
PATIENCE_S = 60.0  #: everything is done by two processors, and by this process
HEARD = 5  #: every so many parties speak and listen
MOVES = {"BridgeLeave", "BridgeEnter", "Hold", "MusicOnHoldStart", "Hangup"}
AT_A_TIME = 10  #: calls that come in together before it begins

Json = dict[str, Any]
T = TypeVar("T")
#: A busy machine may take longer than the usual ring time to let so many phones answer; and longer than any
#: wait of this test, so that whoever is late is told by name.
PATIENT = {**SETTINGS, "transfers": {**SETTINGS["transfers"], "ring_timeout": f"{3 * PATIENCE_S:.0f}s"}}
EXTENSIONS = """
[lab-queue](+)
; 21NN: the queue of the agent 11NN.
exten => _21XX,1,Answer()
 same => n,Queue(crowd${EXTEN:2},t)
 same => n,Hangup()
"""
QUEUES = "".join(
    f"[crowd{n:02}](lab-queue)\nmember => PJSIP/11{n:02},0,Agent {n},PJSIP/11{n:02}\n" for n in range(CROWD)
)


SUITES = [pytest.param(FORKY, id="asterisk22"), pytest.param(BULLSEYE, id="asterisk16")]


@pytest.fixture(scope="module", params=SUITES if THOROUGH else SUITES[:1])
def suite(request: pytest.FixtureRequest) -> str:
    """One Asterisk, or both where there is time."""
    name: str = request.param
    return name


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*work))


@dataclass
class Party:
    """One of the crowd: an agent with a caller, and who is to get him."""

    n: int
    agent: Phone
    target: Phone
    caller: Phone
    page: AgentPage
    transfer: str = ""
    asked: float = 0.0

    @property
    def by_queue(self) -> bool:
        """Every other caller came through a queue, the rest dialled the agent."""
        return self.n % 2 == 0

    @property
    def heard(self) -> bool:
        return self.n % HEARD == 0

    async def begin(self) -> None:
        """The caller reaches the agent; the agent's page knows."""
        await self.caller.dial(f"21{self.n:02}" if self.by_queue else f"11{self.n:02}")
        await self.agent.answer(PATIENCE_S)
        await self.page.until(
            lambda: self.page.state["agent"]["state"] == "talking", "caller on the page", PATIENCE_S
        )

    async def start(self) -> Json:
        self.asked = time.time()
        answer = await self.page.order("transfer.start", targets=[{"kind": "agent", "id": f"target{self.n}"}])
        self.transfer = (answer["body"] or {}).get("id", "")
        return answer

    async def complete(self) -> Json:
        return await self.page.order("transfer.complete", transfer=self.transfer)

    @property
    def view(self) -> Json:
        return self.page.transfers.get(self.transfer, {})


@dataclass
class Crowd:
    centre: Centre
    phones: Phones
    parties: list[Party] = field(default_factory=list)
    bystanders: list[tuple[Phone, Phone]] = field(default_factory=list)
    moves: list[Message] = field(default_factory=list)  #: of all channels, since everybody talks

    async def gather(self, pages: Callable[[str], Awaitable[AgentPage]]) -> None:
        switch = self.centre.switch
        for n in range(CROWD):
            agent = await self.phones.agent(switch, f"11{n:02}", name=f"agent{n}")
            target = await self.phones.agent(switch, f"12{n:02}", name=f"target{n}")
            caller = await self._caller(n, "trunk-queue" if n % 2 == 0 else "trunk-direct")
            self.parties.append(Party(n, agent, target, caller, await pages(f"agent{n}")))
            for shift, phone in enumerate((caller, agent, target)):
                phone.deaf = not self.parties[n].heard
                sings(phone, PHONE_HZ[(n // HEARD + 9 * shift) % len(PHONE_HZ)])
        for n in range(BYSTANDERS):
            agent = await self.phones.agent(switch, f"13{n:02}", name=f"bystander{n}")
            caller = await self._caller(CROWD + n, "trunk-direct")
            for shift, phone in enumerate((agent, caller)):
                phone.closely = True
                sings(phone, PHONE_HZ[2 * n + shift])
            self.bystanders.append((agent, caller))

    async def _caller(self, n: int, trunk: str) -> Phone:
        return await self.phones.caller(
            self.centre.switch, number_of(n), name=f"Caller {n}", trunk=trunk, label=f"caller{n}"
        )

    async def talk(self) -> None:
        """Everybody has a caller."""
        for n, (agent, caller) in enumerate(self.bystanders):
            await caller.dial(f"13{n:02}")
            await agent.answer(PATIENCE_S)
        for first in range(0, CROWD, AT_A_TIME):
            await all_of(party.begin() for party in self.parties[first : first + AT_A_TIME])
        await hear_each_other([*self.bystanders, *((party.agent, party.caller) for party in self.heard)])

    @property
    def heard(self) -> list[Party]:
        return [party for party in self.parties if party.heard]

    async def pairs(self) -> set[tuple[str, str]]:
        """Who is in a bridge with whom, as the switch says: caller's number and phone."""
        bridges: dict[str, list[Json]] = defaultdict(list)
        for channel in await self.centre.switch.ami.listing("CoreShowChannels"):
            if channel["BridgeId"]:
                bridges[channel["BridgeId"]].append(channel)
        found = set()
        for channels in bridges.values():
            numbers = [c["CallerIDNum"] for c in channels if c["Channel"].startswith("PJSIP/trunk")]
            others = [c["Channel"] for c in channels if not c["Channel"].startswith("PJSIP/trunk")]
            found.add((",".join(numbers), ",".join(name.partition("-")[0] for name in others)))
        return found

    async def paired(self, wanted: set[tuple[str, str]]) -> None:
        """Wait until these and no others are together: the list of channels is late on a busy switch."""
        deadline = time.monotonic() + PATIENCE_S
        while (pairs := await self.pairs()) != wanted:
            assert time.monotonic() < deadline, (wanted - pairs, pairs - wanted)
            await asyncio.sleep(0.5)


def number_of(n: int) -> str:
    return f"+86139000010{n:02}"


def sings(phone: Phone, hz: float) -> None:
    phone.hz = phone.tones[phone.name] = hz


def hears(one: Phone, other: Phone) -> bool:
    """This tone and no other one, whoever else has it."""
    heard = {one.tones[name] for name in one.heard & one.tones.keys()}
    return heard == {other.hz}


async def hear_each_other(pairs: Iterable[tuple[Phone, Phone]]) -> None:
    wanted = [*pairs]

    def apart() -> list[str]:
        return [
            f"{one.name} hears {sorted(one.heard)} instead of {other.name}"
            for pair in wanted
            for one, other in (pair, pair[::-1])
            if not hears(one, other)
        ]

    await until(lambda: not apart(), lambda: "; ".join(apart()), PATIENCE_S)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_crowd(suite: str, all_phones: Phones) -> AsyncIterator[Crowd]:
    numbers = [f"1{row}{n:02}" for row in (1, 2) for n in range(CROWD)]
    numbers += [f"13{n:02}" for n in range(BYSTANDERS)]
    desks = [
        Desk(id=f"{name}{n}", name=f"{name} {n}", phones=(f"1{row}{n:02}",))
        for row, name in ((1, "agent"), (2, "target"))
        for n in range(CROWD)
    ]
    wishes = Wishes(phones=numbers, extensions=EXTENSIONS, queues=QUEUES, scenarios=False)
    pages: list[AgentPage] = []
    async with Centre(suite, wishes=wishes, desks=desks, more=PATIENT) as centre:

        async def page(agent: str) -> AgentPage:
            pages.append(await centre.page(agent).open())
            return pages[-1]

        crowd = Crowd(centre, all_phones)
        try:
            await crowd.gather(page)
            yield crowd
        finally:
            await all_of(page.close() for page in pages)


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(running_crowd: Crowd) -> AsyncIterator[Crowd]:
    """Everybody talks with his caller; after the test no call, no bridge and no orphan is left."""
    all_phones, centre = running_crowd.phones, running_crowd.centre
    all_phones.forget()
    await running_crowd.talk()
    moves = running_crowd.moves = []
    deaf = centre.switch.ami.on_event(lambda e: moves.append(e) if e["Event"] in MOVES else None)
    yield running_crowd
    deaf()
    await all_phones.hang_up_everything()
    await centre.switch.leak_check(PATIENCE_S)
    await centre.quiet()
    assert sums(await centre.metrics(), "pbxd_transfer_orphans_total") == 0


async def completed_by(centre: Centre) -> float:
    return sums(await centre.metrics(), "pbxd_transfers_total", ['outcome="completed"'])


async def test_many_at_once(crowd: Crowd) -> None:
    """Started, answered and completed together; every caller is with his target in the end."""
    parties, began, before = crowd.parties, time.time(), await completed_by(crowd.centre)
    started = await all_of(party.start() for party in parties)
    assert [answer for answer in started if answer["outcome"] != "done"] == []
    await all_are(parties, "ringing")
    await all_of(party.target.rings(PATIENCE_S) for party in parties)
    await all_of(party.caller.hears_only(MUSIC, within_s=PATIENCE_S) for party in crowd.heard)
    await all_of(party.agent.hears(RINGBACK, within_s=PATIENCE_S) for party in crowd.heard)
    await all_of(party.target.answer(PATIENCE_S) for party in parties)
    await all_are(parties, "talking")
    await hear_each_other((party.agent, party.target) for party in crowd.heard)
    await all_of(party.caller.hears_only(MUSIC, within_s=PATIENCE_S) for party in crowd.heard)
    completed = await all_of(party.complete() for party in parties)
    assert [answer for answer in completed if answer["outcome"] != "done"] == []
    await all_are(parties, "ended")
    assert [party.view for party in parties if party.view["outcome"] != "completed"] == []
    await all_of(party.agent.on_hook(within_s=PATIENCE_S) for party in parties)
    await hear_each_other((party.target, party.caller) for party in crowd.heard)
    together = {(number_of(party.n), f"PJSIP/12{party.n:02}") for party in parties}
    others = {(number_of(CROWD + n), f"PJSIP/13{n:02}") for n in range(BYSTANDERS)}
    await crowd.paired(together | others)
    await undisturbed(crowd, began)
    assert await completed_by(crowd.centre) == before + CROWD
    await all_of(party.caller.hang_up() for party in parties)
    await all_of(party.target.on_hook(within_s=PATIENCE_S) for party in parties)


async def all_are(parties: list[Party], state: str) -> None:
    def others() -> list[str]:
        return [
            f"{p.n}: {p.view.get('state')} {p.view.get('outcome')} {p.view.get('why')}"
            for p in parties
            if p.view.get("state") != state
        ]

    await until(lambda: not others(), lambda: f"not {state}: {others()}", PATIENCE_S)


async def undisturbed(crowd: Crowd, since: float) -> None:
    """The bystanders stayed in their bridges; they heard each other before and after, and never anybody else.

    That nothing parted them is for the switch's events to say: where two processors do all this, packets of
    theirs are late or dropped for seconds, and an ear cannot tell why.
    """
    numbers = {f"13{n:02}" for n in range(BYSTANDERS)} | {number_of(CROWD + n) for n in range(BYSTANDERS)}
    assert [event for event in crowd.moves if event.get("CallerIDNum") in numbers] == []
    now = time.time()
    for pair in crowd.bystanders:
        for one, other in (pair, pair[::-1]):
            await hears_on(crowd.phones, one, other, since, now)


async def hears_on(phones: Phones, one: Phone, other: Phone, since: float, now: float) -> None:
    """She hears him now, and since then has heard nobody but him; no music either."""

    def heard() -> list[Heard]:
        sounds = one.tones.keys() | {MUSIC}
        return [h for h in phones.story() if h.listener == one.name and h.what in sounds and h.until > since]

    await until(
        lambda: any(h.until > now and one.tones.get(h.what) == other.hz for h in heard()),
        lambda: f"{one.name} does not hear {other.name}: {heard()}",
        PATIENCE_S,
    )
    assert {one.tones.get(h.what) for h in heard()} == {other.hz}, heard()
