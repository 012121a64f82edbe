"""Callers' journeys as they come: several at the same time, each kind again and again, repeatable by seed."""

from __future__ import annotations

import asyncio
import random

from tests.e2e.proof.handing import KINDS
from tests.e2e.proof.lane import Lane

#: One of each sort that matters, for every day; what races against the clock of a busy machine is left out.
SHORT = (
    "answered",
    "on_hold",
    "notes_afterwards",
    "given_up_at_once",
    "given_up",
    "overflow",
    "left_by_key",
    "declined_by_the_first",
    "by_the_menu",
    "asked_how_it_was",
    "attended",
    "handed_over_twice",
    "refer",
    "refer_with_replaces",
)


def deck(seed: int, journeys: int) -> list[str]:
    """So many kinds in random order, all of them before one comes again; the short ones if it is but few."""
    chance = random.Random(seed)
    sort, kinds = SHORT if journeys <= len(SHORT) else sorted(KINDS), list[str]()
    while len(kinds) < journeys:
        kinds += chance.sample(sort, len(sort))
    return kinds[:journeys]


async def play(lanes: list[Lane], kinds: list[str]) -> None:
    """All of these, dealt to whichever lane is free."""
    left = list(reversed(kinds))

    async def work(lane: Lane) -> None:
        while left:
            kind = left.pop()
            await lane.play(kind, KINDS[kind])

    async with asyncio.TaskGroup() as all_lanes:
        for lane in lanes:
            all_lanes.create_task(work(lane))
