"""The screen pop: from Asterisk's AMI event to the agent's page, on a real Asterisk with a real phone."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

from deploy.lab.centre import Centre, sums
from deploy.lab.phones import Phones

CALLS = 200
ON_PAGE_MS, OWN_MS = 100.0, 20.0


def rows() -> list[dict[str, Any]]:
    return asyncio.run(_measure())


async def _measure() -> list[dict[str, Any]]:
    async with Centre() as centre, Phones() as phones, centre.page("anna") as page:
        await phones.agent(centre.switch, "1001", name="anna")
        phone = phones["anna"]
        delays: list[float] = []
        for _ in range(CALLS):
            # The caller is a channel of Asterisk itself: what counts is the way from the ring to the page.
            await centre.switch.ami.action(
                "Originate", Channel="Local/501@lab-queue", Context="lab-park", Exten="s", Priority="1"
            )
            line = await phone.rings()
            pop = await page.pop()
            delays.append((page.seen_at[pop["id"]] - pop["at"]) * 1000)
            await phone.reject(line)
            await centre.switch.hang_up_everything()
            await phone.on_hook()
            await page.until(lambda: all("closed" in pop for pop in page.pops.values()), "closed pop")
        await centre.quiet()
        metrics = await centre.metrics()
    own = _p95_ms(metrics, "offered") + _p95_ms(metrics, "delivered")
    p95 = statistics.quantiles(delays, n=20)[-1]
    return [
        _row(f"screen pop, ms from AMI event to page, p95 of {len(delays)} calls", p95, ON_PAGE_MS),
        _row("screen pop, ms from AMI event to pbxd's last byte out, p95 (upper bound)", own, OWN_MS),
    ]


def _p95_ms(metrics: dict[str, float], stage: str) -> float:
    """The upper bound of the bucket that holds the 95th percentile: never less than the truth."""
    name = "pbxd_screenpop_stage_seconds"
    count = sums(metrics, f"{name}_count", [f'stage="{stage}"'])
    buckets = sorted(
        (float(series.partition('le="')[2].partition('"')[0]), value)
        for series, value in metrics.items()
        if series.startswith(f"{name}_bucket") and f'stage="{stage}"' in series
    )
    return next(bound for bound, value in buckets if value >= 0.95 * count) * 1000


def _row(name: str, measured: float, limit: float) -> dict[str, Any]:
    return {
        "name": name,
        "pbxd": round(measured, 2),
        "peer": limit,
        "ratio": round(measured / limit, 3),
        "goal": "<= 1 (the peer is the limit)",
        "met": measured <= limit,
    }
