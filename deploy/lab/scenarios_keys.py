"""Scenarios in which Asterisk transfers by feature keys (*2 and what follows) or on an AMI action."""

from __future__ import annotations

import asyncio

from deploy.lab.phones import Phone
from deploy.lab.scenarios import scenario
from deploy.lab.stage import Stage


async def _consult(stage: Stage, extension: str = "501", queue: str = "q501", target: str = "1002") -> None:
    """Anna has the caller, presses *2, and Bruno's phone rings."""
    await stage.answered(stage.anna, extension, queue)
    await stage.star(stage.anna, "*2", target)
    await stage.caller.hears_only("music")
    await stage.bruno.rings(within_s=15)


async def _consulting(stage: Stage, extension: str = "501", queue: str = "q501") -> None:
    """… and Bruno answers, and they talk."""
    await _consult(stage, extension, queue)
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)


@scenario
async def star2_completed(stage: Stage) -> None:
    """Anna hangs up in the consultation: caller and Bruno are together."""
    await _consulting(stage)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def star2_completed_by_key(stage: Stage) -> None:
    await _consulting(stage)
    await stage.star(stage.anna, "*2")
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.talk(stage.caller, stage.bruno)
    await stage.bruno.hang_up()


@scenario
async def star2_aborted(stage: Stage) -> None:
    """Anna presses *1 in the consultation and is back with the caller."""
    await _consulting(stage)
    await stage.star(stage.anna, "*1")
    stage.transferred("attended", stage.anna, stage.bruno, "cancelled")
    await stage.goodbye(stage.anna)


@scenario
async def star2_aborted_while_ringing(stage: Stage) -> None:
    await _consult(stage)
    await asyncio.sleep(1.0)
    await stage.star(stage.anna, "*1")
    stage.transferred("attended", stage.anna, stage.bruno, "cancelled")
    await stage.no_longer_rings(stage.bruno)
    await stage.goodbye(stage.anna)


@scenario
async def star2_rejected(stage: Stage) -> None:
    await _consult(stage)
    await stage.bruno.reject()
    stage.transferred("attended", stage.anna, stage.bruno, "declined")
    await stage.goodbye(stage.anna)


@scenario
async def star2_unanswered(stage: Stage) -> None:
    """Bruno's phone rings out after three seconds."""
    await _consult(stage, target="91002")
    await stage.no_longer_rings(stage.bruno)
    stage.transferred("attended", stage.anna, stage.bruno, "no_answer")
    await stage.goodbye(stage.anna)


@scenario
async def star2_target_hangs_up(stage: Stage) -> None:
    """Bruno leaves the consultation: Anna is back with the caller."""
    await _consulting(stage)
    await stage.bruno.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno, "cancelled")
    await stage.goodbye(stage.anna)


@scenario
async def star2_caller_leaves_while_consulting(stage: Stage) -> None:
    """The two agents talk on."""
    await _consulting(stage)
    await stage.caller.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno, "caller_left")
    await asyncio.sleep(1.0)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()


@scenario
async def star2_caller_leaves_while_ringing(stage: Stage) -> None:
    await _consult(stage)
    await asyncio.sleep(1.0)
    await stage.caller.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno, "caller_left")
    await stage.no_longer_rings(stage.bruno)


