"""The ledger on a real Asterisk: what pbxd has stored is what a capture of the same calls tells, to the
microsecond."""

from __future__ import annotations

import io
import sqlite3
from collections import defaultdict
from typing import Any

import pytest

from deploy.lab.ears import SOUND
from pbxd.ids import NodeId
from pbxd.replay import replay
from tests.e2e.floor import CALLER, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Row = dict[str, Any]
NUMBER = "+862088887777"
MORE = {"wrap_up": {"default": "1s", "declined_pause": "0s"}}


def stored(floor: Floor) -> dict[str, list[Row]]:
    """The rows of the ledger by call."""
    calls: dict[str, list[Row]] = defaultdict(list)
    with sqlite3.connect(floor.centre.folder / "pbxd.db") as database:
        database.row_factory = sqlite3.Row
        for row in database.execute("SELECT * FROM stretches ORDER BY call, position"):
            calls[row["call"]].append({**row, "missed": bool(row["missed"])})
    database.close()
    return calls


def told(row: Row) -> Row:
    """A stored row as a replay words it."""
    left_out = ("call", "node", "agent")
    said = {key: value for key, value in row.items() if key not in left_out}
    return {**said, "started": round(row["started"], 6), "ended": round(row["ended"], 6)}


async def a_day(floor: Floor) -> None:
    """One caller is handed over by pbxd, by the phone, in a conference, and gives up; one meets the flow."""
    await floor.talking()
    await floor.do("complete")
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)

    await floor.call()
    await floor.handed_over_by_phone()
    await floor.goodbye(floor.caller, floor.bruno)

    await floor.merged()
    await floor.goodbye(floor.anna)
    await floor.together(floor.caller, floor.bruno)
    await floor.goodbye(floor.caller, floor.bruno)

    await floor.caller.dial("501")
    await floor.anna.rings(within_s=15)
    await floor.caller.hang_up()

    second = await floor.phones.caller(floor.centre.switch, NUMBER, label="second")
    await second.dial("4008001234")
    await second.connected()
    await second.keys("2")
    await second.hears_only(within_s=20)
    await second.keys("4711#")
    await floor.anna.answer(within_s=30)
    await floor.together(second, floor.anna)
    await floor.goodbye(floor.anna, second)

    await second.dial("4008001234")
    await second.hears(SOUND)
    await second.hang_up()


async def test_the_stored_ledger_is_what_a_capture_of_the_same_calls_tells(floor: Floor) -> None:
    raw = bytearray()
    ears = await floor.centre.switch.connect("pbxd")
    ears.keep_raw(raw.extend)
    try:
        await a_day(floor)
        await floor.centre.until(lambda: len(stored(floor)) >= 6, "six journeys in the ledger", 30)
        await floor.centre.until(
            lambda: sum(row["stage"] == "wrap_up" for rows in stored(floor).values() for row in rows) >= 7,
            "everybody's wrap-up",
            30,
        )
    finally:
        await ears.close()
    live = stored(floor)
    calls = replay(io.BytesIO(bytes(raw)), node=NodeId("lab")).as_json()["calls"]
    assert {call["id"]: call["stretches"] for call in calls} == {
        call: [told(row) for row in rows if row["stage"] != "wrap_up"] for call, rows in live.items()
    }

    def stages(call: str, agent: str | None) -> list[str]:
        return [row["stage"] for row in live[call] if row["agent"] == agent]

    ids = [call["id"] for call in calls if call["caller"] == CALLER]
    by_pbxd, by_phone, conference, gave_up = ids
    assert stages(by_pbxd, "anna") == ["ring", "talk", "hold", "wrap_up"]
    assert stages(by_pbxd, "bruno") == ["ring", "consult", "talk", "wrap_up"]
    assert stages(by_phone, "anna") == ["ring", "talk", "hold", "wrap_up"]
    assert stages(by_phone, "bruno") == ["ring", "consult", "talk", "wrap_up"]
    assert stages(conference, "bruno")[:3] == ["ring", "consult", "talk"]
    assert {"talk", "hold", "wrap_up"} <= set(stages(conference, "anna"))
    assert [(row["stage"], row["outcome"]) for row in live[gave_up]] == [
        ("wait", "abandoned"),
        ("ring", "cancelled"),
    ]
    served, left = [live[call["id"]] for call in calls if call["caller"] == NUMBER]
    assert [(row["stage"], row["outcome"]) for row in served] == [
        ("ivr", "queue"),
        ("wait", "answered"),
        ("ring", "answered"),
        ("talk", None),
        ("wrap_up", None),
    ]
    assert [(row["stage"], row["outcome"]) for row in left] == [("ivr", "caller_left")]
    for rows in live.values():
        assert not any(row["missed"] for row in rows)
        for row in rows:
            if row["stage"] == "wrap_up":
                assert row["ended"] - row["started"] == pytest.approx(1.0, abs=0.9)
