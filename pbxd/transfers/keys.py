"""The keys that a transferer presses on his phone, and the order that they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pbxd.ids import TransferId
from pbxd.journal import Journal, Table
from pbxd.orders import Verb

PAUSE_S = 2.0
"""So long the pause between two keys of one code may last. Asterisk's own features wait for one second, or as
``featuredigittimeout`` says."""


class Keys:
    """What was pressed lately, by transfer."""

    def __init__(self, journal: Journal, codes: Mapping[str, Verb]) -> None:
        self._codes = codes
        self._longest = max(map(len, codes), default=0)
        #: keys that may belong to a code, and when the last one was pressed
        self._begun: Table[TransferId, tuple[str, float]] = Table(journal)

    def pressed(self, transfer: TransferId, key: str, at: float) -> Verb | None:
        """One key of the transferer. The order, when it completes a code."""
        if not self._codes:
            return None
        before, when = self._begun.pop(transfer, ("", at))
        keys = key if at - when > PAUSE_S else before + key
        for code, verb in self._codes.items():
            if keys.endswith(code):
                return verb
        self._begun[transfer] = keys[-self._longest :], at
        return None

    def forget(self, transfer: TransferId) -> None:
        """This transfer is over."""
        self._begun.pop(transfer, None)
