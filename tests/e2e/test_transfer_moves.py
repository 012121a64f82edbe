"""The dialplan of transfers alone: each move by bare AMI actions; what becomes of everybody without pbxd."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from deploy.lab.ami import AmiError
from deploy.lab.ears import MUSIC, RINGBACK, SOUND
from deploy.lab.phones import Phone, Phones, until
from deploy.lab.switch import Switch
from tests.e2e.moving import Parties, caller_channel, channel_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


class Stage:
    """A caller who talks with Anna; Bruno is there."""

    def __init__(self, switch: Switch, phones: Phones) -> None:
        self.switch = switch
        self.phones = phones
        self.anna: Phone
        self.bruno: Phone
        self.caller: Phone
        self.parties: Parties

    async def call(self, extension: str = "501") -> Stage:
        self.anna = await self.phones.agent(self.switch, "1001", name="anna")
        self.bruno = await self.phones.agent(self.switch, "1002", name="bruno")
        self.caller = await self.phones.caller(
            self.switch, "+8613800138000", name="Zhang", trunk="trunk-queue", label="caller"
        )
        await self.caller.dial(extension)
        await self.anna.answer()
        await self.together(self.caller, self.anna)
        await self.again()
        return self

    async def again(self) -> None:
        """The next transfer of the same call."""
        channels = await caller_channel(self.switch), await channel_of(self.switch, self.anna)
        self.parties = await Parties.of(self.switch, *channels, recall="PJSIP/1001")

    async def ringing(self, dial: str = "PJSIP/1002", **more: float) -> Stage:
        await self.call()
        await self.parties.start(dial, **more)
        await self.caller.hears_only(MUSIC)
        return self

    async def talking(self, dial: str = "PJSIP/1002") -> Stage:
        await self.ringing(dial)
        await self.bruno.answer()
        await self.together(self.anna, self.bruno)
        await self.caller.hears_only(MUSIC)
        return self

    async def swapped(self) -> Stage:
        await self.talking()
        await self.parties.swap()
        await self.together(self.anna, self.caller)
        await self.bruno.hears_only(MUSIC)
        return self

    async def merged(self) -> Stage:
        await self.talking()
        await self.parties.merge()
        await self.together(self.anna, self.bruno, self.caller)
        return self

    async def together(self, *parties: Phone) -> None:
        await self.phones.hear_each_other(*parties)

    async def goodbye(self, *parties: Phone) -> None:
        """The first one hangs up; the switch hangs up the others."""
        await self.phones.goodbye(self.caller, *parties)
        await self.switch.leak_check()


@pytest.fixture
def stage(switch: Switch, phones: Phones) -> Stage:
    return Stage(switch, phones)


# ---------------------------------------------------------------- the moves


@pytest.mark.parametrize(
    "dial", ["PJSIP/1002", "Local/1002@from-queue/n", "Local/q502@pbxd-transfer-queue/n"]
)
async def test_start_swap_complete(stage: Stage, dial: str) -> None:
    await stage.ringing(dial)
    line = await stage.bruno.rings()
    assert line.caller_number == "+8613800138000"
    await stage.anna.hears(RINGBACK)
    await stage.bruno.answer()
    await stage.together(stage.anna, stage.bruno)
    for _ in range(3):
        await stage.parties.swap()
        await stage.together(stage.anna, stage.caller)
        await stage.bruno.hears_only(MUSIC)
        await stage.parties.swap_back()
        await stage.together(stage.anna, stage.bruno)
        await stage.caller.hears_only(MUSIC)
    await stage.parties.complete()
    await stage.together(stage.bruno, stage.caller)
    await stage.anna.on_hook()
    await stage.goodbye(stage.bruno, stage.caller)


async def test_complete_while_swapped(stage: Stage) -> None:
    await stage.swapped()
    await stage.parties.complete_swapped()
    await stage.together(stage.bruno, stage.caller)
    await stage.anna.on_hook()
    await stage.goodbye(stage.caller, stage.bruno)


async def test_who_hears_music_ends_it_himself_before_he_is_joined(stage: Stage) -> None:
    """The order of another thread can be forgotten by Asterisk, and the music goes on during the talk."""
    await stage.swapped()
    bruno = stage.parties.target_name()
    await stage.parties.complete_swapped()
    await stage.together(stage.bruno, stage.caller)
    lines = [line for line in stage.switch.log("full.log").splitlines() if bruno in line]
    threads = {
        what: {line.partition("VERBOSE[")[2].partition("]")[0] for line in lines if what in line}
        for what in ("Executing [aside@", "Stopped music on hold")
    }
    assert threads["Stopped music on hold"] == threads["Executing [aside@"] != set()
    await stage.anna.on_hook()
    await stage.goodbye(stage.caller, stage.bruno)


async def test_cancel(stage: Stage) -> None:
    await stage.ringing()
    await stage.bruno.rings()
    await stage.parties.cancel_ringing()
    await stage.bruno.on_hook()
    await stage.together(stage.anna, stage.caller)
    await stage.again()
    await stage.parties.start("PJSIP/1002")
    await stage.bruno.answer()
    await stage.together(stage.anna, stage.bruno)
    await stage.parties.cancel_talking()
    await stage.together(stage.anna, stage.caller)
    await stage.bruno.on_hook()
    await stage.goodbye(stage.anna, stage.caller)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("who", ["anna leaves", "anna", "bruno", "caller"])
async def test_three(stage: Stage, swapped: bool, who: str) -> None:
    """One of three leaves, the others go on; when the next one leaves, nobody is left behind."""
    if swapped:
        await stage.swapped()
        await stage.parties.merge_swapped()
        await stage.together(stage.anna, stage.bruno, stage.caller)
    else:
        await stage.merged()
    everybody = {"anna": stage.anna, "bruno": stage.bruno, "caller": stage.caller}
    gone = everybody.pop(who.split()[0])
    await stage.parties.leave() if who == "anna leaves" else await gone.hang_up()
    await gone.on_hook()
    await stage.together(*everybody.values())
    await stage.goodbye(*everybody.values())


async def test_answered_for_the_caller(stage: Stage) -> None:
    """The transferer leaves while it rings."""
    await stage.ringing()
    await stage.bruno.rings()
    await stage.parties.set(stage.parties.target_name(), MEET="caller")
    await stage.parties.leave()
    await stage.anna.on_hook()
    await stage.caller.hears_only(MUSIC)
    await stage.bruno.answer()
    await stage.together(stage.bruno, stage.caller)
    await stage.goodbye(stage.bruno, stage.caller)


@pytest.mark.parametrize(
    ("why", "hears"), [("busy", SOUND), ("declined", SOUND), ("noanswer", SOUND), ("gone", SOUND)]
)
async def test_the_transferer_hears_why(stage: Stage, why: str, hears: str) -> None:
    await stage.ringing()
    await stage.bruno.reject()
    await stage.parties.happens("OriginateResponse", Response="Failure", Uniqueid=stage.parties.target)
    await stage.parties.redirect(stage.parties.transferer, f"why-{why}")
    await stage.anna.hears(hears)
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.anna, stage.caller)


async def test_what_the_switch_says_of_an_attempt(stage: Stage) -> None:
    await stage.ringing(timeout_s=1.0)
    told = await stage.parties.happens("OriginateResponse", Uniqueid=stage.parties.target)
    assert (told["Response"], told["Reason"]) == ("Failure", "3")
    await stage.bruno.on_hook()
    await stage.parties.originate("PJSIP/1009")
    told = await stage.parties.happens("OriginateResponse", Uniqueid=stage.parties.target)
    assert (told["Response"], told["Reason"]) == ("Failure", "0")
    assert not [e for e in stage.parties.named("Newchannel") if e["Uniqueid"] == stage.parties.target]
    await stage.parties.originate("PJSIP/1002")
    await stage.bruno.answer()
    told = await stage.parties.happens("OriginateResponse", Uniqueid=stage.parties.target)
    assert (told["Response"], told["Reason"]) == ("Success", "4")
    await stage.together(stage.anna, stage.bruno)
    await stage.parties.complete()
    await stage.together(stage.bruno, stage.caller)
    await stage.goodbye(stage.caller, stage.bruno)


async def test_on_and_on(stage: Stage) -> None:
    """A caller who was handed over is handed over again; leftovers of the first time do no harm."""
    await stage.talking("Local/1002@from-queue/n")
    await stage.parties.complete()
    await stage.together(stage.bruno, stage.caller)
    await stage.anna.on_hook()
    carla = await stage.phones.agent(stage.switch, "1003", name="carla")
    for giver, taker in ((stage.bruno, carla), (carla, stage.anna), (stage.anna, stage.bruno)):
        giving = await channel_of(stage.switch, giver)
        parties = await Parties.of(stage.switch, stage.parties.caller, giving)
        await parties.start(f"PJSIP/{taker.number}")
        await taker.answer()
        await stage.together(giver, taker)
        await stage.caller.hears_only(MUSIC)
        await parties.complete()
        await stage.together(taker, stage.caller)
        await giver.on_hook()
    await stage.goodbye(stage.bruno, stage.caller)


async def test_held_by_the_phone(stage: Stage) -> None:
    """The transferer pressed hold before: no one-way sound when she takes it back."""
    await stage.call()
    await stage.anna.hold()
    await stage.caller.hears_only(MUSIC)
    await stage.parties.start("PJSIP/1002")
    await stage.bruno.answer()
    await stage.anna.resume()
    await stage.together(stage.anna, stage.bruno)
    await stage.parties.complete()
    await stage.together(stage.bruno, stage.caller)
    await stage.goodbye(stage.bruno, stage.caller)


# ---------------------------------------------------------------- nobody moves them any further


async def test_nobody_answers(stage: Stage) -> None:
    await stage.ringing(timeout_s=1.0)
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.anna, stage.caller)


async def test_nobody_answers_and_the_transferer_is_gone(stage: Stage) -> None:
    """The caller rings at her phone."""
    await stage.ringing(timeout_s=1.0)
    await stage.anna.hang_up()
    await stage.anna.answer(within_s=20)
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.caller, stage.anna)


async def test_nobody_is_left_at_all(stage: Stage) -> None:
    """Then the fallback queue."""
    dora = await stage.phones.agent(stage.switch, "1004", name="dora")
    await stage.ringing(timeout_s=1.0)
    await stage.anna.hang_up()
    await stage.anna.rings(within_s=20)
    await stage.anna.reject()
    await dora.answer()
    await stage.together(dora, stage.caller)
    await stage.goodbye(stage.caller, dora)


@pytest.mark.parametrize("state", ["ringing", "talking", "swapped"])
async def test_the_transferer_hangs_up(stage: Stage, state: str) -> None:
    await getattr(stage, state)()
    await stage.anna.hang_up()
    if state == "ringing":
        await stage.bruno.answer()
    await stage.together(stage.bruno, stage.caller)
    await stage.goodbye(stage.bruno, stage.caller)


@pytest.mark.parametrize("state", ["ringing", "talking", "swapped"])
async def test_the_caller_hangs_up(stage: Stage, state: str) -> None:
    """The two others may talk."""
    await getattr(stage, state)()
    await stage.caller.hang_up()
    if state == "ringing":
        await stage.bruno.answer()
    await stage.together(stage.bruno, stage.anna)
    await stage.goodbye(stage.bruno, stage.anna)


@pytest.mark.parametrize("state", ["ringing", "talking", "swapped"])
async def test_the_target_hangs_up(stage: Stage, state: str) -> None:
    await getattr(stage, state)()
    await (stage.bruno.reject() if state == "ringing" else stage.bruno.hang_up())
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.anna, stage.caller)


@pytest.mark.parametrize("state", ["talking", "swapped"])
async def test_both_agents_hang_up_at_once(stage: Stage, state: str) -> None:
    """Nobody is joined with a phone that is just going: the caller rings at the transferer's."""
    await getattr(stage, state)()
    await asyncio.gather(stage.anna.hang_up(), stage.bruno.hang_up())
    over = state == "swapped"  # he may have talked with her for so long that his call ends with it
    await until(lambda: stage.anna.ringing or (over and not stage.caller.open_lines), lambda: "he waits", 20)
    if over and not stage.caller.open_lines:
        return
    await stage.anna.answer()
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.caller, stage.anna)


