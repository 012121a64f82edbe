"""A Prometheus of one's own, that scrapes a pbxd every second or so; asked over its API."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import httpx

from deploy.lab import tools
from deploy.lab.ports import free_port

_READY_LIMIT_S = 90.0

_CONFIG = """
global: {{scrape_interval: {every_ms:.0f}ms, scrape_timeout: {timeout_ms:.0f}ms}}
scrape_configs:
  - job_name: pbxd
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """Use as an async context. ``target``: the address of a pbxd, http://HOST:PORT.

    UnpackError or NoArchiveError when no Prometheus can be had here.
    """

    def __init__(self, target: str, *, every_s: float = 1.0) -> None:
        self._target = target.removeprefix("http://")
        self._every_s = every_s
        self._process: asyncio.subprocess.Process | None = None
        self._folder = Path()

    async def __aenter__(self) -> Self:
        tool = await asyncio.to_thread(tools.prometheus)
        self._folder = Path(tempfile.mkdtemp(prefix="pbxd-prometheus-"))
        config = self._folder / "prometheus.yml"
        config.write_text(
            _CONFIG.format(target=self._target, every_ms=1000 * self._every_s, timeout_ms=900 * self._every_s)
        )
        port = free_port()
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False)
        self._process = await asyncio.create_subprocess_exec(
            *tool.argv,
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            "--log.level=error",
            env=tool.environment,
        )
        try:
            async with asyncio.timeout(_READY_LIMIT_S):
                await self._serves()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def ask(self, path: str, **parameters: str) -> Any:
        """What the API says to ``path``: query, query_range … AssertionError when it refuses."""
        answer = await self._http.get(f"/api/v1/{path}", params=parameters)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    async def _serves(self) -> None:
        """Until it has scraped for the first time: what moves later is an increase."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await self._http.get("/-/ready")).status_code == 200 and await self._has_scraped():
                    return
            if self._process is not None and self._process.returncode is not None:
                raise RuntimeError(f"Prometheus ended with {self._process.returncode}")
            await asyncio.sleep(0.1)

    async def _has_scraped(self) -> bool:
        return bool((await self.ask("query", query="up == 1"))["result"])
