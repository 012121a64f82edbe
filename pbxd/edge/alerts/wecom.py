"""WeCom's group robot."""

from __future__ import annotations

from pbxd.edge.alerts.post import Posted, as_json
from pbxd.edge.alerts.robots import judge_of, plain_text
from pbxd.edge.alerts.sink import Notice

MOST_BYTES = 2048
BUSY = frozenset({-1, 45009, 45033})  #: the system is busy; more than 20 messages a minute; too many at once

judge = judge_of("errcode", busy=BUSY)


def write(notice: Notice) -> Posted:
    text = {"content": plain_text(notice.wording, most_bytes=MOST_BYTES)}
    return Posted(content=as_json({"msgtype": "text", "text": text}))
