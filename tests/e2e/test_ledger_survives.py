"""The ledger when pbxd is killed, its link is cut, or Asterisk itself ends: no row and no call is lost.

What is true a capture tells, by an account that nobody cuts; and the phones.
"""

from __future__ import annotations

import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from deploy.lab.ami import Ami
from deploy.lab.centre import Centre, sums
from deploy.lab.ears import MUSIC
from deploy.lab.pages import AgentPage
from deploy.lab.phones import Phone
from pbxd.ids import NodeId
from pbxd.replay import replay
from tests.e2e.floor import AT_ANNA, AT_BRUNO, SETTINGS, Floor
from tests.e2e.test_ledger import stored, told
from tests.integration.gate import Gate

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Row = dict[str, Any]
WRAP_UP_S = 4.0
MORE = {**SETTINGS, "wrap_up": {"default": f"{WRAP_UP_S:g}s", "declined_pause": "0s"}}
LIMIT_S = 60.0  #: a busy machine may take as long


@pytest.fixture(scope="module")
def floor_centre(gated: tuple[Centre, Gate]) -> Centre:
    """pbxd reaches its switch through a gate that can be shut."""
    return gated[0]


class Witness:
    """Hears all that pbxd could hear, and is never cut."""

    def __init__(self, ears: Ami) -> None:
        self._raw = bytearray()
        ears.keep_raw(self._raw.extend)

    def rows(self) -> dict[str, list[Row]]:
        """The ledger as it is, by caller's number."""
        calls = replay(io.BytesIO(bytes(self._raw)), node=NodeId("lab")).as_json()["calls"]
        return {call["id"]: call["stretches"] for call in calls}


@pytest_asyncio.fixture(loop_scope="module")
async def witness(floor: Floor) -> AsyncIterator[Witness]:
    ears = await floor.centre.switch.connect("pbxd")
    yield Witness(ears)
    await ears.close()

    async def everybody_is_ready() -> bool:
        members = await floor.centre.switch.ami.listing("QueueStatus")
        return not any(member.get("Paused") == "1" for member in members)

    await floor.phones.hang_up_everything()
    await floor.centre.until(everybody_is_ready, "the end of all wrap-ups", LIMIT_S)


def rows_of(floor: Floor, call: str) -> list[Row]:
    """What is stored of this call, wrap-ups apart."""
    return [told(row) for row in stored(floor).get(call, []) if row["stage"] != "wrap_up"]


async def another_caller(floor: Floor, number: str) -> Phone:
    return await floor.phones.caller(floor.centre.switch, number, trunk="trunk-queue", label=number)


async def ledger_of(floor: Floor, calls: int) -> None:
    await floor.centre.until(lambda: len(stored(floor)) >= calls, f"{calls} journeys in the ledger", LIMIT_S)


def alone(rows: list[Row], stage: str) -> Row:
    (row,) = [row for row in rows if row["stage"] == stage]
    return row


async def test_killed_in_the_middle_of_calls(floor: Floor, witness: Witness) -> None:
    """One caller talks on, one waits on, one talks and is gone when pbxd is back; Carla writes her notes."""
    known = set(stored(floor))
    gone = await another_caller(floor, "+8613800138001")
    waiting = await another_caller(floor, "+8613800138002")
    noted = await another_caller(floor, "+8613800138003")
    await noted.dial("599")
    await floor.carla.answer()
    await floor.together(noted, floor.carla)
    await floor.call(AT_ANNA, "anna")
    await gone.dial(AT_BRUNO)
    await floor.bruno.answer()
    await floor.together(gone, floor.bruno)
    await waiting.dial(AT_ANNA)
    await waiting.hears(MUSIC)
    page = await floor.page("carla")
    await floor.goodbye(floor.carla, noted)
    await page.until(lambda: page.state["agent"]["state"] == "wrapup", "Carla's wrap-up")
    await floor.centre.until(lambda: len(stored(floor)) > len(known), "the first contact", LIMIT_S)
    # What is to be kept is kept a moment later.
    await floor.centre.until(lambda: notes_are_kept(floor), "Carla's notes are kept", LIMIT_S)
    await floor.centre.kill_pbxd()
    killed = time.time()
    await gone.hang_up()
    await floor.bruno.on_hook()
    await floor.centre.start_pbxd()
    for agent in list(floor.pages):
        await floor.reload(agent)
    await floor.agent_is("anna", "talking")
    await floor.goodbye(floor.anna, floor.caller)
    await waiting.hang_up()
    await ledger_of(floor, len(known) + 4)
    true = {call: rows for call, rows in witness.rows().items() if call not in known}
    notes_of, talks, left, waits = true
    await floor.centre.until(lambda: notes_about(floor, notes_of), "Carla's row", LIMIT_S)

    assert rows_of(floor, notes_of) == true[notes_of]
    # He who talked on is as if nobody had been killed.
    assert rows_of(floor, talks) == true[talks]
    # He who went away has what was before, to the microsecond, and an end while nobody watched.
    mine, his = rows_of(floor, left), true[left]
    assert [row for row in mine if row["stage"] != "talk"] == [row for row in his if row["stage"] != "talk"]
    talk, heard = alone(mine, "talk"), alone(his, "talk")
    assert talk == {**heard, "ended": talk["ended"], "missed": True}
    assert heard["ended"] <= talk["ended"] + 0.001
    assert talk["ended"] >= killed - 1.0
    # He who waited on has waited since he came.
    assert rows_of(floor, waits) == true[waits]
    (notes,) = notes_about(floor, notes_of)
    assert notes["agent"] == "carla"
    assert notes["started"] == pytest.approx(alone(true[notes_of], "talk")["ended"], abs=0.05)
    assert notes["ended"] - notes["started"] > WRAP_UP_S - 1.0

    metrics = await floor.centre.metrics()
    assert sums(metrics, "pbxd_calls_missed_total") == 1
    assert sums(metrics, "pbxd_calls_total") == 3


