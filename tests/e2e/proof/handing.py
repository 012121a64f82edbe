"""The kinds of journeys in which the caller is handed over, by pbxd and by phone."""

from __future__ import annotations

from deploy.lab.phones import Line
from tests.e2e.proof.house import PATIENCE_S
from tests.e2e.proof.lane import Lane
from tests.e2e.proof.stories import KINDS, journey

__all__ = ["KINDS"]  #: these and all others

# ---------------------------------------------------------------- transfers by pbxd


@journey
async def attended(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.order("complete")
    await lane.goes_on("pbxd", "attended")


@journey
async def from_behind_a_local_channel(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}8", lane.a, lane.queue("local"))
    await lane.consults()
    await lane.order("complete")
    await lane.goes_on("pbxd", "attended")


@journey
async def handed_over_twice(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.order("complete")
    await lane.takes_over(lane.c)
    lane.transferred("pbxd", "attended")
    await lane.some_time()
    await lane.hand_over("agent", f"b{lane.n}", who="c")
    await lane.answers(lane.b)
    await lane.becomes("talking", "c")
    await lane.some_time()
    lane.now.rings.append(("", "answered"))
    await lane.order("complete", "c")
    await lane.together(lane.b)
    await lane.c.on_hook(within_s=PATIENCE_S)
    lane.leg(lane.b)
    lane.transferred("pbxd", "attended", from_=lane.interface(lane.c))
    await lane.stays_with(lane.b)


@journey
async def cancelled(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.order("cancel")
    await lane.together(lane.a)
    lane.transferred("pbxd", "attended", "cancelled")
    await lane.stays_with(lane.a)


@journey
async def declined(lane: Lane) -> None:
    await lane.talks()
    await lane.hand_over()
    await lane.c.rings(PATIENCE_S)
    await lane.some_time(0.2, 0.8)
    await lane.c.reject()
    await lane.together(lane.a)
    lane.now.rings.append(("", "busy"))
    lane.transferred("pbxd", "attended", "declined")
    await lane.stays_with(lane.a)


@journey
async def blonde(lane: Lane) -> None:
    await _left_while_it_rings(lane)
    await lane.some_time()
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.goes_on("pbxd", "blonde")


@journey
async def all_three(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.order("merge")
    await lane.together(lane.a, lane.c)
    await lane.becomes("merged")
    await lane.some_time()
    await lane.order("leave")
    await lane.goes_on("pbxd", "threeway")


@journey
async def swapped(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.order("swap")
    await lane.together(lane.a)
    await lane.becomes("swapped")
    await lane.some_time()
    await lane.order("complete")
    await lane.goes_on("pbxd", "attended")


@journey
async def blind(lane: Lane) -> None:
    await lane.talks()
    await lane.hand_over(mode="blind")
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.goes_on("pbxd", "blind")


@journey
async def to_a_queue(lane: Lane) -> None:
    over = lane.queue("over")
    await lane.talks()
    await lane.hand_over("queue", over, mode="blind")
    lane.transferred("pbxd", "blind", to_kind="queue", target=over)
    await lane.is_answered(lane.c, over)
    await lane.goodbye(lane.c)


@journey
async def to_a_skill(lane: Lane) -> None:
    skill = f"claims{lane.n}"
    await lane.talks()
    await lane.consults("skill", skill)
    await lane.order("complete")
    await lane.goes_on("pbxd", "attended", to_kind="skill", target=skill)


@journey
async def target_hangs_up(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.c.hang_up()
    await lane.together(lane.a)
    lane.transferred("pbxd", "attended", "cancelled")
    await lane.stays_with(lane.a)


@journey
async def transferer_hangs_up(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.a.hang_up()
    await lane.goes_on("pbxd", "attended")


@journey
async def requeued(lane: Lane) -> None:
    """Back to the queue, which rings the only one that it has, as soon as his phone is free."""
    queue = lane.queue("keys")
    await lane.reaches(f"3{lane.n}4", lane.a, queue)
    line = lane.a.line
    await lane.consults()
    await lane.order("requeue")
    await lane.a.on_hook(line, PATIENCE_S)
    lane.transferred("pbxd", "attended", "requeued")
    await lane.is_answered(lane.a, queue)
    await lane.goodbye(lane.a)


@journey
async def recalled(lane: Lane) -> None:
    """Nobody is left for the caller but the one who gave him away: his phone rings."""
    await _left_while_it_rings(lane)
    await lane.some_time(0.2, 0.8)
    await lane.c.reject()
    await lane.answers(lane.a)
    await lane.together(lane.a)
    lane.now.rings += [("", "busy"), ("", "answered")]
    lane.now.rescued = 1
    lane.transferred("pbxd", "blonde", "recalled")
    lane.leg(lane.a)
    await lane.stays_with(lane.a)


@journey
async def caller_leaves_the_transfer(lane: Lane) -> None:
    await lane.talks()
    await lane.consults()
    await lane.caller.hang_up()
    await lane.becomes("ended")
    lane.transferred("pbxd", "attended", "caller_left")
    await lane.some_time(0.1, 0.5)
    await lane.phones_down()


async def _left_while_it_rings(lane: Lane) -> None:
    """The first agent is out of it, and the third one's phone rings for the caller."""
    await lane.talks()
    await lane.hand_over()
    await lane.c.rings(PATIENCE_S)
    await lane.becomes("ringing")
    await lane.order("complete")
    await lane.a.on_hook(within_s=PATIENCE_S)


# ---------------------------------------------------------------- transfers by phone


@journey
async def refer(lane: Lane) -> None:
    await lane.talks()
    await lane.a.blind_transfer(lane.c.number)
    await lane.answers(lane.c)
    lane.now.rings.append(("", "answered"))
    await lane.goes_on("phone", "blind")


@journey
async def refer_to_a_queue(lane: Lane) -> None:
    over = lane.queue("over")
    await lane.talks()
    await lane.a.blind_transfer(f"8{lane.n}1")
    lane.transferred("phone", "blind", to_kind="queue", target=over)
    await lane.is_answered(lane.c, over)
    await lane.goodbye(lane.c)


@journey
async def refer_with_replaces(lane: Lane) -> None:
    held, consult = await _consults_by_phone(lane)
    await lane.a.attended_transfer(held, consult)
    await lane.goes_on("phone", "attended")


@journey
async def feature_code(lane: Lane) -> None:
    """The switch's own attended transfer, by keys."""
    await lane.talks()
    await lane.a.keys("*2")
    await lane.together()
    await lane.a.keys(lane.c.number)
    await lane.answers(lane.c)
    await lane.some_time(1.0, 2.0)
    lane.now.rings.append(("", "answered"))
    await lane.a.hang_up()
    await lane.a.on_hook(within_s=PATIENCE_S)
    await lane.goes_on("phone", "attended")


@journey
async def back_to_the_caller(lane: Lane) -> None:
    held, consult = await _consults_by_phone(lane)
    await lane.a.hang_up(consult)
    await lane.c.on_hook(within_s=PATIENCE_S)
    await lane.a.resume(held)
    await lane.together(lane.a)
    lane.now.begun_by_phone = 1
    await lane.stays_with(lane.a)


async def _consults_by_phone(lane: Lane) -> tuple[Line, Line]:
    await lane.talks()
    held = lane.a.line
    await lane.a.hold(held)
    await lane.together()
    consult = await lane.a.dial(lane.c.number)
    await lane.answers(lane.c)
    await lane.a.connected(consult, PATIENCE_S)
    await lane.some_time()
    lane.now.rings.append(("", "answered"))
    return held, consult
