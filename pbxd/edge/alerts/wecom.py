"""WeCom's group robot."""

from __future__ import annotations

from pbxd.edge.alerts.post import Poster, as_json, read_json
from pbxd.edge.alerts.robots import check, plain_text
from pbxd.edge.alerts.sink import Notice

MOST_BYTES = 2048
BUSY = frozenset({-1, 45009, 45033})  #: the system is busy; more than 20 messages a minute; too many at once


class WeCom:
    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def send(self, notice: Notice) -> None:
        content = plain_text(notice.wording, most_bytes=MOST_BYTES)
        answer = await self._poster.post(as_json({"msgtype": "text", "text": {"content": content}}))
        check(read_json(answer), "errcode", busy=BUSY)

    async def close(self) -> None:
        await self._poster.close()
