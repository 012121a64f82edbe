"""Microsoft Teams, by a workflow that posts an adaptive card when a webhook request is received."""

from __future__ import annotations

from typing import Any

from pbxd.edge.alerts.post import Posted, as_json
from pbxd.edge.alerts.sink import Notice
from pbxd.edge.alerts.wording import Wording


def write(notice: Notice) -> Posted:
    return Posted(content=as_json(message(notice.wording)))


def message(wording: Wording) -> dict[str, Any]:
    """Text runs know no markup, unlike text blocks. Cards open web pages only."""
    web = wording.web_link
    lines = wording.lines if web is not None else wording.all_lines
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_text(wording.title, size="Large", weight="Bolder"), *(_text(line) for line in lines)],
    }
    if web is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": wording.link_text, "url": web}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