@scenario
async def star2_swapped(stage: Stage) -> None:
    """Anna goes back to the caller and to Bruno again (*4), then hands over."""
    await _consulting(stage)
    await stage.star(stage.anna, "*4")
    await stage.talk(stage.caller, stage.anna)
    await stage.star(stage.anna, "*4")
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def star2_threeway(stage: Stage) -> None:
    """All three together (*3), then Anna leaves."""
    await _consulting(stage)
    await stage.star(stage.anna, "*3")
    await stage.talk(stage.caller, stage.anna, stage.bruno, for_s=2.0)
    await stage.anna.hang_up()
    stage.transferred("threeway", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def star2_blonde(stage: Stage) -> None:
    """Anna hangs up while Bruno's phone rings; he answers."""
    await _consult(stage)
    await stage.anna.hang_up()
    stage.transferred("blonde", stage.anna, stage.bruno)
    await asyncio.sleep(1.0)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def star2_blonde_recalled(stage: Stage) -> None:
    """Nobody answers the blonde transfer: Anna is called back and has the caller again."""
    await _consult(stage)
    await stage.anna.hang_up()
    stage.transferred("blonde", stage.anna, stage.bruno, "no_answer")
    await stage.anna.answer(within_s=25)
    await stage.goodbye(stage.anna)


@scenario
async def star2_to_queue(stage: Stage) -> None:
    """Anna consults through the second queue, where Bruno answers."""
    await _consult(stage, target="502")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, "q502")
    await stage.goodbye(stage.bruno)


@scenario
async def star2_chain(stage: Stage) -> None:
    """Anna hands over to Bruno by keys, Bruno sends the caller on to Carla by REFER."""
    await _consulting(stage)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.talk(stage.caller, stage.bruno)
    await stage.bruno.blind_transfer("1003")
    stage.transferred("blind", stage.bruno, stage.carla)
    await stage.carla.answer()
    await stage.goodbye(stage.carla)


@scenario
async def hash_blind(stage: Stage) -> None:
    """Anna transfers blind by keys (##)."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.star(stage.anna, "##", "1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer(within_s=15)
    await stage.goodbye(stage.bruno)


@scenario
async def freepbx_star2_completed(stage: Stage) -> None:
    """The member is Local/1001@from-queue/n, and Anna transfers by keys."""
    await _consulting(stage, "506", "q506")
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def freepbx_blind_refer(stage: Stage) -> None:
    await stage.answered(stage.anna, "506", "q506")
    await stage.anna.blind_transfer("1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def ami_atxfer(stage: Stage) -> None:
    """The same as *2, asked for by the AMI action Atxfer."""
    await stage.answered(stage.anna, "501", "q501")
    channel = await stage.channel(stage.anna)
    await stage.switch.ami.action("Atxfer", Channel=channel, Exten="1002", Context="pbxd-phones")
    await stage.bruno.answer(within_s=15)
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up()
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


async def _consult_by_redirect(stage: Stage, target: Phone) -> None:
    """The caller into a holding bridge, Anna to the target: one Redirect of both."""
    await stage.switch.set_global("LAB_HOLD", "hold1")
    await stage.switch.ami.action(
        "Redirect",
        Channel=await stage.caller_channel(),
        Context="lab-hold",
        Exten="s",
        Priority="1",
        ExtraChannel=await stage.channel(stage.anna),
        ExtraContext="lab-consult",
        ExtraExten=target.name,
        ExtraPriority="1",
    )
    await stage.caller.hears_only("music")
    await target.answer()
    await stage.talk(stage.anna, target)


@scenario
async def redirect_and_bridge(stage: Stage) -> None:
    """Held by Redirect and BridgeWait while Anna consults; completed by the Bridge action."""
    await stage.answered(stage.anna, "501", "q501")
    await _consult_by_redirect(stage, stage.bruno)
    caller, bruno = await stage.caller_channel(), await stage.channel(stage.bruno)
    await stage.switch.ami.action("Bridge", Channel1=caller, Channel2=bruno, Tone="no")
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.goodbye(stage.bruno)


@scenario
async def redirect_and_back(stage: Stage) -> None:
    """Held by Redirect and BridgeWait; Anna takes the caller back by the Bridge action."""
    await stage.answered(stage.anna, "501", "q501")
    await _consult_by_redirect(stage, stage.bruno)
    caller, anna = await stage.caller_channel(), await stage.channel(stage.anna)
    await stage.switch.ami.action("Bridge", Channel1=caller, Channel2=anna, Tone="no")
    await stage.talk(stage.caller, stage.anna)
    stage.transferred("attended", stage.anna, stage.bruno, "cancelled")
    await stage.caller.hang_up()
