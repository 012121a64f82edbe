"""DingTalk's group robot, with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import quote_plus

from pbxd.edge.alerts.post import Posted, Write, as_json
from pbxd.edge.alerts.robots import judge_of, plain_text
from pbxd.edge.alerts.sink import Notice

MOST_BYTES = 15_000
BUSY = frozenset({-1, 130101, 130102})  #: the system is busy; more than 20 messages a minute


judge = judge_of("errcode", busy=BUSY)


def writer(secret: str | None) -> Write:
    def write(notice: Notice) -> Posted:
        text = {"content": plain_text(notice.wording, most_bytes=MOST_BYTES)}
        query = "" if secret is None else signed_query(secret, int(time.time() * 1000))
        return Posted(content=as_json({"msgtype": "text", "text": text}), query=query)

    return write


def signed_query(secret: str, at_ms: int) -> str:
    """HMAC-SHA256 of time and secret by the secret; the robot takes it for an hour."""
    signed = hmac.new(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"timestamp={at_ms}&sign={quote_plus(base64.b64encode(signed))}"
