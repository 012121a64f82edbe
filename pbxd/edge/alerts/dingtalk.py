"""DingTalk's group robot, with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import quote_plus

from pbxd.edge.alerts.post import Poster, as_json, read_json
from pbxd.edge.alerts.robots import check, plain_text
from pbxd.edge.alerts.sink import Notice

MOST_BYTES = 15_000
BUSY = frozenset({-1, 130101, 130102})  #: the system is busy; more than 20 messages a minute


class DingTalk:
    def __init__(self, poster: Poster, secret: str | None, *, clock: Callable[[], float] = time.time) -> None:
        self._poster = poster
        self._secret = secret
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        text = {"content": plain_text(notice.wording, most_bytes=MOST_BYTES)}
        query = "" if self._secret is None else signed_query(self._secret, int(self._clock() * 1000))
        answer = await self._poster.post(as_json({"msgtype": "text", "text": text}), query=query)
        check(read_json(answer), "errcode", busy=BUSY)

    async def close(self) -> None:
        await self._poster.close()


def signed_query(secret: str, at_ms: int) -> str:
    """HMAC-SHA256 of time and secret by the secret; the robot takes it for an hour."""
    signed = hmac.new(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"timestamp={at_ms}&sign={quote_plus(base64.b64encode(signed))}"
