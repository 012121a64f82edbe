"""Every query of every dashboard, put to a real Prometheus that scrapes a real pbxd in real traffic."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.grafana.boards import BOARDS
from deploy.lab.archive import NoArchiveError
from deploy.lab.ports import free_port
from deploy.lab.tools import FORKY, prometheus
from deploy.lab.unpack import UnpackError
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

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: pbxd
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture(scope="module")
def suite() -> str:
    """One Asterisk is enough: the figures do not depend on it."""
    return FORKY


class Prometheus:
    """A Prometheus of its own, asked over its API."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30.0)

    async def ask(self, path: str, **parameters: str) -> Any:
        answer = await self.http.get(f"/api/v1/{path}", params=parameters)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    async def serves(self) -> None:
        """Wait until it does."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await self.http.get("/-/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


@pytest_asyncio.fixture(loop_scope="module")
async def watching(floor: Floor, tmp_path: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes the floor's pbxd every second."""
    try:
        tool = prometheus()
    except (UnpackError, NoArchiveError) as missing:
        pytest.skip(f"no Prometheus can be had here: {missing}")
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(target=floor.centre.url.removeprefix("http://")))
    process = await asyncio.create_subprocess_exec(
        *tool.argv,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
        env=tool.environment,
    )
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await server.serves()
        yield server
    finally:
        await server.http.aclose()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def queries() -> dict[str, str]:
    """Every query of every panel, as Grafana would send it, by where it stands."""
    found = {}
    for board in BOARDS:
        for panel in board.document()["panels"]:
            for target in panel["targets"]:
                query = target["expr"]
                for name, value in FILLED_IN.items():
                    query = query.replace(name, value)
                assert "$" not in query
                found[f"{board.uid}: {panel['title']} {target['refId']}"] = query
    return found


async def test_every_query_of_every_dashboard_returns_a_series(floor: Floor, watching: Prometheus) -> None:
    await floor.talking()
    await floor.do("complete")
    await floor.ends("completed")
    await floor.goodbye(floor.caller, floor.bruno)
    silent = queries()
    parsed = {place: await watching.ask("format_query", query=query) for place, query in silent.items()}
    assert all(parsed.values())

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while silent:
                for place, query in list(silent.items()):
                    if (await watching.ask("query", query=query))["result"]:
                        del silent[place]
                await asyncio.sleep(0.5)
    assert not silent, "these return no series"

    # What is told of this one call: it is found in the history by its exemplar.
    (waited,) = (await watching.ask("query", query='sum(pbxd_queue_waits_total{outcome="answered"})'))[
        "result"
    ]
    assert waited["value"][1] == "1"
    end = str((await watching.ask("query", query="time()"))["result"][0])
    examples = await watching.ask(
        "query_exemplars", query="pbxd_queue_wait_seconds_bucket", start=str(float(end) - 600), end=end
    )
    calls = {one["labels"]["call"] for each in examples for one in each["exemplars"]}
    assert len(calls) == 1
    assert calls.pop().startswith("lab:")
