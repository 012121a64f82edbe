"""An alert in words, for people. Plain text: every sink escapes for itself what its chat would act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pbxd.callers.names import safe_text
from pbxd.edge.logs.masking import mask_text

_WORDS = {
    "en": {
        "caller_waits": "{queue}: a caller has waited for {time}",
        "queue_unattended": "{queue}: nobody is there, {waiting} waiting",
        "answered": "{queue}: the caller was answered after {time}",
        "abandoned": "{queue}: a caller gave up after {time}",
        "left": "{queue}: the caller left the queue after {time}",
        "ended": "{queue}: the caller left unanswered after {time}",
        "unseen": "{queue}: the caller no longer waits; nobody saw why",
        "manned": "{queue}: somebody is there again",
        "cleared": "{queue}: nobody waits any more",
        "caller": "Caller: {who}",
        "withheld": "number withheld",
        "switch": "Switch: {node}",
        "again": "Still open",
        "call_back": "Call back",
        "look": "Wallboard",
        "min": "{} min",
        "s": "{} s",
    },
    "zh": {
        "caller_waits": "{queue}：有来电者已等待 {time}",
        "queue_unattended": "{queue}：无人值守，{waiting} 人正在等待",
        "answered": "{queue}：来电者等待 {time} 后已接听",
        "abandoned": "{queue}：来电者等待 {time} 后放弃",
        "left": "{queue}：来电者等待 {time} 后离开队列",
        "ended": "{queue}：来电者等待 {time} 后未获接听即结束",
        "unseen": "{queue}：来电者已不在等待，原因不明",
        "manned": "{queue}：已有坐席在岗",
        "cleared": "{queue}：已无人等待",
        "caller": "来电者：{who}",
        "withheld": "号码未显示",
        "switch": "交换机：{node}",
        "again": "仍未解除",
        "call_back": "回拨",
        "look": "看板",
        "min": "{} 分",
        "s": "{} 秒",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    title: str
    lines: tuple[str, ...]
    link: str | None = None
    link_text: str = ""

    @property
    def web_link(self) -> str | None:
        """The link, if it is one that chats let people follow."""
        return self.link if self.link is not None and self.link.startswith("http") else None

    @property
    def all_lines(self) -> tuple[str, ...]:
        """Everything below the title, the link as text."""
        return self.lines if self.link is None else (*self.lines, f"{self.link_text}: {self.link}")


def shown(body: Mapping[str, Any], *, show_numbers: bool) -> dict[str, Any]:
    """The document as this sink may see it: without the number, its number masked as in the log, and then
    without a link that would tell it."""
    caller = body["caller"]
    if show_numbers or caller is None:
        return dict(body)
    number, link = caller["number"], body["call_back"]
    told = link is not None and number.lstrip("+") and number.lstrip("+") in unquote(link)
    # A device that calls without a number sends it as its name.
    masked = {"number": mask_text(number), "name": mask_text(caller["name"])}
    return {**body, "caller": masked, "call_back": None if told else link}


def wording(body: Mapping[str, Any], language: str, *, board: str | None) -> Wording:
    """``body``: as this sink may see it. ``board``: the wallboard's address, for want of a better link."""
    words = _WORDS[language]
    key = body["how"] or body["kind"]
    places = {
        "queue": safe_text(body["queue"], 80),
        "time": _time(body["waited_s"], words),
        "waiting": body["waiting"],
    }
    lines = []
    if body["caller"] is not None:
        number, name = body["caller"]["number"] or words["withheld"], safe_text(body["caller"]["name"], 80)
        lines.append(words["caller"].format(who=f"{number} ({name})" if name and name != number else number))
    lines.append(words["switch"].format(node=body["node"]))
    if body["event"] == "repeated":
        lines.append(words["again"])
    link, text = body["call_back"], words["call_back"]
    if link is None and board is not None:
        link, text = board, words["look"]
    return Wording(title=words[key].format(**places), lines=tuple(lines), link=link, link_text=text)


def _time(seconds: float, words: Mapping[str, str]) -> str:
    minutes, rest = divmod(round(seconds), 60)
    parts = [words["min"].format(minutes)] if minutes else []
    if (rest and minutes < 10) or not minutes:
        parts.append(words["s"].format(rest))
    return " ".join(parts)