def notes_are_kept(floor: Floor) -> bool:
    with sqlite3.connect(floor.centre.folder / "pbxd.db") as database:
        rows = database.execute("SELECT body FROM kept WHERE kind = 'journey'").fetchall()
    database.close()
    after = [json.loads(body)["after"] or {} for (body,) in rows]
    return any(wrap_up.get("until") for each in after for wrap_up in each.get("wrap_ups", ()))


def notes_about(floor: Floor, call: str) -> list[Row]:
    return [row for row in stored(floor).get(call, []) if row["stage"] == "wrap_up"]


async def second_caller_waits(floor: Floor) -> AgentPage:
    """Anna's page, which shows him."""
    page = await floor.page("anna")
    await page.until(
        lambda: any(queue["waiting"] for queue in page.state["queues"] if queue["name"] == "q501"),
        "the second caller waits",
    )
    return page


async def test_the_link_is_cut_in_the_middle_of_calls(floor: Floor, witness: Witness, gate: Gate) -> None:
    """One caller talks on, one gives up meanwhile, one comes and goes unseen: of him nobody can know."""
    known = set(stored(floor))
    impatient = await another_caller(floor, "+8613800138001")
    unseen = await another_caller(floor, "+8613800138002")
    await floor.call(AT_ANNA, "anna")
    await impatient.dial(AT_ANNA)
    await impatient.hears(MUSIC)
    page = await second_caller_waits(floor)
    gate.shut()
    await page.until(lambda: any(not link["up"] for link in page.state["links"]), "a lost link")
    await impatient.hang_up()
    await unseen.dial(AT_BRUNO)
    await floor.bruno.answer()
    await floor.together(unseen, floor.bruno)
    await floor.goodbye(unseen, floor.bruno)
    gate.open()
    await page.until(lambda: all(link["up"] for link in page.state["links"]), "the link is back", LIMIT_S)
    await floor.goodbye(floor.anna, floor.caller)
    await ledger_of(floor, len(known) + 2)

    true = {call: rows for call, rows in witness.rows().items() if call not in known}
    talks, gave_up, not_seen = true
    assert rows_of(floor, talks) == true[talks]
    mine, his = alone(rows_of(floor, gave_up), "wait"), alone(true[gave_up], "wait")
    assert mine == {**his, "ended": mine["ended"], "missed": True}
    assert mine["ended"] >= his["ended"]
    assert not_seen not in stored(floor)


async def test_asterisk_ends_in_the_middle_of_calls(floor: Floor, gate: Gate) -> None:
    """All its calls are over when it is back, each with its contact and what was before."""
    known, switch = set(stored(floor)), floor.centre.switch
    waiting = await another_caller(floor, "+8613800138001")
    await floor.call(AT_ANNA, "anna")
    await waiting.dial(AT_ANNA)
    await waiting.hears(MUSIC)
    await second_caller_waits(floor)
    began = time.time()
    gate.shut()
    await switch.stop()
    await floor.phones.hang_up_everything()
    await switch.start()
    gate.open(switch.ami_port)
    await ledger_of(floor, len(known) + 2)
    talks, waits = sorted(set(stored(floor)) - known)
    talk, wait = alone(rows_of(floor, talks), "talk"), alone(rows_of(floor, waits), "wait")
    assert talk["missed"]
    assert talk["started"] < began <= talk["ended"] + 1.0
    assert (wait["missed"], wait["outcome"]) == (True, "abandoned")
    assert wait["started"] < began <= wait["ended"] + 1.0
    assert not alone(rows_of(floor, talks), "ring")["missed"]
