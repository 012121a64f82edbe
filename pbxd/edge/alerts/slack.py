"""Slack's incoming webhook."""

from __future__ import annotations

from typing import Any

from pbxd.edge.alerts.post import Posted, as_json
from pbxd.edge.alerts.sink import Notice
from pbxd.edge.alerts.wording import Wording

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write(notice: Notice) -> Posted:
    return Posted(content=as_json(message(notice.wording)))


def message(wording: Wording) -> dict[str, Any]:
    """Only the link is markup; ``text`` is what a notification shows, and is escaped."""
    web = wording.web_link
    lines = wording.lines if web is not None else wording.all_lines
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(wording.title[:150])},
        {"type": "section", "text": _plain("\n".join(lines)[:3000])},
    ]
    if web is not None:
        link = f"<{web.translate(_ESCAPED).replace('|', '%7C')}|{wording.link_text}>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    return {"text": wording.title.translate(_ESCAPED), "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
