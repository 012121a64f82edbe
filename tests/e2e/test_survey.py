"""The survey after the talk, on a real Asterisk: a phone hears the question, and presses a key or none."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from deploy.lab.centre import CHECKOUT, Centre, sums
from deploy.lab.ears import MUSIC, SOUND
from deploy.lab.phones import CONVERSATION_S
from tests.e2e.floor import SETTINGS, SKILLED, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DIRECT = """\
languages: en
start: anna
on_failure: { queue: fallback }
steps:
  anna: { type: queue, queue: q501 }
"""
MORE = {**SETTINGS, "flows": {"surveys": {"q501": "survey"}}, "metrics": {"per_agent": True}}
CALL = "4000"  #: leads to Anna's queue, by way of pbxd


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor_centre(suite: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    flows = tmp_path_factory.mktemp("flows")
    (flows / "main.yaml").write_text(DIRECT)
    survey = (CHECKOUT / "dialplans/flows/survey.yaml").read_text()
    (flows / "survey.yaml").write_text(survey.replace("timeout: 5s", "timeout: 1s"))
    async with Centre(suite, desks=SKILLED, more=MORE, flows=flows) as centre:
        yield centre


class Told:
    """What one call adds to the figures, and its row in the history."""

    def __init__(self, floor: Floor, before: dict[str, float]) -> None:
        self._floor, self._before = floor, before
        self.contact: dict[str, Any] = {}
        self._after: dict[str, float] = {}

    async def over(self) -> Told:
        """The call is over, and stored."""
        seen = sums(self._before, "pbxd_calls_total")

        async def stored() -> bool:
            self._after = await self._floor.centre.metrics()
            ended = sums(self._after, "pbxd_calls_total")
            return ended > seen and self._stored() >= ended

        await self._floor.centre.until(stored, "the end of the call")
        self.contact = _newest(self._floor.centre.folder / "pbxd.db")
        return self

    def _stored(self) -> int:
        with closing(sqlite3.connect(self._floor.centre.folder / "pbxd.db")) as database:
            return int(database.execute("SELECT count(*) FROM contacts").fetchone()[0])

    def more(self, name: str, *labels: str) -> float:
        return sums(self._after, name, labels) - sums(self._before, name, labels)


def _newest(file: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        row = database.execute("SELECT * FROM contacts ORDER BY arrived DESC LIMIT 1").fetchone()
        if row is None:
            return {}
        legs = database.execute("SELECT agent, ended FROM legs WHERE call = ? ORDER BY ended", (row["call"],))
        return {**row, "legs": [dict(leg) for leg in legs.fetchall()]}


async def call(floor: Floor) -> Told:
    told = Told(floor, await floor.centre.metrics())
    await floor.call(CALL)
    return told


async def asked(floor: Floor) -> None:
    """The caller is alone, and hears the question."""
    await floor.caller.hears_only(SOUND)


async def test_he_hears_the_question_and_presses_4(floor: Floor) -> None:
    told = await call(floor)
    await floor.anna.hang_up()
    await asked(floor)
    await floor.agent_is("anna", "ready")
    await floor.caller.keys("4")
    await floor.caller.on_hook()
    await told.over()
    contact = told.contact
    assert (contact["survey"], contact["rating"], contact["outcome"]) == ("rated", 4, "answered")
    assert [leg["agent"] for leg in contact["legs"]] == ["anna"]
    assert contact["legs"][0]["ended"] < contact["ended"]
    assert told.more("pbxd_surveys_total", 'queue="q501"', 'result="rated"') == 1
    assert told.more("pbxd_survey_ratings_total", 'queue="q501"', 'rating="4"') == 1
    assert told.more("pbxd_survey_points_total") == 4
    assert told.more("pbxd_agent_survey_ratings_total", 'agent="anna"', 'rating="4"') == 1
    assert told.more("pbxd_calls_total", 'outcome="answered"') == told.more("pbxd_calls_total") == 1
    # The survey is no flow that he came through, and its time nobody's.
    assert told.more("pbxd_flow_entries_total") == told.more("pbxd_flow_results_total") == 1
    assert told.more("pbxd_talk_seconds_sum") < contact["ended"] - contact["answered"]


async def test_a_wrong_key_then_none_then_who_hangs_up(floor: Floor) -> None:
    told = await call(floor)
    await floor.anna.hang_up()
    await asked(floor)
    await floor.caller.keys("9")
    await floor.caller.on_hook(within_s=60.0)
    assert (await told.over()).contact["survey"] == "unrated"

    told = await call(floor)
    await floor.anna.hang_up()
    await asked(floor)
    await floor.caller.hang_up()
    await told.over()
    assert (told.contact["survey"], told.contact["rating"]) == ("caller_left", None)
    assert told.more("pbxd_surveys_total") == told.more("pbxd_surveys_total", 'result="caller_left"') == 1

    # Who hangs up himself is asked nothing, nor who was never answered.
    told = await call(floor)
    await floor.goodbye(floor.caller, floor.anna)
    assert (await told.over()).contact["survey"] is None
    told = Told(floor, await floor.centre.metrics())
    await floor.caller.dial(CALL)
    await floor.anna.rings()
    await floor.caller.hang_up()
    await told.over()
    assert (told.contact["survey"], told.contact["outcome"]) == (None, "abandoned")
    assert told.more("pbxd_surveys_total") == 0


@pytest.mark.parametrize("how", ["pbxd", "phone"])
async def test_who_is_handed_over_is_asked_after_the_last_of_them(floor: Floor, how: str) -> None:
    told = await call(floor)
    if how == "pbxd":
        await floor.start("agent:bruno")
        await floor.bruno.answer()
        await floor.together(floor.anna, floor.bruno)
        await floor.caller.hears_only(MUSIC)
        await floor.do("complete")
        await floor.together(floor.caller, floor.bruno)
    else:
        await floor.handed_over_by_phone()
    await asyncio.sleep(CONVERSATION_S)
    await floor.bruno.hang_up()
    await asked(floor)
    await floor.caller.keys("2")
    await floor.caller.on_hook()
    await told.over()
    assert (told.contact["survey"], told.contact["rating"]) == ("rated", 2)
    assert [leg["agent"] for leg in told.contact["legs"]] == ["anna", "bruno"]
    assert told.more("pbxd_surveys_total") == 1
    assert told.more("pbxd_agent_survey_ratings_total", 'queue="q501"', 'agent="bruno"', 'rating="2"') == 1


async def test_a_blind_transfer_by_the_phone_goes_where_it_went(floor: Floor) -> None:
    told = await call(floor)
    await floor.anna.blind_transfer("1002")
    await floor.bruno.answer()
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.bruno, floor.caller)
    assert (await told.over()).contact["survey"] is None


async def test_without_pbxd_he_is_hung_up(floor: Floor) -> None:
    await call(floor)
    assert floor.centre.process is not None
    floor.centre.process.kill()
    await floor.centre.process.wait()
    await floor.anna.hang_up()
    await floor.caller.on_hook()
