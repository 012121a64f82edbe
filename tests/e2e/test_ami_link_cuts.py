"""A thousand cuts of the link to a real Asterisk with calls in progress: nothing twice, nothing left, no lie.

What is true is asked on the laboratory's own connection, which is not cut.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from deploy.lab.ami import Ami as LabAmi
from deploy.lab.ami import AmiError
from deploy.lab.switch import Switch
from deploy.lab.tools import BULLSEYE, FORKY
from pbxd.agents.staff import Staff
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.edge.ami_link import AmiLink, LinkState
from pbxd.effects import Ask
from pbxd.ids import AskId, NodeId
from pbxd.messages import AskDone, AskRefused
from pbxd.settings.model import Ami
from pbxd.switchboard import Switchboard
from pbxd.world import Rules, World
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.tapped_inbox import TappedInbox

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NODE = NodeId("pbx1")
CUTS = {FORKY: 1000, BULLSEYE: 250}
LOOK_EVERY = 50
SEED = 20_262
CHANNELS_MOST = 24

#: what a call does: it waits in a queue, talks in a conference, or just stands there
PLACES = (("lab-queue", "505"), ("lab-conference", "71"), ("lab-conference", "72"), ("lab-park", "s"))


class Life:
    """Calls that come and go on the switch, by the laboratory's connection; and what pbxd had it do."""

    def __init__(self, lab: LabAmi) -> None:
        self.lab = lab
        self.executed: Counter[str] = Counter()
        self.going_on = True
        self._chance = random.Random(SEED)
        self._names: set[str] = set()
        lab.on_event(self._see)

    def _see(self, event: dict[str, str]) -> None:
        match event["Event"]:
            case "Newchannel":
                self._names.add(event["Channel"])
            case "Hangup":
                self._names.discard(event["Channel"])
            case "VarSet" if event["Variable"].startswith("CUT_"):
                self.executed[event["Variable"]] += 1

    async def live(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            if not self.going_on:
                continue
            with suppress(AmiError):  # somebody else was quicker
                if len(self._names) < CHANNELS_MOST and self._chance.random() < 0.6:
                    context, exten = self._chance.choice(PLACES)
                    start = {
                        "Channel": "Local/s@lab-park/n",
                        "Context": context,
                        "Exten": exten,
                        "Priority": "1",
                    }
                    await self.lab.action("Originate", {**start, "Async": "true"})
                elif self._names:
                    await self.lab.action("Hangup", Channel=self._chance.choice(sorted(self._names)))

    async def truth(self) -> dict[str, Any]:
        channels = await self.lab.listing("CoreShowChannels")
        queues = await self.lab.listing("QueueStatus")
        return {
            "bridges": {c["Uniqueid"]: c.get("BridgeId", "") for c in channels},
            "waiting": {q["Uniqueid"]: q["Queue"] for q in queues if q["Event"] == "QueueEntry"},
        }


def picture(world: World) -> dict[str, Any]:
    node = world.nodes[NODE]
    wiring = node.calls.wiring
    return {
        "bridges": {uniqueid: wiring.bridge_of.get(uniqueid, "") for uniqueid in wiring.channels},
        "waiting": {c.uniqueid: queue for queue in node.queues.names for c in node.queues.waiting(queue)},
    }


async def equal_within(life: Life, world: World, limit_s: float) -> None:
    """AssertionError with both pictures when model and switch still differ after the limit."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while (truth := await life.truth()) != picture(world):
        assert asyncio.get_running_loop().time() < deadline, f"switch {truth}\nmodel {picture(world)}"
        await asyncio.sleep(0.02)


async def test_a_thousand_cuts(switch: Switch) -> None:
    world = World(Rules(nodes=(NODE,), staff=Staff(), callers=CallerRules(), repeat=RepeatRule()))
    switchboard = Switchboard(world, {})
    tap = TappedInbox(switchboard)
    lab = await switch.connect()
    life = Life(lab)
    living = asyncio.create_task(life.live())
    async with CuttingProxy(switch.ami_port, SEED) as proxy:
        settings = Ami(
            port=proxy.port,
            username=switch.ami_username,
            secret=switch.ami_secret,
            retry_first=0.002,
            retry_most=0.005,
        )
        link = AmiLink(NODE, settings, tap)
        running = asyncio.create_task(link.run())
        cuts = CUTS[switch.suite or FORKY]
        asked = await cut_and_look(link, proxy, life, world, tap, cuts)
        for task in (running, living):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    await switch.hang_up_everything()
    await lab.action("Ping")  # all that was executed has been seen
    await lab.close()

    assert proxy.cuts >= cuts
    assert switchboard.failed_steps == 0
    assert link.counts.strays == link.counts.malformed == 0
    assert set(tap.outcomes) == set(asked)
    assert all(len(outcomes) == 1 for outcomes in tap.outcomes.values())
    ended = {ask: outcomes[0] for ask, outcomes in tap.outcomes.items()}
    assert max(life.executed.values()) == 1
    done = [ask for ask, outcome in ended.items() if isinstance(outcome, AskDone)]
    assert len(done) > 50
    assert all(life.executed[ask] == 1 for ask in done)
    assert all(life.executed[ask] == 0 for ask, end in ended.items() if isinstance(end, AskRefused))
    assert link.asks_under_way == 0


async def cut_and_look(
    link: AmiLink, proxy: CuttingProxy, life: Life, world: World, tap: TappedInbox, cuts: int
) -> list[AskId]:
    """Cut until it is enough; now and then let it stand, and see that the model is equal to the switch."""
    asked: list[AskId] = []
    numbers = itertools.count()
    look_at = LOOK_EVERY
    while proxy.cuts < cuts:
        await asyncio.sleep(0.002)
        if link.state is LinkState.UP and link.asks_under_way < 2:
            name = AskId(f"CUT_{next(numbers)}")
            asked.append(name)
            action = {"Action": "Setvar", "Variable": name, "Value": "1"}
            link.ask(Ask(ask=name, node=NODE, action=action))
        if proxy.cuts >= look_at:
            look_at = proxy.cuts + LOOK_EVERY
            proxy.cutting = False
            proxy.cut_all()
            ups = tap.ups
            async with asyncio.timeout(10):
                while tap.ups == ups:  # noqa: ASYNC110 - the link is polled
                    await asyncio.sleep(0.002)
            life.going_on = False
            await equal_within(life, world, 2.0)
            life.going_on = True
            await asyncio.sleep(0.1)
            await equal_within_while_alive(life, world)
            proxy.cutting = True
            proxy.cut_all()
    return asked


async def equal_within_while_alive(life: Life, world: World) -> None:
    """After some live events on top of the inventory, held still once more."""
    life.going_on = False
    await equal_within(life, world, 2.0)
    life.going_on = True
