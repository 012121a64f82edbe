"""One POST to one address. What went wrong is told without it: the address of a chat robot is a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from pbxd.edge.alerts.sink import FailedError, Notice, RefusedError
from pbxd.settings.alerts import is_loopback

MOST_READ = 65_536  #: bytes of an answer; nobody has more to say

# It would write every address into the log, and with it the robots' keys.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What is sent: JSON, headers beside the usual ones, a query behind that of the address."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


Write = Callable[[Notice], Posted]
"""An alert as the other side wants to have it."""

Judge = Callable[[bytes], None]
"""Looks at the body of an answer with HTTP 2xx. Raises RefusedError, FailedError."""


def content_with(_: bytes) -> None:
    """Where HTTP 2xx says everything."""


class PostSink:
    """Keeps the connection to one address. Follows no redirection: the settings say who is told."""

    def __init__(self, address: str, write: Write, judge: Judge, *, timeout_s: float) -> None:
        self._address = address
        self._write = write
        self._judge = judge
        host = urlsplit(address).hostname or ""
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=not is_loopback(host),  # a proxy of the house, but never for the machine itself
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        )

    async def send(self, notice: Notice) -> None:
        self._judge(await self._post(self._write(notice)))

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, posted: Posted) -> bytes:
        """The answer's body. Raises RefusedError, FailedError."""
        address, query = self._address, posted.query
        if query:
            address = f"{address}{'&' if '?' in address else '?'}{query}"
        sent = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "pbxd",
            **posted.headers,
        }
        try:
            async with self._client.stream("POST", address, content=posted.content, headers=sent) as answer:
                read = b""
                async for piece in answer.aiter_bytes():
                    read += piece
                    if len(read) > MOST_READ:
                        break
        except httpx.InvalidURL:
            raise RefusedError("the address cannot be used") from None
        except (httpx.HTTPError, OSError) as error:
            raise FailedError(f"no answer: {type(error).__name__}") from None
        _judge_status(answer)
        return read[:MOST_READ]


def _judge_status(answer: httpx.Response) -> None:
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
