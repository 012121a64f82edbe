"""Whether the switch has the dialplan of transfers: asked at each connect, after a reload, and now and then.

``dialplan reload`` at Asterisk's console makes no event, so that waiting for one is not enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from pbxd.edge.ami_link.errors import NotSentError
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.replies import Reply
from pbxd.ids import NodeId
from pbxd.messages import DialplanSeen
from pbxd.transfers.prepared import ASKED, VOICEMAIL_ASKED, lacking, no_voicemail

log = structlog.get_logger(__name__)

READY_S = 60.0
LACKING_S = 5.0
"""How often it is looked up: while all is well, and while somebody may be mending it."""

_ANSWER_S = 5.0


class DialplanWatch:
    """``say`` is told when it has changed. What nobody has said yet is taken to be well."""

    def __init__(
        self,
        node: NodeId,
        say: Callable[[DialplanSeen], None],
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._node = node
        self._say = say
        self._clock = clock
        self._new_id = new_id
        self._lacks = ""
        self._no_voicemail = ""
        self._told = ("", "")  #: the two as they were last told
        self._protocol: AmiProtocol | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, protocol: AmiProtocol, answer: Reply) -> None:
        """The link is up, and this is its first answer."""
        self.end()
        self._protocol = protocol
        self._take(answer)

    def end(self) -> None:
        """The link is lost. What was known of it stands until the next one."""
        self._protocol = None
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Ask now; does nothing while the link is down."""
        self._ask(ASKED, self._take)

    def _ask(self, action: Mapping[str, str], take: Callable[[Reply | Exception], None]) -> None:
        protocol = self._protocol
        if protocol is None:
            return

        def finish(answer: Reply | Exception) -> None:
            if self._protocol is protocol:
                take(answer)

        try:
            protocol.request(action, self._new_id(), finish, timeout_s=_ANSWER_S)
        except NotSentError as fault:
            take(fault)

    def _take(self, answer: Reply | Exception) -> None:
        if isinstance(answer, Reply):
            self._lacks = lacking(answer.headers)
            self._tell()
        if self._timer is not None:
            self._timer.cancel()
        pause = LACKING_S if self._lacks else READY_S
        self._timer = asyncio.get_running_loop().call_later(pause, self.look)
        self._ask(VOICEMAIL_ASKED, self._take_voicemail)

    def _take_voicemail(self, answer: Reply | Exception) -> None:
        if isinstance(answer, Reply):
            self._no_voicemail = no_voicemail(answer.headers)
            self._tell()

    def _tell(self) -> None:
        lacks, before = self._lacks, self._told[0]
        now = (lacks, self._no_voicemail)
        if now == self._told:
            return
        self._told = now
        if lacks and lacks != before:
            log.warning("the switch is not prepared for transfers", lacks=lacks, node=self._node)
        elif before and not lacks:
            log.info("the switch is prepared for transfers", node=self._node)
        self._say(DialplanSeen(node=self._node, at=self._clock(), lacks=lacks, no_voicemail=now[1]))
