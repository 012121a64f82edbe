"""The loop that owns the state: order, atomic steps, bounded inbox, and edges that break their word."""

import asyncio

import pytest

from pbxd.ami.event_types import AmiEvent
from pbxd.ami.inventory import Inventory
from pbxd.effects import Count, Effect, Wake
from pbxd.ids import NodeId
from pbxd.messages import LinkUp, Message, Tick
from pbxd.switchboard import Switchboard


class Script:
    """A world that notes what it was given and answers as told."""

    def __init__(self, effects: list[Effect] | None = None, fail_at: float | None = None) -> None:
        self.seen: list[Message] = []
        self._effects = effects or []
        self._fail_at = fail_at

    def step(self, message: Message) -> list[Effect]:
        if isinstance(message, Tick) and message.at == self._fail_at:
            raise ValueError("a bug")
        self.seen.append(message)
        return self._effects


async def settled(board: Switchboard) -> None:
    for _ in range(10_000):
        if board.depth == 0:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{board.depth} messages were never worked off")


async def test_messages_are_stepped_in_their_order() -> None:
    world = Script()
    board = Switchboard(world, {}, slice_s=0.0)
    ticks = [Tick(at=float(n)) for n in range(500)]
    for tick in ticks:
        board.put(tick)
    await settled(board)
    assert world.seen == ticks


async def test_a_failing_step_is_counted_and_the_next_one_goes_on() -> None:
    world = Script(fail_at=2.0)
    board = Switchboard(world, {})
    for at in (1.0, 2.0, 3.0):
        board.put(Tick(at=at))
    await settled(board)
    assert [tick.at for tick in world.seen if isinstance(tick, Tick)] == [1.0, 3.0]
    assert (board.steps, board.failed_steps) == (3, 1)


async def test_effects_reach_their_outlet_and_a_broken_outlet_harms_nobody() -> None:
    counted: list[Effect] = []

    def broken(effect: Effect) -> None:
        raise OSError("disk full")

    world = Script([Wake(in_s=5.0), Count(metric="pbxd_calls_total")])
    board = Switchboard(world, {Wake: broken, Count: counted.append})
    board.put(Tick(at=1.0))
    board.put(Tick(at=2.0))
    await settled(board)
    assert len(counted) == 2
    assert board.failed_effects == 2


async def test_a_full_inbox_drops_events_only_and_asks_for_one_inventory(an_event: AmiEvent) -> None:
    lost: list[NodeId] = []
    world = Script()
    board = Switchboard(world, {}, capacity=3, overflowed=lost.append)
    for _ in range(5):
        board.put(an_event)
    board.put(Tick(at=1.0))
    assert board.dropped_events == 2
    assert lost == [an_event.node]
    await settled(board)
    assert world.seen == [an_event] * 3 + [Tick(at=1.0)]
    for _ in range(4):
        board.put(an_event)
    assert lost == [an_event.node], "it was told already, and has not taken its inventory yet"
    await settled(board)
    board.put(LinkUp(node=an_event.node, at=1.0, inventory=Inventory(node=an_event.node, at=1.0)))
    for _ in range(4):
        board.put(an_event)
    assert lost == [an_event.node] * 2


async def test_each_tick_that_went_through_feeds_the_watchdog() -> None:
    fed: list[bool] = []
    board = Switchboard(Script(fail_at=2.0), {}, ticked=lambda: fed.append(True))
    for at in (1.0, 2.0, 3.0):
        board.put(Tick(at=at))
    await settled(board)
    assert len(fed) == 2


async def test_other_work_gets_its_turn_between_slices() -> None:
    turns: list[int] = []
    board = Switchboard(Script(), {}, slice_s=0.0)
    for n in range(50):
        board.put(Tick(at=float(n)))
    asyncio.get_running_loop().call_soon(lambda: turns.append(board.depth))
    await settled(board)
    assert turns
    assert turns[0] > 0


@pytest.fixture
def an_event() -> AmiEvent:
    from pbxd.ami import events

    builder = events.WANTED[b"Hangup"]
    event = builder(NodeId("pbx1"), 10.0, {"Event": "Hangup", "Uniqueid": "1.1", "Channel": "PJSIP/a-1"})
    assert event is not None
    return event
