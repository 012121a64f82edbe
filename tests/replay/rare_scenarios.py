"""Scenarios that a call centre does not see every day, but a model of it must not stumble over.

    python -m tests.replay.rare_scenarios                     all, on Asterisk 22 and 16
    python -m tests.replay.rare_scenarios --suite forky pickup

They are recorded like those of ``deploy.lab.capture``, which says what is written where. Of those in
``STORY_ONLY`` only the capture is kept: the laboratory's truth is written for callers from outside.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.lab.capture import TRACES, capture
from deploy.lab.phones import Line
from deploy.lab.rehearsal import WISHES, command
from deploy.lab.scenarios import SCENARIOS, scenario
from deploy.lab.stage import Stage

EVERYDAY = frozenset(SCENARIOS)

STORY_ONLY = frozenset(
    {
        "agent_blind_transfers_his_own_call",
        "agent_hands_on_his_own_call",
        "bridged_by_ami_with_a_stranger",
        "caller_hands_on_by_keys",
        "caller_through_local",
        "click_to_dial",
        "click_to_dial_through_local",
        "two_callers_joined",
    }
)

EXTENSIONS = """
[lab-direct](+)
exten => 8001,1,Dial(PJSIP/1001&PJSIP/1002,20,t)
 same => n,Hangup()
exten => 8002,1,Dial(Local/1001@from-queue,20,t)
 same => n,Hangup()
exten => 8003,1,Dial(Local/1001@from-queue/n,20,t)
 same => n,Hangup()
exten => 8004,1,Dial(PJSIP/1001,3,t)
 same => n,Dial(PJSIP/1002,20,t)
 same => n,Hangup()
exten => 8005,1,Dial(PJSIP/1001,20,tg)
 same => n,Dial(PJSIP/1002,20,t)
 same => n,Hangup()
[lab-queue](+)
exten => 8101,1,Answer()
 same => n,Queue(q501,t,,,3)
 same => n,Dial(PJSIP/1002,20,t)
 same => n,Hangup()
exten => 8102,1,Answer()
 same => n,Queue(local-all,t)
 same => n,Hangup()
exten => 8103,1,Answer()
 same => n,Queue(local-short,t)
 same => n,Hangup()
exten => 8104,1,Answer()
 same => n,Queue(keys,t)
 same => n,Hangup()
exten => 8106,1,Answer()
 same => n,Queue(announced,t)
 same => n,Hangup()
exten => 8105,1,Answer()
 same => n,Queue(q501,tc)
 same => n,Playback(demo-thanks)
 same => n,Hangup()
[keys]
exten => 1,1,Playback(vm-goodbye)
 same => n,Hangup()
