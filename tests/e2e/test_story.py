"""The demonstration's story, which is the product's: from the dialled number to the figures."""

from __future__ import annotations

import pytest

from deploy.demo.story import play
from deploy.lab.centre import Centre
from deploy.lab.phones import Phones

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_the_whole_story(centre: Centre, all_phones: Phones) -> None:
    told: list[str] = []
    await play(centre, all_phones, told.append)
    figures = "2 answered, 1 abandoned, 1 repeat call, 1 transfer completed, 0 callers left behind"
    assert figures in "\n".join(told)
    problems = [line for line in centre.log().splitlines() if " error " in line or "Warning" in line]
    assert problems == []
