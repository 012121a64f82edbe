"""The world's asks over one link: each sent at most once, each ended by exactly one answer."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pbxd.ami.actions import UnsafeHeaderError
from pbxd.edge.ami_link.errors import NotSentError
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.replies import Reply
from pbxd.effects import Ask
from pbxd.ids import AskId, NodeId
from pbxd.messages import Answer, AskDone, AskRefused, AskUnknown

log = structlog.get_logger(__name__)


class Asks:
    """Those under way. ``say`` is told how each ended; ``most`` at once, more are refused."""

    def __init__(
        self, node: NodeId, say: Callable[[Answer], None], clock: Callable[[], float], most: int
    ) -> None:
        self._node = node
        self._say = say
        self._clock = clock
        self._most = most
        self._under_way: set[AskId] = set()

    def __len__(self) -> int:
        return len(self._under_way)

    def send(self, ask: Ask, protocol: AmiProtocol) -> None:
        """Send it; AskRefused at once where that cannot be. An id that is under way is not sent again: its
        one answer is still to come."""
        if ask.ask in self._under_way:
            log.error("an ask of this id is under way: not sent again", ask=ask.ask, node=self._node)
            return
        if len(self._under_way) >= self._most:
            self.refuse(ask, f"not sent: {self._most} actions are under way already")
            return

        def finish(answer: Reply | Exception) -> None:
            self._under_way.discard(ask.ask)
            self._say(self._outcome(ask.ask, answer))

        try:
            # The response is the answer. What comes of it (OriginateResponse) is an event like all others.
            protocol.request(ask.action, ask.ask, finish, timeout_s=ask.timeout_s, as_list=False)
        except (UnsafeHeaderError, NotSentError) as fault:
            self.refuse(ask, f"not sent: {fault}")
        else:
            self._under_way.add(ask.ask)

    def refuse(self, ask: Ask, text: str) -> None:
        """It was not sent, so nothing was done."""
        self._say(AskRefused(ask=ask.ask, at=self._clock(), text=text))

    def _outcome(self, ask: AskId, answer: Reply | Exception) -> AskDone | AskRefused | AskUnknown:
        at = self._clock()
        if isinstance(answer, Exception):
            return AskUnknown(ask=ask, at=at, why=str(answer))
        if answer.success:
            return AskDone(ask=ask, at=at, response=answer.headers)
        return AskRefused(ask=ask, at=at, text=answer.headers.get("Message") or "refused without a reason")
