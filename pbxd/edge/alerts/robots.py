"""What the robots of group chats have in common: plain text that their chat would not act on."""

from __future__ import annotations

from collections.abc import Collection

from pbxd.edge.alerts.post import Judge, read_json
from pbxd.edge.alerts.sink import FailedError, RefusedError
from pbxd.edge.alerts.wording import Wording

BUSY_S = 30.0  #: robots that take twenty messages a minute want a pause
_INERT = str.maketrans({"<": "‹", ">": "›", "@": "＠"})


def inert(text: str) -> str:
    """Nobody is called out (``<@all>``, ``@everyone``) because a caller's name says so."""
    return text.translate(_INERT)


def plain_text(wording: Wording, *, most_bytes: int) -> str:
    """Title and lines; the link as it is, for the chat to find."""
    lines = [inert(wording.title), *map(inert, wording.lines)]
    if wording.link is not None:
        lines.append(f"{wording.link_text}: {wording.link}")
    return "\n".join(lines).encode()[:most_bytes].decode(errors="ignore")


def judge_of(*codes: str, busy: Collection[int]) -> Judge:
    """Robots say with HTTP 200 that they did not do it. ``codes``: where the number stands, 0 is well."""

    def judge(answer: bytes) -> None:
        told = read_json(answer)
        code = next((told[name] for name in codes if name in told), None)
        if code == 0:
            return
        if code in busy:
            raise FailedError(f"the robot is busy ({code})", again_s=BUSY_S)
        raise RefusedError(f"the robot says {code if isinstance(code, int) else 'nothing that it should'}")

    return judge
