"""Feishu's (Lark's) group robot, with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from pbxd.edge.alerts.post import Posted, Write, as_json
from pbxd.edge.alerts.robots import inert, judge_of
from pbxd.edge.alerts.sink import Notice
from pbxd.edge.alerts.wording import Wording

BUSY = frozenset({9499, 11232, 99991400})  #: too many messages


judge = judge_of("code", "StatusCode", busy=BUSY)


def writer(secret: str | None, language: str) -> Write:
    tongue = {"zh": "zh_cn"}.get(language, "en_us")

    def write(notice: Notice) -> Posted:
        post = {tongue: rich_text(notice.wording)}
        message: dict[str, Any] = {"msg_type": "post", "content": {"post": post}}
        if secret is not None:
            at = int(time.time())
            message = {"timestamp": str(at), "sign": signature(secret, at), **message}
        return Posted(content=as_json(message))

    return write


def rich_text(wording: Wording) -> dict[str, Any]:
    """In pieces, so that no piece can be taken for markup. Its links lead to web pages only."""
    web = wording.web_link
    lines = wording.lines if web is not None else wording.all_lines
    content: list[list[dict[str, str]]] = [[{"tag": "text", "text": inert(line)}] for line in lines]
    if web is not None:
        content.append([{"tag": "a", "text": wording.link_text, "href": web}])
    return {"title": inert(wording.title), "content": content}


def signature(secret: str, at: int) -> str:
    """HMAC-SHA256 of nothing, by time and secret; the robot takes it for an hour."""
    return base64.b64encode(hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()
