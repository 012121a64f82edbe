"""Scenarios in which the phone itself transfers: REFER, with and without Replaces."""

from __future__ import annotations

from deploy.lab.scenarios import scenario
from deploy.lab.stage import Stage


@scenario
async def blind_refer_to_phone(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.blind_transfer("1002")
    stage.transferred("blind", stage.anna, stage.bruno)
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


@scenario
async def blind_refer_unanswered(stage: Stage) -> None:
    """The target's phone rings out: the caller is lost, as Asterisk has it."""
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.blind_transfer("91002")
    stage.transferred("blind", stage.anna, stage.bruno, "no_answer")
    await stage.bruno.rings()
    await stage.caller.on_hook(within_s=15)


@scenario
async def blind_refer_to_queue(stage: Stage) -> None:
    await stage.answered(stage.anna, "501", "q501")
    await stage.anna.blind_transfer("502")
    stage.transferred("blind", stage.anna, "q502")
    await stage.bruno.answer()
    await stage.goodbye(stage.bruno)


async def _handed_over(stage: Stage) -> None:
    """Anna holds the caller, consults Bruno, and connects the two."""
    await stage.answered(stage.anna, "501", "q501")
    held = stage.anna.line
    await stage.anna.hold(held)
    await stage.caller.hears_only("music")
    consult = await stage.anna.dial("1002")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.attended_transfer(held, consult)
    stage.transferred("attended", stage.anna, stage.bruno)
    await stage.talk(stage.caller, stage.bruno)


@scenario
async def attended_refer_to_phone(stage: Stage) -> None:
    await _handed_over(stage)
    await stage.caller.hang_up()


@scenario
async def attended_refer_to_queue(stage: Stage) -> None:
    """Anna consults through the second queue, and Bruno, who answers there, takes the caller."""
    await stage.answered(stage.anna, "501", "q501")
    held = stage.anna.line
    await stage.anna.hold(held)
    consult = await stage.anna.dial("502")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.attended_transfer(held, consult)
    stage.transferred("attended", stage.anna, "q502")
    await stage.goodbye(stage.bruno)


@scenario
async def attended_refer_given_up(stage: Stage) -> None:
    """Anna holds, consults Bruno, hangs up on him and returns to the caller."""
    await stage.answered(stage.anna, "501", "q501")
    held = stage.anna.line
    await stage.anna.hold(held)
    consult = await stage.anna.dial("1002")
    await stage.bruno.answer()
    await stage.talk(stage.anna, stage.bruno)
    await stage.anna.hang_up(consult)
    await stage.bruno.on_hook()
    await stage.anna.resume(held)
    await stage.goodbye(stage.anna)


@scenario
async def attended_refer_chain(stage: Stage) -> None:
    """Anna hands over to Bruno, Bruno to Carla."""
    await _handed_over(stage)
    held = stage.bruno.line
    await stage.bruno.hold(held)
    consult = await stage.bruno.dial("1003")
    await stage.carla.answer()
    await stage.talk(stage.bruno, stage.carla)
    await stage.bruno.attended_transfer(held, consult)
    stage.transferred("attended", stage.bruno, stage.carla)
    await stage.goodbye(stage.carla)
