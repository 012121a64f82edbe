"""Nobody is there to answer: the caller is told so, and the call is counted as what it was."""

from __future__ import annotations

import pytest

from deploy.lab.centre import Centre, sums
from deploy.lab.ears import SOUND
from deploy.lab.phones import Phones

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_a_queue_that_nobody_serves(centre: Centre, all_phones: Phones) -> None:
    """No queue event tells of a refused join: the dialplan's own word about it counts."""
    caller = await all_phones.caller(centre.switch, "+862088887777")
    await caller.dial("4001")
    await caller.hears(SOUND)
    await caller.keys("0")
    await caller.on_hook(within_s=40)

    async def recorded() -> bool:
        metrics = await centre.metrics()
        # He was let into no queue, so there is none to count him in.
        labels = ['outcome="no_agent"', 'queue=""']
        return sums(metrics, "pbxd_calls_total", labels) == 1

    await centre.until(recorded, "the call counts as one that met no agent")
