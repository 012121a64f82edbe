"""What monitoring asks: the figures, whether pbxd lives, whether it can do its work."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from pbxd.edge.web.answers import Ascii
from pbxd.edge.web.desk import Part

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """The routes for Prometheus and for whoever starts and stops pbxd."""

    metrics: Callable[[bool], Awaitable[bytes]]  #: True: in the format of OpenMetrics
    readiness: Callable[[], Sequence[Part]]
    version: str

    def add_to(self, site: FastAPI) -> None:
        route = site.add_api_route
        route("/metrics", self.scrape, response_class=PlainTextResponse, tags=["monitoring"])
        route("/-/healthy", self.healthy, tags=["monitoring"])
        route("/-/ready", self.ready, tags=["monitoring"])

    async def scrape(self, request: Request) -> Response:
        """The figures in Prometheus' text format, or in OpenMetrics', whichever is asked for; see
        docs/metrics.md."""
        openly = _wants_openmetrics(request.headers.get("Accept", ""))
        return Response(await self.metrics(openly), media_type=OPENMETRICS_TYPE if openly else METRICS_TYPE)

    async def healthy(self) -> Response:
        """Answers as long as the loop runs."""
        return Ascii({"healthy": True, "version": self.version})

    async def ready(self) -> Response:
        """Whether pbxd can do its work; 503 with the reasons when a part that it needs is down."""
        parts = self.readiness()
        ready = all(part.ready or not part.required for part in parts)
        body = {"ready": ready, "parts": [dataclasses.asdict(part) for part in parts]}
        return Ascii(body, status_code=200 if ready else 503)


def _wants_openmetrics(accept: str) -> bool:
    """Whether a scraper would rather have OpenMetrics than the plain text."""
    wanted = {"text/plain": 0.0, "application/openmetrics-text": 0.0}
    for entry in accept.split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        if kind in wanted and re.fullmatch(r"[01](\.\d{0,3})?", weight):
            wanted[kind] = max(wanted[kind], float(weight))
    return 0.0 < wanted["application/openmetrics-text"] >= wanted["text/plain"]
