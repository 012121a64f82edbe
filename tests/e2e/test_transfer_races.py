"""Everything at the same moment: one winner, one final fact, nobody left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from deploy.lab.centre import sums
from deploy.lab.ears import MUSIC
from deploy.lab.phones import Phone, PhoneError, until
from tests.e2e.floor import Floor
from tests.e2e.moving import caller_channel, channel_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Act = Callable[[Floor], Awaitable[object]]

ACTS: dict[str, Act] = {
    "complete": lambda floor: floor.try_to("complete"),
    "cancel": lambda floor: floor.try_to("cancel"),
    "swap": lambda floor: floor.try_to("swap"),
    "merge": lambda floor: floor.try_to("merge"),
    "anna": lambda floor: floor.anna.hang_up(),
    "bruno": lambda floor: floor.bruno.hang_up(),
    "caller": lambda floor: floor.caller.hang_up(),
}


#: In these nobody with whom the caller talks may end his call: he stays on the line, whoever wins.
STAYS = {
    ("cancel", "complete"),
    ("complete", "cancel"),
    ("bruno", "cancel"),
    ("swap", "bruno"),
    ("swap", "anna"),
    ("merge", "swap"),
}


@pytest.mark.parametrize("state", ["talking", "swapped"])
@pytest.mark.parametrize(
    "together",
    [
        ("anna", "complete", "cancel"),
        ("cancel", "complete"),
        ("complete", "cancel"),
        ("bruno", "complete"),
        ("caller", "complete"),
        ("anna", "bruno"),
        ("anna", "caller"),
        ("bruno", "cancel"),
        ("swap", "bruno"),
        ("swap", "anna"),
        ("merge", "swap"),
        ("anna", "bruno", "caller"),
    ],
    ids="+".join,
)
async def test_at_the_same_moment(floor: Floor, state: str, together: tuple[str, ...]) -> None:
    await getattr(floor, state)()
    await asyncio.gather(*(ACTS[act](floor) for act in together))
    await accounted_for(floor, stays=together in STAYS or (state, *together) == ("talking", "anna", "bruno"))
    await everybody_leaves(floor)
    await one_final_fact(floor)


async def test_answered_at_the_moment_of_cancel(floor: Floor) -> None:
    await floor.ringing()
    line = await floor.bruno.rings()
    await asyncio.gather(floor.try_to("cancel"), _answer(floor.bruno))
    await one_final_fact(floor)
    await floor.together(floor.anna, floor.caller)
    await floor.bruno.on_hook(line)
    await everybody_leaves(floor)


async def test_answered_at_the_moment_of_hanging_up(floor: Floor) -> None:
    await floor.ringing()
    await asyncio.gather(floor.anna.hang_up(), _answer(floor.bruno))
    await floor.together(floor.bruno, floor.caller)
    await floor.ends("completed")
    await everybody_leaves(floor)


async def _answer(phone: Phone) -> None:
    with contextlib.suppress(PhoneError):  # it was cancelled first
        await phone.answer()


async def accounted_for(floor: Floor, *, stays: bool) -> None:
    """The caller hears a person, or music while somebody's phone rings; or his call is over, if it may be."""
    deadline = asyncio.get_running_loop().time() + 25
    while True:
        if not floor.caller.open_lines:
            assert not stays, ("the caller was dropped", floor.view())
            return
        with_somebody = floor.caller.heard & {"anna", "bruno", "carla", "dora"}
        phones = (floor.anna, floor.bruno, floor.carla, floor.dora)
        comes = MUSIC in floor.caller.heard and any(phone.ringing for phone in phones)
        if with_somebody or comes:
            return
        assert asyncio.get_running_loop().time() < deadline, (floor.caller.heard, floor.view())
        await asyncio.sleep(0.05)


async def everybody_leaves(floor: Floor) -> None:
    if floor.caller.open_lines:
        await floor.caller.hang_up()
    await asyncio.sleep(0.3)
    await floor.phones.hang_up_everything()


async def one_final_fact(floor: Floor) -> None:
    await floor.becomes("ended", within_s=20)
    page = floor.pages["anna"]
    assert [state for id_, state in page.told if id_ == floor.transfer].count("ended") == 1


