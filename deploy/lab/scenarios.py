"""Named scenarios: what people do in a call centre, played by phones that check by ear that it came about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from deploy.lab.stage import TALK_S, Stage

Scenario = Callable[[Stage], Awaitable[None]]

SCENARIOS: dict[str, Scenario] = {}


def scenario(play: Scenario) -> Scenario:
    """Make a function a scenario under its own name."""
    SCENARIOS[play.__name__] = play
    return play


# ---------------------------------------------------------------- queues


@scenario
async def queue_answered(stage: Stage) -> None:
    """Anna answers; the caller hangs up."""
    await stage.answered(stage.anna, "501", "q501", 2.5)
    await stage.caller.hang_up()


@scenario
async def queue_answered_agent_hangs_up(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.hang_up()


@scenario
async def queue_a_gives_up(stage: Stage) -> None:
    """Anna's phone rings, but the caller hangs up before she answers."""
    await stage.call("501", "q501")
    await stage.anna.rings()
    await asyncio.sleep(1.5)
    await stage.caller.hang_up()
    stage.outcome = "abandoned"


@scenario
async def queue_timeout(stage: Stage) -> None:
    """Nobody answers within the five seconds that Queue() is given."""
    line = await stage.call("601", "q501")
    await stage.anna.rings()
    await stage.caller.on_hook(line, within_s=15)
    stage.outcome = "timeout"


@scenario
async def queue_joinempty_refused(stage: Stage) -> None:
    """The queue has no member: the caller does not even get in."""
    line = await stage.call("505", None)
    await stage.caller.on_hook(line)
    stage.outcome = "no_agent"


@scenario
async def queue_leavewhenempty(stage: Stage) -> None:
    """The only member talks elsewhere and pauses: the waiting caller is sent away."""
    await stage.anna.dial("0123")
    await stage.anna.hears(stage.anna)
    line = await stage.call("508", "q508")
    await stage.caller.hears("music")
    await asyncio.sleep(1.0)
    await stage.switch.ami.action("QueuePause", Interface="PJSIP/1001", Queue="q508", Paused="true")
    await stage.caller.on_hook(line, within_s=15)
    await stage.switch.ami.action("QueuePause", Interface="PJSIP/1001", Queue="q508", Paused="false")
    stage.outcome = "no_agent"


@scenario
async def queue_overflow(stage: Stage) -> None:
    """Three seconds in the first queue, then Carla answers in the second."""
    await stage.call("701", "q501")
    await stage.carla.answer(within_s=15)
    stage.outcome = "answered"
    await stage.goodbye(stage.carla)


@scenario
async def queue_ringall_bruno_wins(stage: Stage) -> None:
    await stage.call("503", "q503")
    for agent in (stage.anna, stage.bruno, stage.carla):
        await agent.rings()
    await stage.bruno.answer()
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)


@scenario
async def queue_anna_rejects_bruno_answers(stage: Stage) -> None:
    await stage.call("504", "q504")
    await stage.anna.rings()
    await stage.anna.reject()
    await stage.bruno.answer()
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)


@scenario
async def queue_anna_rings_out_bruno_answers(stage: Stage) -> None:
    await stage.call("504", "q504")
    await stage.anna.rings()
    await stage.bruno.answer(within_s=15)
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)


@scenario
async def queue_two_callers(stage: Stage) -> None:
    """A second caller waits behind the first and gives up; the first is answered."""
    second = await stage.phones.caller(
        stage.switch, "02087654321", name="Li Si", trunk="trunk-queue", label="second"
    )
    await stage.call("501", "q501")
    await stage.anna.rings()
    await second.dial("501")
    await second.hears("music")
    await stage.anna.answer()
    stage.outcome = "answered"
    await stage.talk(stage.caller, stage.anna)
    await second.hang_up()
    await stage.caller.hang_up()


@scenario
async def queue_anna_pauses(stage: Stage) -> None:
    """Anna is called in vain, signs out of the ringing by a pause; Bruno signs in for her and answers."""
    ami = stage.switch.ami
    await stage.call("501", "q501")
    await stage.anna.rings()
    await ami.action("QueuePause", Interface="PJSIP/1001", Queue="q501", Paused="true", Reason="lunch")
    await stage.anna.reject()
    await ami.action("QueueAdd", Queue="q501", Interface="PJSIP/1002", MemberName="Bruno")
    await stage.bruno.answer(within_s=15)
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)
    await ami.action("QueueRemove", Queue="q501", Interface="PJSIP/1002")
    await ami.action("QueuePause", Interface="PJSIP/1001", Queue="q501", Paused="false")


@scenario
async def queue_two_calls_at_once(stage: Stage) -> None:
    """Another caller talks with Bruno at the same time; the two hear nothing of each other."""
    second = await stage.phones.caller(
        stage.switch, "02087654321", name="Li Si", trunk="trunk-queue", label="second"
    )
    await stage.call("501", "q501")
    await second.dial("502")
    await stage.bruno.answer()
    await stage.anna.answer()
    stage.outcome = "answered"
    await stage.phones.hear_each_other(second, stage.bruno)
    await stage.talk(stage.caller, stage.anna)
    await stage.anna.hang_up()
    await second.hang_up()


@scenario
async def queue_freepbx_member(stage: Stage) -> None:
    """The member is Local/1001@from-queue/n."""
    await stage.answered(stage.anna, "506", "q506")
    await stage.anna.hang_up()


@scenario
async def queue_hold_and_resume(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.hold()
    await stage.caller.hears_only("music")
    await asyncio.sleep(TALK_S)
    await stage.anna.resume()
    await stage.talk(stage.caller, stage.anna)
    await stage.anna.hang_up()


# ---------------------------------------------------------------- without a queue


@scenario
async def direct_answered(stage: Stage) -> None:
    await stage.call("1001", by=stage.direct)
    await stage.anna.answer()
    await stage.talk(stage.direct, stage.anna)
    await stage.direct.hang_up()
    stage.outcome = "direct"


@scenario
async def internal_call(stage: Stage) -> None:
    """Anna calls Bruno; no caller is in it."""
    await stage.call("1002", by=stage.anna)
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.outcome = "direct"


@scenario
async def direct_busy(stage: Stage) -> None:
    line = await stage.call("1001", by=stage.direct)
    await stage.anna.rings()
    await stage.anna.reject()
    await stage.direct.on_hook(line)
    stage.outcome = "busy"


@scenario
async def direct_unanswered(stage: Stage) -> None:
    """The phone rings out after three seconds."""
    line = await stage.call("91001", by=stage.direct)
    await stage.anna.rings()
    await stage.direct.on_hook(line, within_s=15)
    stage.outcome = "unanswered"


@scenario
async def ivr_a_hangs_up(stage: Stage) -> None:
    """The caller hears a prompt and a question, and leaves."""
    await stage.call("800")
    await stage.caller.hears("sound")
    await asyncio.sleep(1.0)
    await stage.caller.hang_up()
    stage.outcome = "ivr_hangup"


@scenario
async def ivr_to_its_end(stage: Stage) -> None:
    """The caller presses a key and hears good-bye."""
    line = await stage.call("800")
    await stage.caller.hears("sound")
    await stage.caller.keys("1")
    await asyncio.sleep(1.5)
    await stage.caller.keys("1")
    await stage.caller.on_hook(line, within_s=20)
    stage.outcome = "ivr_hangup"
