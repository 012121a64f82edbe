"""From bytes in any chunking to raw AMI messages.

AMI is lines ended by CR LF, messages ended by an empty line. Three things make it less simple than that:
the greeting (``Asterisk Call Manager/9.0.0``) is one line without an empty line behind it, and a capture
may begin after it; a value that itself ends in CR LF leaves an empty message behind; and a peer that never
sends an empty line must not fill the memory.
"""

from __future__ import annotations

MESSAGE_LIMIT = 1 << 20
"""Bytes in one message beyond which it is thrown away. The longest real ones are lists of CLI output."""

GREETING = b"Asterisk Call Manager/"
_GREETING_LIMIT = 256
_END = b"\r\n\r\n"
_CR = 13


def _without_blanks(messages: list[bytes]) -> list[bytes]:
    """A value that ended in CR LF leaves an empty line in front of the next message, or an empty message."""
    try:
        if not [None for message in messages if message[0] == _CR]:  # the quickest way to know
            return messages
    except IndexError:
        pass  # an empty one
    tidied = (m.lstrip(b"\r\n") if m[:1] == b"\r" else m for m in messages)
    return [m for m in tidied if m]


class Framer:
    """Cuts a stream into raw messages (without the empty line that ends them).

    The same bytes give the same messages however they are chunked. A message longer than ``limit`` bytes is
    dropped and counted in ``oversized``; reading goes on after its end. Whether a message makes sense is for
    the reader of its first line (``pbxd.ami.headers``) to say: a fragment or garbage costs one message only.
    """

    __slots__ = ("_held", "_limit", "_parts", "_starting", "greeting", "oversized")

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self.greeting: bytes | None = None  #: the greeting's line, when there was one
        self.oversized = 0  #: messages thrown away because they were longer than the limit
        self._limit = limit
        self._parts: list[bytes] = []  #: the beginning of a message that has not ended yet
        self._held = 0  #: bytes of that message seen so far, also those thrown away already
        self._starting = True

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message held in memory."""
        return sum(map(len, self._parts))

    def feed(self, data: bytes) -> list[bytes]:
        """The messages which ``data`` completes, oldest first."""
        if self._starting:
            data = self._after_greeting(data)
        if self._parts:
            # Only the seam can hide an end mark; joining at every chunk would be quadratic in a long message.
            if _END not in self._parts[-1][-3:] + data:
                self._hold(data)
                return []
            data = b"".join((*self._parts, data))
            self._parts.clear()
        messages = data.split(_END)
        rest = messages.pop()
        if messages:
            if self._held > self._limit + 3:  # the part kept of it is only its end: see _hold
                self.oversized += 1
                del messages[0]
            if len(data) > self._limit:
                messages = self._short_enough(messages)
            self._held = 0
            messages = _without_blanks(messages)
        if rest:
            self._hold(rest)
        return messages

    def _hold(self, data: bytes) -> None:
        self._held += len(data)
        self._parts.append(data)
        if self._held > self._limit + 3:  # the last three may belong to the end mark
            # Too long already: keep no more than what shows where it ends.
            self._parts = [b"".join(self._parts)[-3:]]
        elif len(data) < 4 or len(self._parts) > 64:
            # The seam is looked for in the last part only, so that one must not be tiny.
            self._parts = [b"".join(self._parts)]

    def _short_enough(self, messages: list[bytes]) -> list[bytes]:
        kept = [message for message in messages if len(message) <= self._limit]
        self.oversized += len(messages) - len(kept)
        return kept

    def _after_greeting(self, data: bytes) -> bytes:
        """What follows the greeting, or everything when there is none; b'' while that is still open."""
        data = b"".join((*self._parts, data))
        self._parts.clear()
        if data.startswith(GREETING) or (len(data) < len(GREETING) and GREETING.startswith(data)):
            line, newline, after = data.partition(b"\n")
            if not newline and len(data) <= _GREETING_LIMIT:
                self._parts.append(data)
                return b""
            if newline:
                self.greeting = line.rstrip(b"\r")
                data = after
        self._starting = False
        return data