[pbxd-phones](+)
exten => 56,1,PickupChan(PJSIP/1001)
exten => 57,1,ChanSpy(PJSIP/1001)
"""

QUEUES = """
[local-all](lab-queue)
strategy = ringall
member => Local/1001@from-queue/n,0,Anna,PJSIP/1001
member => Local/1002@from-queue/n,0,Bruno,PJSIP/1002
[local-short](lab-queue)
member => Local/1001@from-queue,0,Anna,PJSIP/1001
[announced](lab-queue)
announce = demo-thanks
member => PJSIP/1001,0,Anna,PJSIP/1001
[keys](lab-queue)
context = keys
member => PJSIP/1001,0,Anna,PJSIP/1001
"""


# ---------------------------------------------------------------- without a queue


async def direct(stage: Stage, extension: str = "1001") -> None:
    await stage.call(extension, by=stage.direct)
    stage.outcome = "direct"


async def talk_to_anna(stage: Stage, extension: str = "1001") -> None:
    await direct(stage, extension)
    await stage.anna.answer()
    await stage.talk(stage.direct, stage.anna)


@scenario
async def both_hold_in_turn(stage: Stage) -> None:
    await talk_to_anna(stage)
    await stage.anna.hold()
    await stage.direct.hears_only("music")
    await asyncio.sleep(1.0)
    await stage.anna.resume()
    await stage.talk(stage.direct, stage.anna)
    await stage.direct.hold()
    await asyncio.sleep(1.5)
    await stage.direct.resume()
    await stage.talk(stage.direct, stage.anna)
    await stage.direct.hang_up()


@scenario
async def direct_star2_completed(stage: Stage) -> None:
    await talk_to_anna(stage)
    await stage.star(stage.anna, "*2", "1002")
    await stage.bruno.answer(within_s=15)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.talk(stage.direct, stage.bruno)
    await stage.bruno.hang_up()


@scenario
async def ring_group(stage: Stage) -> None:
    await direct(stage, "8001")
    await stage.anna.rings()
    await stage.bruno.answer()
    await stage.talk(stage.direct, stage.bruno)
    await stage.direct.hang_up()


@scenario
async def dialled_through_local(stage: Stage) -> None:
    """The Local channel optimises itself away."""
    await talk_to_anna(stage, "8002")
    await stage.direct.hang_up()


@scenario
async def dialled_through_local_that_stays(stage: Stage) -> None:
    await talk_to_anna(stage, "8003")
    await stage.anna.hold()
    await asyncio.sleep(1.5)
    await stage.anna.resume()
    await stage.talk(stage.direct, stage.anna)
    await stage.direct.hang_up()


@scenario
async def second_phone_after_the_first(stage: Stage) -> None:
    await direct(stage, "8004")
    await stage.anna.rings()
    await stage.bruno.answer(within_s=15)
    await stage.talk(stage.direct, stage.bruno)
    await stage.direct.hang_up()


@scenario
async def second_phone_after_a_conversation(stage: Stage) -> None:
    await talk_to_anna(stage, "8005")
    await stage.anna.hang_up()
    await stage.bruno.answer()
    await stage.talk(stage.direct, stage.bruno)
    await stage.direct.hang_up()


@scenario
async def pickup(stage: Stage) -> None:
    """Bruno takes the call that rings on Anna's phone."""
    await stage.switch.ami.action("ModuleLoad", Module="app_directed_pickup.so", LoadType="load")
    await direct(stage)
    await stage.anna.rings()
    await stage.bruno.dial("56")
    await stage.talk(stage.direct, stage.bruno)
    await stage.direct.hang_up()


# ---------------------------------------------------------------- queues


@scenario
async def queue_then_a_phone(stage: Stage) -> None:
    """The queue's time runs out, the dialplan rings Bruno."""
    await stage.call("8101", "q501")
    await stage.bruno.answer(within_s=15)
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)


@scenario
async def freepbx_ringall(stage: Stage) -> None:
    await stage.call("8102", "local-all")
    await stage.anna.rings()
    await stage.bruno.answer(within_s=15)
    stage.outcome = "answered"
    await stage.talk(stage.caller, stage.bruno)
    await stage.bruno.hold()
    await asyncio.sleep(1.5)
    await stage.bruno.resume()
    await stage.goodbye(stage.bruno)


@scenario
async def member_through_local_that_steps_aside(stage: Stage) -> None:
    await stage.answered(stage.anna, "8103", "local-short")
    await stage.anna.hold()
    await asyncio.sleep(1.5)
    await stage.anna.resume()
    await stage.goodbye(stage.anna)


@scenario
async def queue_left_by_key(stage: Stage) -> None:
    line = await stage.call("8104", "keys")
    await stage.anna.rings()
    await stage.caller.keys("1")
    await stage.caller.on_hook(line, within_s=15)
    stage.outcome = "left"


