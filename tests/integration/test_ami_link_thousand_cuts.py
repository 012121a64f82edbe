"""A thousand cuts of the link at random bytes, while calls come and go and actions are asked for.

The switch is scripted, so that it can say what it executed and what is true; all of pbxd is real: link,
inbox, world. The same with a real Asterisk is in tests/e2e.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
from contextlib import suppress
from typing import Any

from pbxd.agents.staff import Staff
from pbxd.callers.dossier import CallerRules
from pbxd.callers.repeat import RepeatRule
from pbxd.edge.ami_link import AmiLink, LinkState
from pbxd.effects import Ask
from pbxd.ids import AskId, NodeId
from pbxd.messages import AskDone, AskRefused, AskUnknown
from pbxd.settings.model import Ami
from pbxd.switchboard import Switchboard
from pbxd.world import Rules, World
from tests.integration.ami_peer import until
from tests.integration.busy_switch import BusySwitch
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.tapped_inbox import TappedInbox

NODE = NodeId("pbx1")
CUTS = 1000
LOOK_EVERY = 25
SEED = 20_261


def differences(world: World, switch: BusySwitch) -> list[str]:
    """Where the model and the switch disagree."""
    node, truth = world.nodes[NODE], switch.truth
    wiring = node.calls.wiring
    waiting = {caller.uniqueid: queue for queue in node.queues.names for caller in node.queues.waiting(queue)}
    pictures: list[tuple[str, Any, Any]] = [
        ("channels", set(wiring.channels), set(truth.channels)),
        ("bridges", dict(wiring.bridge_of), truth.bridge_of),
        ("waiting", waiting, truth.waiting),
    ]
    return [f"{what}: model {ours}, switch {theirs}" for what, ours, theirs in pictures if ours != theirs]


async def test_a_thousand_cuts() -> None:
    rules = Rules(nodes=(NODE,), staff=Staff(), callers=CallerRules(), repeat=RepeatRule())
    world = World(rules)
    switchboard = Switchboard(world, {})
    tap = TappedInbox(switchboard)
    before = asyncio.all_tasks()
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with BusySwitch() as switch, CuttingProxy(switch.port, SEED) as proxy:
        settings = Ami(port=proxy.port, secret=switch.secret, retry_first=0.001, retry_most=0.002)
        link = AmiLink(NODE, settings, tap)
        running = asyncio.create_task(link.run())
        asked, futures = await cut_and_look(link, proxy, switch, world, tap)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    assert proxy.cuts >= CUTS
    assert tap.ups >= CUTS / 10  # most cuts came before the inventory was complete
    assert switchboard.failed_steps == 0
    assert set(tap.outcomes) == set(asked)
    assert all(len(outcomes) == 1 for outcomes in tap.outcomes.values())
    ended = {ask: outcomes[0] for ask, outcomes in tap.outcomes.items()}
    assert max(switch.executed.values()) == 1  # nothing was executed twice
    done = [ask for ask, outcome in ended.items() if isinstance(outcome, AskDone)]
    assert all(switch.executed[ask] == 1 for ask in done)
    assert all(switch.executed[ask] == 0 for ask, end in ended.items() if isinstance(end, AskRefused))
    assert len(done) > CUTS / 20
    assert any(isinstance(outcome, AskUnknown) for outcome in ended.values())
    assert link.asks_under_way == 0
    assert futures
    assert all(future.done() for future in futures)
    await until(lambda: asyncio.all_tasks() <= before)
    gc.collect()  # a future whose exception nobody saw tells so now
    assert not faults


async def cut_and_look(
    link: AmiLink, proxy: CuttingProxy, switch: BusySwitch, world: World, tap: TappedInbox
) -> tuple[list[AskId], list[asyncio.Future[Any]]]:
    """Cut until it is enough; now and then hold still, and see that the model is equal to the switch."""
    asked: list[AskId] = []
    futures: list[asyncio.Future[Any]] = []
    numbers = itertools.count()
    look_at = LOOK_EVERY
    while proxy.cuts < CUTS:
        switch.turn()
        if link.state is LinkState.UP:
            name = AskId(f"ask-{next(numbers)}")
            asked.append(name)
            link.ask(Ask(ask=name, node=NODE, action={"Action": "Redirect", "Channel": name}))
            if len(asked) % 10 == 0:
                futures.append(link.send_action({"Action": "CoreShowChannels"}))
        await asyncio.sleep(0.0005)
        if proxy.cuts >= look_at:
            look_at = proxy.cuts + LOOK_EVERY
            proxy.cutting = False
            proxy.cut_all()
            ups = tap.ups
            await until(lambda: tap.ups > ups and link.state is LinkState.UP)  # noqa: B023
            switch.turn(50)
            await until(lambda: not differences(world, switch), 2.0)
            proxy.cutting = True
            proxy.cut_all()
    return asked, futures