@contextlib.asynccontextmanager
async def ends_slowly(floor: Floor, channel: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A hang-up handler that lasts until the context is left; wait for its beginning with what this gives."""
    switch = floor.centre.switch

    async def ending() -> None:
        await until(
            lambda: bool(floor.named("Newexten", Context="lab-slow-end")), lambda: "no hang-up handler"
        )

    over = asyncio.Event()

    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(says_nothing, "127.0.0.1", 0) as slow:
        await switch.set_global("LAB_SLOW", str(slow.sockets[0].getsockname()[1]))
        handler = {"Variable": "CHANNEL(hangup_handler_push)", "Value": "lab-slow-end,s,1"}
        await switch.ami.action("Setvar", handler, Channel=channel)
        try:
            yield ending
        finally:
            over.set()


async def test_who_is_left_by_the_caller_and_then_by_the_target_goes_home(floor: Floor) -> None:
    """Bruno's channel is still there for a moment: Anna must not wait for him until pbxd sweeps her out."""
    await floor.talking()
    await floor.caller.hang_up()
    await floor.ends("caller_left")
    await asyncio.sleep(0.5)  # they talk on, longer than pbxd tidies up
    async with ends_slowly(floor, await channel_of(floor.centre.switch, floor.bruno)) as ending:
        await floor.bruno.hang_up()
        await ending()
        await floor.anna.on_hook()
    assert sums(await floor.centre.metrics(), "pbxd_transfer_orphans_total") == 0


@pytest.mark.parametrize("anna", ["stays", "leaves"])
async def test_joined_with_a_line_that_has_just_ended(floor: Floor, anna: str) -> None:
    """Bruno hangs up, and Asterisk revives his channel: the caller is not left with silence.

    It takes a moment between two steps of the dialplan. Here a slow hang-up handler makes it last, and the
    caller does not ask whether Bruno is alive.
    """
    switch = floor.centre.switch
    await floor.talking()
    bruno, caller = await channel_of(switch, floor.bruno), await caller_channel(switch)
    async with ends_slowly(floor, bruno) as ending:
        await switch.ami.action("Setvar", Channel=caller, Variable="LAB_WITH", Value=bruno)
        if anna == "stays":  # … and fetches nobody by herself
            wait = {"Variable": "PBXD_AFTER", "Value": "wait"}
            await switch.ami.action("Setvar", wait, Channel=await channel_of(switch, floor.anna))
            await floor.bruno.hang_up()
        else:
            await asyncio.gather(floor.anna.hang_up(), floor.bruno.hang_up())
        await ending()
        began = len(floor.events)
        await switch.ami.action("Redirect", Channel=caller, Context="lab-unasked", Exten="s", Priority="1")

        def revived() -> bool:
            return any(e["Event"] == "BridgeEnter" and e["Channel"] == bruno for e in floor.events[began:])

        await until(revived, lambda: "Bruno's channel was not revived")
        if anna == "leaves":
            await floor.anna.rings()
            await floor.anna.answer()
        await floor.phones.hear_each_other(floor.anna, floor.caller, within_s=25)
    await floor.becomes("ended")
    assert sums(await floor.centre.metrics(), "pbxd_transfer_revived_total") > 0
    await floor.goodbye(floor.caller, floor.anna)


@pytest.mark.parametrize("who", ["anna", "bruno"])
async def test_whose_partner_is_taken_from_him_alive_gets_him_back(floor: Floor, who: str) -> None:
    """Asterisk may end a talk while both live: when one was about to leave another talk as they were joined.

    On a busy machine it may last longer than a talk that was none. Here the partner is put out of the bridge.
    """
    switch = floor.centre.switch
    await floor.talking()
    await floor.do("cancel" if who == "anna" else "complete")
    partner: Phone = getattr(floor, who)
    await floor.together(partner, floor.caller)
    channels = {await channel_of(switch, partner), await caller_channel(switch)}
    bridge = [e["BridgeUniqueid"] for e in floor.named("BridgeEnter") if e["Channel"] in channels][-1]
    began = len(floor.events)
    await switch.cli(f"bridge kick {bridge} {await channel_of(switch, partner)}")

    def together_again() -> bool:
        entered = [e for e in floor.events[began:] if e["Event"] == "BridgeEnter"]
        return any(
            channels <= {e["Channel"] for e in entered if e["BridgeUniqueid"] == one["BridgeUniqueid"]}
            for one in entered
        )

    await until(together_again, lambda: f"{who} and the caller are not together again")
    await floor.together(partner, floor.caller)
    await floor.goodbye(partner, floor.caller)
