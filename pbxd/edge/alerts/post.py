"""One POST to one address. What went wrong is told without it: the address of a chat robot is a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from pbxd.edge.alerts.sink import FailedError, RefusedError
from pbxd.settings.alerts import is_loopback

MOST_READ = 65_536  #: bytes of an answer; nobody has more to say

# It would write every address into the log, and with it the robots' keys.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Poster:
    """Keeps the connection to one address. Follows no redirection: the settings say who is told."""

    def __init__(self, address: str, *, timeout_s: float) -> None:
        self._address = address
        host = urlsplit(address).hostname or ""
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=not is_loopback(host),  # a proxy of the house, but never for the machine itself
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        )

    async def post(
        self, content: bytes, *, headers: Mapping[str, str] | None = None, query: str = ""
    ) -> bytes:
        """Send JSON and return the answer's body. Raises RefusedError, FailedError."""
        address = f"{self._address}{'&' if '?' in self._address else '?'}{query}" if query else self._address
        sent = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "pbxd", **(headers or {})}
        try:
            async with self._client.stream("POST", address, content=content, headers=sent) as answer:
                read = b""
                async for piece in answer.aiter_bytes():
                    read += piece
                    if len(read) > MOST_READ:
                        break
        except httpx.InvalidURL:
            raise RefusedError("the address cannot be used") from None
        except (httpx.HTTPError, OSError) as error:
            raise FailedError(f"no answer: {type(error).__name__}") from None
        _judge(answer)
        return read[:MOST_READ]

    async def close(self) -> None:
        await self._client.aclose()


def _judge(answer: httpx.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in (408, 425, 429) or status >= 500:
        again = answer.headers.get("Retry-After", "")
        raise FailedError(f"HTTP {status}", again_s=min(float(again), 3600.0) if again.isdigit() else 0.0)
    raise RefusedError(f"HTTP {status}")


def as_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read_json(answer: bytes) -> Mapping[str, Any]:
    """What a robot answers. Raises RefusedError when it is something else."""
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RefusedError("the answer is not what this robot says")
    return document