async def test_a_slip_is_no_transfer(stage: Stage) -> None:
    """Where the settings say so: the transferer hangs up while they talk and is called back."""
    await stage.talking()
    await stage.parties.set(stage.parties.target_name(), AFTER="back")
    await stage.anna.hang_up()
    await stage.bruno.on_hook()
    await stage.anna.answer()
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.caller, stage.anna)


# ---------------------------------------------------------------- between two steps


async def test_who_is_redirected_at_any_step_stays_on_the_line(stage: Stage) -> None:
    """Asterisk's own loop and a redirection do not wait for each other; of 4,000, some meet each step."""
    chance = random.Random(7)
    await stage.call()
    await stage.parties.hold()
    # Anna is not to wait in vain: after half a minute without a target she would have her caller back.
    await stage.parties.set(stage.parties.transferer, TARGET=stage.parties.caller)
    places = itertools.cycle(("offer", "hold"))
    for _ in range(4000):
        try:
            await stage.parties.redirect(stage.parties.caller, next(places))
        except AmiError as refused:
            if "not up" not in str(refused):  # he is not on the way to the place before, but gone
                raise
        await asyncio.sleep(chance.uniform(0, 0.001))
    # The last of them may have met a Goto and be lost: he would still be asked, and then be brought to Anna.
    await asyncio.sleep(0.1)
    await stage.parties.redirect(stage.parties.caller, "hold")
    await stage.caller.hears_only(MUSIC)
    await stage.parties.redirect(stage.parties.caller, "meet-transferer")
    await stage.together(stage.anna, stage.caller)
    await stage.goodbye(stage.anna, stage.caller)
