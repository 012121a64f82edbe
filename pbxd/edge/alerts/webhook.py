"""The alert as JSON to any address, signed so that the receiver knows who says so and when."""

from __future__ import annotations

import hashlib
import hmac
import time

from pbxd.edge.alerts.post import Posted, Write, as_json
from pbxd.edge.alerts.sink import Notice


def writer(secret: str | None) -> Write:
    """``X-Pbxd-Signature: t=TIME,v1=HEX``: HMAC-SHA256 of ``TIME.BODY``; TIME in epoch seconds."""

    def write(notice: Notice) -> Posted:
        content = as_json(notice.body)
        headers = {"X-Pbxd-Event": f"alert.{notice.body['event']}"}
        if secret is not None:
            headers["X-Pbxd-Signature"] = signature(secret, content, int(time.time()))
        return Posted(content=content, headers=headers)

    return write


def signature(secret: str, content: bytes, at: int) -> str:
    signed = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
