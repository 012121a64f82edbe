"""Every query of every dashboard, put to a real Prometheus that scrapes a real pbxd in real traffic."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.grafana.boards import BOARDS
from deploy.lab.archive import NoArchiveError
from deploy.lab.centre import sums
from deploy.lab.ears import SOUND
from deploy.lab.prometheus import Prometheus
from deploy.lab.tools import FORKY
from deploy.lab.unpack import UnpackError
from pbxd.figures.catalogue import DERIVED
from tests.e2e.floor import Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MORE = {"metrics": {"per_agent": True}}
PATIENCE_S = 90.0

#: What Grafana fills in. Windows that hold a few of the scrapes of this test.
FILLED_IN = {
    "$__range": "5m",
    "$__rate_interval": "1m",
    "$node": ".*",
    "$queue": ".*",
    "$flow": ".*",
    "$agent": ".*",
}

#: Panels of call flows that show something once a caller has pressed a wrong key, chosen, and hung up.
OF_FLOWS = (
    "Callers in flows",
    "Choices",
    "Time to choose",
    "Wrong keys and none",
    "Hang-ups by step",
)


@pytest.fixture(scope="module")
def suite() -> str:
    """One Asterisk is enough: the figures do not depend on it."""
    return FORKY


@pytest_asyncio.fixture(loop_scope="module")
async def watching(floor: Floor) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes the floor's pbxd every second."""
    try:
        async with Prometheus(floor.centre.url) as server:
            yield server
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no Prometheus can be had here: {missing}")


def filled_in(query: str) -> str:
    """As Grafana would send it."""
    for name, value in FILLED_IN.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


def queries() -> dict[str, str]:
    """Every query of every panel, by where it stands, and those of the figures that are made of others."""
    found = {
        f"{board.uid}: {panel['title']} {target['refId']}": filled_in(target["expr"])
        for board in BOARDS
        for panel in board.document()["panels"]
        for target in panel["targets"]
    }
    return found | {f"docs/metrics.md: {derived.name}": derived.promql for derived in DERIVED}


async def choices_and_marks(watching: Prometheus) -> None:
    """What can be chosen has something to choose; the query of the marks is one, about what exists."""
    for board in BOARDS:
        document = board.document()
        for choice in document["templating"]["list"]:
            if choice["type"] != "query":
                continue
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", filled_in(choice["query"]["query"]))
            assert asked is not None
            values = await watching.ask(f"label/{asked[2]}/values", **{"match[]": asked[1]})
            assert values, (board.uid, choice["name"])
        (marks,) = document["annotations"]["list"]
        query = filled_in(marks["expr"])
        assert await watching.ask("format_query", query=query)
        # But for those that have started meanwhile: there are none.
        assert (await watching.ask("query", query=query.replace(" > 0", "")))["result"]


async def in_a_flow(floor: Floor) -> None:
    """A caller presses a key that is no option, then chooses, and hangs up when he is asked for a number."""
    caller = await floor.phones.caller(floor.centre.switch, "+8613900000001", label="in a flow")

    before = await floor.centre.metrics()

    async def counted(figure: str) -> None:
        async def so() -> bool:
            name = f"pbxd_flow_{figure}_total"
            return sums(await floor.centre.metrics(), name) > sums(before, name)

        await floor.centre.until(so, f"one of {figure}", 30)

    await caller.dial("4008001234")
    await caller.connected()
    await caller.hears(SOUND, within_s=20)
    await caller.keys("7")
    await counted("wrong_keys")
    await caller.keys("2")
    await counted("choices")
    await caller.hang_up()
    await counted("hangups")


async def test_every_query_of_every_dashboard_returns_a_series(floor: Floor, watching: Prometheus) -> None:
    await floor.talking()
    await floor.do("complete")
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)
    await in_a_flow(floor)
    silent = queries()
    flows = [
        query
        for place, query in silent.items()
        if place.startswith("pbxd-ivr: ") and place[10:-2] in OF_FLOWS
    ]
    assert len(flows) == len(OF_FLOWS)
    parsed = {place: await watching.ask("format_query", query=query) for place, query in silent.items()}
    assert all(parsed.values())

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while silent:
                for place, query in list(silent.items()):
                    if (await watching.ask("query", query=query))["result"]:
                        del silent[place]
                await asyncio.sleep(0.5)
            while flows:
                answers = [(await watching.ask("query", query=query))["result"] for query in flows]
                flows = [
                    query
                    for query, answer in zip(flows, answers, strict=True)
                    if not any(float(series["value"][1]) > 0 for series in answer)
                ]
                await asyncio.sleep(0.5)
    assert not silent, "these return no series"
    assert not flows, "these do not show the caller in the flow"

    await choices_and_marks(watching)

    # What is told of this one call: it is found in the history by its exemplar, as the panel asks for it.
    (waited,) = (await watching.ask("query", query='sum(pbxd_queue_waits_total{outcome="answered"})'))[
        "result"
    ]
    assert waited["value"][1] == "1"
    end = str((await watching.ask("query", query="time()"))["result"][0])
    examples = await watching.ask(
        "query_exemplars",
        query=queries()["pbxd-service: Waits of those who were answered A"],
        start=str(float(end) - 600),
        end=end,
    )
    calls = {one["labels"]["call"] for each in examples for one in each["exemplars"]}
    assert len(calls) == 1
    assert calls.pop().startswith("lab:")
