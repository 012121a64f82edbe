"""The alert as JSON to any address, signed so that the receiver knows who says so and when."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

from pbxd.edge.alerts.post import Poster, as_json
from pbxd.edge.alerts.sink import Notice


class Webhook:
    """``X-Pbxd-Signature: t=TIME,v1=HEX``: HMAC-SHA256 of ``TIME.BODY``; TIME in epoch seconds."""

    def __init__(self, poster: Poster, secret: str | None, *, clock: Callable[[], float] = time.time) -> None:
        self._poster = poster
        self._secret = secret
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        content = as_json(notice.body)
        headers = {"X-Pbxd-Event": f"alert.{notice.body['event']}"}
        if self._secret is not None:
            headers["X-Pbxd-Signature"] = signature(self._secret, content, int(self._clock()))
        await self._poster.post(content, headers=headers)

    async def close(self) -> None:
        await self._poster.close()


def signature(secret: str, content: bytes, at: int) -> str:
    signed = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