@scenario
async def caller_leaves_on_hold(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.hold()
    await stage.caller.hears_only("music")
    await asyncio.sleep(1.5)
    await stage.caller.hang_up()


@scenario
async def spied_on(stage: Stage) -> None:
    """Bruno listens in, which is no conversation."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.bruno.dial("57")
    await asyncio.sleep(2.0)
    await stage.caller.hang_up()


# ---------------------------------------------------------------- transfers


async def consult(
    stage: Stage, extension: str, queue: str = "q501", dialled: str = "501"
) -> tuple[Line, Line]:
    """Anna has the caller on hold and dials."""
    await stage.answered(stage.anna, dialled, queue)
    held = stage.anna.line
    await stage.anna.hold(held)
    await stage.caller.hears_only("music")
    return held, await stage.anna.dial(extension)


@scenario
async def refer_into_a_waiting_queue(stage: Stage) -> None:
    """Anna leaves the caller in the queue in which she waits herself."""
    held, line = await consult(stage, "502")
    await stage.bruno.rings()
    await asyncio.sleep(1.0)
    await stage.anna.attended_transfer(held, line)
    stage.transferred("blonde", stage.anna, "q502")
    await asyncio.sleep(1.5)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def refer_into_a_waiting_queue_in_vain(stage: Stage) -> None:
    held, line = await consult(stage, "502")
    await stage.bruno.rings()
    await asyncio.sleep(1.0)
    await stage.anna.attended_transfer(held, line)
    stage.transferred("blonde", stage.anna, "q502", "caller_left")
    await asyncio.sleep(1.5)
    await stage.caller.hang_up()


@scenario
async def refer_after_swapping(stage: Stage) -> None:
    held, line = await consult(stage, "1002")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hold(line)
    await stage.anna.resume(held)
    await stage.talk(stage.caller, stage.anna)
    await stage.anna.hold(held)
    await stage.anna.resume(line)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.attended_transfer(held, line)
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def consulted_colleague_is_busy(stage: Stage) -> None:
    """No transfer was asked for: Anna only tried to reach somebody."""
    held, line = await consult(stage, "1002")
    await stage.bruno.rings()
    await stage.bruno.reject()
    await stage.anna.on_hook(line)
    await stage.anna.resume(held)
    await stage.goodbye(stage.anna)


@scenario
async def caller_leaves_while_his_agent_consults(stage: Stage) -> None:
    _, line = await consult(stage, "1002")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.caller.hang_up()
    await asyncio.sleep(1.0)
    await stage.anna.hang_up(line)


@scenario
async def freepbx_attended_refer(stage: Stage) -> None:
    held, line = await consult(stage, "1002", "q506", "506")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.attended_transfer(held, line)
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


async def sent_on(stage: Stage, extension: str) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.blind_transfer(extension)
    await stage.bruno.rings()


@scenario
async def blind_refer_rejected(stage: Stage) -> None:
    await sent_on(stage, "1002")
    await stage.bruno.reject()
    stage.transferred("blind", stage.anna, stage.bruno, "declined")
    await stage.caller.on_hook(within_s=15)


@scenario
async def blind_refer_caller_leaves(stage: Stage) -> None:
    await sent_on(stage, "1002")
    await asyncio.sleep(1.0)
    await stage.caller.hang_up()
    stage.transferred("blind", stage.anna, stage.bruno, "caller_left")


@scenario
async def blind_refer_to_queue_in_vain(stage: Stage) -> None:
    await sent_on(stage, "502")
    await asyncio.sleep(1.5)
    await stage.caller.hang_up()
    stage.transferred("blind", stage.anna, "q502", "caller_left")


@scenario
async def blind_refer_there_and_back(stage: Stage) -> None:
    """Anna to Bruno, Bruno back to Anna."""
    await sent_on(stage, "1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer()
    await stage.talk(stage.caller, stage.bruno)
    await stage.bruno.blind_transfer("1001")
    stage.transferred("blind", stage.bruno, stage.anna)
    await stage.anna.answer()
    await stage.goodbye(stage.anna)


@scenario
async def blind_refer_from_hold(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.hold()
    await stage.caller.hears_only("music")
    await asyncio.sleep(1.0)
    await stage.anna.blind_transfer("1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def freepbx_blind_refer_to_queue(stage: Stage) -> None:
    await stage.answered(stage.anna, "506", "q506")
    await stage.anna.blind_transfer("507")
    stage.transferred("blind", stage.anna, "q507")
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def freepbx_star2_to_queue(stage: Stage) -> None:
    await stage.answered(stage.anna, "506", "q506")
    await stage.star(stage.anna, "*2", "507")
    await stage.bruno.answer(within_s=15)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, "q507")
    await stage.goodbye(stage.bruno)


@scenario
async def star2_blonde_to_queue(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.star(stage.anna, "*2", "502")
    await stage.bruno.rings(within_s=15)
    await asyncio.sleep(1.0)
    await stage.anna.hang_up()
    stage.transferred("blonde", stage.anna, "q502")
    await asyncio.sleep(1.5)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def star2_to_nowhere(stage: Stage) -> None:
    """No such extension, and no other one in time: Anna is back with the caller, nobody was dialled."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.star(stage.anna, "*2", "2222")
    await stage.caller.hears_only("music")
    await stage.phones.hear_each_other(stage.caller, stage.anna, within_s=60)
    await stage.goodbye(stage.anna)


@scenario
async def star2_caller_leaves_while_dialling(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.star(stage.anna, "*2")
    await stage.caller.hears_only("music")
    await stage.caller.hang_up()


@scenario
async def star2_to_somebody_who_talks(stage: Stage) -> None:
    """Bruno is on the phone and rejects the second call; Anna goes back."""
    await stage.bruno.dial("0123")
    await stage.answered(stage.anna, "501", "q501")
    await stage.star(stage.anna, "*2", "1002")
    await stage.bruno.rings(within_s=15)
    await stage.bruno.reject()
    stage.transferred("attended", stage.anna, stage.bruno, "declined")
    await stage.talk(stage.caller, stage.anna)
    await stage.caller.hang_up()


@scenario
async def member_hears_an_announcement_first(stage: Stage) -> None:
    await stage.call("8106", "announced")
    await stage.anna.answer()
    stage.outcome = "answered"
    await stage.phones.hear_each_other(stage.caller, stage.anna, within_s=20)
    await asyncio.sleep(1.5)
    await stage.caller.hang_up()


# ---------------------------------------------------------------- rearranged by AMI


async def redirect(stage: Stage, channel: str, context: str, exten: str) -> None:
    await stage.switch.ami.action("Redirect", Channel=channel, Context=context, Exten=exten, Priority="1")


@scenario
async def conference_of_three(stage: Stage) -> None:
    """Caller held by BridgeWait, consultation, then all into a ConfBridge; Anna leaves."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.switch.set_global("LAB_HOLD", "hold9")
    caller, anna = await stage.caller_channel(), await stage.channel(stage.anna)
    both = {"ExtraContext": "lab-consult", "ExtraExten": "1002", "ExtraPriority": "1"}
    await stage.switch.ami.action(
        "Redirect", {"Channel": caller, "Context": "lab-hold", "Exten": "s", "Priority": "1"},
        ExtraChannel=anna, **both,
    )  # fmt: skip
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    both = {"ExtraContext": "lab-conference", "ExtraExten": "77", "ExtraPriority": "1"}
    await stage.switch.ami.action(
        "Redirect",
        {"Channel": await stage.channel(stage.anna), "Context": "lab-conference", "Exten": "77"},
        Priority="1", ExtraChannel=await stage.channel(stage.bruno), **both,
    )  # fmt: skip
    await redirect(stage, caller, "lab-conference", "77")
    await stage.talk(stage.caller, stage.anna, stage.bruno, for_s=2.0)
    await stage.anna.hang_up()
    stage.transferred("threeway", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def redirected_while_talking(stage: Stage) -> None:
    """Somebody else's program moves the caller: nobody has transferred him."""
    await stage.answered(stage.anna, "501", "q501")
    await redirect(stage, await stage.caller_channel(), "pbxd-phones", "1002")
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def redirected_while_waiting(stage: Stage) -> None:
    await stage.call("501", "q501")
    await stage.anna.rings()
    await asyncio.sleep(1.0)
    await redirect(stage, await stage.caller_channel(), "pbxd-phones", "1002")
    await stage.bruno.answer()
    stage.outcome = "answered"
    await stage.goodbye(stage.bruno)


@scenario
async def blind_by_ami(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    channel = await stage.channel(stage.anna)
    await stage.switch.ami.action("BlindTransfer", Channel=channel, Context="pbxd-phones", Exten="1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def bridged_by_ami_with_a_stranger(stage: Stage) -> None:
    """Dora talks to Bruno; the Bridge action joins Bruno with Anna's caller."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.dora.dial("1002")
    await stage.bruno.answer()
    await stage.talk(stage.dora, stage.bruno)
    caller, bruno = await stage.caller_channel(), await stage.channel(stage.bruno)
    await stage.switch.ami.action("Bridge", Channel1=caller, Channel2=bruno, Tone="no")
    await stage.goodbye(stage.bruno)


# ---------------------------------------------------------------- other callers


async def dora_talks_to_anna(stage: Stage) -> None:
    await stage.call("1001", by=stage.dora)
    await stage.anna.answer()
    await stage.talk(stage.dora, stage.anna)
    stage.outcome = "direct"


@scenario
async def agent_hands_on_his_own_call(stage: Stage) -> None:
    """Dora has called Anna and hands her over to Bruno: it is Anna's journey from then on."""
    await dora_talks_to_anna(stage)
    held = stage.dora.line
    await stage.dora.hold(held)
    await stage.anna.hears_only("music")
    line = await stage.dora.dial("1002")
    await stage.bruno.answer()
    await stage.talk(stage.dora, stage.bruno)
    await stage.dora.attended_transfer(held, line)
    stage.transferred("attended", stage.dora, stage.bruno)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()


@scenario
async def caller_hands_on_by_keys(stage: Stage) -> None:
    """The caller himself presses *2 and leaves: Anna and Bruno talk on, and it is Anna's journey."""
    await stage.call("3001")
    await stage.anna.answer()
    stage.outcome = "direct"
    await stage.talk(stage.caller, stage.anna)
    await stage.star(stage.caller, "*2", "1002")
    await stage.bruno.answer(within_s=15)
    await stage.goodbye(stage.bruno)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()


@scenario
async def agent_blind_transfers_his_own_call(stage: Stage) -> None:
    await dora_talks_to_anna(stage)
    await stage.dora.blind_transfer("1002")
    stage.transferred("blind", stage.dora, stage.bruno)
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()


async def originated(stage: Stage, channel: str) -> None:
    await stage.switch.ami.action(
        "Originate",
        Channel=channel,
        Context="pbxd-phones",
        Exten="1002",
        Priority="1",
        Async="true",
        CallerID="click <77>",
    )
    await stage.anna.answer()
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    stage.calling, stage._caller_line = stage.anna, stage.anna.line
    stage.dialled, stage.outcome = "1002", "direct"
    await stage.anna.hang_up()


@scenario
async def click_to_dial(stage: Stage) -> None:
    await originated(stage, "PJSIP/1001")


@scenario
async def click_to_dial_through_local(stage: Stage) -> None:
    await originated(stage, "Local/1001@from-queue/n")


@scenario
async def caller_through_local(stage: Stage) -> None:
    """A caller made by a program waits in a queue."""
    await stage.switch.ami.action(
        "Originate", Channel="Local/501@lab-queue/n", Application="Wait", Data="60", Async="true"
    )
    stage._caller_line = await stage.anna.answer()
    await asyncio.sleep(2.0)
    await stage.anna.hang_up()
    stage.dialled, stage.queue, stage.outcome = "501", "q501", "answered"


@scenario
async def two_callers_joined(stage: Stage) -> None:
    """Anna has two callers on two lines and connects them with each other."""
    await stage.answered(stage.anna, "501", "q501")
    first = stage.anna.line
    await stage.anna.hold(first)
    await stage.direct.dial("1001")
    await stage.anna.answer()
    second = stage.anna.line
    await stage.talk(stage.direct, stage.anna)
    await stage.anna.attended_transfer(first, second)
    await stage.goodbye(stage.direct)


async def keep(suite: str, names: Sequence[str], to: Path) -> list[str]:
    failed = await capture(suite, names, to, replace(WISHES, extensions=EXTENSIONS, queues=QUEUES))
    _without_truth(to)
    return failed


def _without_truth(folder: Path) -> None:
    for name in STORY_ONLY:
        for truth in folder.glob(f"*/{name}.truth.json"):
            truth.unlink()


if __name__ == "__main__":
    rare = [name for name in SCENARIOS if name not in EVERYDAY]
    sys.exit(command("tests.replay.rare_scenarios", __doc__.partition("\n")[0], keep, TRACES, rare))
