"""The demonstration's story, which is the product's: from the dialled number to the figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from deploy.demo.story import play
from deploy.lab.centre import Centre
from deploy.lab.collector import Collector
from deploy.lab.phones import Phones

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest_asyncio.fixture(loop_scope="module")
async def running_centre(suite: str, collector: Collector) -> AsyncIterator[Centre]:
    """One for each try: the story is about callers who have never called before."""
    async with Centre(suite, more={"traces": {"endpoint": collector.endpoint}}) as centre:
        yield centre


async def test_the_whole_story(centre: Centre, all_phones: Phones, collector: Collector) -> None:
    told: list[str] = []
    await play(centre, all_phones, told.append)
    figures = "2 answered, 1 abandoned, 1 repeat call, 1 transfer completed, 0 callers left behind"
    assert figures in "\n".join(told)
    problems = [line for line in centre.log().splitlines() if " error " in line or "Warning" in line]
    assert problems == []
    await centre.until(
        lambda: sum(span.name == "call" for span in collector.spans) >= 3, "three traces", 30.0
    )
    roots = [span for span in collector.spans if span.name == "call"]
    assert sorted(span.attributes["pbxd.outcome"] for span in roots) == ["abandoned", "answered", "answered"]
    (handed_over,) = [span for span in roots if span.events]
    below = [span for span in collector.spans if span.parent == handed_over.span]
    assert {"ivr", "wait", "ring", "talk", "consult"} <= {span.name for span in below}
    assert {span.attributes.get("pbxd.agent") for span in below if span.name == "talk"} == {"anna", "bruno"}
    assert all(handed_over.started <= span.started for span in below)
