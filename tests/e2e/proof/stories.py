"""The kinds of journeys, by name; those with a transfer are in ``handing``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from deploy.lab.phones import until
from tests.e2e.proof.house import LANES, PATIENCE_S, SHORT_S
from tests.e2e.proof.lane import Lane

Play = Callable[[Lane], Awaitable[None]]
KINDS: dict[str, Play] = {}


def journey(play: Play) -> Play:
    KINDS[play.__name__] = play
    return play


# ---------------------------------------------------------------- queues


@journey
async def answered(lane: Lane) -> None:
    await lane.talks()
    await lane.goodbye(lane.a)


@journey
async def on_hold(lane: Lane) -> None:
    await lane.talks()
    for _ in range(lane.chance.choice((1, 2))):
        await _held(lane)
        await lane.some_time()
    await lane.goodbye(lane.a)


async def _held(lane: Lane) -> None:
    """The caller hears nobody for some time, and then the first agent again."""
    await lane.a.hold()
    await lane.together()
    await lane.some_time()
    await lane.a.resume()
    await lane.together(lane.a)


@journey
async def notes_afterwards(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}5", lane.a, lane.queue("notes"))
    lane.now.wraps_up = lane.interface(lane.a)
    await lane.goodbye(lane.a)
    pauses = lane.truth.pauses[lane.now.wraps_up]
    began = lane.truth.began[lane.now.uniqueid]
    await until(
        lambda: bool(pauses) and pauses[-1].started > began and pauses[-1].ended is not None,
        lambda: "no wrap-up",
        PATIENCE_S,
    )


@journey
async def straight_to_an_agent(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}7")
    await lane.answers(lane.b)
    await lane.together(lane.b)
    lane.now.rings.append(("", "answered"))
    lane.leg(lane.b)
    lane.now.outcome = "direct"
    await lane.stays_with(lane.b)


@journey
async def behind_a_local_channel(lane: Lane) -> None:
    await lane.reaches(f"3{lane.n}8", lane.a, lane.queue("local"))
    await _held(lane)
    await lane.stays_with(lane.a)


@journey
async def ringing_all(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}6")
    await lane.b.rings(PATIENCE_S)
    await lane.is_answered(lane.a, lane.queue("all"))
    lane.now.rings.append((lane.queue("all"), "elsewhere"))
    await lane.b.on_hook(within_s=PATIENCE_S)
    await lane.goodbye(lane.a)


@journey
async def given_up_at_once(lane: Lane) -> None:
    await _given_up(lane, 0.3)


@journey
async def given_up(lane: Lane) -> None:
    await _given_up(lane, SHORT_S + 0.4)


async def _given_up(lane: Lane, after_s: float) -> None:
    await lane.dial(f"3{lane.n}4")
    await lane.a.rings(PATIENCE_S)
    await asyncio.sleep(after_s + lane.chance.uniform(0, 0.4))
    await lane.caller.hang_up()
    lane.waited(lane.queue("keys"), "abandoned", "caller_left")


@journey
async def timed_out(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}2")
    await lane.caller.on_hook(within_s=PATIENCE_S)
    lane.waited(lane.queue("main"), "timeout", "no_answer")


@journey
async def overflow(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}3")
    lane.now.rings.append((lane.queue("main"), "no_answer"))
    lane.now.waits.append((lane.queue("main"), "timeout"))
    await lane.is_answered(lane.c, lane.queue("over"))
    await lane.goodbye(lane.c)


@journey
async def overflow_and_given_up(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}3")
    await lane.c.rings(PATIENCE_S)
    await lane.some_time()
    await lane.caller.hang_up()
    main, over = lane.queue("main"), lane.queue("over")
    lane.now.outcome = "abandoned"
    lane.now.waits += [(main, "timeout"), (over, "abandoned")]
    lane.now.rings += [(main, "no_answer"), (over, "caller_left")]


@journey
async def left_by_key(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}4")
    await lane.a.rings(PATIENCE_S)
    await lane.some_time()
    await lane.caller.keys("0")
    await lane.caller.on_hook(within_s=PATIENCE_S)
    lane.waited(lane.queue("keys"), "left", "elsewhere")


@journey
async def declined_by_the_first(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}1")
    await lane.a.rings(PATIENCE_S)
    await lane.some_time(0.1, 0.6)
    await lane.a.reject()
    lane.now.rings.append((lane.queue("main"), "busy"))
    await lane.is_answered(lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)


@journey
async def no_answer_of_the_first(lane: Lane) -> None:
    await lane.dial(f"3{lane.n}1")
    lane.now.rings.append((lane.queue("main"), "no_answer"))
    await lane.is_answered(lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)


@journey
async def first_is_paused(lane: Lane) -> None:
    await lane.pause_first(True, Reason="lunch")
    await lane.knows("a", "paused")
    await lane.reaches(f"3{lane.n}1", lane.b, lane.queue("main"))
    await lane.goodbye(lane.b)
    await lane.pause_first(False)


# ---------------------------------------------------------------- flows


@journey
async def hung_up_in_the_menu(lane: Lane) -> None:
    await lane.dial("4000", "trunk")
    await until(lambda: bool(lane.truth.visits[lane.now.uniqueid]), lambda: "no flow", PATIENCE_S)
    await lane.some_time(0.5)
    await lane.caller.hang_up()
    lane.now.flow = ["hung_up"]
    lane.now.outcome = "ivr_hangup"


@journey
async def by_the_menu(lane: Lane) -> None:
    await _chooses(lane, lane.n, lane.queue("main"))
    await lane.is_answered(lane.a, lane.queue("main"))
    await lane.goodbye(lane.a)


@journey
async def asked_how_it_was(lane: Lane) -> None:
    await _chooses(lane, lane.n + LANES, lane.queue("rated"))
    await lane.is_answered(lane.a, lane.queue("rated"))
    await lane.a.hang_up()
    await lane.together()
    key = lane.chance.choice(("1", "2", "3", "4", "5", "9", "none", "hangs up"))
    if key == "hangs up":
        await lane.some_time(0.2, 0.5)
        await lane.caller.hang_up()
        lane.now.survey = "caller_left"
        return
    lane.now.survey = "unrated"
    if key != "none":
        await lane.some_time(0.8, 1.2)
        await lane.caller.keys(key)
    if key in "12345":
        lane.now.survey, lane.now.rating = "rated", int(key)
    await lane.caller.on_hook(within_s=PATIENCE_S)


async def _chooses(lane: Lane, key: int, queue: str) -> None:
    lane.calls_by_the_menu(key, queue)
    await lane.dial("4000", "trunk")
    await until(lambda: bool(lane.truth.visits[lane.now.uniqueid]), lambda: "no flow", PATIENCE_S)
    await lane.some_time(0.5)
    await lane.caller.keys(str(key))
