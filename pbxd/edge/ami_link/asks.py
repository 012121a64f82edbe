"""The world's asks over one link: each sent at most once, each ended by exactly one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from pbxd.ami.actions import UnsafeHeaderError
from pbxd.edge.ami_link.errors import NotSentError
from pbxd.edge.ami_link.protocol import AmiProtocol
from pbxd.edge.ami_link.replies import Awaited, Reply
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

    def send_together(self, asks: Sequence[Ask], protocol: AmiProtocol) -> None:
        """Send all in one write. When one of them cannot be sent, none is, and all are AskRefused at once;
        only the answer of an id that is under way already is still to come."""
        known = [ask.ask for ask in asks if ask.ask in self._under_way]
        if known:
            log.error("an ask of this id is under way: not sent again", ask=known[0], node=self._node)
            fresh = [ask for ask in asks if ask.ask not in self._under_way]
            self._refuse_all(fresh, f"not sent: {known[0]} is under way already")
            return
        if len(self._under_way) + len(asks) > self._most:
            self._refuse_all(
                asks, f"not sent: {len(self._under_way)} actions of at most {self._most} are under way"
            )
            return
        try:
            protocol.request_all([self._awaited(ask) for ask in asks])
        except (UnsafeHeaderError, NotSentError) as fault:
            self._refuse_all(asks, f"not sent: {fault}")
        else:
            self._under_way.update(ask.ask for ask in asks)

    def _awaited(self, ask: Ask) -> Awaited:
        def finish(answer: Reply | Exception) -> None:
            self._under_way.discard(ask.ask)
            self._say(self._outcome(ask.ask, answer))

        # The response is the answer. What comes of it (OriginateResponse) is an event like all others.
        return Awaited(ask.action, ask.ask, finish, timeout_s=ask.timeout_s, as_list=False)

    def _refuse_all(self, asks: Sequence[Ask], text: str) -> None:
        for ask in asks:
            self.refuse(ask, text)

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
