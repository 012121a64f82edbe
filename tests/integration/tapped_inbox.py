"""The real inbox with an ear before it."""

from __future__ import annotations

from pbxd.ids import AskId
from pbxd.messages import AskDone, AskRefused, AskUnknown, LinkUp, Message
from pbxd.switchboard import Switchboard


class TappedInbox:
    """Keeps what was said of asks and of the link, and hands everything on."""

    def __init__(self, switchboard: Switchboard) -> None:
        self.switchboard = switchboard
        self.outcomes: dict[AskId, list[Message]] = {}
        self.ups = 0

    @property
    def depth(self) -> int:
        return self.switchboard.depth

    def put(self, message: Message) -> None:
        if isinstance(message, AskDone | AskRefused | AskUnknown):
            self.outcomes.setdefault(message.ask, []).append(message)
        self.ups += isinstance(message, LinkUp)
        self.switchboard.put(message)
